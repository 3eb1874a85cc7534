"""Runs a `launch` function from its parsed source: which grid and block a kernel is given.

A small part of Python: numbers, strings, tuples, dicts and lists, arithmetic and comparisons, if,
for, while, functions of the file. Arrays are seen as shape, size, ndim and dtype only.
"""

from __future__ import annotations

import ast
import math
import operator
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np

from .constants import OPERATORS, UNARY
from .errors import Endless, LaunchError, Unsupported
from .findings import Finding
from .geometry import Geometry, check
from .names import Constant, Function, Path
from .program import Program

STEPS = 20_000  # statements that a launch may run
DEPTH = 20
LARGEST = 1 << 64
COMPARISONS: dict[type[ast.cmpop], Callable[[Any, Any], Any]] = {
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
    ast.In: lambda a, b: a in b,
    ast.NotIn: lambda a, b: a not in b,
    ast.Is: operator.is_,
    ast.IsNot: operator.is_not,
}


def _short_range(*bounds: int) -> range:
    found = range(*bounds)
    if len(found) > STEPS:
        raise ValueError(f"a range of {len(found)} numbers")
    return found


CALLS: dict[str, Callable[..., Any]] = {
    "int": int,
    "float": float,
    "bool": bool,
    "min": min,
    "max": max,
    "abs": abs,
    "len": len,
    "round": round,
    "range": _short_range,
    "divmod": divmod,
    **{f"math.{one}": getattr(math, one) for one in ("ceil", "floor", "sqrt", "log2", "prod")},
}
ATTRIBUTES = ("shape", "size", "ndim", "dtype")


@dataclass(frozen=True)
class Shape:
    """What a launch sees of an array."""

    shape: tuple[int, ...]
    size: int
    ndim: int
    dtype: str


class _Return(Exception):
    def __init__(self, value: Any, line: int) -> None:
        self.value, self.line = value, line


class _Break(Exception):
    pass


class _Continue(Exception):
    pass


def launch_geometry(
    program: Program, name: str, arguments: Iterable[Any]
) -> tuple[Geometry, Geometry] | Finding:
    """What `launch(name, *arguments)` of a file returns: (grid, block), or what is wrong with it.

    Raises:
        LaunchError: the file has no launch, or it fails.
        Unsupported: it needs more than the interpreter knows.
    """
    function = program.function("launch")
    if function is None:
        raise LaunchError(None, "launch", "is missing", "Define launch(name, *args).")
    host = Host(program)
    seen = [
        Shape(one.shape, one.size, one.ndim, str(one.dtype)) if isinstance(one, np.ndarray) else one
        for one in arguments
    ]
    found = host.call(function, [name, *seen], function.node)
    return check(found, host.returned)


