"""One-line layout: a tree of nodes to a string that fits into a paragraph."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from rich.cells import cell_len

from .grids import cell_items
from .nodes import (
    Accent,
    Brace,
    Fenced,
    Fraction,
    Grid,
    Kind,
    Node,
    Root,
    Row,
    Script,
    Space,
    Symbol,
    Text,
)
from .scripts import subscript, superscript
from .shape import is_bracketed, is_closed, is_single
from .spacing import edges, glyph, is_word, spaced
from .symbols import character

_COMBINING = {
    "hat": "\u0302", "tilde": "\u0303", "vec": "\u20d7", "dot": "\u0307", "bar": "\u0304",
    "overline": "\u0305", "underline": "\u0332",
}  # fmt: skip
_FENCES = {
    "pmatrix": ("(", ")"), "bmatrix": ("[", "]"), "vmatrix": ("|", "|"), "matrix": ("[", "]"),
    "cases": ("{", "}"), "aligned": ("", ""),
}  # fmt: skip
_OPEN_SCRIPT = re.compile(r"[_^]\w+$")
_BEFORE = (Kind.ORDINARY, Kind.CLOSING, Kind.INNER, Kind.FUNCTION)
_AFTER = (Kind.ORDINARY, Kind.OPENING, Kind.INNER, Kind.FUNCTION, Kind.LARGE)


def write(node: Node, *, ascii: bool = False) -> str:
    """Write ``node`` on one line; ``ascii`` keeps to ASCII characters."""
    return _Inline(ascii=ascii, script=False).write(node)


@dataclass(frozen=True, slots=True)
class _Inline:
    ascii: bool
    script: bool  # inside a subscript or superscript: no spaces

    def write(self, node: Node) -> str:
        match node:
            case Symbol() | Text():
                return glyph(node, ascii=self.ascii)
            case Space(cells=cells):
                return " " * cells
            case Row(items=items):
                return self._row(items)
            case Fraction():
                return self._fraction(node)
            case Root():
                return self._root(node)
            case Script(base=base, sub=sub, sup=sup):
                return self._scripts(base, sub, sup)
            case Fenced(left=left, right=right, body=body):
                return self._mark(left) + self.write(body) + self._mark(right)
            case Grid():
                return self._grid(node)
            case Accent():
                return self._accent(node)
            case Brace(body=body, below=below, label=label):
                if label is None:
                    return self.write(body)
                return self._scripts(body, *((label, None) if below else (None, label)))

    def _mark(self, mark: str) -> str:
        return character(mark).plain if self.ascii and mark else mark

    def _row(self, items: Sequence[Node]) -> str:
        line = ""
        word = False
        visible = [node for node in items if not isinstance(node, Space)]
        for place, (gap, node) in enumerate(spaced(items, script=self.script)):
            part = self.write(node)
            if isinstance(node, Fraction) and self._crowded(visible, place):
                part = f"({part})"
            now_word = is_word(node, ascii=self.ascii)
            if not gap and line[-1:].isalnum() and part[:1].isalnum():
                gap = int(word or now_word or bool(_OPEN_SCRIPT.search(line)))
            line += " " * gap + part
            word = now_word
        return line

    def _crowded(self, nodes: Sequence[Node], place: int) -> bool:
        """Tell whether a neighbour would be drawn into the fraction at ``place``."""
        before = edges(nodes[place - 1])[1] if place else None
        after = edges(nodes[place + 1])[0] if place + 1 < len(nodes) else None
        return before in _BEFORE or after in _AFTER

    def _fraction(self, node: Fraction) -> str:
        upper, lower = self.write(node.numerator), self.write(node.denominator)
        if not (is_single(node.numerator) or self._is_tight(node.numerator)):
            upper = f"({upper})"
        if not is_closed(node.denominator):
            lower = f"({lower})"
        return f"{upper}/{lower}"

    def _is_tight(self, node: Node) -> bool:
        """Tell whether ``node`` is a product without white space outside its brackets."""
        if not isinstance(node, Row) or not node.items:
            return False
        depth = 0
        for gap, item in spaced(node.items, script=False):
            if depth == 0 and (gap or isinstance(item, Fraction)):
                return False
            kind = item.kind if isinstance(item, Symbol) else None
            if depth == 0 and kind in (Kind.BINARY, Kind.RELATION) and item is not node.items[0]:
                return False
            depth += (kind is Kind.OPENING) - (kind is Kind.CLOSING)
        return True

    def _root(self, node: Root) -> str:
        body = self.write(node.body)
        index = None if node.index is None else replace(self, script=True).write(node.index)
        small = "" if index is None else superscript(index)
        if self.ascii or small is None:
            return f"sqrt({body})" if index is None else f"root({index}, {body})"
        return f"{small}√{body}" if is_single(node.body) else f"{small}√({body})"

    def _scripts(self, base: Node, sub: Node | None, sup: Node | None) -> str:
        line = self.write(base)
        operator = isinstance(base, Symbol) or (isinstance(base, Row) and not base.items)
        if not operator and not is_single(base):
            line = f"({line})"
        return line + self._script(sub, "_", subscript) + self._script(sup, "^", superscript)

    def _script(
        self, node: Node | None, sign: str, convert: Callable[[str], str | None]
    ) -> str:  # fmt: skip
        script = "" if node is None else replace(self, script=True).write(node)
        if not script:
            return ""
        if sign == "^" and not script.strip("'"):
            return script
        small = None if self.ascii else convert(script)
        if small is not None:
            return small
        bare = script.isalnum() or (isinstance(node, Row) and is_bracketed(node.items))
        return sign + (script if bare else f"({script})")

    def _accent(self, node: Accent) -> str:
        body = self.write(node.body)
        if not self.ascii and cell_len(body) == 1 and body != " ":
            return unicodedata.normalize("NFC", body + _COMBINING[node.name])
        return f"{node.name}({body})"

    def _grid(self, node: Grid) -> str:
        separator = "" if node.environment == "aligned" else ", "
        rows = [
            separator.join(self._row(cell_items(node, row, c)) for c in range(len(row))).strip()
            for row in node.rows
        ]
        left, right = _FENCES[node.environment]
        return left + "; ".join(rows) + right
