"""The white space between the nodes of a row, shared by both layouts."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

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
from .symbols import to_ascii

_OPERATORS = (Kind.FUNCTION, Kind.LARGE)
_NO_OPERAND_YET = (
    Kind.BINARY, Kind.PREFIX, Kind.RELATION, Kind.OPENING, Kind.PUNCTUATION, *_OPERATORS,
)  # fmt: skip
_NO_OPERAND_NEXT = (Kind.RELATION, Kind.CLOSING, Kind.PUNCTUATION)


def glyph(symbol: Symbol | Text, *, ascii: bool) -> str:
    """Return what is written for ``symbol``."""
    if not ascii:
        return symbol.text
    return to_ascii(symbol.plain if isinstance(symbol, Symbol) else symbol.text)


def edges(node: Node) -> tuple[Kind, Kind]:
    """Return the kinds that ``node`` shows to its left and right neighbours."""
    match node:
        case Symbol(kind=kind):
            return kind, kind
        case Script(base=base):
            return edges(base)
        case Fenced(left=left, right=right):
            return (
                Kind.OPENING if left else Kind.INNER,
                Kind.CLOSING if right else Kind.INNER,
            )
        case Fraction() | Grid() | Brace():
            return Kind.INNER, Kind.INNER
        case Text() | Space() | Row() | Root() | Accent():
            return Kind.ORDINARY, Kind.ORDINARY


def spaced(items: Sequence[Node], *, script: bool) -> Iterator[tuple[int, Node]]:
    """Yield each node with the cells of white space before it.

    Explicit spaces are folded into these; trailing ones come with an empty last node. In a script
    signs and commas stand close.
    """
    kinds = _kinds(items)
    explicit = 0
    before: Kind | None = None
    for node, (left, right) in zip(items, kinds, strict=True):
        if isinstance(node, Space):
            explicit += node.cells
            continue
        automatic = 0 if before is None else _gap(before, left, script=script)
        yield max(explicit, automatic), node
        explicit, before = 0, right
    if explicit:
        yield explicit, Row(())


def is_word(node: Node, *, ascii: bool) -> bool:
    """Tell whether ``node`` must not touch a letter beside it, lest they read as one name."""
    match node:
        case Symbol(kind=kind):
            name = glyph(node, ascii=ascii)
            spelled_sign = kind in (Kind.BINARY, Kind.RELATION) and name.isalpha()
            return spelled_sign or (len(name) > 1 and name[:1].isalpha())
        case Text():
            return len(node.text) > 1
        case Script(base=base):
            return is_word(base, ascii=ascii)
        case _:
            return False


def _kinds(items: Sequence[Node]) -> list[tuple[Kind, Kind]]:
    """Return the edges of each node, signs without a left or right operand as prefixes."""
    kinds = [edges(node) for node in items]
    visible = [i for i, node in enumerate(items) if not isinstance(node, Space)]
    operand = False  # an operand stands to the left
    for place, i in enumerate(visible):
        following = kinds[visible[place + 1]][0] if place + 1 < len(visible) else None
        if kinds[i][0] is Kind.BINARY and (
            not operand or following is None or following in _NO_OPERAND_NEXT
        ):
            kinds[i] = (Kind.PREFIX, Kind.PREFIX)
        if kinds[i][1] is not Kind.BAR:  # a bar closes after an operand and opens before one
            operand = kinds[i][1] not in _NO_OPERAND_YET
    return kinds


def _gap(left: Kind, right: Kind, *, script: bool) -> int:
    if left is Kind.RELATION and right is Kind.RELATION:
        return 0  # := and the like
    if (
        left in (Kind.RELATION, Kind.BINARY, Kind.PUNCTUATION)
        or right in (Kind.RELATION, Kind.BINARY)
    ):  # fmt: skip
        return 0 if script else 1
    if right in (Kind.CLOSING, Kind.PUNCTUATION) or left is Kind.OPENING:
        return 0
    if Kind.INNER in (left, right):
        return 1
    if left in _OPERATORS:
        return 0 if left is Kind.FUNCTION and right is Kind.OPENING else 1
    if right in _OPERATORS:
        return 0 if left in (Kind.PREFIX, Kind.BAR) else 1
    return 0
