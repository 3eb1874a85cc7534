"""Matrices, case distinctions and aligned equations in two dimensions."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from . import box as boxes
from .box import Box
from .delimiters import fence
from .nodes import Grid, Node, Row

FENCES = {"pmatrix": ("(", ")"), "bmatrix": ("[", "]"), "vmatrix": ("|", "|")}
"""Environment -> its two delimiters."""


def grid(node: Grid, draw_row: Callable[[Sequence[Node]], Box], *, ascii: bool) -> Box:
    """Lay the cells out in columns; ``draw_row`` lays out the nodes of one cell."""
    cells = [[draw_row(cell_items(node, row, c)) for c in range(len(row))] for row in node.rows]
    columns = max((len(row) for row in cells), default=0)
    widths = [max(row[c].width for row in cells if c < len(row)) for c in range(columns)]
    lines: list[Box] = []
    for row in cells:
        parts: list[Box] = []
        for c, width in enumerate(widths):
            cell = row[c] if c < len(row) else boxes.EMPTY
            if c and not (node.environment == "aligned" and c % 2):
                parts.append(boxes.blank(2))
            parts.append(boxes.widen(cell, width, _alignment(node.environment, c, columns)))
        lines.append(boxes.beside(parts))
    body = _rows(lines, airy=node.environment == "cases" and len(lines) == 2)
    if node.environment == "cases":
        if body.height == 1:
            return fence("{", "", boxes.beside([boxes.blank(1), body]), ascii=ascii)
        padded = boxes.beside([boxes.blank(1, body.height, body.baseline), body])
        return fence("{", "", padded, ascii=ascii)
    left, right = FENCES.get(node.environment, ("", ""))
    return fence(left, right, body, ascii=ascii)


def cell_items(node: Grid, row: Sequence[Node], column: int) -> tuple[Node, ...]:
    """Return the nodes of one cell.

    Aligned equations get an empty operand at the alignment mark, so that a relation beside it
    keeps its space.
    """
    cell = row[column]
    items = cell.items if isinstance(cell, Row) else (cell,)
    if node.environment != "aligned":
        return items
    if column % 2:
        return (Row(()), *items)
    return (*items, Row(())) if column + 1 < len(row) else items


def _alignment(environment: str, column: int, columns: int) -> str:
    if environment == "aligned" and columns > 1:
        return "left" if column % 2 else "right"
    return "left" if environment in ("cases", "aligned") else "centre"


def _rows(lines: list[Box], *, airy: bool) -> Box:
    """Stack the rows, with a blank line beside every row that is taller than one line."""
    if len(lines) == 1:
        return lines[0]
    stacked: list[Box] = []
    for i, line in enumerate(lines):
        if i and (airy or line.height > 1 or lines[i - 1].height > 1):
            stacked.append(boxes.blank(0))
        stacked.append(line)
    height = sum(box.height for box in stacked)
    return boxes.stack(stacked or [boxes.EMPTY], max(0, height - 1) // 2)
