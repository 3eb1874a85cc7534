"""What the engine finds: a closed vocabulary, one finding for each kind and line."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

KINDS = (
    "race:read-after-write",
    "race:write-after-read",
    "race:write-after-write",
    "global-write-race",
    "uninitialised-shared",
    "out-of-bounds",
    "barrier-divergence",
    "float64",
    "unwritten-output",
    "launch-geometry",
    "uncoalesced",
    "bank-conflict",
    "excess-traffic",
    "unsupported",
    "wrong-result",
)


@dataclass(frozen=True)
class Finding:
    """One thing that is wrong, where, and who did it first.

    Attributes:
        kind: a word of `KINDS`.
        line, column: place in the source, line from 1; None where no line is to blame.
        message: subject, fact, way out.
        block, thread: linear indices of the first block and thread that did it.
        other_line, other_thread: the access that it collides with.
        missing: the barrier that would order the two, `syncthreads` or `syncwarp`.
        count: how often it happened, in accesses of a warp batch, not in threads.
    """

    kind: str
    line: int | None
    message: str
    column: int = 0
    array: str = ""
    block: int | None = None
    thread: int | None = None
    other_line: int | None = None
    other_thread: int | None = None
    missing: str = ""
    count: int = 1

    def as_dict(self) -> dict[str, Any]:
        """The finding as plain data, for a report."""
        return {name: value for name, value in vars(self).items() if value not in (None, "")}


class Findings:
    """Collects findings; the first of a kind and line stays, later ones are counted."""

    def __init__(self) -> None:
        self._found: dict[tuple[str, int | None], Finding] = {}
        self._count: dict[tuple[str, int | None], int] = {}

    def add(self, finding: Finding) -> None:
        """Keep it, or count it where its kind and line are known."""
        assert finding.kind in KINDS, finding.kind
        key = finding.kind, finding.line
        self._count[key] = self._count.get(key, 0) + 1
        self._found.setdefault(key, finding)

    def seen(self, kind: str, line: int | None) -> bool:
        """Count one more of a kind and line that is known; False where it is new."""
        if (kind, line) not in self._found:
            return False
        self._count[kind, line] += 1
        return True

    def stronger(self, finding: Finding) -> None:
        """Let a finding take the place of one of its kind and line that says less."""
        key = finding.kind, finding.line
        self._count.setdefault(key, 1)
        self._found[key] = finding

    def known(self, kind: str, line: int | None) -> Finding | None:
        """The finding of a kind and line, if there is one."""
        return self._found.get((kind, line))

    def all(self) -> tuple[Finding, ...]:
        """In the order of the source, kinds in the order of the vocabulary."""
        found = [
            Finding(**{**vars(finding), "count": self._count[key]})
            for key, finding in self._found.items()
        ]
        return tuple(sorted(found, key=lambda one: (one.line or 0, KINDS.index(one.kind))))
