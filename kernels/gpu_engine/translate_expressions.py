"""Expressions of a typed kernel, as Python source over vectors of lanes.

Only names that this module makes up and literals get into the generated text: a name `x` of the
kernel is `v_x` there, and everything else goes through tables of the engine.
"""

from __future__ import annotations

import ast
from collections.abc import Callable
from typing import Any

from . import types
from .constants import NotConstant, constant
from .intrinsics import RULES, VALUES
from .names import Constant, ConstantArray, Function, Path, TypeName
from .program import Program
from .sites import Place
from .typed import Typed
from .types import BOOL, FLOAT32, FLOAT64, INT64, Array, Scalar, Tuple, Type

OPERATORS = {
    "Add": "+",
    "Sub": "-",
    "Mult": "*",
    "Div": "/",
    "BitAnd": "&",
    "BitOr": "|",
    "BitXor": "^",
}
COMPARISONS = {"Lt": "<", "LtE": "<=", "Gt": ">", "GtE": ">=", "Eq": "==", "NotEq": "!="}
SMALL = 1 << 31
BITWISE = ("cuda.popc", "cuda.clz", "cuda.ffs", "cuda.brev")
CASTS = {"int": INT64, "float": FLOAT64, "bool": BOOL}


def form(kind: Type) -> str:
    """How a value of that type is held at run time: i, b, float32, float64 or another."""
    if not isinstance(kind, Scalar):
        return "other"
    return {"i": "i", "u": "i", "b": "b", "f": kind.name}[kind.kind]


