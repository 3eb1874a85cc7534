"""Questions about the shape of a node that decide where parentheses and rules are needed."""

from __future__ import annotations

from .nodes import Accent, Fenced, Kind, Node, Root, Row, Script, Symbol, Text


def is_single(node: Node) -> bool:
    """Tell whether ``node`` reads as one operand: a symbol, a number, a bracket, with scripts."""
    match node:
        case Symbol(kind=kind):
            return kind in (Kind.ORDINARY, Kind.INNER)
        case Text(text=words):
            return " " not in words
        case Row(items=(only,)):
            return is_single(only)
        case Row(items=items):
            return bool(items) and all(_is_digit(item) for item in items)
        case Script(base=base):
            return is_single(base)
        case Fenced(left=left, right=right):
            return bool(left and right)
        case Accent() | Root():
            return True
        case _:
            return False


def is_closed(node: Node) -> bool:
    """Tell whether ``node`` can stand after a slash: one operand, a call, or a derivative ∂x."""
    if is_single(node):
        return True
    if not isinstance(node, Row) or not node.items:
        return False
    head, rest = node.items[0], node.items[1:]
    if head == Symbol("∂", "d") and rest:
        return is_single(Row(rest))
    callee = head.base if isinstance(head, Script) else head
    named = isinstance(callee, Text) or (
        isinstance(callee, Symbol) and callee.kind is Kind.FUNCTION
    )
    if named and len(rest) == 1 and isinstance(rest[0], Fenced):
        return True
    return is_bracketed(rest if named else node.items)


def is_bracketed(items: tuple[Node, ...]) -> bool:
    """Tell whether the first node opens a parenthesis that the last one closes."""
    depth = 0
    for i, item in enumerate(items):
        kind = item.kind if isinstance(item, Symbol) else None
        if i == 0 and item != Symbol("(", "(", Kind.OPENING):
            return False
        depth += (kind is Kind.OPENING) - (kind is Kind.CLOSING and item != Symbol("!", "!", kind))
        if depth == 0:
            return i == len(items) - 1
    return False


def _is_digit(node: Node) -> bool:
    return isinstance(node, Symbol) and (node.text.isdigit() or node.text == ".")
