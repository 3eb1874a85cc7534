"""The types of expressions, by Numba's rules; where float64 comes in is written down."""

from __future__ import annotations

import ast
from collections.abc import Callable
from typing import Any

import numpy as np

from . import types
from .errors import Rejected, Unsupported
from .intrinsics import INSTEAD, VALUES
from .names import Constant, ConstantArray, Entity, Function, Path, Unusable
from .program import Program
from .scope import Conflict, Scope
from .typed import Declaration, Promotion, Typed
from .types import BOOL, FLOAT32, FLOAT64, INT64, Array, Scalar, Tuple, Type, scalar_of

# Syntax that Numba's CUDA compiler refuses, and syntax that the engine cannot run.
REFUSED = {
    ast.Dict: ("a dict", "Use an array, or if and elif."),
    ast.Set: ("a set", "Use an array."),
    ast.List: ("a list", "Use cuda.local.array or a tuple."),
    ast.ListComp: ("a list comprehension", "Use cuda.local.array and a for loop."),
    ast.DictComp: ("a dict comprehension", "Use an array and a for loop."),
    ast.SetComp: ("a set comprehension", "Use an array and a for loop."),
    ast.GeneratorExp: ("a generator expression", "Write a for loop."),
    ast.JoinedStr: ("a formatted string", "Strings have no place in a kernel."),
    ast.Await: ("await", ""),
    ast.Yield: ("yield", ""),
    ast.YieldFrom: ("yield from", ""),
}
UNSUPPORTED = {
    ast.Lambda: ("a lambda", "Write a device function with @cuda.jit(device=True)."),
    ast.NamedExpr: ("an assignment inside an expression", "Assign on a line of its own."),
    ast.Starred: ("a starred expression", "Write the items out."),
    ast.Slice: ("a slice", "Index single elements in a for loop."),
}


