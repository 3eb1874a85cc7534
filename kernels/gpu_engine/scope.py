"""What the typing knows of the variables at one point of a function."""

from __future__ import annotations

import ast
from dataclasses import dataclass, replace

from .types import FLOAT64, Scalar, Tuple, Type, unify


@dataclass(frozen=True)
class Conflict:
    """Two types that one variable cannot hold; an error only where it is read."""

    first: Type
    second: Type


@dataclass(frozen=True)
class Variable:
    """A variable: what it holds here.

    Attributes:
        type: its type, or the conflict of two.
        constant: its value is made of literals, so the compiler folds it.
        node: where it got this type.
        widened: an assignment of a narrower value that meets a float64 one where paths join; the
            value is promoted there.
    """

    type: Type | Conflict
    constant: bool
    node: ast.AST
    literal: int | None = None
    widened: ast.AST | None = None
    wide: ast.AST | None = None


Scope = dict[str, Variable]


def _joined_type(a: Type | Conflict, b: Type | Conflict) -> Type | Conflict:
    if a == b:
        return a
    if isinstance(a, Scalar) and isinstance(b, Scalar):
        return unify(a, b)
    if isinstance(a, Tuple) and isinstance(b, Tuple) and len(a.items) == len(b.items):
        items = [_joined_type(x, y) for x, y in zip(a.items, b.items, strict=True)]
        if not any(isinstance(one, Conflict) for one in items):
            return Tuple(tuple(items))  # type: ignore[arg-type]
    if isinstance(a, Conflict):
        return a
    if isinstance(b, Conflict):
        return b
    return Conflict(a, b)


def join_variables(a: Variable, b: Variable) -> Variable:
    """One variable where two paths meet."""
    if a == b:
        return a
    found = _joined_type(a.type, b.type)
    # The position in the source decides which stands for both, so that joining is repeatable.
    first, second = sorted((a, b), key=lambda one: getattr(one.node, "lineno", 0))
    widened, wide = first.widened or second.widened, first.wide or second.wide
    if found == FLOAT64 and a.type != b.type and not (a.constant and b.constant):
        narrow, other = (a, b) if a.type != FLOAT64 else (b, a)
        if narrow.type != FLOAT64 and not narrow.constant:
            widened, wide = narrow.node, other.node
    keep = first if first.type == found else second
    return replace(
        keep,
        type=found,
        constant=a.constant and b.constant,
        literal=a.literal if a.literal == b.literal else None,
        widened=widened,
        wide=wide,
    )


def join(scopes: list[Scope | None]) -> Scope | None:
    """The variables after several paths meet; None where no path arrives."""
    alive = [one for one in scopes if one is not None]
    if not alive:
        return None
    found = dict(alive[0])
    for other in alive[1:]:
        for name, variable in other.items():
            found[name] = join_variables(found[name], variable) if name in found else variable
    return found


def same(a: Scope, b: Scope) -> bool:
    """True where the typing of a loop has come to rest."""
    return a.keys() == b.keys() and all(
        (a[name].type, a[name].constant, a[name].widened)
        == (b[name].type, b[name].constant, b[name].widened)
        for name in a
    )
