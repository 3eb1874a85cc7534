"""The stages' own solutions: the baseline of timed checks and the proof that a suite can be passed.

A learner's wheel ships without this folder's solutions; then `solution_source` returns None.
"""

from __future__ import annotations

from pathlib import Path

from assignments.catalog import Stage

FOLDER = Path(__file__).parent


def solution_source(stage: Stage) -> bytes | None:
    """The bytes of the solution of `stage`, or None where solutions are not installed."""
    path = FOLDER / stage.file_name
    return path.read_bytes() if path.is_file() else None
