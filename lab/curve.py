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
    low, high = _range(shown)
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

    def draw(cell: int) -> str:
        return " *"[cell] if ascii else chr(BLANK + cell)

    drawn = ["".join(draw(cell) for cell in line).rstrip(chr(BLANK) + " ") for line in cells]
    return _framed(drawn, (high, low), (first, last), width, ascii=ascii)


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
    low, high = _range(everything)
    marks = MARKS[ascii]
    cells = [[" "] * width for _ in range(height)]
    for mark, points in reversed(list(zip(marks, shown.values(), strict=False))):
        for x, y in points:
            column = min(width - 1, int((x - left) / max(1e-12, right - left) * width))
            cells[min(height - 1, int((high - y) / (high - low) * height))][column] = mark
    ends = (10**high, 10**low) if log else (high, low)
    legend = "   ".join(f"{mark} {name}" for mark, name in zip(marks, shown, strict=False))
    drawn = ["".join(line).rstrip() for line in cells]
    return _framed(drawn, ends, (left, right), width, ascii=ascii, below=legend)


def _range(points: Sequence[tuple[float, float]]) -> tuple[float, float]:
    """The least and the largest y, apart from each other."""
    low, high = min(y for _, y in points), max(y for _, y in points)
    return (low, high) if high - low >= 1e-12 else (low - 0.5, high + 0.5)


def _framed(
    lines: Sequence[str],
    ys: tuple[float, float],
    xs: tuple[float, float],
    width: int,
    *,
    ascii: bool,
    below: str = "",
) -> list[str]:
    """The lines of a drawing with y at its top and bottom, x at its left and right edge."""
    labels = [f"{ys[0]:.3g}", *[""] * (len(lines) - 2), f"{ys[1]:.3g}"]
    margin = max(len(label) for label in labels)
    bar = "|" if ascii else "│"
    foot = f"{xs[0]:g}" + f"{xs[1]:g}".rjust(width - len(f"{xs[0]:g}"))
    framed = [f"{label:>{margin}} {bar}{line}" for label, line in zip(labels, lines, strict=True)]
    return [*framed, *(f"{' ' * margin}  {text}" for text in (foot, below) if text)]


def _shown(y: float, log: bool) -> bool:
    return math.isfinite(y) and (not log or y > 0)


def _joined(places: Sequence[tuple[int, int]]) -> Iterator[tuple[int, int]]:
    """The places (column, row), and one a column on the straight line between neighbours."""
    yield places[0]
    for (left, above), (right, below) in pairwise(places):
        for column in range(left + 1, right):
            yield column, above + round((below - above) * (column - left) / (right - left))
        yield right, below
