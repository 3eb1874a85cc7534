"""Named mutants: single realistic mistakes, each a small edit of a stage's solution.

`SLUG.toml` holds one `[[mutant]]` a mistake: its `name`, the hidden checks that must catch it
(`caught_by`), the `diagnosis` a learner should hear, and `[[mutant.edit]]` tables with `find`, which
occurs exactly once in the solution, and `replace`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import tomli

from assignments.catalog import Stage

from ..errors import UsageError

FOLDER = Path(__file__).parent
KEYS, EDIT = ("name", "caught_by", "diagnosis", "edit"), ("find", "replace")


@dataclass(frozen=True, slots=True)
class Mutant:
    """One mistake in the source of a stage's solution."""

    name: str
    caught_by: tuple[str, ...]
    diagnosis: str
    source: bytes


def mutants(stage: Stage, solution: bytes) -> tuple[Mutant, ...]:
    """The mutants of `stage`, made from the bytes of its solution.

    Raises:
        UsageError: the file is no TOML, a key is missing, an edit does not fit the solution, or a name occurs twice.
    """
    path = FOLDER / f"{stage.id}.toml"
    if not path.is_file():
        return ()
    try:
        content = tomli.loads(path.read_text(encoding="utf-8"))
    except tomli.TOMLDecodeError as error:
        raise UsageError(f"{path.name} is no TOML: {error}.") from None
    found = tuple(_mutant(entry, solution.decode(), path) for entry in content.get("mutant", ()))
    names = [mutant.name for mutant in found]
    for name in names:
        if names.count(name) > 1:
            raise UsageError(f"{path.name}: the mutant {name!r} occurs twice.")
    return found


def _mutant(entry: Mapping[str, Any], source: str, path: Path) -> Mutant:
    name = entry.get("name", "without a name")
    for keys, table in [(KEYS, entry), *((EDIT, edit) for edit in entry.get("edit", ()))]:
        for key in keys:
            if key not in table:
                raise UsageError(f"{path.name}: the mutant {name!r} has no `{key}`.")
    for edit in entry["edit"]:
        count = source.count(edit["find"])
        if count != 1:
            raise UsageError(
                f"{path.name}: mutant {name!r}: the text to find occurs {count} times in the "
                f"solution, it must occur once: {edit['find']!r}"
            )
        source = source.replace(edit["find"], edit["replace"])
    return Mutant(name, tuple(entry["caught_by"]), entry["diagnosis"], source.encode())
