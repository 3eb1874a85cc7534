"""What a learner asks of an exploration, and its numbers as lines of text."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from rich.cells import cell_len

from assignments.catalog import Stage
from assignments.explorations import Exploration, Value, explorations
from grader.errors import UsageError

COLUMNS = 5  # of the table, beside the names


def exploration(stage: Stage, name: str | None) -> Exploration:
    """The one called `name`, or the first.

    Raises:
        UsageError: there is none.
        ManifestError: the stage's file is not as it must be.
    """
    found = explorations(stage)
    if not found:
        raise UsageError(f"{stage.id} has nothing to explore yet.")
    for one in found:
        if name in (None, one.id):
            return one
    raise UsageError(
        f"{stage.id} has {', '.join(one.id for one in found)}; {name!r} is none of them."
    )


def settings(shown: Exploration, given: Mapping[str, str]) -> dict[str, Value]:
    """The values of all knobs, those that are given by their text.

    Raises:
        UsageError: there is no such knob, or it has no such value.
    """
    known = {knob.name: knob for knob in shown.knobs}
    found = shown.start
    for name, text in given.items():
        if name not in known:
            raise UsageError(f"{shown.id} has no knob {name!r}; it has {', '.join(known)}.")
        by_text = {f"{value}": value for value in known[name].values}
        if text not in by_text:
            raise UsageError(f"{name} is {text!r}; allowed are {', '.join(by_text)}.")
        found[name] = by_text[text]
    return found


def table(series: Mapping[str, Sequence[tuple[float, float]]], x: str) -> list[str]:
    """Some of the numbers behind the curves: a row for each, a column for each of five points.

    Curves with points at other places (a path, say) get a row of places each.
    """
    places = {name: [px for px, _ in points] for name, points in series.items()}
    shared = len({tuple(row) for row in places.values()}) == 1
    rows: list[list[str]] = []
    for name, points in series.items():
        picked = [points[place] for place in _spread(len(points))]
        if not rows or not shared:
            rows.append([x, *(f"{px:.4g}" for px, _ in picked)])
        rows.append([name, *(f"{py:.4g}" for _, py in picked)])
    if not rows:
        return []
    first = max(cell_len(row[0]) for row in rows)
    width = max(len(cell) for row in rows for cell in row[1:])
    return [
        f"{row[0]}{' ' * (first - cell_len(row[0]))}  "
        + "  ".join(f"{cell:>{width}}" for cell in row[1:])
        for row in rows
    ]


def _spread(count: int) -> list[int]:
    """At most COLUMNS places from the first to the last, evenly."""
    if count <= COLUMNS:
        return list(range(count))
    return [round(k * (count - 1) / (COLUMNS - 1)) for k in range(COLUMNS)]
