"""What the typing of a function leaves behind for its translation."""

from __future__ import annotations

import ast
from dataclasses import dataclass

from .names import Function
from .types import Scalar, Type


@dataclass(frozen=True)
class Promotion:
    """Where a value becomes float64 that was not."""

    node: ast.AST
    text: str


@dataclass(frozen=True)
class Declaration:
    """A shared or local array: its shape is known before the kernel runs."""

    node: ast.Call
    space: str
    shape: tuple[int, ...]
    dtype: Scalar
    alignment: int


@dataclass
class Typed:
    """A function typed for one set of arguments."""

    function: Function
    arguments: tuple[Type, ...]
    returns: Type
    types: dict[ast.expr, Type]
    constants: set[ast.expr]
    targets: dict[str, set[Type]]
    declarations: dict[ast.Call, Declaration]
    callees: dict[ast.Call, Typed]
    promotions: dict[ast.AST, Promotion]
    stores: set[str]
    augmented: dict[ast.AugAssign, ast.BinOp]
