"""Explorations: a claim of the lesson with knobs to turn, and the curves that follow.

`explore.toml` says what there is to see and to turn; `explore.py` beside it, the course's own code,
has a function of the same name that takes the knobs and returns {name: [(x, y), ...]}.
"""

from __future__ import annotations

import importlib.util
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import tomli

from .catalog import ManifestError, Stage

FILE, CODE = "explore.toml", "explore.py"
Value = float | str
Series = dict[str, list[tuple[float, float]]]
TEXTS = ("id", "title", "text", "x", "y")
ENTRY = {*TEXTS, "log", "knobs"}
KNOB = {"name", "title", "values", "start"}


@dataclass(frozen=True, slots=True)
class Knob:
    """What can be turned: `values` in order, `start` the one that is set at first."""

    name: str
    title: str
    values: tuple[Value, ...]
    start: Value


@dataclass(frozen=True, slots=True)
class Exploration:
    """One exploration; `x` and `y` name the axes, `log` makes that of y logarithmic."""

    id: str
    title: str
    text: str
    x: str
    y: str
    log: bool
    knobs: tuple[Knob, ...]

    @property
    def start(self) -> dict[str, Value]:
        """The settings of the knobs at first."""
        return {knob.name: knob.start for knob in self.knobs}


def explorations(stage: Stage) -> tuple[Exploration, ...]:
    """What a stage has to explore, in order.

    Raises:
        ManifestError: its file is not as it must be.
    """
    return read(stage.folder / FILE)


@cache
def read(file: Path) -> tuple[Exploration, ...]:
    """The explorations in `file`; none where there is no file.

    Raises:
        ManifestError: it is not as it must be.
    """
    if not file.is_file():
        return ()
    where = f"{file.parent.name}/{file.name}"
    try:
        content = tomli.loads(file.read_text(encoding="utf-8"))
    except (tomli.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ManifestError(where, "the file", str(error), "it must be TOML.") from None
    _known(where, "", content, {"exploration"})
    entries = content.get("exploration", [])
    _tables(where, "exploration", entries)
    found = tuple(_exploration(where, entry) for entry in entries)
    _once(where, "id", [one.id for one in found])
    return found


def series(stage: Stage, shown: Exploration, settings: Mapping[str, Value]) -> Series:
    """The curves for these settings; they are computed here and now.

    Raises:
        ManifestError: the stage's code does not compute them.
    """
    where = f"{stage.folder.name}/{CODE}"
    call = f"{shown.id}({', '.join(f'{name}={value!r}' for name, value in settings.items())})"
    try:
        found = getattr(_module(stage.folder / CODE), shown.id)(**settings)
        return {
            str(name): [(float(x), float(y)) for x, y in points] for name, points in found.items()
        }
    except Exception as error:  # whatever an author's code may raise, the reader gets a sentence
        said = f"{type(error).__name__}: {error}"
        raise ManifestError(
            where, call, said, "it must return {name: [(x, y), ...]}, x and y numbers."
        ) from error


def faults(stage: Stage) -> Iterator[str]:
    """One sentence for each exploration of a stage that does not hold what its file promises.

    Every value of every knob is tried, the other knobs at their start.
    """
    try:
        for shown in explorations(stage):
            yield from _faults(stage, shown)
    except ManifestError as error:
        yield str(error)


def _faults(stage: Stage, shown: Exploration) -> Iterator[str]:
    where = f"{stage.folder.name}/{CODE}: {shown.id}"
    for knob in shown.knobs:
        seen = []
        for value in knob.values:
            settings = {**shown.start, knob.name: value}
            found = series(stage, shown, settings)
            turned = f"{where} with {knob.name} = {value}"
            for name, points in found.items():
                if not any(math.isfinite(y) and (y > 0 or not shown.log) for _, y in points):
                    yield f"{turned}: the curve {name!r} has no point to draw."
            if series(stage, shown, settings) != found:
                yield f"{turned} differs from call to call: draw from a fixed seed."
            seen.append(found)
        if all(found == seen[0] for found in seen):
            yield f"{where}: turning {knob.name} changes nothing."


def _module(path: Path) -> Any:
    spec = importlib.util.spec_from_file_location(f"explore_{path.parent.name}", path)
    assert spec is not None and spec.loader is not None  # a path ending in .py has both
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def _exploration(where: str, entry: dict[str, Any]) -> Exploration:
    for key in TEXTS:
        if not isinstance(entry.get(key), str) or not entry[key].strip():
            raise ManifestError(where, key, entry.get(key), "a text is needed.")
    _known(where, f"{entry['id']}.", entry, ENTRY)
    if not entry["id"].strip().isidentifier():
        raise ManifestError(
            where, "id", entry["id"], f"the name of a function in {CODE} is needed."
        )
    log = entry.get("log", False)
    if not isinstance(log, bool):
        raise ManifestError(where, f"{entry['id']}.log", log, "allowed are true and false.")
    knobs = entry.get("knobs", [])
    _tables(where, f"{entry['id']}.knobs", knobs)
    if not knobs:
        raise ManifestError(where, f"{entry['id']}.knobs", knobs, "one or more are needed.")
    turned = tuple(_knob(where, knob) for knob in knobs)
    _once(where, f"{entry['id']}.knobs.name", [knob.name for knob in turned])
    return Exploration(**{key: entry[key].strip() for key in TEXTS}, log=log, knobs=turned)


def _knob(where: str, entry: dict[str, Any]) -> Knob:
    name, values = entry.get("name"), entry.get("values")
    if not isinstance(name, str) or not name.isidentifier():
        raise ManifestError(where, "knobs.name", name, "the name of a parameter is needed.")
    _known(where, f"{name}.", entry, KNOB)
    if (
        not isinstance(values, list)
        or len(values) < 2
        or not all(type(value) in (int, float, str) for value in values)
    ):
        raise ManifestError(
            where, f"{name}.values", values, "a list of two or more numbers or texts is needed."
        )
    _once(where, f"{name}.values", [f"{value}" for value in values])
    start: Any = entry.get("start", values[0])
    if start not in values:
        raise ManifestError(where, f"{name}.start", start, f"allowed are {values}.")
    title = entry.get("title", name)
    if not isinstance(title, str):
        raise ManifestError(where, f"{name}.title", title, "a text is needed.")
    return Knob(name, title, tuple(values), start)


def _tables(where: str, key: str, entries: object) -> None:
    if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
        raise ManifestError(where, key, entries, f"tables are needed: [[{key}]].")


def _known(where: str, before: str, entry: Mapping[str, Any], allowed: set[str]) -> None:
    for key in sorted(set(entry) - allowed):
        raise ManifestError(
            where, f"{before}{key}", entry[key], f"keys are {', '.join(sorted(allowed))}."
        )


def _once(where: str, key: str, names: list[str]) -> None:
    for name in names:
        if names.count(name) > 1:
            raise ManifestError(where, key, name, "it must be there once.")
