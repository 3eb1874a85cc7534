"""Curves as lines of text: dots of braille, two by four in a character, or a mark for each curve.

Neighbours are joined: a model that takes many steps between two points has a curve all the same.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise

DOTS = ((0x01, 0x08), (0x02, 0x10), (0x04, 0x20), (0x40, 0x80))  # by row and column in a character
BLANK = 0x2800
MARKS = {False: "●○◆◇▲△", True: "*o+x#@"}  # of several curves, by `ascii`


def curve(
    points: Sequence[tuple[float, float]],
    width: int = 60,
    height: int = 10,
    *,
    ascii: bool = False,
    total: float | None = None,
) -> list[str]:
    """The points (x, y) in `height` lines, with the range of y on the left and of x below.

    Args:
        total: the x at the right edge; by default the largest of the points.
    """
    shown = [(x, y) for x, y in points if math.isfinite(y)]
    if not shown:
        return []
    low, high = min(y for _, y in shown), max(y for _, y in shown)
    if high - low < 1e-12:
        low, high = low - 0.5, high + 0.5
    first, last = shown[0][0], max(total or 0, shown[-1][0])
    wide, tall = (1, 1) if ascii else (2, 4)
    columns, rows = width * wide, height * tall
    cells = [[0] * width for _ in range(height)]
    places = [
        (
            min(columns - 1, int((x - first) / max(1e-12, last - first) * columns)),
            min(rows - 1, int((high - y) / (high - low) * rows)),
        )
        for x, y in shown
    ]
    for column, row in _joined(places):
        cells[row // tall][column // wide] |= 1 if ascii else DOTS[row % 4][column % 2]
    labels = [f"{high:.3g}", *[""] * (height - 2), f"{low:.3g}"]
    margin = max(len(label) for label in labels)

    def draw(cell: int) -> str:
        return " *"[cell] if ascii else chr(BLANK + cell)

    bar = "|" if ascii else "│"
    lines = [
        f"{label:>{margin}} {bar}{''.join(draw(cell) for cell in line).rstrip(chr(BLANK) + ' ')}"
        for label, line in zip(labels, cells, strict=True)
    ]
    foot = f"{last:g}".rjust(width - len(f"{first:g}"))
    return [*lines, f"{' ' * margin}  {first:g}{foot}"]


def curves(
    series: Mapping[str, Sequence[tuple[float, float]]],
    width: int = 60,
    height: int = 14,
    *,
    ascii: bool = False,
    log: bool = False,
) -> list[str]:
    """Several curves by name, each with a mark of its own, and which is whose below.

    Args:
        log: the height shows the logarithm of y; what is not above 0 is left out.

    Returns:
        `height` lines, one with both ends of x, one with the marks and their names; none where
        there is no point to show.
    """
    shown = {
        name: [(x, math.log10(y) if log else y) for x, y in points if _shown(y, log)]
        for name, points in series.items()
    }
    everything = [point for points in shown.values() for point in points]
    if not everything:
        return []
    left, right = min(x for x, _ in everything), max(x for x, _ in everything)
    low, high = min(y for _, y in everything), max(y for _, y in everything)
    if high - low < 1e-12:
        low, high = low - 0.5, high + 0.5
    marks = MARKS[ascii]
    cells = [[" "] * width for _ in range(height)]
    for mark, points in reversed(list(zip(marks, shown.values(), strict=False))):
        for x, y in points:
            column = min(width - 1, int((x - left) / max(1e-12, right - left) * width))
            cells[min(height - 1, int((high - y) / (high - low) * height))][column] = mark
    ends = [10**y if log else y for y in (high, low)]
    labels = [f"{ends[0]:.3g}", *[""] * (height - 2), f"{ends[1]:.3g}"]
    margin = max(len(label) for label in labels)
    bar = "|" if ascii else "│"
    lines = [
        f"{label:>{margin}} {bar}{''.join(line).rstrip()}"
        for label, line in zip(labels, cells, strict=True)
    ]
    foot = f"{right:g}".rjust(width - len(f"{left:g}"))
    legend = "   ".join(f"{mark} {name}" for mark, name in zip(marks, shown, strict=False))
    return [*lines, f"{' ' * margin}  {left:g}{foot}", f"{' ' * margin}  {legend}"]


def _shown(y: float, log: bool) -> bool:
    return math.isfinite(y) and (not log or y > 0)


def _joined(places: Sequence[tuple[int, int]]) -> Iterator[tuple[int, int]]:
    """The places (column, row), and one a column on the straight line between neighbours."""
    yield places[0]
    for (left, above), (right, below) in pairwise(places):
        for column in range(left + 1, right):
            yield column, above + round((below - above) * (column - left) / (right - left))
        yield right, below
