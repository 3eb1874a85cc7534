"""The learner's workspace: a folder with `lab.toml`, one folder a stage, and `.lab` for what we keep.

lab.toml                 who the learner is (a claim), language, symbols
00_warmup/warmup.py      the learner's file, any editor
.lab/ledger.sqlite       every attempt; .lab/reports, .lab/backups, .lab/progress.json
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import tomli

from assignments import catalog
from assignments.catalog import Stage
from grader.errors import UsageError

MARKER = "lab.toml"
HOME_VARIABLE = "DLSYSLAB_HOME"
LANGUAGES = ("en", "zh")
SYMBOLS = ("unicode", "ascii")
TEMPLATE = """\
# A workspace of the deep-learning systems lab.
[learner]
name = ""  # shown in what you hand in
id = ""  # your number at the course, if it has one

[lab]
language = "en"  # of the lessons: "en" or "zh"
symbols = "unicode"  # "ascii" for terminals without Unicode
"""


@dataclass(frozen=True, slots=True)
class Workspace:
    """An opened workspace; `root` is its folder."""

    root: Path
    learner: dict[str, str] = field(default_factory=dict)
    language: str = "en"
    symbols: str = "unicode"
    keys: dict[str, str] = field(default_factory=dict)

    @property
    def store(self) -> Path:
        """The folder of what the lab keeps."""
        return self.root / ".lab"

    @property
    def ledger(self) -> Path:
        return self.store / "ledger.sqlite"

    @property
    def reports(self) -> Path:
        return self.store / "reports"

    def folder(self, stage: Stage) -> Path:
        """The folder of a stage."""
        return self.root / stage.folder.name

    def file(self, stage: Stage) -> Path:
        """The learner's file of a stage."""
        return self.folder(stage) / stage.file_name

    def beside(self, stage: Stage) -> list[Path]:
        """The files of the other stages, for a stage that runs on the learner's own stack."""
        if not stage.own_stack:
            return []
        files = [self.file(other) for other in catalog.load() if other.id != stage.id]
        return [file for file in files if file.is_file()]

    def relative(self, path: Path) -> str:
        """`path` as the learner would type it from here."""
        try:
            return str(path.relative_to(Path.cwd()))
        except ValueError:
            return str(path)


def find(start: Path | None = None) -> Workspace | None:
    """The workspace that `start` (or the current folder) lies in, if it lies in one.

    Raises:
        UsageError: its `lab.toml` cannot be read.
    """
    place = (start or Path.cwd()).resolve()
    for folder in (place, *place.parents):
        if (folder / MARKER).is_file():
            return opened(folder)
    return None


def require(start: Path | None = None) -> Workspace:
    """The workspace that `start` lies in, else the one last used.

    Raises:
        UsageError: there is none.
    """
    found = find(start) or remembered()
    if found is None:
        raise UsageError("there is no workspace here: make one with `lab init`, then try again.")
    return found


def opened(root: Path) -> Workspace:
    """The workspace at `root`.

    Raises:
        UsageError: its `lab.toml` is not as it must be.
    """
    file = root / MARKER
    try:
        content = tomli.loads(file.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomli.TOMLDecodeError) as error:
        raise UsageError(f"{file} cannot be read: {error}.") from None
    learner, settings = content.get("learner", {}), content.get("lab", {})
    keys = content.get("keys", {})
    if not all(isinstance(table, dict) for table in (learner, settings, keys)):
        raise UsageError(f"{file}: [learner], [lab] and [keys] must be tables.")
    return Workspace(
        root,
        {name: str(learner[name]) for name in ("name", "id") if learner.get(name)},
        _choice(file, settings, "language", LANGUAGES),
        _choice(file, settings, "symbols", SYMBOLS),
        {str(action): str(key) for action, key in keys.items()},
    )


def create(root: Path) -> tuple[Workspace, list[Path]]:
    """Make a workspace at `root`, or add what one there lacks. Nothing is overwritten.

    Returns:
        The workspace, and the files that are new.

    Raises:
        UsageError: the folder cannot be written, or lies inside another workspace.
    """
    root = root.expanduser().resolve()
    around = find(root.parent)
    if around is not None:
        raise UsageError(f"{root} lies inside the workspace {around.root}: choose another folder.")
    try:
        root.mkdir(parents=True, exist_ok=True)
        made = list(_missing_files(root))
    except OSError as error:
        raise UsageError(f"{root} cannot be written: {error.strerror}.") from None
    workspace = opened(root)
    remember(workspace)
    return workspace, made


def _missing_files(root: Path) -> Iterable[Path]:
    marker = root / MARKER
    if not marker.exists():
        marker.write_text(TEMPLATE, encoding="utf-8")
        yield marker
    for stage in catalog.load():
        file = root / stage.folder.name / stage.file_name
        if not file.exists():
            file.parent.mkdir(exist_ok=True)
            shutil.copyfile(stage.starter, file)
            yield file


def remember(workspace: Workspace) -> None:
    """Let `lab` find this workspace from anywhere; not being able to is no fault."""
    try:
        _memory().parent.mkdir(parents=True, exist_ok=True)
        _memory().write_text(json.dumps({"workspace": str(workspace.root)}), encoding="utf-8")
    except OSError:
        pass


def remembered() -> Workspace | None:
    """The workspace last used, if it is still there."""
    try:
        root = Path(json.loads(_memory().read_text(encoding="utf-8"))["workspace"])
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return opened(root) if (root / MARKER).is_file() else None


def _memory() -> Path:
    import platformdirs  # only where a command runs outside a workspace

    base = os.environ.get(HOME_VARIABLE) or platformdirs.user_config_dir("dlsyslab")
    return Path(base) / "recent.json"


def _choice(file: Path, settings: dict[str, Any], key: str, allowed: tuple[str, ...]) -> str:
    value = settings.get(key, allowed[0])
    if value not in allowed:
        raise UsageError(f"{file}: {key} is {value!r}; allowed are {', '.join(allowed)}.")
    return str(value)
