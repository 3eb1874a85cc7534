"""The types of calls: casts, intrinsics, declarations of arrays, device functions."""

from __future__ import annotations

import ast
import math
from typing import Any

from . import types
from .errors import Rejected, Unsupported
from .intrinsics import ATOMICS, INSTEAD, RULES, Mismatch
from .names import Constant, ConstantArray, Function, Path, TypeName
from .typed import Declaration
from .types import BOOL, FLOAT32, FLOAT64, INT64, Array, Scalar, Tuple, Type
from .typing_expressions import ExpressionTyper

LOCAL_LIMIT = 512 * 1024  # bytes of local memory that a thread can have
SPACES = {"cuda.shared.array": "shared", "cuda.local.array": "local"}


class CallTyper(ExpressionTyper):
    """Types calls, besides all other expressions."""

    def _call(self, node: ast.Call) -> Type:
        found = self.entity(node.func)
        if isinstance(found, Path) and found.name in SPACES:
            return self._declaration(node, SPACES[found.name])
        if isinstance(found, Path) and found.name == "cuda.const.array_like":
            return self._constant_array(node)
        if node.keywords:
            raise Unsupported(node.lineno, "a keyword argument", "Pass arguments by position.")
        if isinstance(found, TypeName):
            return self._cast(node, found.scalar)
        if isinstance(found, Function):
            return self._device(node, found)
        if isinstance(found, Path):
            return self._intrinsic(node, found.name)
        if found is None:
            self._unknown(node)
        raise Rejected(node.lineno, f"`{ast.unparse(node.func)}`", "cannot be called")

    def _unknown(self, node: ast.Call) -> None:
        name = node.func.id if isinstance(node.func, ast.Name) else ""
        if name in INSTEAD and name not in self.assigned:
            raise Unsupported(node.lineno, f"`{name}`", INSTEAD[name])
        raise Rejected(node.lineno, f"`{ast.unparse(node.func)}`", "is not defined")

    def _declaration(self, node: ast.Call, space: str) -> Type:
        given = dict(zip(("shape", "dtype", "alignment"), node.args, strict=False))
        given |= {one.arg: one.value for one in node.keywords if one.arg}
        if "shape" not in given or "dtype" not in given:
            raise Rejected(
                node.lineno,
                f"`{ast.unparse(node)}`",
                "needs a shape and a type",
                f"Write cuda.{space}.array(128, float32).",
            )
        dtype = self.entity(given["dtype"])
        if not isinstance(dtype, TypeName):
            raise Rejected(given["dtype"].lineno, f"`{ast.unparse(given['dtype'])}`", "is no type")
        shape = given["shape"]
        parts = shape.elts if isinstance(shape, ast.Tuple) else [shape]
        whole = self.entity(shape) if isinstance(shape, ast.Name) else None
        if isinstance(whole, Constant) and isinstance(whole.value, tuple):
            extents: list[Any] = list(whole.value)
        else:
            extents = [self.literal(one) for one in parts]
        if any(type(one) is not int for one in extents):
            raise Rejected(
                node.lineno,
                f"the shape `{ast.unparse(shape)}`",
                "must be made of integer literals or named constants: Numba computes nothing here",
                "Give the sum a name at the top of the file, PADDED = TILE + 1, and use the name.",
            )
        least = 0 if space == "shared" and len(extents) == 1 else 1
        if any(one < least for one in extents):
            raise Rejected(node.lineno, f"the shape `{ast.unparse(shape)}`", "must be positive")
        size = dtype.scalar.bits // 8 * math.prod(extents)
        if space == "local" and size > LOCAL_LIMIT:
            raise Rejected(
                node.lineno, f"{size} bytes of local memory", f"are more than {LOCAL_LIMIT}"
            )
        alignment = self.literal(given["alignment"]) if "alignment" in given else 0
        self.declarations[node] = Declaration(
            node, space, tuple(extents), dtype.scalar, alignment or 0
        )
        return Array(dtype.scalar, len(extents), space)

    def _constant_array(self, node: ast.Call) -> Type:
        found = self.entity(node.args[0]) if len(node.args) == 1 else None
        if not isinstance(found, ConstantArray):
            raise Unsupported(
                node.lineno,
                f"`{ast.unparse(node)}`",
                "Pass an array that the file makes with np.array([...], np.float32) of literals.",
            )
        return Array(types.SCALARS[found.value.dtype.name], found.value.ndim, "constant")

    def _cast(self, node: ast.Call, to: Scalar) -> Type:
        if len(node.args) != 1:
            raise Rejected(node.lineno, f"`{ast.unparse(node)}`", "takes one number")
        self.scalar(node.args[0])
        self._check_mix(node, node.args[0], result=to)
        return to

    def _device(self, node: ast.Call, function: Function) -> Type:
        if not function.is_cuda:
            raise Rejected(
                node.lineno,
                function.name,
                "is not a device function",
                f"Write @cuda.jit(device=True) above def {function.name}.",
            )
        arguments = tuple(self.expression(one) for one in node.args)
        if len(arguments) != len(function.parameters):
            raise Rejected(
                node.lineno,
                f"`{ast.unparse(node)}`",
                f"gives {len(arguments)} arguments to {len(function.parameters)} parameters",
            )
        callee = self.callees[node] = self.link(function, arguments, node)
        for name, argument in zip(function.parameters, node.args, strict=True):
            if name in callee.stores:
                self.stored(argument)
        return callee.returns

    def _intrinsic(self, node: ast.Call, name: str) -> Type:
        if name in ("cuda.grid", "cuda.gridsize"):
            ndim = self.literal(node.args[0]) if len(node.args) == 1 else None
            if ndim not in (1, 2, 3):
                raise Rejected(node.lineno, f"`{ast.unparse(node)}`", "takes the literal 1, 2 or 3")
            self.expression(node.args[0])
            return INT64 if ndim == 1 else Tuple((INT64,) * ndim)
        if name in ("int", "float", "bool"):
            return self._convert(node, name)
        if name == "len":
            found = self.expression(node.args[0]) if len(node.args) == 1 else None
            if not isinstance(found, Array | Tuple):
                raise Rejected(node.lineno, f"`{ast.unparse(node)}`", "takes an array")
            return INT64
        if name.startswith("cuda.atomic.") and name.rpartition(".")[2] in ATOMICS:
            return self._atomic(node)
        rule = RULES.get(name)
        if rule is None:
            raise Unsupported(node.lineno, f"`{ast.unparse(node.func)}`", INSTEAD.get(name, ""))
        arguments = tuple(self.expression(one) for one in node.args)
        try:
            result, _ = rule.typed(arguments)
        except (Mismatch, ValueError) as wrong:
            text = str(wrong) if isinstance(wrong, Mismatch) else "got other arguments"
            raise Rejected(node.lineno, f"`{ast.unparse(node)}`", text) from None
        if not rule.masked:
            self._check_mix(node, *node.args, result=result)
        elif name == "cuda.store4":
            self.stored(node.args[0])
        return result

    def _convert(self, node: ast.Call, name: str) -> Type:
        if len(node.args) != 1:
            raise Rejected(node.lineno, f"`{ast.unparse(node)}`", "takes one number")
        given = self.scalar(node.args[0])
        if name == "float" and given == FLOAT32:
            return FLOAT32
        if name == "int" and given.kind in "iu":
            return given
        result = {"int": INT64, "float": FLOAT64, "bool": BOOL}[name]
        self._check_mix(node, node.args[0], result=result)
        return result

    def _atomic(self, node: ast.Call) -> Type:
        if len(node.args) != 3 or not isinstance(owner := self.expression(node.args[0]), Array):
            raise Rejected(
                node.lineno, f"`{ast.unparse(node)}`", "takes an array, an index and a value"
            )
        if owner.space not in ("shared", "global"):
            raise Rejected(node.lineno, f"`{ast.unparse(node)}`", f"works on {owner.space} memory")
        place = ast.Subscript(node.args[0], node.args[1], ast.Store())
        self.element(ast.copy_location(place, node), owner)
        self.scalar(node.args[2])
        self.stored(node.args[0])
        return owner.dtype
