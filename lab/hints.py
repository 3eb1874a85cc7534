"""Hints: three levels for each public check, from a question to nearly the line of code."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import tomli

from assignments.catalog import Stage
from grader.errors import UsageError

LEVELS = 3


def hint(stage: Stage, check_id: str, level: int) -> str:
    """The hint of a check at `level`, 1 to 3.

    Raises:
        UsageError: there is no such public check.
    """
    known = [check.id for check in stage.public]
    if check_id not in known:
        raise UsageError(f"{stage.id} has no public check {check_id!r}; it has {', '.join(known)}.")
    found = _hints(stage.folder).get(check_id)
    return found[level - 1] if found else "Nobody has written a hint for this check yet."


@cache
def _hints(folder: Path) -> dict[str, tuple[str, ...]]:
    file = folder / "hints.toml"
    content = tomli.loads(file.read_text(encoding="utf-8")) if file.is_file() else {}
    return {
        check_id: tuple(str(levels[str(level)]) for level in range(1, LEVELS + 1))
        for check_id, levels in content.items()
    }
