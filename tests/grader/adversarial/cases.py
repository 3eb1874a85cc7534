"""The catalogue of attacks: one file each in `cases/`, its header saying what must come of it.

    # row:    the rows of the threat catalogue it belongs to
    # attack: what it does
    # loses:  the export whose checks it must lose; none; all; all_after (the rest once it struck);
              speed (the timed points); speed_at_most_partial
    # status: how those checks may end, joined by |; `any` where only the points matter

A case is appended to the stage's own solution, so that whatever it does not break stays right.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

FOLDER = Path(__file__).parent / "cases"
HEADER = ("row", "attack", "loses", "status")


@dataclass(frozen=True, slots=True)
class Case:
    """One attack."""

    name: str
    row: str
    attack: str
    loses: str
    statuses: tuple[str, ...]
    body: str

    def source(self, solution: bytes) -> bytes:
        """The file that is handed in."""
        body = self.body.encode("utf-8", "surrogateescape")
        # A declared encoding counts on the first line only.
        first = self.body.split("\n")[len(HEADER)]
        return first.encode() + b"\n" + solution if "coding:" in first else solution + b"\n" + body

    @property
    def timed(self) -> bool:
        """Whether it is about the timed points."""
        return self.loses.startswith("speed") or self.loses == "all_after"


def cases() -> list[Case]:
    """Every attack, by name."""
    return [_read(path) for path in sorted(FOLDER.glob("*.py"))]


def _read(path: Path) -> Case:
    text = path.read_text(encoding="utf-8")
    found = dict(line[2:].split(":", 1) for line in text.splitlines()[: len(HEADER)])
    assert tuple(found) == HEADER, f"{path.name}: the header must be {', '.join(HEADER)}"
    row, attack, loses, status = (found[name].strip() for name in HEADER)
    return Case(path.stem, row, attack, loses, tuple(status.split("|")), text)
