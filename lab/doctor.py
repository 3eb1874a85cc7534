"""What this machine can do for a learner: one finding a line, and the one thing to type."""

from __future__ import annotations

import contextlib
import ctypes
import importlib.util
import os
import shutil
import sys
from collections.abc import Callable
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

from assignments import catalog
from grader.errors import KeyFileError

from .workspace import find, remembered

PACKAGES = ("lab", "grader", "assignments", "reference", "kernels")
HOME = Path(__file__).resolve().parent.parent
LEAST_FREE_MIB = 200


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing looked at: `state` is good, fair (works, with less) or bad (in the way)."""

    name: str
    state: str
    found: str
    advice: str = ""


def examine() -> list[Finding]:
    """Everything, in the order a person wants to know it."""
    return [
        _python(),
        _packages(),
        _blas(),
        _names(),
        _isolation(),
        _gpu(),
        _hidden(),
        _disk(),
        _keys(),
        _terminal(),
        _workspace(),
    ]


def warm(progress: Callable[[int, int, str], None] | None = None) -> Finding:
    """Compile every kernel of the reference into the cache, so that no run waits for one."""
    from kernels import ready

    faults = ready.warm(progress=progress)
    place = ready.folder()
    if ready.mode() == "numpy":
        return Finding(
            "kernels", "fair", "LAB_KERNELS=numpy or no Numba: NumPy computes everything"
        )
    if place is None or not os.access(place, os.W_OK):
        return Finding(
            "kernels", "fair", "no folder to keep them in", "set LAB_KERNEL_CACHE to one."
        )
    if faults:
        told = "; ".join(f"{name}: {fault}" for name, fault in faults.items())
        return Finding("kernels", "fair", f"NumPy serves instead of {told}")
    return Finding("kernels", "good", f"compiled, in {place}")


def _python() -> Finding:
    version = ".".join(str(part) for part in sys.version_info[:3])
    return Finding("Python", "good", version)  # an older one could not have started


def _packages() -> Finding:
    found, absent = [], []
    for name in ("numpy", "numba", "textual", "pytest"):
        try:
            found.append(f"{name} {metadata.version(name)}")
        except metadata.PackageNotFoundError:
            absent.append(name)
    if absent:
        return Finding("packages", "bad", f"{', '.join(absent)} absent", "run `make lab` again.")
    return Finding("packages", "good", ", ".join(found))


def _blas() -> Finding:
    """Which processor NumPy's OpenBLAS takes this one for: a shell can set a slower one."""
    core = _openblas_core()
    told = os.environ.get("OPENBLAS_CORETYPE")
    found = f"OpenBLAS, kernels for {core}" if core else "not OpenBLAS, or one that does not say"
    if told:
        return Finding(
            "BLAS",
            "fair",
            f"{found}, because this shell sets OPENBLAS_CORETYPE={told}",
            "unset it: OpenBLAS chooses for itself, and a wrong choice can halve NumPy's speed.",
        )
    return Finding("BLAS", "good", found)


def _openblas_core() -> str:
    spec = importlib.util.find_spec("numpy")
    if spec is None or spec.origin is None:
        return ""
    site = Path(spec.origin).parents[1]
    for library in site.glob("numpy*/**/libscipy_openblas*"):
        with contextlib.suppress(OSError, AttributeError):
            function = ctypes.CDLL(str(library)).scipy_openblas_get_corename64_
            function.restype = ctypes.c_char_p
            return str(function().decode())
    return ""


def _names() -> Finding:
    """The five names are common words: another distribution may own one of them."""
    foreign = []
    for name in PACKAGES:
        spec = importlib.util.find_spec(name)
        place = Path(spec.origin).parent if spec and spec.origin else None
        if place is None or place.resolve() != HOME / name:
            foreign.append(f"{name} comes from {place}")
    if foreign:
        return Finding(
            "own parts", "bad", "; ".join(foreign), "give the lab an environment of its own."
        )
    return Finding("own parts", "good", f"all five from {HOME}")


def _isolation() -> Finding:
    from grader import sandbox

    isolation = sandbox.isolation()
    if isolation.level == "full":
        return Finding("box", "good", "full isolation: every denial probe was refused")
    missing = ", ".join(isolation.missing)
    return Finding("box", "fair", f"{isolation.level} isolation ({missing})", sandbox.advice())


def _gpu() -> Finding:
    """Where kernels for a GPU run here; how they are judged does not depend on it."""
    from kernels import cuda

    try:
        return Finding("GPU", "good", cuda.source().reason)
    except (ImportError, ValueError) as error:
        return Finding("GPU", "bad", str(error), "unset LAB_CUDA.")


def _hidden() -> Finding:
    from grader.suites import installed

    absent = [stage.id for stage in catalog.load() if not installed(stage)]
    if absent:
        return Finding(
            "hidden checks", "fair", "not installed: `lab submit` writes a bundle to hand in"
        )
    return Finding("hidden checks", "good", "installed: `lab submit` grades here")


def _disk() -> Finding:
    free = shutil.disk_usage(Path.cwd()).free >> 20
    if free < LEAST_FREE_MIB:
        return Finding("disk", "bad", f"{free} MiB free here", f"free {LEAST_FREE_MIB} MiB.")
    return Finding("disk", "good", f"{free / 1024:.0f} GiB free here")


def _keys() -> Finding:
    from grader import keys

    try:
        kinds = [kind for kind in keys.KINDS if keys.path(kind).exists() and keys.load(kind)]
    except KeyFileError as error:
        return Finding("keys", "bad", str(error))
    if not kinds:
        return Finding("keys", "good", "none yet; your own is made at your first `lab submit`")
    return Finding("keys", "good", f"{' and '.join(kinds)} in {keys.folder()}")


def _terminal() -> Finding:
    # The app puts a stream of its own in place of standard output, which has no encoding.
    encoding = (getattr(sys.__stdout__, "encoding", None) or "?").lower()
    size = shutil.get_terminal_size((0, 0))
    colour = "no colour (NO_COLOR)" if "NO_COLOR" in os.environ else os.environ.get("TERM", "?")
    told = f"{size.columns} x {size.lines}, {encoding}, {colour}"
    if not encoding.startswith("utf"):
        return Finding(
            "terminal", "fair", told, 'set symbols = "ascii" in lab.toml, or LANG=C.UTF-8.'
        )
    if 0 < size.columns < 80 or 0 < size.lines < 24:
        return Finding("terminal", "fair", told, "the app wants 80 x 24 or more.")
    return Finding("terminal", "good", told)


def _workspace() -> Finding:
    workspace = find() or remembered()
    if workspace is None:
        return Finding("workspace", "fair", "none yet", "make one with `lab init`.")
    return Finding("workspace", "good", str(workspace.root))
