"""A learner's own stack in a worker: files of several stages, each export in its slot of `reference`.

What is not plugged in stays the framework's own. The files are bytes on this side, as everywhere;
`worker/own_stack.py` loads them. Which exports are worth it, `passing.py` says.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from assignments import catalog
from assignments.catalog import Stage
from reference import wiring

if TYPE_CHECKING:  # whoever only chooses parts needs no arrays
    from .student import Student

JUDGED = "correctness"  # the rubric whose checks decide whether an export is plugged in
PROGRAM = Path(__file__).parent / "worker" / "own_stack.py"
PLUG = """
def probe(module, files, choice):
    return plug(files, choice)
"""
AUDIT = """
def probe(module, kind, data, files, choice, always, seed):
    return audit(kind, data, files, choice, always, seed)
"""


@dataclass(frozen=True, slots=True)
class Parts:
    """What is plugged in: the files by stage, and pairs (slot, stage), layers first."""

    files: Mapping[str, bytes] = field(default_factory=dict)
    choice: tuple[tuple[str, str], ...] = ()


def program() -> str:
    """The source of what runs in the box."""
    return PROGRAM.read_text(encoding="utf-8")


def parts_of(sources: Mapping[str, bytes], exports: Mapping[str, Collection[str]]) -> Parts:
    """The parts of the given exports, by stage, of the stages' sources; nothing that is compiled."""
    choice = []
    for slot in wiring.wired():
        for stage in wiring.stages_of(slot):
            if stage in wiring.COMPILED or stage not in sources:
                continue
            if set(wiring.WIRES[stage][slot]) <= set(exports.get(stage, ())):
                choice.append((slot, stage))
                break
    used = {stage for _, stage in choice}
    return Parts({name: sources[name] for name in sources if name in used}, tuple(choice))


def passed_exports(stage: Stage, statuses: Mapping[str, str]) -> set[str]:
    """The exports of which some check is known, and every known check of the rubric passed."""
    lost: set[str] = set()
    seen: set[str] = set()
    for check in stage.checks:
        if check.rubric in (JUDGED, catalog.PUBLIC_RUBRIC) and check.id in statuses:
            seen.update(check.exports)
            if statuses[check.id] != "passed":
                lost.update(check.exports)
    return seen - lost


class Stack:
    """A worker with a learner's file in front, and the parts around it. It owns the worker.

    Args:
        student: the file, loaded in its worker.
        parts: what to plug in; what cannot be loaded in this box is left out.
        stage, source: the file again; it is loaded anew when the slots are filled.

    Attributes:
        student: as in other checks.
        parts: what is plugged in.
    """

    def __init__(self, student: Student, parts: Parts, stage: Stage, source: bytes) -> None:
        self.student = student
        self._own = [(slot, stage.id) for slot in wiring.WIRES.get(stage.id, {})]
        self._program = program()
        failed = {
            (failure["slot"], failure["stage"])
            for failure in student.probe(
                self._program + PLUG, files=dict(parts.files), choice=_pairs(parts.choice)
            )
        }
        self.parts = Parts(parts.files, tuple(pair for pair in parts.choice if pair not in failed))
        student.request("load", filename=stage.file_name, source=source)
        self._plug()

    def _plug(self) -> None:
        choice = _pairs([*self.parts.choice, *self._own])
        self.student.probe(self._program + PLUG, files=dict(self.parts.files), choice=choice)

    def audit(self, kind: str, data: Mapping[str, Any], seed: int) -> dict[str, Any]:
        """Which part does otherwise than the framework's own; {} if none, see `own_stack.audit`."""
        if not self.parts.choice:
            return {}
        found = self.student.probe(
            self._program + AUDIT,
            kind=kind,
            data=dict(data),
            files=dict(self.parts.files),
            choice=_pairs(self.parts.choice),
            always=_pairs(self._own),
            seed=seed,
        )
        return found if isinstance(found, dict) else {}


def blame(found: Mapping[str, Any]) -> str:
    """What an audit or a broken training says, in a sentence; nothing where nothing was found."""
    if not found.get("slot"):
        return ""
    whose = f" ({found['stage']}.py)" if found.get("stage") else ""
    said = f"the slot {found['slot']}{whose} does not do what the course's own part does: "
    said += f"{found['error']}: " if found.get("error") else ""
    said += str(found.get("text", ""))
    if found.get("line"):
        said += f" [{found['line']}: {found.get('code', '')}]"
    return said


def _pairs(choice: Iterable[tuple[str, str]]) -> list[list[str]]:
    return [[slot, stage] for slot, stage in choice]


__all__ = ["Parts", "Stack", "blame", "parts_of", "passed_exports", "program"]
