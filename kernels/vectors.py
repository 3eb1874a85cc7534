"""What the words of `kernels.simd` mean: LLVM vector instructions through `numba.extending`.

A vector of float32 or float64 is a type of its own to Numba, whose data is one LLVM vector. LLVM
lowers it to registers of the host, so that the same word becomes AVX-512, AVX2 or NEON code.
"""

# Numba calls what is written here with objects it does not type.
# mypy: disable-error-code="no-untyped-def, no-untyped-call, union-attr, arg-type, import-untyped"
from __future__ import annotations

import os
import platform
from collections.abc import Callable
from typing import Any

from llvmlite import binding, ir
from numba import types
from numba.core import cgutils
from numba.core.datamodel import models
from numba.extending import intrinsic, register_model

from .simd import WIDE

I32, I64 = ir.IntType(32), ir.IntType(64)
LEAVES = {types.float32: ir.FloatType(), types.float64: ir.DoubleType()}


def _register_bits() -> int:
    """Width of the host's registers, or LAB_SIMD_BITS."""
    told = os.environ.get("LAB_SIMD_BITS", "")
    if told:
        if told not in ("128", "256", "512"):
            raise ValueError(f"LAB_SIMD_BITS is {told!r}. It must be 128, 256 or 512.")
        return int(told)
    features = binding.get_host_cpu_features()
    if features.get("avx512f"):
        return 512
    return 256 if features.get("avx2") else 128


BITS = _register_bits()
# AVX-512 and NEON have 32 vector registers, AVX2 has 16.
REGISTERS = 32 if BITS == 512 or platform.machine() in ("arm64", "aarch64") else 16
SCALEF = BITS == 512 and bool(binding.get_host_cpu_features().get("avx512f"))


class Vector(types.Type):
    """A register full of `dtype`, or `count` of them, whose instructions take turns."""

    def __init__(self, dtype: Any, count: int = 1) -> None:
        self.dtype = dtype
        self.lanes = BITS // dtype.bitwidth * count
        super().__init__(name=f"vector{self.lanes}({dtype})")


@register_model(Vector)
class _Model(models.PrimitiveModel):
    def __init__(self, manager: Any, vector: Vector) -> None:
        super().__init__(manager, vector, ir.VectorType(LEAVES[vector.dtype], vector.lanes))


VECTORS = {dtype: Vector(dtype) for dtype in LEAVES}
WIDES = {dtype: Vector(dtype, WIDE) for dtype in LEAVES}


def _vector(like: Any) -> Vector | None:
    """The vector type that belongs to an array, a vector or a float."""
    if isinstance(like, Vector):
        return like
    dtype = like if like in LEAVES else getattr(like, "dtype", None)
    return VECTORS.get(dtype)


def _ir(vector: Vector) -> Any:
    return ir.VectorType(LEAVES[vector.dtype], vector.lanes)


def _ints(vector: Vector) -> Any:
    return ir.VectorType(ir.IntType(vector.dtype.bitwidth), vector.lanes)


def _all(kind: Any, value: Any) -> Any:
    return ir.Constant(kind, [value] * kind.count)


def _address(context: Any, builder: Any, kind: Any, array: Any, offset: Any, to: Any) -> Any:
    if isinstance(kind, types.CPointer):
        data = array
    else:
        data = context.make_array(kind)(context, builder, array).data
    return builder.bitcast(builder.gep(data, [offset]), to.as_pointer())


def _splat(builder: Any, kind: Any, scalar: Any) -> Any:
    nothing = ir.Constant(kind, ir.Undefined)
    first = builder.insert_element(nothing, scalar, ir.Constant(I32, 0))
    return builder.shuffle_vector(first, nothing, _all(ir.VectorType(I32, kind.count), 0))


def _call(builder: Any, name: str, result: Any, args: Any, **more: Any) -> Any:
    kind = ir.FunctionType(result, [one.type for one in args])
    return builder.call(cgutils.get_or_insert_function(builder.module, kind, name), args, **more)


