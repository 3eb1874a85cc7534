"""Build the wheel for learners: the same application without anything hidden.

Hidden suites, solutions and mutants are left out by copying the tree without them and building that;
the finished wheel is then opened and searched, so that a mistake here cannot ship an answer.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Iterable
from importlib.util import find_spec
from pathlib import Path

from ..errors import InfrastructureError, UsageError

PACKAGES = ("lab", "assignments", "reference", "kernels", "grader")
# What only a course may have; each folder keeps its __init__.py, so that "not installed" is said.
HIDDEN = ("grader/suites", "grader/solutions", "grader/mutants")
PROJECT_FILES = ("pyproject.toml", "README.md")


def pack_learner(root: Path, out: Path) -> Path:
    """Build the learners' wheel of the checkout at `root` into the folder `out`.

    Returns:
        The path of the wheel.

    Raises:
        UsageError: `root` is not a checkout of the lab.
        InfrastructureError: the wheel could not be built, or holds something hidden.
    """
    if not (root / "pyproject.toml").is_file():
        raise UsageError(f"{root} holds no pyproject.toml: run this in a checkout of the lab.")
    out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as scratch:
        tree, built = Path(scratch) / "tree", Path(scratch) / "built"
        _copy(root, tree)
        command = [sys.executable, "-m", "pip", "wheel", "--no-deps", "--quiet", "-w", str(built)]
        if find_spec("hatchling") is not None:
            command.append("--no-build-isolation")  # nothing to fetch
        done = subprocess.run(
            [*command, str(tree)],
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            raise InfrastructureError(
                f"the wheel could not be built: {done.stderr.strip()[-2000:]}"
            )
        (wheel,) = built.glob("*.whl")
        leaks = hidden_members(wheel, root)
        if leaks:
            raise InfrastructureError(f"the wheel would hold what is hidden: {', '.join(leaks)}")
        return Path(shutil.copy(wheel, out / wheel.name))


def hidden_members(wheel: Path, root: Path) -> list[str]:
    """Names in `wheel` that are hidden by their place, or that hold a hidden file's text."""
    texts = {_body(path.read_bytes()) for path in _hidden_files(root)} - {b""}
    leaks = []
    with zipfile.ZipFile(wheel) as archive:
        for name in archive.namelist():
            placed = any(name.startswith(f"{folder}/") for folder in HIDDEN)
            if (placed and not name.endswith("/__init__.py")) or _body(archive.read(name)) in texts:
                leaks.append(name)
    return leaks


def _hidden_files(root: Path) -> Iterable[Path]:
    for folder in HIDDEN:
        for path in sorted((root / folder).rglob("*")):
            if path.is_file() and path.name != "__init__.py" and path.suffix != ".pyc":
                yield path


def _body(data: bytes) -> bytes:
    return data.strip()


def _copy(root: Path, tree: Path) -> None:
    def left_out(folder: str, names: list[str]) -> set[str]:
        place = Path(folder).relative_to(root).as_posix()
        skip = {name for name in names if name == "__pycache__" or name.endswith(".pyc")}
        if place in HIDDEN:
            skip |= {name for name in names if name != "__init__.py"}
        return skip

    for package in PACKAGES:
        shutil.copytree(root / package, tree / package, ignore=left_out)
    for name in PROJECT_FILES:
        shutil.copy(root / name, tree / name)