class ExpressionTyper:
    """Types one function's expressions; statements are `typing_statements.FunctionTyper`'s."""

    def __init__(
        self,
        program: Program,
        function: Function,
        link: Callable[[Function, tuple[Type, ...], ast.Call], Typed],
    ) -> None:
        self.program, self.function, self.link = program, function, link
        self.types: dict[ast.expr, Type] = {}
        self.constants: set[ast.expr] = set()
        self.declarations: dict[ast.Call, Declaration] = {}
        self.callees: dict[ast.Call, Typed] = {}
        self.promotions: dict[ast.AST, Promotion] = {}
        self.stores: set[str] = set()
        self.assigned: set[str] = set()
        self.rebound: set[str] = set()
        self.scope: Scope = {}

    # names

    def entity(self, node: ast.expr) -> Entity | None:
        """What a name of the file or of a module stands for; None for variables and values."""
        root = node
        while isinstance(root, ast.Attribute):
            root = root.value
        if not isinstance(root, ast.Name) or root.id in self.assigned:
            return None
        found = self.program.resolve(node)
        if isinstance(found, Unusable):
            raise Unsupported(
                getattr(node, "lineno", None),
                found.construct,
                f"Line {found.line} gives it a value that only running the file could tell; "
                "use integer or float literals.",
            )
        return found

    # expressions

    def expression(self, node: ast.expr) -> Type:
        """The type of an expression; every node below it gets its own."""
        for table, make in ((REFUSED, self._refuse), (UNSUPPORTED, self._unsupport)):
            if type(node) in table:
                make(node, *table[type(node)])
        method = getattr(self, f"_{type(node).__name__.lower()}", None)
        if method is None:
            raise Unsupported(node.lineno, f"`{ast.unparse(node)}`")
        self.constants.discard(node)
        found: Type = method(node)
        self.types[node] = found
        return found

    def scalar(self, node: ast.expr) -> Scalar:
        """The type of an expression that must be a number."""
        found = self.expression(node)
        if not isinstance(found, Scalar):
            raise Rejected(node.lineno, f"`{ast.unparse(node)}`", f"is {found}, not a number")
        return found

    def _refuse(self, node: ast.expr, what: str, instead: str) -> None:
        raise Rejected(node.lineno, what, "is not compiled by Numba for CUDA", instead)

    def _unsupport(self, node: ast.expr, what: str, instead: str) -> None:
        raise Unsupported(node.lineno, what, instead)

    def stored(self, node: ast.expr) -> None:
        """An array of the caller is stored into: which, or any where the text does not tell."""
        kind = self.types.get(node)
        if isinstance(kind, Array) and kind.space != "global":
            return
        known = isinstance(node, ast.Name) and node.id not in self.rebound
        if isinstance(node, ast.Name) and known:
            self.stores.add(node.id)
        else:
            self.stores |= set(self.function.parameters)

    def promote(self, node: ast.AST, text: str) -> None:
        """Write down that float64 comes in here."""
        self.promotions.setdefault(node, Promotion(node, text))

    def _is_constant(self, *nodes: ast.expr) -> bool:
        return all(one in self.constants for one in nodes)

    def _mixes(self, *nodes: ast.expr) -> bool:
        """True where a value that is not float64 takes part in an operation in float64."""
        return any(self.types[one] != FLOAT64 and one not in self.constants for one in nodes)

    def _check_mix(self, node: ast.expr, *operands: ast.expr, result: Type) -> None:
        if self._is_constant(*operands):
            self.constants.add(node)
        elif result == FLOAT64 and self._mixes(*operands):
            kinds = ", ".join(f"{ast.unparse(one)} is {self.types[one]}" for one in operands)
            self.promote(node, f"`{ast.unparse(node)}` is computed in float64: {kinds}")

    def _constant(self, node: ast.Constant) -> Type:
        self.constants.add(node)
        found = scalar_of(node.value)
        if found is None:
            what = "a string" if isinstance(node.value, str) else f"`{node.value!r}`"
            raise Rejected(node.lineno, what, "is not compiled by Numba for CUDA")
        return found

    def _name(self, node: ast.Name) -> Type:
        variable = self.scope.get(node.id)
        if variable is not None:
            if isinstance(variable.type, Conflict):
                a, b = variable.type.first, variable.type.second
                raise Rejected(node.lineno, node.id, f"cannot be both {a} and {b}")
            if variable.constant:
                self.constants.add(node)
            if variable.widened is not None and variable.type == FLOAT64:
                line = getattr(variable.wide, "lineno", None)
                self.promote(
                    variable.widened,
                    f"{node.id} is promoted to float64, which it is on line {line}",
                )
            return variable.type
        if node.id in self.assigned:
            raise Rejected(node.lineno, node.id, "is read before it is assigned")
        return self._global(node)

    def _global(self, node: ast.expr) -> Type:
        found = self.entity(node)
        if isinstance(found, Constant):
            self.constants.add(node)
            return self._value_type(node, found.value)
        if isinstance(found, ConstantArray):
            return Array(types.SCALARS[found.value.dtype.name], found.value.ndim, "constant")
        if isinstance(found, Path):
            if found.name in VALUES:
                return VALUES[found.name][0]
            raise Unsupported(
                node.lineno, f"`{ast.unparse(node)}` here", INSTEAD.get(found.name, "")
            )
        if found is None:
            raise Rejected(node.lineno, f"`{ast.unparse(node)}`", "is not defined")
        raise Rejected(node.lineno, f"`{ast.unparse(node)}`", "is not a value")

    def _value_type(self, node: ast.expr, value: Any) -> Type:
        if isinstance(value, tuple):
            return Tuple(tuple(self._value_type(node, one) for one in value))
        found = scalar_of(value)
        if found is None:
            raise Rejected(node.lineno, "a string", "is not compiled by Numba for CUDA")
        return found

    def _attribute(self, node: ast.Attribute) -> Type:
        if self.entity(node) is not None:
            return self._global(node)
        owner = self.expression(node.value)
        if isinstance(owner, Array):
            if node.attr == "shape":
                return Tuple((INT64,) * owner.ndim)
            if node.attr in ("size", "ndim"):
                return INT64
            raise Unsupported(
                node.lineno, f"`{ast.unparse(node)}`", "Arrays have shape, size and ndim here."
            )
        raise Rejected(node.lineno, f"`{ast.unparse(node)}`", "is no attribute that Numba knows")

    def _tuple(self, node: ast.Tuple) -> Type:
        found = Tuple(tuple(self.expression(one) for one in node.elts))
        if self._is_constant(*node.elts):
            self.constants.add(node)
        return found

    def _binop(self, node: ast.BinOp) -> Type:
        left, right = self.scalar(node.left), self.scalar(node.right)
        found = types.binary(type(node.op).__name__, left, right)
        if found is None:
            raise Rejected(
                node.lineno, f"`{ast.unparse(node)}`", f"has no meaning for {left} and {right}"
            )
        self._check_mix(node, node.left, node.right, result=found)
        return found

    def _unaryop(self, node: ast.UnaryOp) -> Type:
        operand = self.scalar(node.operand)
        if self._is_constant(node.operand):
            self.constants.add(node)
        if isinstance(node.op, ast.Not):
            return BOOL
        if isinstance(node.op, ast.Invert):
            if not operand.is_integer:
                raise Rejected(node.lineno, f"`{ast.unparse(node)}`", f"is ~ of a {operand}")
            return operand if operand == BOOL else types.negated(operand)
        return types.negated(operand)

    def _boolop(self, node: ast.BoolOp) -> Type:
        for one in node.values:
            self.scalar(one)
        if self._is_constant(*node.values):
            self.constants.add(node)
        return BOOL

    def _compare(self, node: ast.Compare) -> Type:
        sides = [node.left, *node.comparators]
        found = [self.scalar(one) for one in sides]
        for op in node.ops:
            if isinstance(op, ast.Is | ast.IsNot | ast.In | ast.NotIn):
                raise Unsupported(node.lineno, f"`{ast.unparse(node)}`", "Compare with == and <.")
        if self._is_constant(*sides):
            self.constants.add(node)
        for (a, first), (b, second) in zip(
            zip(sides, found, strict=True), list(zip(sides, found, strict=True))[1:], strict=False
        ):
            if types.compared(first, second) != FLOAT64 or not self._mixes(a, b):
                continue
            if any(self._exact_in_float32(one) for one in (a, b)) and FLOAT32 in (first, second):
                continue  # the compiler compares in float32: the literal loses nothing there
            self.promote(
                node,
                f"`{ast.unparse(node)}` is compared in float64: {ast.unparse(a)} is {first}, "
                f"{ast.unparse(b)} is {second}",
            )
        return BOOL

    def _exact_in_float32(self, node: ast.expr) -> bool:
        """A literal that a float32 holds exactly; infinities too."""
        if node not in self.constants:
            return False
        if isinstance(node, ast.UnaryOp):
            return self._exact_in_float32(node.operand)
        value = node.value if isinstance(node, ast.Constant) else None
        if value is None:
            found = self.entity(node) if isinstance(node, ast.Name | ast.Attribute) else None
            value = found.value if isinstance(found, Constant) else None
        if not isinstance(value, int | float | np.generic):
            return False
        with np.errstate(over="ignore"):
            return float(np.float32(value)) == float(value)

    def _ifexp(self, node: ast.IfExp) -> Type:
        self.scalar(node.test)
        a, b = self.expression(node.body), self.expression(node.orelse)
        if not isinstance(a, Scalar) or not isinstance(b, Scalar):
            if a != b:
                raise Rejected(node.lineno, f"`{ast.unparse(node)}`", f"is either {a} or {b}")
            return a
        found = types.unify(a, b)
        if self._is_constant(node.test, node.body, node.orelse):
            self.constants.add(node)
        elif found == FLOAT64 and a != b and self._mixes(node.body, node.orelse):
            self.promote(
                node,
                f"`{ast.unparse(node)}` is float64: {ast.unparse(node.body)} is {a}, "
                f"{ast.unparse(node.orelse)} is {b}",
            )
        return found

    # subscripts

    def _subscript(self, node: ast.Subscript) -> Type:
        owner = self.expression(node.value)
        if isinstance(owner, Tuple):
            return self._item(node, owner)
        if not isinstance(owner, Array):
            raise Rejected(node.lineno, f"`{ast.unparse(node)}`", f"indexes {owner}")
        return self.element(node, owner)

    def _item(self, node: ast.Subscript, owner: Tuple) -> Type:
        kind = self.expression(node.slice)
        place = self.literal(node.slice)
        if place is not None:
            if not -len(owner.items) <= place < len(owner.items):
                raise Rejected(
                    node.lineno, f"`{ast.unparse(node)}`", f"is outside of {len(owner.items)} items"
                )
            return owner.items[place]
        if len(set(owner.items)) != 1 or not isinstance(kind, Scalar) or kind.kind not in "iu":
            raise Rejected(node.lineno, f"`{ast.unparse(node)}`", "needs a literal index")
        return owner.items[0]

    def element(self, node: ast.Subscript, owner: Array) -> Scalar:
        """The type of one element; the index is typed and must be complete."""
        index = node.slice.elts if isinstance(node.slice, ast.Tuple) else [node.slice]
        found: list[Type] = []
        for one in index:
            kind = self.expression(one)
            found += kind.items if isinstance(kind, Tuple) else [kind]
        if isinstance(node.slice, ast.Tuple):
            self.types[node.slice] = Tuple(tuple(found))
        for kind in found:
            if not isinstance(kind, Scalar) or not kind.is_integer:
                raise Rejected(
                    node.lineno, f"`{ast.unparse(node)}`", f"is indexed with {kind}, not integers"
                )
        if len(found) < owner.ndim:
            raise Unsupported(
                node.lineno,
                f"`{ast.unparse(node)}`, a part of an array of {owner.ndim} axes",
                "Index all axes at once, as in x[i, j].",
            )
        if len(found) > owner.ndim:
            raise Rejected(
                node.lineno,
                f"`{ast.unparse(node)}`",
                f"has {len(found)} indices for {owner.ndim} axes",
            )
        return owner.dtype

    def literal(self, node: ast.expr) -> int | None:
        """The value of an integer literal, a named constant or a variable that is one."""
        if isinstance(node, ast.Constant):
            return node.value if type(node.value) is int else None
        if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
            inner = self.literal(node.operand)
            return None if inner is None else -inner
        if isinstance(node, ast.Name) and node.id in self.scope:
            return self.scope[node.id].literal
        found = self.entity(node) if isinstance(node, ast.Name | ast.Attribute) else None
        if isinstance(found, Constant) and type(found.value) is int:
            return found.value
        return None
