"""The learner's own stack: whose code fills each slot of the framework. Kept in `.lab/stack.json`.

A slot that nothing was said about runs the learner's export if it passed when its stage was last
submitted, and the course's own part otherwise.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from assignments import catalog
from assignments.catalog import Stage
from grader.errors import UsageError
from grader.ledger import Ledger
from grader.report import test_id
from grader.stack import Parts, passed_exports
from reference import wiring

from .render import points
from .workspace import Workspace

REFERENCE, MINE, AUTO = "reference", "mine", "auto"
TITLES = {
    "layer": "Layers and models",
    "init": "Initial weights",
    "optim": "Optimisers",
    "": "Functions of arrays",
    "vjp": "Rules of gradients",
    "engine": "The engine",
    "kernel": "Kernels",
}


@dataclass(frozen=True, slots=True)
class Filling:
    """A slot: who fills it ("reference" or a stage), which stages could, and whether it was chosen."""

    slot: str
    owner: str
    stages: tuple[str, ...] = ()
    chosen: bool = False

    @property
    def mine(self) -> bool:
        return self.owner != REFERENCE


@dataclass(frozen=True, slots=True)
class Attempt:
    """The last submission of a stage: its score, and the exports whose checks passed."""

    score: float | None
    max_score: float | None
    exports: frozenset[str]


class Stack:
    """The choices of a workspace."""

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace
        self._file = workspace.store / "stack.json"
        self._chosen = self._read()
        self.attempts = _attempts(workspace)

    # ---- what runs ----------------------------------------------------------------------------
    def fillings(self) -> list[Filling]:
        """Every slot that a learner can fill, layers first."""
        return [self._filling(slot) for slot in wiring.wired()]

    def _filling(self, slot: str) -> Filling:
        stages = tuple(s for s in wiring.stages_of(slot) if s in _known())
        chosen = self._chosen.get(slot)
        if chosen == REFERENCE or chosen in stages:
            return Filling(slot, str(chosen), stages, chosen=True)
        for stage in stages:
            if stage in wiring.COMPILED:
                continue
            passed = self.attempts[stage].exports if stage in self.attempts else frozenset()
            if set(wiring.WIRES[stage][slot]) <= passed and self.file(stage).is_file():
                return Filling(slot, stage, stages)
        return Filling(slot, REFERENCE, stages)

    def parts(self) -> Parts:
        """What is plugged in, with the files as they are now.

        Raises:
            UsageError: a file cannot be read.
        """
        choice = [(one.slot, one.owner) for one in self.fillings() if one.mine]
        files = {}
        for stage in dict.fromkeys(stage for _, stage in choice):
            file = self.file(stage)
            try:
                files[stage] = file.read_bytes()
            except FileNotFoundError:
                raise UsageError(
                    f"{file} is not there: `lab init` brings the starter, or let the course's own "
                    f"parts run (`lab stack use {stage} reference`)."
                ) from None
            except OSError as error:
                raise UsageError(f"{file} cannot be read: {error.strerror}.") from None
        return Parts(files, tuple(choice))

    def file(self, stage: str) -> Path:
        """The learner's file of a stage, by its slug."""
        return self._workspace.file(_known()[stage])

    def standing(self, stage: str) -> str:
        """How far the file of a stage is: its last score, or why it has none."""
        if not self.file(stage).is_file():
            return "no file yet"
        attempt = self.attempts.get(stage)
        if attempt is None:
            return "never submitted"
        return points(attempt.score, attempt.max_score, None)

    # ---- choosing -------------------------------------------------------------------------------
    def use(self, what: str, owner: str) -> list[Filling]:
        """Let `owner` (mine, reference, auto, or a stage) fill `what`: a slot, a kind, a stage, all.

        Raises:
            UsageError: there is no such slot, or the stage has nothing for it.
        """
        found = self._slots(what)
        self._chosen = self._read()  # it may be another's by now: the app and a shell, say
        for slot in found:
            stages = [s for s in wiring.stages_of(slot) if s in _known()]
            if owner == AUTO:
                self._chosen.pop(slot, None)
            elif owner == REFERENCE:
                self._chosen[slot] = REFERENCE
            elif owner == MINE and stages:
                self._chosen[slot] = what if what in stages else stages[0]
            elif owner in stages:
                self._chosen[slot] = owner
            elif what == slot:
                able = " or ".join([MINE, REFERENCE, AUTO, *stages])
                raise UsageError(f"{owner!r} cannot fill {slot}; say {able}.")
        self._write()
        return [self._filling(slot) for slot in found]

    def switch(self, slot: str) -> Filling:
        """Let the next in turn fill `slot`: each stage that can, then the course.

        Raises:
            UsageError: no stage that is here can.
        """
        now = self._filling(slot)
        if not now.stages:
            raise UsageError(f"{slot}: no stage fills it, the course's own part runs.")
        turn = [REFERENCE, *now.stages]
        (then,) = self.use(slot, turn[(turn.index(now.owner) + 1) % len(turn)])
        return then

    def switch_file(self, stage: str) -> bool:
        """Let the file of `stage` fill every slot that it can, or none if it does; whether it does."""
        self._chosen = self._read()
        slots = [one for one in self.fillings() if stage in one.stages]
        does = not all(one.owner == stage for one in slots)
        for one in slots:
            self._chosen[one.slot] = stage if does else REFERENCE
        self._write()
        return does

    def _slots(self, what: str) -> list[str]:
        slots = wiring.wired()
        if what == "all":
            return slots
        if what in slots:
            return [what]
        if what in wiring.WIRES:
            return [slot for slot in slots if slot in wiring.WIRES[what]]
        if what in TITLES and what:
            return [slot for slot in slots if wiring.kind_of(slot) == what]
        named = [slot for slot in slots if slot.partition(":")[2] == what]
        if len(named) == 1:
            return named
        import difflib

        near = named or difflib.get_close_matches(what, slots, n=3, cutoff=0.5)
        hint = f" Did you mean {' or '.join(near)}?" if near else ""
        raise UsageError(f"there is no slot {what!r}.{hint} `lab stack` lists them.")

    def _read(self) -> dict[str, str]:
        try:
            content = json.loads(self._file.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return {}
        if not isinstance(content, dict):
            return {}
        return {str(slot): str(owner) for slot, owner in content.items()}

    def _write(self) -> None:
        self._file.parent.mkdir(parents=True, exist_ok=True)
        fresh = self._file.with_suffix(".new")
        fresh.write_text(json.dumps(self._chosen, indent=1), encoding="utf-8")
        fresh.replace(self._file)


def grouped(fillings: Iterable[Filling]) -> dict[str, list[Filling]]:
    """Fillings by the title of their kind."""
    found: dict[str, list[Filling]] = {}
    for one in fillings:
        found.setdefault(TITLES[wiring.kind_of(one.slot)], []).append(one)
    return found


def _known() -> dict[str, Stage]:
    return {stage.id: stage for stage in catalog.load()}


def _attempts(workspace: Workspace) -> dict[str, Attempt]:
    """The last finished submission of each stage."""
    found: dict[str, Attempt] = {}
    if not workspace.ledger.is_file():
        return found
    with Ledger(workspace.ledger) as ledger:
        judged = [run for run in ledger.history() if run.status != "infrastructure_error"]
        for run in {run.stage: run for run in judged}.values():  # the last of each stage
            stage = _known().get(run.stage)
            if stage is not None:
                statuses = _statuses(stage, ledger.report(run.id))
                exports = frozenset(passed_exports(stage, statuses))
                found[run.stage] = Attempt(run.score, run.max_score, exports)
    return found


def _statuses(stage: Stage, report: Mapping[str, Any]) -> dict[str, str]:
    known = {test["id"]: str(test["status"]) for test in report.get("tests", ())}
    return {
        check.id: known[test_id(stage, check.id)]
        for check in stage.hidden
        if test_id(stage, check.id) in known
    }


__all__ = ["AUTO", "MINE", "REFERENCE", "Filling", "Stack", "grouped"]
