"""Values that the source alone decides: literals, and arithmetic on them."""

from __future__ import annotations

import ast
import math
import operator
from collections.abc import Callable
from typing import Any

import numpy as np

from .names import Constant, ConstantArray, Entity, Path, TypeName

OPERATORS: dict[type[ast.operator], Callable[[Any, Any], Any]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.FloorDiv: operator.floordiv,
    ast.Mod: operator.mod,
    ast.Pow: operator.pow,
    ast.LShift: operator.lshift,
    ast.RShift: operator.rshift,
    ast.BitAnd: operator.and_,
    ast.BitOr: operator.or_,
    ast.BitXor: operator.xor,
}
UNARY: dict[type[ast.unaryop], Callable[[Any], Any]] = {
    ast.USub: operator.neg,
    ast.UAdd: operator.pos,
    ast.Invert: operator.invert,
    ast.Not: operator.not_,
}
MATH = ("sqrt", "exp", "log", "log2", "log10", "ceil", "floor", "sin", "cos", "tanh", "pow")
PLAIN: dict[str, Callable[..., Any]] = {
    "int": int,
    "float": float,
    "min": min,
    "max": max,
    "abs": abs,
    "round": round,
}
LARGEST = 1 << 64  # no constant of a kernel is larger; keeps 9 ** 9 ** 9 from being computed
MOST_ELEMENTS = 1 << 16  # of a constant array


class NotConstant(Exception):
    """Only running the file could tell this value."""


def constant(node: ast.expr, resolve: Callable[[ast.expr], Entity | None]) -> Entity:
    """The constant that an expression is.

    Args:
        node: an expression outside a kernel.
        resolve: what a name or dotted name stands for.

    Returns:
        A Constant, or a ConstantArray for `np.array([...], dtype)`.

    Raises:
        NotConstant: it is not made of literals and other constants.
    """
    if isinstance(node, ast.Call) and resolve(node.func) == Path("numpy.array"):
        return _array(node, resolve)
    try:
        with np.errstate(all="ignore"):
            return Constant(_value(node, resolve))
    except (ArithmeticError, ValueError, TypeError, OverflowError):
        raise NotConstant from None


def _value(node: ast.expr, resolve: Callable[[ast.expr], Entity | None]) -> Any:
    match node:
        case ast.Constant(value=value) if isinstance(value, bool | int | float | str):
            return value
        case ast.Name() | ast.Attribute():
            found = resolve(node)
            if isinstance(found, Constant):
                return found.value
        case ast.Tuple():
            return tuple(_value(one, resolve) for one in node.elts)
        case ast.UnaryOp():
            return UNARY[type(node.op)](_value(node.operand, resolve))
        case ast.BinOp() if type(node.op) in OPERATORS:
            left, right = _value(node.left, resolve), _value(node.right, resolve)
            if isinstance(left, str | tuple) or isinstance(right, str | tuple):
                raise NotConstant
            if isinstance(node.op, ast.Pow | ast.LShift) and abs(right) > 64:
                raise NotConstant
            found = OPERATORS[type(node.op)](left, right)
            if isinstance(found, int) and abs(found) > LARGEST:
                raise NotConstant
            return found
        case ast.Call() if not node.keywords:
            return _call(node, resolve)
    raise NotConstant


def _call(node: ast.Call, resolve: Callable[[ast.expr], Entity | None]) -> Any:
    function = resolve(node.func)
    arguments = [_value(one, resolve) for one in node.args]
    if isinstance(function, TypeName) and len(arguments) == 1:
        return function.scalar.dtype.type(arguments[0])
    if isinstance(function, Path):
        module, _, name = function.name.rpartition(".")
        if module == "math" and name in MATH:
            return getattr(math, name)(*arguments)
        if function.name in PLAIN:
            return PLAIN[function.name](*arguments)
    raise NotConstant


def _array(node: ast.Call, resolve: Callable[[ast.expr], Entity | None]) -> ConstantArray:
    if not node.args:
        raise NotConstant
    kinds = [resolve(one) for one in node.args[1:2]]
    kinds += [resolve(one.value) for one in node.keywords if one.arg == "dtype"]
    values = _nested(node.args[0], resolve)
    dtype = kinds[0].scalar.dtype if kinds and isinstance(kinds[0], TypeName) else None
    try:
        made = np.array(values, dtype)
    except (ValueError, OverflowError, TypeError):
        raise NotConstant from None
    if made.dtype.kind not in "biuf" or made.size > MOST_ELEMENTS:
        raise NotConstant
    return ConstantArray("", made)


def _nested(node: ast.expr, resolve: Callable[[ast.expr], Entity | None]) -> Any:
    if isinstance(node, ast.List | ast.Tuple):
        return [_nested(one, resolve) for one in node.elts]
    try:
        return _value(node, resolve)
    except (ArithmeticError, ValueError, TypeError):
        raise NotConstant from None