def _suffix(vector: Vector) -> str:
    return f"v{vector.lanes}f{vector.dtype.bitwidth}"


def _head(builder: Any, vector: Vector, count: Any) -> Any:
    """The mask of the first `count` lanes; compared in integers as wide as a lane."""
    kind = _ints(vector)
    order = ir.Constant(kind, list(range(vector.lanes)))
    if vector.dtype.bitwidth == 32:
        low, high = ir.Constant(I64, 0), ir.Constant(I64, vector.lanes)
        count = builder.select(builder.icmp_signed("<", count, low), low, count)
        count = builder.select(builder.icmp_signed(">", count, high), high, count)
        count = builder.trunc(count, I32)
    return builder.icmp_signed("<", order, _splat(builder, kind, count))


# --- shape


@intrinsic
def lanes(typingctx, like):
    """How many lanes a vector of `like`'s dtype has."""
    vector = _vector(like)
    return vector and (
        types.intp(like),
        lambda context, builder, sig, args: ir.Constant(I64, vector.lanes),
    )


@intrinsic
def vector_bits(typingctx, like):
    """The width of a register."""
    return types.intp(like), lambda context, builder, sig, args: ir.Constant(I64, BITS)


@intrinsic
def registers(typingctx, like):
    """How many vector registers there are."""
    return types.intp(like), lambda context, builder, sig, args: ir.Constant(I64, REGISTERS)


# --- memory


