"""A curve as lines of text: dots of braille, two by four in a character, or asterisks.

Neighbours are joined: a model that takes many steps between two points has a curve all the same.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from itertools import pairwise

DOTS = ((0x01, 0x08), (0x02, 0x10), (0x04, 0x20), (0x40, 0x80))  # by row and column in a character
BLANK = 0x2800


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


def _joined(places: Sequence[tuple[int, int]]) -> Iterator[tuple[int, int]]:
    """The places (column, row), and one a column on the straight line between neighbours."""
    yield places[0]
    for (left, above), (right, below) in pairwise(places):
        for column in range(left + 1, right):
            yield column, above + round((below - above) * (column - left) / (right - left))
        yield right, below