class Host:
    """Interprets functions of one file.

    Attributes:
        returned: line of the return that ended the last call.
    """

    def __init__(self, program: Program) -> None:
        self.program = program
        self.steps = self.depth = 0
        self.returned: int | None = None

    def call(self, function: Function, values: list[Any], at: ast.AST) -> Any:
        """Call a function of the file."""
        node = function.node
        line = getattr(at, "lineno", None)
        names = [one.arg for one in node.args.args]
        given = dict(zip(names, values, strict=False))
        if node.args.vararg is not None:
            given[node.args.vararg.arg] = tuple(values[len(names) :])
        elif len(values) > len(names):
            raise LaunchError(line, function.name, f"takes {len(names)} arguments")
        defaults = node.args.defaults
        for name, default in zip(names[len(names) - len(defaults) :], defaults, strict=True):
            if name not in given:
                given[name] = self._value(default, given)
        if any(name not in given for name in names) or node.args.kwonlyargs:
            raise LaunchError(line, function.name, f"takes {len(names)} arguments")
        self.depth += 1
        if self.depth > DEPTH:
            raise LaunchError(line, function.name, "calls itself too deeply")
        try:
            self._block(node.body, given)
        except _Return as found:
            self.returned = found.line
            return found.value
        finally:
            self.depth -= 1
        return None

    def _block(self, statements: list[ast.stmt], scope: dict[str, Any]) -> None:
        for one in statements:
            self.steps += 1
            if self.steps > STEPS:
                raise Endless(one.lineno, 1)
            try:
                self._statement(one, scope)
            except (ArithmeticError, ValueError, TypeError, LookupError, AttributeError) as error:
                raise LaunchError(
                    one.lineno,
                    f"`{ast.unparse(one).splitlines()[0]}`",
                    f"raises {type(error).__name__}: {error}",
                ) from None

    def _statement(self, node: ast.stmt, scope: dict[str, Any]) -> None:
        match node:
            case ast.Return():
                value = None if node.value is None else self._value(node.value, scope)
                raise _Return(value, node.lineno)
            case ast.Assign():
                value = self._value(node.value, scope)
                for target in node.targets:
                    self._bind(target, value, scope)
            case ast.AnnAssign() if node.value is not None:
                self._bind(node.target, self._value(node.value, scope), scope)
            case ast.AugAssign(target=ast.Name(id=name)):
                scope[name] = self._operate(node.op, scope[name], self._value(node.value, scope))
            case ast.If():
                chosen = node.body if self._value(node.test, scope) else node.orelse
                self._block(chosen, scope)
            case ast.For() if not node.orelse:
                for value in self._value(node.iter, scope):
                    self._bind(node.target, value, scope)
                    try:
                        self._block(node.body, scope)
                    except _Break:
                        break
                    except _Continue:
                        continue
            case ast.While() if not node.orelse:
                while self._value(node.test, scope):
                    try:
                        self._block(node.body, scope)
                    except _Break:
                        break
                    except _Continue:
                        continue
            case ast.Break():
                raise _Break
            case ast.Continue():
                raise _Continue
            case ast.Raise():
                text = ast.unparse(node.exc) if node.exc is not None else "raise"
                raise LaunchError(node.lineno, "launch", f"raises {text}")
            case ast.Assert():
                if not self._value(node.test, scope):
                    raise LaunchError(node.lineno, f"`{ast.unparse(node)}`", "does not hold")
            case ast.Pass():
                pass
            case ast.Expr(value=ast.Constant()):
                pass
            case _:
                raise Unsupported(
                    node.lineno,
                    f"`{ast.unparse(node).splitlines()[0]}` in launch",
                    "Compute grid and block with if, arithmetic and tuples.",
                )

    def _bind(self, target: ast.expr, value: Any, scope: dict[str, Any]) -> None:
        if isinstance(target, ast.Name):
            scope[target.id] = value
        elif isinstance(target, ast.Tuple | ast.List):
            rest = [place for place, one in enumerate(target.elts) if isinstance(one, ast.Starred)]
            values = list(value)
            if rest:
                after = len(target.elts) - rest[0] - 1
                end = len(values) - after
                values = [*values[: rest[0]], values[rest[0] : end], *values[end:]]
            for one, part in zip(target.elts, values, strict=True):
                self._bind(one.value if isinstance(one, ast.Starred) else one, part, scope)
        else:
            raise Unsupported(
                target.lineno, f"`{ast.unparse(target)}` in launch", "Use a variable."
            )

    def _operate(self, op: ast.operator, left: Any, right: Any) -> Any:
        number = isinstance(left, int | float) and isinstance(right, int | float)
        if not number and not isinstance(op, ast.Add):
            raise TypeError(f"{left!r} and {right!r}")
        if isinstance(op, ast.Pow | ast.LShift) and abs(right) > 64:
            raise ValueError("too large")
        found = OPERATORS[type(op)](left, right)
        if isinstance(found, int) and abs(found) > LARGEST:
            raise ValueError("too large")
        if isinstance(found, str | tuple | list) and len(found) > STEPS:
            raise ValueError("too large")
        return found

    def _value(self, node: ast.expr, scope: dict[str, Any]) -> Any:
        match node:
            case ast.Constant():
                return node.value
            case ast.Name():
                return self._name(node, scope)
            case ast.Attribute():
                found = self.program.resolve(node)
                if isinstance(found, Constant):
                    return found.value
                owner = self._value(node.value, scope)
                if isinstance(owner, Shape) and node.attr in ATTRIBUTES:
                    return getattr(owner, node.attr)
            case ast.BinOp():
                left, right = self._value(node.left, scope), self._value(node.right, scope)
                return self._operate(node.op, left, right)
            case ast.UnaryOp():
                return UNARY[type(node.op)](self._value(node.operand, scope))
            case ast.BoolOp():
                value = None
                for one in node.values:
                    value = self._value(one, scope)
                    if bool(value) == isinstance(node.op, ast.Or):
                        return value
                return value
            case ast.Compare():
                left = self._value(node.left, scope)
                for op, one in zip(node.ops, node.comparators, strict=True):
                    right = self._value(one, scope)
                    if not COMPARISONS[type(op)](left, right):
                        return False
                    left = right
                return True
            case ast.IfExp():
                chosen = node.body if self._value(node.test, scope) else node.orelse
                return self._value(chosen, scope)
            case ast.Tuple() | ast.List() | ast.Set():
                items = self._items(node.elts, scope)
                return items if isinstance(node, ast.List) else tuple(items)
            case ast.Dict() if all(key is not None for key in node.keys):
                return {
                    self._value(key, scope): self._value(value, scope)
                    for key, value in zip(node.keys, node.values, strict=True)
                    if key is not None
                }
            case ast.Subscript():
                return self._value(node.value, scope)[self._index(node.slice, scope)]
            case ast.Call() if not node.keywords:
                return self._call(node, scope)
        raise Unsupported(
            getattr(node, "lineno", None),
            f"`{ast.unparse(node)}` in launch",
            "Compute grid and block with if, arithmetic and tuples.",
        )

    def _index(self, node: ast.expr, scope: dict[str, Any]) -> Any:
        if not isinstance(node, ast.Slice):
            return self._value(node, scope)
        return slice(
            *(
                None if one is None else self._value(one, scope)
                for one in (node.lower, node.upper, node.step)
            )
        )

    def _items(self, nodes: list[ast.expr], scope: dict[str, Any]) -> list[Any]:
        found: list[Any] = []
        for one in nodes:
            if isinstance(one, ast.Starred):
                found += list(self._value(one.value, scope))
            else:
                found.append(self._value(one, scope))
        return found

    def _name(self, node: ast.Name, scope: dict[str, Any]) -> Any:
        if node.id in scope:
            return scope[node.id]
        found = self.program.names.get(node.id)
        if isinstance(found, Constant):
            return found.value
        if isinstance(found, Function) and found.is_cuda:
            return found.name
        raise Unsupported(
            node.lineno, f"the name {node.id} in launch", "Use constants and functions of the file."
        )

    def _call(self, node: ast.Call, scope: dict[str, Any]) -> Any:
        values = self._items(node.args, scope)
        found = self.program.resolve(node.func)
        if isinstance(found, Function) and not found.is_cuda:
            self.steps += 1
            if self.steps > STEPS:
                raise Endless(node.lineno, 1)
            return self.call(found, values, node)
        if isinstance(found, Path) and found.name in CALLS:
            return CALLS[found.name](*values)
        if isinstance(node.func, ast.Name) and node.func.id in ("tuple", "list", "sum", "any"):
            kinds: dict[str, Callable[..., Any]] = {
                "tuple": tuple,
                "list": list,
                "sum": sum,
                "any": any,
            }
            return kinds[node.func.id](*values)
        owner = node.func.value if isinstance(node.func, ast.Attribute) else None
        if isinstance(node.func, ast.Attribute) and owner is not None:
            subject = self._value(owner, scope)
            if isinstance(subject, dict) and node.func.attr == "get":
                return subject.get(*values)
            if isinstance(subject, str) and node.func.attr in ("startswith", "endswith"):
                return getattr(subject, node.func.attr)(*values)
        raise Unsupported(
            node.lineno,
            f"`{ast.unparse(node)}` in launch",
            "Call functions of the file, min, max, abs, len, int and math.ceil.",
        )
