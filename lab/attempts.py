"""A learner's attempts: list them, compare with one, bring one back, start over. Nothing is lost."""

from __future__ import annotations

import difflib
import shutil
from datetime import datetime
from pathlib import Path

from assignments.catalog import Stage
from grader.errors import UsageError
from grader.ledger import Ledger, Run

from .workspace import Workspace


def history(workspace: Workspace, stage: Stage | None = None) -> list[Run]:
    """Finished attempts, oldest first."""
    if not workspace.ledger.is_file():
        return []
    with Ledger(workspace.ledger) as ledger:
        return ledger.history(stage.id if stage else None)


def source(workspace: Workspace, stage: Stage, attempt: int | None = None) -> tuple[Run, bytes]:
    """An attempt (the latest if not named) and the bytes of its file.

    Raises:
        UsageError: there is no such attempt.
    """
    runs = history(workspace, stage)
    if not runs:
        raise UsageError(
            f"there is no attempt at {stage.id} yet: `lab submit {stage.id}` makes one."
        )
    known = {run.attempt: run for run in runs}
    run = runs[-1] if attempt is None else known.get(attempt)
    if run is None:
        numbers = ", ".join(str(number) for number in known)
        raise UsageError(f"{stage.id} has no attempt {attempt}; it has {numbers}.")
    with Ledger(workspace.ledger) as ledger:
        return run, ledger.submission(run.submission).source(stage.file_name)


def diff(workspace: Workspace, stage: Stage, attempt: int | None = None) -> list[str]:
    """What changed in the file since an attempt, as a unified diff; empty when nothing did.

    Raises:
        UsageError: there is no such attempt, or no file.
    """
    run, old = source(workspace, stage, attempt)
    file = workspace.file(stage)
    try:
        new = file.read_bytes()
    except OSError as error:
        raise UsageError(f"{file} cannot be read: {error.strerror}.") from None
    return list(
        difflib.unified_diff(
            old.decode(errors="replace").splitlines(),
            new.decode(errors="replace").splitlines(),
            f"{stage.file_name} (attempt {run.attempt})",
            f"{stage.file_name} (now)",
            lineterm="",
        )
    )


def restore(
    workspace: Workspace, stage: Stage, attempt: int | None = None
) -> tuple[Run, Path | None]:
    """Bring back the file of an attempt; what is there now is kept as a backup.

    Returns:
        The attempt, and the backup if there was something to keep.
    """
    run, old = source(workspace, stage, attempt)
    return run, _replace(workspace, stage, old)


def reset(workspace: Workspace, stage: Stage) -> Path | None:
    """Bring back the starter; what is there now is kept as a backup."""
    return _replace(workspace, stage, stage.starter.read_bytes())


def _replace(workspace: Workspace, stage: Stage, content: bytes) -> Path | None:
    file = workspace.file(stage)
    backup = None
    if file.is_file() and file.read_bytes() != content:
        folder = workspace.store / "backups"
        folder.mkdir(parents=True, exist_ok=True)
        stamp = datetime.now().astimezone().strftime("%Y%m%d-%H%M%S")
        backup = _free(folder, f"{stage.id}-{stamp}")
        shutil.copyfile(file, backup)
    file.parent.mkdir(parents=True, exist_ok=True)
    fresh = file.with_name(f".{file.name}.new")
    fresh.write_bytes(content)
    fresh.replace(file)
    return backup


def _free(folder: Path, stem: str) -> Path:
    """A name in `folder` that nobody has yet."""
    place, number = folder / f"{stem}.py", 2
    while place.exists():
        place, number = folder / f"{stem}-{number}.py", number + 1
    return place