@intrinsic
def vload(typingctx, array, i):
    vector = _vector(array)

    def code(context, builder, sig, args):
        place = _address(context, builder, sig.args[0], args[0], args[1], _ir(vector))
        return builder.load(place, align=vector.dtype.bitwidth // 8)

    return vector and (vector(array, types.intp), code)


@intrinsic
def vload_wide(typingctx, array, i):
    vector = WIDES.get(getattr(array, "dtype", None))

    def code(context, builder, sig, args):
        place = _address(context, builder, sig.args[0], args[0], args[1], _ir(vector))
        return builder.load(place, align=vector.dtype.bitwidth // 8)

    return vector and (vector(array, types.intp), code)


@intrinsic
def vstore(typingctx, array, i, v):
    vector = v if isinstance(v, Vector) and v.dtype is _vector(array).dtype else None

    def code(context, builder, sig, args):
        place = _address(context, builder, sig.args[0], args[0], args[1], _ir(vector))
        builder.store(args[2], place, align=vector.dtype.bitwidth // 8)
        return context.get_dummy_value()

    return vector and (types.void(array, types.intp, vector), code)


@intrinsic
def vstream(typingctx, array, i, v):
    vector = v if isinstance(v, Vector) and v.dtype is _vector(array).dtype else None

    def code(context, builder, sig, args):
        place = _address(context, builder, sig.args[0], args[0], args[1], _ir(vector))
        store = builder.store(args[2], place, align=BITS // 8)
        store.set_metadata("nontemporal", builder.module.add_metadata([ir.Constant(I32, 1)]))
        return context.get_dummy_value()

    return vector and (types.void(array, types.intp, vector), code)


@intrinsic
def fence(typingctx):
    def code(context, builder, sig, args):
        builder.fence("seq_cst")
        return context.get_dummy_value()

    return types.void(), code


@intrinsic
def vload_head(typingctx, array, i, n):
    vector = _vector(array)

    def code(context, builder, sig, args):
        kind = _ir(vector)
        place = _address(context, builder, sig.args[0], args[0], args[1], kind)
        mask = _head(builder, vector, args[2])
        align = ir.Constant(I32, vector.dtype.bitwidth // 8)
        name = f"llvm.masked.load.{_suffix(vector)}.p0"
        return _call(builder, name, kind, [place, align, mask, _all(kind, 0.0)])

    return vector and (vector(array, types.intp, types.intp), code)


@intrinsic
def vstore_head(typingctx, array, i, v, n):
    vector = _vector(array)

    def code(context, builder, sig, args):
        place = _address(context, builder, sig.args[0], args[0], args[1], _ir(vector))
        mask = _head(builder, vector, args[3])
        align = ir.Constant(I32, vector.dtype.bitwidth // 8)
        name = f"llvm.masked.store.{_suffix(vector)}.p0"
        _call(builder, name, ir.VoidType(), [args[2], place, align, mask])
        return context.get_dummy_value()

    return vector and (types.void(array, types.intp, vector, types.intp), code)


@intrinsic
def vbload(typingctx, array, i):
    vector = _vector(array)

    def code(context, builder, sig, args):
        place = _address(context, builder, sig.args[0], args[0], args[1], _ir(vector).element)
        return _splat(builder, _ir(vector), builder.load(place))

    return vector and (vector(array, types.intp), code)


@intrinsic
def vgather(typingctx, array, i, step):
    vector = _vector(array)

    def code(context, builder, sig, args):
        made = ir.Constant(_ir(vector), ir.Undefined)
        for lane in range(vector.lanes):
            offset = builder.add(args[1], builder.mul(args[2], ir.Constant(I64, lane)))
            place = _address(context, builder, sig.args[0], args[0], offset, _ir(vector).element)
            made = builder.insert_element(made, builder.load(place), ir.Constant(I32, lane))
        return made

    return vector and (vector(array, types.intp, types.intp), code)


@intrinsic
def pointer(typingctx, array):
    if _vector(array) is None:
        return None
    return (
        types.CPointer(array.dtype)(array),
        lambda context, builder, sig, args: (
            context.make_array(sig.args[0])(context, builder, args[0]).data
        ),
    )


@intrinsic
def vturn(typingctx, to, i, to_step, array, j, step, count):
    vector = _vector(array)

    def code(context, builder, sig, args):
        kind = _ir(vector)
        align = vector.dtype.bitwidth // 8
        rows = []
        for lane in range(vector.lanes):
            there = builder.icmp_signed("<", ir.Constant(I64, lane), args[6])
            row = builder.select(there, ir.Constant(I64, lane), ir.Constant(I64, 0))
            offset = builder.add(args[4], builder.mul(args[5], row))
            place = _address(context, builder, sig.args[3], args[3], offset, kind)
            rows.append(builder.load(place, align=align))
        for lane, column in enumerate(_transposed(builder, rows)):
            offset = builder.add(args[1], builder.mul(args[2], ir.Constant(I64, lane)))
            place = _address(context, builder, sig.args[0], args[0], offset, kind)
            builder.store(column, place, align=align)
        return context.get_dummy_value()

    two = (types.intp, types.intp)
    return vector and (types.void(to, *two, array, *two, types.intp), code)


def _transposed(builder: Any, rows: list[Any]) -> list[Any]:
    """The columns of a square: in step k, blocks of 2**k lanes change places across the diagonal."""
    count = len(rows)
    block = 1
    while block < count:
        for low in range(count):
            if low & block:
                continue
            high = low | block
            first = [lane if not lane & block else count + (lane ^ block) for lane in range(count)]
            second = [lane | block if not lane & block else count + lane for lane in range(count)]
            pair = rows[low], rows[high]
            for row, order in ((low, first), (high, second)):
                mask = ir.Constant(ir.VectorType(I32, count), order)
                rows[row] = builder.shuffle_vector(*pair, mask)
        block *= 2
    return rows


def _prefetch(array, locality):
    def code(context, builder, sig, args):
        place = _address(context, builder, sig.args[0], args[0], args[1], ir.IntType(8))
        how = [ir.Constant(I32, 0), ir.Constant(I32, locality), ir.Constant(I32, 1)]
        _call(builder, "llvm.prefetch.p0", ir.VoidType(), [place, *how])
        return context.get_dummy_value()

    return types.void(array, types.intp), code


@intrinsic
def prefetch(typingctx, array, i):
    return _prefetch(array, 3)


@intrinsic
def prefetch_second(typingctx, array, i):
    return _prefetch(array, 2)


# --- making one


@intrinsic
def vset1(typingctx, like, s):
    vector = _vector(like)
    return vector and (
        vector(like, vector.dtype),
        lambda context, builder, sig, args: _splat(builder, _ir(vector), args[1]),
    )


@intrinsic
def vzero(typingctx, like):
    vector = _vector(like)
    return vector and (
        vector(like),
        lambda context, builder, sig, args: _all(_ir(vector), 0.0),
    )


@intrinsic
def viota(typingctx, like):
    vector = _vector(like)
    return vector and (
        vector(like),
        lambda context, builder, sig, args: ir.Constant(
            _ir(vector), [float(lane) for lane in range(vector.lanes)]
        ),
    )


# --- arithmetic

Emit = Callable[..., Any]


def _lanewise(count: int, emit: Emit) -> Any:
    """A word of `count` vectors of one type that gives another of that type."""

    def typed(first: Any, *rest: Any) -> Any:
        if not isinstance(first, Vector) or any(one is not first for one in rest):
            return None
        return first(*[first] * count), lambda context, builder, sig, args: emit(
            builder, first, *args
        )

    # Numba reads the number of arguments from the signature.
    if count == 1:
        return intrinsic(lambda typingctx, a: typed(a))
    if count == 2:
        return intrinsic(lambda typingctx, a, b: typed(a, b))
    if count == 3:
        return intrinsic(lambda typingctx, a, b, c: typed(a, b, c))
    return intrinsic(lambda typingctx, a, b, c, d: typed(a, b, c, d))


def _compared(operator: str) -> Emit:
    def emit(builder: Any, vector: Any, a: Any, b: Any, x: Any, y: Any) -> Any:
        return builder.select(builder.fcmp_ordered(operator, a, b), x, y)

    return emit


def _named(name: str) -> Emit:
    def emit(builder: Any, vector: Any, *args: Any) -> Any:
        return _call(builder, f"llvm.{name}.{_suffix(vector)}", _ir(vector), args)

    return emit


vadd = _lanewise(2, lambda builder, vector, a, b: builder.fadd(a, b))
vsub = _lanewise(2, lambda builder, vector, a, b: builder.fsub(a, b))
vmul = _lanewise(2, lambda builder, vector, a, b: builder.fmul(a, b))
vdiv = _lanewise(2, lambda builder, vector, a, b: builder.fdiv(a, b))
vneg = _lanewise(1, lambda builder, vector, a: builder.fneg(a))
# A comparison and a choice: one instruction on x86, where llvm.maxnum needs three.
vmax = _lanewise(2, lambda builder, vector, a, b: _compared(">")(builder, vector, a, b, a, b))
vmin = _lanewise(2, lambda builder, vector, a, b: _compared("<")(builder, vector, a, b, a, b))
vselect_gt = _lanewise(4, _compared(">"))
vselect_eq = _lanewise(4, _compared("=="))
vfma = _lanewise(3, _named("fma"))
vabs = _lanewise(1, _named("fabs"))
vsqrt = _lanewise(1, _named("sqrt"))
vrint = _lanewise(1, _named("rint"))

# --- to a scalar


def _reduced(name: str, flags: tuple[str, ...], start: bool) -> Any:
    @intrinsic
    def reduced(typingctx, v):
        if not isinstance(v, Vector):
            return None

        def code(context, builder, sig, args):
            leaf = _ir(v).element
            given = [ir.Constant(leaf, -0.0), args[0]] if start else [args[0]]
            word = f"llvm.vector.reduce.{name}.{_suffix(v)}"
            return _call(builder, word, leaf, given, fastmath=flags)

        return v.dtype(v), code

    return reduced


vhsum = _reduced("fadd", ("reassoc",), True)
vhmax = _reduced("fmax", ("nnan",), False)
vhmin = _reduced("fmin", ("nnan",), False)


@intrinsic
def vlane(typingctx, v, k):
    if not isinstance(v, Vector):
        return None
    return v.dtype(v, types.intp), lambda context, builder, sig, args: builder.extract_element(
        args[0], builder.trunc(args[1], I32)
    )
