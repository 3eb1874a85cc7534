"""Rectangles of text with a baseline, and the ways to put them together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from rich.cells import cell_len


@dataclass(frozen=True, slots=True)
class Box:
    """Lines of equal width in terminal cells; ``baseline`` is the index of the writing line.

    Raises ValueError where the lines differ in width or the baseline lies outside them.
    """

    lines: tuple[str, ...]
    baseline: int = 0

    def __post_init__(self) -> None:
        if not 0 <= self.baseline < len(self.lines):
            raise ValueError(f"baseline {self.baseline} outside {len(self.lines)} lines")
        if len({cell_len(line) for line in self.lines}) > 1:
            raise ValueError(f"lines differ in width: {self.lines!r}")

    @property
    def width(self) -> int:
        """Width in terminal cells."""
        return cell_len(self.lines[0])

    @property
    def height(self) -> int:
        """Number of lines."""
        return len(self.lines)

    def __str__(self) -> str:
        return "\n".join(self.lines)


EMPTY = Box(("",))


def text(content: str) -> Box:
    """Return one line of ``content``."""
    return Box((content,))


def blank(width: int, height: int = 1, baseline: int = 0) -> Box:
    """Return white space of ``width`` cells by ``height`` lines."""
    return Box((" " * width,) * height, baseline)


def ragged(lines: Sequence[str], baseline: int = 0) -> Box:
    """Return a box of ``lines`` filled on the right to one width."""
    width = max(map(cell_len, lines))
    return Box(tuple(line + " " * (width - cell_len(line)) for line in lines), baseline)


def widen(box: Box, width: int, align: str = "centre") -> Box:
    """Fill ``box`` to ``width`` cells; ``align`` is left, right or centre, odd cells go right."""
    spare = max(0, width - box.width)
    before = {"left": 0, "right": spare, "centre": spare // 2}[align]
    left, right = " " * before, " " * (spare - before)
    return Box(tuple(left + line + right for line in box.lines), box.baseline)


def deepen(box: Box, above: int, below: int) -> Box:
    """Add blank lines above and below ``box``."""
    line = (" " * box.width,)
    return Box(line * above + box.lines + line * below, box.baseline + above)


def beside(boxes: Sequence[Box]) -> Box:
    """Put ``boxes`` side by side, baselines on one line."""
    if not boxes:
        return EMPTY
    above = max(box.baseline for box in boxes)
    below = max(box.height - box.baseline for box in boxes)
    even = [deepen(b, above - b.baseline, below - (b.height - b.baseline)) for b in boxes]
    return Box(tuple("".join(parts) for parts in zip(*(b.lines for b in even), strict=True)), above)


def stack(boxes: Sequence[Box], baseline: int, align: str = "centre") -> Box:
    """Put ``boxes`` under one another; ``baseline`` is the line of the result to write on."""
    width = max(box.width for box in boxes)
    lines = [line for box in boxes for line in widen(box, width, align).lines]
    return Box(tuple(lines), baseline)


def over(numerator: Box, denominator: Box, rule: str) -> Box:
    """Put one box over the other with a line of ``rule`` between them, which is the baseline."""
    width = max(numerator.width, denominator.width)
    # A rule reaches beyond tall contents, so that nested fractions keep their order, and beyond
    # single characters, so that it is not read as a sign.
    if width < 2 or numerator.height > 1 or denominator.height > 1:
        width += 2
    return stack([numerator, text(rule * width), denominator], numerator.height)


def limits(base: Box, above: Box | None, below: Box | None) -> Box:
    """Centre ``above`` and ``below`` over and under ``base``, whose baseline stays."""
    boxes = [box for box in (above, base, below) if box is not None]
    return stack(boxes, base.baseline + (above.height if above is not None else 0))