class ExpressionTranslator:
    """Translates the expressions of one typed function.

    Args:
        program: the file.
        typed: the function with its types.
        places: the places of the source where memory is touched; new ones are appended.
        function_name: the generated name of a typed device function.
        constants: values that the generated code refers to as K0, K1, ...
    """

    def __init__(
        self,
        program: Program,
        typed: Typed,
        places: list[Place],
        function_name: Callable[[Typed], str],
        constants: list[Any],
    ) -> None:
        self.program, self.typed, self.places = program, typed, places
        self.function_name, self.constants = function_name, constants
        self.locals = set(typed.targets)
        self.temporaries = 0

    def temporary(self) -> str:
        """A fresh name."""
        self.temporaries += 1
        return f"t{self.temporaries}"

    def constant(self, value: Any) -> str:
        """A name for a value that source text cannot spell exactly."""
        self.constants.append(value)
        return f"K{len(self.constants) - 1}"

    def place(self, node: ast.AST, op: str, array: str = "") -> str:
        """Register a place of the source; the text that finds it at run time."""
        line, column = getattr(node, "lineno", 0), getattr(node, "col_offset", 0)
        end = getattr(node, "end_col_offset", column) or column
        self.places.append(
            Place(len(self.places), line, column, end, op, array, self.typed.function.name)
        )
        return f"S[{len(self.places) - 1}]"

    # values

    def value(self, node: ast.expr, to: Scalar | None = None) -> str:
        """Source of an expression, converted to a type where one is given."""
        kind = self.typed.types[node]
        folded = self._folded(node)
        if folded is not None:
            return self._literal(folded, to or kind)
        text: str = getattr(self, f"_{type(node).__name__.lower()}")(node)
        return self.converted(text, kind, to) if to is not None else text

    def _folded(self, node: ast.expr) -> Any:
        """The value of a constant expression of integers, or of a single float; else None."""
        if node not in self.typed.constants:
            return None
        kind = self.typed.types[node]
        single = isinstance(node, ast.Constant | ast.Name | ast.Attribute) or (
            isinstance(node, ast.UnaryOp)
            and isinstance(node.operand, ast.Constant | ast.Name | ast.Attribute)
        )
        casts = any(isinstance(one, ast.Call) for one in ast.walk(node))
        if not isinstance(kind, Scalar) or casts or (kind.kind == "f" and not single):
            return None
        try:
            found = constant(node, self._entity)
        except NotConstant:
            return None
        return found.value if isinstance(found, Constant) else None

    def _entity(self, node: ast.expr) -> Any:
        root = node
        while isinstance(root, ast.Attribute):
            root = root.value
        if not isinstance(root, ast.Name) or root.id in self.locals:
            return None
        return self.program.resolve(node)

    def _literal(self, value: Any, kind: Type) -> str:
        if isinstance(kind, Scalar) and kind.kind == "f":
            return self.constant(kind.dtype.type(value))
        if kind == BOOL:
            return str(bool(value))
        found = int(value)
        return str(found) if found >= 0 else f"({found})"

    def converted(self, text: str, kind: Type, to: Type) -> str:
        """Source that turns a value of one type into another, where they are held differently."""
        if not isinstance(to, Scalar) or form(kind) == form(to):
            return text
        if to.kind == "f":
            return f"{to.name}({text})"
        return f"boolean({text})" if to == BOOL else f"integer({text})"

    def condition(self, node: ast.expr) -> str:
        """Source of an expression as a truth value."""
        return self.value(node, BOOL)

    def pure(self, node: ast.expr) -> bool:
        """True where evaluating for lanes that are not active does no harm and counts nothing."""
        return not any(isinstance(one, ast.Subscript | ast.Call) for one in ast.walk(node))

    def _name(self, node: ast.Name) -> str:
        if node.id not in self.locals:
            return self._global(node)
        kind = self.typed.types[node]
        forms = {form(one) for one in self.typed.targets[node.id]}
        if len(forms) > 1 and isinstance(kind, Scalar):
            return self.converted(f"v_{node.id}", types.NONE, kind)
        return f"v_{node.id}"

    def _global(self, node: ast.expr) -> str:
        found = self._entity(node)
        if isinstance(found, Path):
            return f"rt.{VALUES[found.name][1]}"
        if isinstance(found, ConstantArray):
            return f"rt.constant_array({self.constant(found)})"
        value = found.value
        if isinstance(value, tuple):
            items = (self._literal(one, types.scalar_of(one) or INT64) for one in value)
            return f"({', '.join(items)},)"
        return self._literal(value, types.scalar_of(value) or INT64)

    def _attribute(self, node: ast.Attribute) -> str:
        if self._entity(node) is not None:
            return self._global(node)
        return f"{self.value(node.value)}.{node.attr}"

    def _constant(self, node: ast.Constant) -> str:
        return self._literal(node.value, self.typed.types[node])

    def _tuple(self, node: ast.Tuple) -> str:
        return f"({', '.join(self.value(one) for one in node.elts)},)"

    def _binop(self, node: ast.BinOp) -> str:
        op, result = type(node.op).__name__, self.typed.types[node]
        assert isinstance(result, Scalar)
        if op == "Pow" and result.kind == "f":
            exponent = self._folded(node.right)
            small = isinstance(exponent, int) and abs(exponent) <= 64
            right = str(exponent) if small else self.value(node.right, result)
            return f"power({self.value(node.left, result)}, {right})"
        to = INT64 if result.is_integer and result != BOOL else result
        left, right = self.value(node.left, to), self.value(node.right, to)
        if op in OPERATORS and not (op == "Mult" and to == INT64 and not self._small(node)):
            return f"({left} {OPERATORS[op]} {right})"
        if op == "RShift":
            unsigned = self.typed.types[node.left] == types.UINT64
            return f"shift_right_unsigned({left}, {right})" if unsigned else f"({left} >> {right})"
        if op in ("FloorDiv", "Mod") and result.kind != "f":
            divisor = self._folded(node.right)
            if isinstance(divisor, int) and divisor > 0 and divisor & (divisor - 1) == 0:
                shift = divisor.bit_length() - 1
                return f"({left} >> {shift})" if op == "FloorDiv" else f"({left} & {divisor - 1})"
        names = {"Mult": "multiply", "FloorDiv": "floor_divide", "Mod": "modulo"}
        names |= {"LShift": "shift_left", "Pow": "power"}
        return f"{names[op]}({left}, {right})"

    def _small(self, node: ast.BinOp) -> bool:
        """A product with a small literal, which does not overflow in practice."""
        return any(
            isinstance(value := self._folded(one), int) and abs(value) < SMALL
            for one in (node.left, node.right)
        )

    def _unaryop(self, node: ast.UnaryOp) -> str:
        if isinstance(node.op, ast.Not):
            return f"rt.negated({self.condition(node.operand)})"
        kind = self.typed.types[node]
        assert isinstance(kind, Scalar)
        text = self.value(node.operand, kind if kind.kind == "f" or kind == BOOL else INT64)
        if isinstance(node.op, ast.Invert) and kind == BOOL:
            return f"rt.negated({text})"
        return f"({ {ast.USub: '-', ast.UAdd: '+', ast.Invert: '~'}[type(node.op)] }{text})"

    def _boolop(self, node: ast.BoolOp) -> str:
        both = isinstance(node.op, ast.And)
        text = self.condition(node.values[-1])
        pure = self.pure(node.values[-1])
        for one in reversed(node.values[:-1]):
            left = self.condition(one)
            if pure:
                text = f"({left} {'&' if both else '|'} {text})"
            else:
                text = f"rt.{'both' if both else 'either'}(m, {left}, lambda m: {text})"
            pure = pure and self.pure(one)
        return text

    def _compare(self, node: ast.Compare) -> str:
        sides = [node.left, *node.comparators]
        kinds = [self.typed.types[one] for one in sides]
        parts = []
        held: str | None = None
        for place, op in enumerate(node.ops):
            a, b = sides[place], sides[place + 1]
            first, second = kinds[place], kinds[place + 1]
            assert isinstance(first, Scalar) and isinstance(second, Scalar)
            to = types.compared(first, second)
            literal = bool(self.typed.constants & {a, b}) and node not in self.typed.promotions
            if to == FLOAT64 and FLOAT32 in (first, second) and literal:
                to = FLOAT32  # the literal is exact in float32: see the typing of comparisons
            left = self.converted(held, first, to) if held else self.value(a, to)
            if place + 1 < len(node.ops):
                held = self.temporary()
                right = self.converted(f"({held} := {self.value(b)})", second, to)
            else:
                right = self.value(b, to)
            parts.append(f"({left} {COMPARISONS[type(op).__name__]} {right})")
        return parts[0] if len(parts) == 1 else f"({' & '.join(parts)})"

    def _ifexp(self, node: ast.IfExp) -> str:
        kind = self.typed.types[node]
        to = kind if isinstance(kind, Scalar) else None
        test = self.condition(node.test)
        a, b = self.value(node.body, to), self.value(node.orelse, to)
        if to is not None and self.pure(node.body) and self.pure(node.orelse):
            return f"select({test}, {a}, {b})"
        return f"rt.choose(m, {test}, lambda m: {a}, lambda m: {b})"

    # memory

    def index(self, node: ast.expr) -> str:
        """Source of the indices, each an integer, separated by commas."""
        parts = node.elts if isinstance(node, ast.Tuple) else [node]
        texts = []
        for one in parts:
            if isinstance(self.typed.types[one], Tuple):
                texts.append(f"*{self.value(one)}")
            else:
                texts.append(self.value(one, INT64))
        return ", ".join(texts)

    def _subscript(self, node: ast.Subscript) -> str:
        owner = self.typed.types[node.value]
        if isinstance(owner, Array):
            return self.load(node, owner, self.index(node.slice))
        place = self._folded(node.slice)
        if place is None:
            return f"rt.item({self.value(node.value)}, {self.value(node.slice)})"
        return f"{self.value(node.value)}[{place}]"

    def load(self, node: ast.Subscript, owner: Array, index: str) -> str:
        """Source that reads one element of an array for each lane."""
        place = self.place(node, "load", self._array_name(node.value))
        return f"rt.load_{owner.space}({self.value(node.value)}, {place}, m, {index})"

    def _array_name(self, node: ast.expr) -> str:
        return node.id if isinstance(node, ast.Name) else ""

    # calls

    def _call(self, node: ast.Call) -> str:
        if node in self.typed.declarations:
            declaration = self.typed.declarations[node]
            return f"rt.{declaration.space}_array({self.constant(declaration)}, m)"
        if node in self.typed.callees:
            callee = self.typed.callees[node]
            arguments = "".join(f", {self.value(one)}" for one in node.args)
            return f"{self.function_name(callee)}(rt, m{arguments})"
        found = self._entity(node.func)
        if isinstance(found, TypeName):
            return self._cast(node.args[0], found.scalar)
        assert isinstance(found, Path), found
        assert not isinstance(found, Function)
        return self._intrinsic(node, found.name)

    def _cast(self, node: ast.expr, to: Scalar) -> str:
        kind = self.typed.types[node]
        assert isinstance(kind, Scalar)
        text = self.value(node, to if to.kind in "fb" else INT64)
        narrows = to.kind in "iu" and (to.bits < 64 or to.kind != kind.kind)
        fits = kind == BOOL or (kind.kind == to.kind and kind.bits <= to.bits)
        if narrows and not fits:
            return f"wrapped({text}, {to.bits}, {to.kind == 'i'})"
        return text

    def _intrinsic(self, node: ast.Call, name: str) -> str:
        kind = self.typed.types[node]
        if name in ("cuda.grid", "cuda.gridsize"):
            return f"rt.{name[5:]}_{self._folded(node.args[0])}"
        if name == "cuda.const.array_like":
            return self._global(node.args[0])
        if name in CASTS:
            assert isinstance(kind, Scalar)
            return self._cast(node.args[0], kind)
        if name == "len":
            owner = self.typed.types[node.args[0]]
            text = self.value(node.args[0])
            return f"{text}.shape[0]" if isinstance(owner, Array) else f"len({text})"
        if name.startswith("cuda.atomic."):
            return self._atomic(node, name.rpartition(".")[2], used=True)
        rule = RULES[name]
        given = tuple(self.typed.types[one] for one in node.args)
        _, wanted = rule.typed(given)
        arguments = [
            self.value(one, to if isinstance(to, Scalar) else None)
            for one, to in zip(node.args, wanted, strict=True)
        ]
        if name in BITWISE and isinstance(given[0], Scalar):
            arguments.append(str(max(32, given[0].bits)))
        if not rule.masked:
            return f"{rule.code}({', '.join(arguments)})"
        op = {"cuda.load4": "load", "cuda.store4": "store"}.get(name, "warp")
        array = self._array_name(node.args[0]) if node.args and op != "warp" else ""
        return f"rt.{rule.code}({', '.join(['m', self.place(node, op, array), *arguments])})"

    def _atomic(self, node: ast.Call, op: str, *, used: bool) -> str:
        owner = self.typed.types[node.args[0]]
        assert isinstance(owner, Array)
        place = self.place(node, "atomic", self._array_name(node.args[0]))
        return (
            f"rt.atomic(m, {place}, {op!r}, {used}, {self.value(node.args[0])}, "
            f"{self.value(node.args[2], owner.dtype)}, {self.index(node.args[1])})"
        )

    def statement_call(self, node: ast.Call) -> str:
        """Source of a call whose value nobody uses."""
        found = self._entity(node.func)
        if isinstance(found, Path) and found.name.startswith("cuda.atomic."):
            return self._atomic(node, found.name.rpartition(".")[2], used=False)
        return self.value(node)
