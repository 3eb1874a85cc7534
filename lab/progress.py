"""How far a learner is: public checks, hints taken, predictions made, scores. Kept in `.lab`."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from assignments import catalog
from assignments.catalog import Stage

from .workspace import Workspace


@dataclass(frozen=True, slots=True)
class StageProgress:
    """One stage as Home shows it. `passed` is None before the first check; `score` before the
    first submission."""

    stage: Stage
    passed: int | None = None
    attempts: int = 0
    score: float | None = None
    max_score: float | None = None

    @property
    def state(self) -> str:
        """new, started, ready (all public checks pass), submitted or complete."""
        if self.score is not None:
            return "complete" if self.score >= (self.max_score or 0) else "submitted"
        if self.passed is None:
            return "new"
        return "ready" if self.passed == len(self.stage.public) else "started"


class Progress:
    """What is remembered of a workspace besides its attempts."""

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace
        self._file = workspace.store / "progress.json"
        self._content = _read(self._file)

    # ---- checks -------------------------------------------------------------------------------
    def keep_checks(self, stage: Stage, statuses: dict[str, str]) -> None:
        """Remember how the public checks of a stage ended."""
        known = self._section("checks").setdefault(stage.id, {})
        known.update(statuses)
        self._write()

    def statuses(self, stage: Stage) -> dict[str, str]:
        """How each public check ended last."""
        return dict(self._section("checks").get(stage.id, {}))

    # ---- hints --------------------------------------------------------------------------------
    def hint_level(self, stage: Stage, check_id: str) -> int:
        """How many hints of a check were taken: 0 to 3."""
        return int(self._section("hints").get(stage.id, {}).get(check_id, 0))

    def take_hint(self, stage: Stage, check_id: str, level: int) -> None:
        """Remember that the hint of `level` was read."""
        taken = self._section("hints").setdefault(stage.id, {})
        taken[check_id] = max(level, int(taken.get(check_id, 0)))
        self._write()

    # ---- predictions --------------------------------------------------------------------------
    def prediction(self, stage: Stage, question: str) -> str | None:
        """What was answered to a question, as it was typed."""
        found = self._section("predictions").get(stage.id, {}).get(question)
        return None if found is None else str(found)

    def keep_prediction(self, stage: Stage, question: str, answer: str) -> None:
        """Remember an answer; the first one stays, since a prediction comes before the measuring."""
        self._section("predictions").setdefault(stage.id, {}).setdefault(question, answer)
        self._write()

    # ---- the whole ----------------------------------------------------------------------------
    def stages(self) -> list[StageProgress]:
        """Every stage, in order."""
        best = _best(self._workspace.ledger)
        return [self._stage(stage, best.get(stage.id)) for stage in catalog.load()]

    def _stage(self, stage: Stage, best: tuple[int, float, float] | None) -> StageProgress:
        statuses = self.statuses(stage)
        passed = sum(statuses.get(check.id) == "passed" for check in stage.public)
        attempts, score, max_score = best or (0, None, None)
        return StageProgress(stage, passed if statuses else None, attempts, score, max_score)

    def _section(self, name: str) -> dict[str, Any]:
        section = self._content.setdefault(name, {})
        if not isinstance(section, dict):
            section = self._content[name] = {}
        return section

    def _write(self) -> None:
        self._file.parent.mkdir(parents=True, exist_ok=True)
        fresh = self._file.with_suffix(".new")
        fresh.write_text(json.dumps(self._content, indent=1), encoding="utf-8")
        fresh.replace(self._file)


def next_stage(stages: Iterable[StageProgress]) -> StageProgress:
    """Where to go on: the furthest stage that is begun and not complete, else the first that is new,
    else the last one."""
    found = list(stages)
    begun = [one for one in found if one.state not in ("new", "complete")]
    return begun[-1] if begun else next((one for one in found if one.state == "new"), found[-1])


def _read(file: Path) -> dict[str, Any]:
    """What was kept; a file that cannot be read is put aside, not lost and not in the way."""
    try:
        content = json.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except (OSError, ValueError):
        file.replace(file.with_suffix(".unreadable"))
        return {}
    return content if isinstance(content, dict) else {}


def _best(path: Path) -> dict[str, tuple[int, float, float]]:
    """Attempts, best score and its maximum, by stage."""
    found: dict[str, tuple[int, float, float]] = {}
    if not path.is_file():
        return found
    from grader.ledger import Ledger  # SQLite, once there is something to read

    with Ledger(path) as ledger:
        for run in ledger.history():
            if run.status == "infrastructure_error":
                continue  # the grader's fault is nobody's attempt
            attempts, score, maximum = found.get(run.stage, (0, -1.0, 0.0))
            if run.score is not None and run.max_score is not None and run.score > score:
                score, maximum = run.score, run.max_score
            found[run.stage] = (attempts + 1, score, maximum)
    return found
