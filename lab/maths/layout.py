"""Two-dimensional layout: a tree of nodes to a box of text."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass, replace

from . import box as boxes
from .box import Box
from .delimiters import fence, radical
from .grids import grid
from .nodes import (
    Accent,
    Brace,
    Fenced,
    Fraction,
    Grid,
    Node,
    Root,
    Row,
    Script,
    Space,
    Symbol,
    Text,
)
from .scripts import attach
from .shape import is_single
from .spacing import glyph, is_word, spaced

# combining mark, mark on its own line, the same in ASCII; None: a rule as wide as the body
_MARKS: dict[str, tuple[str, str | None, str | None]] = {
    "hat": ("\u0302", "^", "^"),
    "tilde": ("\u0303", "~", "~"),
    "vec": ("\u20d7", "→", "->"),
    "dot": ("\u0307", ".", "."),
    "bar": ("\u0304", None, None),
    "overline": ("\u0305", None, None),
    "underline": ("\u0332", None, None),
}


def layout(node: Node, *, ascii: bool = False) -> Box:
    """Lay ``node`` out over as many lines as it needs; ``ascii`` keeps to ASCII characters."""
    return _Layout(ascii=ascii, script=False).draw(node)


@dataclass(frozen=True, slots=True)
class _Layout:
    ascii: bool
    script: bool  # inside a subscript or superscript: no spaces, no limits

    def draw(self, node: Node) -> Box:
        match node:
            case Symbol() | Text():
                return boxes.text(glyph(node, ascii=self.ascii))
            case Space(cells=cells):
                return boxes.blank(cells)
            case Row(items=items):
                return self._row(items)
            case Fraction(numerator=numerator, denominator=denominator):
                rule = "-" if self.ascii else "─"
                return boxes.over(self.draw(numerator), self.draw(denominator), rule)
            case Root(body=body, index=index):
                drawn = None if index is None else replace(self, script=True).draw(index)
                bare = is_single(body)
                return radical(self.draw(body), drawn, bare=bare, ascii=self.ascii)
            case Script():
                return self._script(node)
            case Fenced(left=left, right=right, body=body):
                return fence(left, right, self.draw(body), ascii=self.ascii)
            case Grid():
                return grid(node, self._row, ascii=self.ascii)
            case Accent():
                return self._accent(node)
            case Brace():
                return self._brace(node)

    def _row(self, items: Sequence[Node]) -> Box:
        parts: list[Box] = []
        word = False
        for gap, node in spaced(items, script=self.script):
            part = self.draw(node)
            if not part.width and not gap:
                continue
            now_word = is_word(node, ascii=self.ascii)
            if parts and not gap and (word or now_word):
                left, right = parts[-1], part
                ending = left.lines[left.baseline][-1:]
                gap = int(ending.isalnum() and right.lines[right.baseline][:1].isalnum())
            if gap:
                parts.append(boxes.blank(gap))
            parts.append(part)
            word = now_word
        return boxes.beside(parts)

    def _script(self, node: Script) -> Box:
        small = replace(self, script=True)
        base = self.draw(node.base)
        sub = None if node.sub is None else small.draw(node.sub)
        sup = None if node.sup is None else small.draw(node.sup)
        if isinstance(node.base, Symbol) and node.base.limits and not self.script:
            return boxes.limits(base, sup, sub)
        return attach(base, sub, sup, ascii=self.ascii)

    def _accent(self, node: Accent) -> Box:
        body = self.draw(node.body)
        combining, wide, plain = _MARKS[node.name]
        if body.width == 1 and body.height == 1 and not self.ascii and body.lines[0] != " ":
            return boxes.text(unicodedata.normalize("NFC", body.lines[0] + combining))
        mark = plain if self.ascii else wide
        width = max(1, body.width)
        if node.name == "underline":
            rule = boxes.text(("-" if self.ascii else "▔") * width)
            return boxes.stack([body, rule], body.baseline)
        over = boxes.text(mark or ("_" if self.ascii else "▁") * width)
        return boxes.stack([over, body], body.baseline + 1)

    def _brace(self, node: Brace) -> Box:
        body = self.draw(node.body)
        body = boxes.widen(body, max(3, body.width))
        label = None if node.label is None else replace(self, script=True).draw(node.label)
        ends = ("''" if node.below else "..") if self.ascii else ("╰╯" if node.below else "╭╮")
        tip = "+" if self.ascii else ("┬" if node.below else "┴")
        rule = "-" if self.ascii else "─"
        before = (body.width - 2) // 2 if body.width % 2 else (body.width - 3) // 2
        after = body.width - 3 - before
        tip = tip if label is not None else rule
        line = boxes.text(ends[0] + rule * before + tip + rule * after + ends[1])
        beyond = [] if label is None else [label]
        if node.below:
            return boxes.stack([body, line, *beyond], body.baseline)
        above = 1 + (0 if label is None else label.height)
        return boxes.stack([*beyond, line, body], body.baseline + above)
