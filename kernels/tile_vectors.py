"""The words of `kernels.tiles` in LLVM's vector instructions; read `tiles` first."""

# Numba calls what is written here with objects it does not type.
# mypy: disable-error-code="no-untyped-def, no-untyped-call, union-attr, arg-type, import-untyped"
from __future__ import annotations

import platform
from typing import Any

from llvmlite import ir
from numba import types
from numba.extending import intrinsic

from .tiles import shapes
from .vectors import BITS, I32, I64, Vector, _call, _ir, _splat, _suffix, _vector

WIDE, TALL, ROW = shapes(BITS, platform.machine().lower() in ("arm64", "aarch64"))


def _place(context: Any, builder: Any, kind: Any, array: Any, offset: Any) -> Any:
    data = context.make_array(kind)(context, builder, array).data
    return builder.gep(data, [offset])


def _step(builder: Any, pointer: Any, stride: Any, count: int) -> Any:
    return builder.gep(pointer, [builder.mul(stride, I64(count))]) if count else pointer


def _load(builder: Any, vector: Vector, pointer: Any) -> Any:
    place = builder.bitcast(pointer, _ir(vector).as_pointer())
    return builder.load(place, align=vector.dtype.bitwidth // 8)


def _store(builder: Any, vector: Vector, value: Any, pointer: Any) -> None:
    place = builder.bitcast(pointer, _ir(vector).as_pointer())
    builder.store(value, place, align=vector.dtype.bitwidth // 8)


def _fma(builder: Any, vector: Vector, a: Any, b: Any, c: Any) -> Any:
    return _call(builder, f"llvm.fma.{_suffix(vector)}", _ir(vector), [a, b, c])


def _tile(rows: int, columns: int) -> Any:
    """The type of a tile: a tuple of vectors, which LLVM keeps in registers."""
    return lambda vector: types.UniTuple(vector, rows * columns)


def _zero(rows: int, columns: int) -> Any:
    @intrinsic
    def zero(typingctx, like):
        vector = _vector(like)

        def code(context, builder, sig, args):
            return ir.Constant(ir.ArrayType(_ir(vector), rows * columns), None)

        return vector and (_tile(rows, columns)(vector)(like), code)

    return zero


def _products(
    builder: Any, vector: Vector, made: Any, rows: int, left: Any, step: Any, right: Any
) -> Any:
    """The tile plus a column of `rows` elements times the vectors of `right`."""
    columns = len(right)
    for row in range(rows):
        one = builder.load(_step(builder, left, step, row))
        one = _splat(builder, _ir(vector), one)
        for column in range(columns):
            k = row * columns + column
            total = _fma(builder, vector, one, right[column], builder.extract_value(made, k))
            made = builder.insert_value(made, total, k)
    return made


def _outer(rows: int, columns: int) -> Any:
    @intrinsic
    def outer(typingctx, tile, a, i, step, b, j):
        vector = tile.dtype

        def code(context, builder, sig, args):
            made, a, i, step, b, j = args
            start = _place(context, builder, sig.args[4], b, j)
            right = [
                _load(builder, vector, builder.gep(start, [I64(k * vector.lanes)]))
                for k in range(columns)
            ]
            left = _place(context, builder, sig.args[1], a, i)
            return _products(builder, vector, made, rows, left, step, right)

        return tile(tile, a, types.intp, types.intp, b, types.intp), code

    return outer


def _places(context: Any, builder: Any, kind: Any, places: Any, k: Any, count: int) -> list[Any]:
    """The `count` numbers from places[k] on."""
    start = _place(context, builder, kind, places, k)
    return [builder.load(builder.gep(start, [I64(one)])) for one in range(count)]


def _outer_apart(rows: int, columns: int) -> Any:
    @intrinsic
    def outer_apart(typingctx, tile, a, i, step, b, j, places, k):
        vector = tile.dtype

        def code(context, builder, sig, args):
            made, a, i, step, b, j, places, k = args
            start = _place(context, builder, sig.args[4], b, j)
            right = [
                _load(builder, vector, builder.gep(start, [place]))
                for place in _places(context, builder, sig.args[6], places, k, columns)
            ]
            left = _place(context, builder, sig.args[1], a, i)
            return _products(builder, vector, made, rows, left, step, right)

        intp = types.intp
        return tile(tile, a, intp, intp, b, intp, places, intp), code

    return outer_apart


def _store_apart(rows: int, columns: int) -> Any:
    @intrinsic
    def store_apart(typingctx, tile, count, relu, c, i, step, places, k):
        vector = tile.dtype

        def code(context, builder, sig, args):
            made, count, relu, c, i, step, places, k = args
            kind = _ir(vector)
            floor = ir.Constant(kind, None)
            start = _place(context, builder, sig.args[3], c, i)
            found = _places(context, builder, sig.args[6], places, k, columns)
            for row in range(rows):
                with builder.if_then(builder.icmp_signed("<", I64(row), count)):
                    line = _step(builder, start, step, row)
                    for column in range(columns):
                        value = builder.extract_value(made, row * columns + column)
                        above = builder.fcmp_unordered(">", value, floor)
                        value = builder.select(relu, builder.select(above, value, floor), value)
                        _store(builder, vector, value, builder.gep(line, [found[column]]))
            return context.get_dummy_value()

        intp = types.intp
        return types.void(tile, intp, types.boolean, c, intp, intp, places, intp), code

    return store_apart


def _spread(rows: int, columns: int) -> Any:
    @intrinsic
    def spread(typingctx, a, i):
        vector = _vector(a)

        def code(context, builder, sig, args):
            kind = _ir(vector)
            made = ir.Constant(ir.ArrayType(kind, rows * columns), ir.Undefined)
            start = _place(context, builder, sig.args[0], args[0], args[1])
            for row in range(rows):
                one = _splat(builder, kind, builder.load(builder.gep(start, [I64(row)])))
                for column in range(columns):
                    made = builder.insert_value(made, one, row * columns + column)
            return made

        return vector and (_tile(rows, columns)(vector)(a, types.intp), code)

    return spread


def _put(rows: int, columns: int, add: bool) -> Any:
    @intrinsic
    def put(typingctx, tile, c, i, step):
        vector = tile.dtype

        def code(context, builder, sig, args):
            made, c, i, step = args
            start = _place(context, builder, sig.args[1], c, i)
            for row in range(rows):
                line = _step(builder, start, step, row)
                for column in range(columns):
                    place = builder.gep(line, [I64(column * vector.lanes)])
                    value = builder.extract_value(made, row * columns + column)
                    if add:
                        value = builder.fadd(_load(builder, vector, place), value)
                    _store(builder, vector, value, place)
            return context.get_dummy_value()

        return types.void(tile, c, types.intp, types.intp), code

    return put


wide_zero, wide_outer, wide_store = _zero(*WIDE), _outer(*WIDE), _put(*WIDE, add=False)
tall_zero, tall_outer, tall_add = _zero(*TALL), _outer(*TALL), _put(*TALL, add=True)
row_zero, row_outer, row_store = _zero(*ROW), _outer(*ROW), _put(*ROW, add=False)
wide_spread, wide_outer_apart, wide_store_apart = (
    made(*WIDE) for made in (_spread, _outer_apart, _store_apart)
)
row_spread, row_outer_apart, row_store_apart = (
    made(*ROW) for made in (_spread, _outer_apart, _store_apart)
)


@intrinsic
def wide_dot(typingctx, tile, a, i, step, b, j0, j1, j2):
    vector = tile.dtype
    rows, columns = WIDE

    def code(context, builder, sig, args):
        made, a, i, step, b, *starts = args
        left = _place(context, builder, sig.args[1], a, i)
        # Three vectors wait, one comes after the other: with the sums they fill 16 registers.
        others = [
            _load(builder, vector, _place(context, builder, sig.args[4], b, start))
            for start in starts
        ]
        for row in range(rows):
            one = _load(builder, vector, _step(builder, left, step, row))
            for column in range(columns):
                k = row * columns + column
                total = builder.extract_value(made, k)
                total = _fma(builder, vector, one, others[column], total)
                made = builder.insert_value(made, total, k)
        return made

    intp = types.intp
    return tile(tile, a, intp, intp, b, intp, intp, intp), code


@intrinsic
def wide_add_sums(typingctx, tile, c, i, step):
    vector = tile.dtype
    rows, columns = WIDE

    def code(context, builder, sig, args):
        made, c, i, step = args
        leaf = _ir(vector).element
        start = _place(context, builder, sig.args[1], c, i)
        for row in range(rows):
            line = _step(builder, start, step, row)
            for column in range(columns):
                value = builder.extract_value(made, row * columns + column)
                word = f"llvm.vector.reduce.fadd.{_suffix(vector)}"
                given = [ir.Constant(leaf, -0.0), value]
                total = _call(builder, word, leaf, given, fastmath=("reassoc",))
                place = builder.gep(line, [I64(column)])
                builder.store(builder.fadd(builder.load(place), total), place)
        return context.get_dummy_value()

    return types.void(tile, c, types.intp, types.intp), code


def _sized(shape: tuple[int, int]) -> Any:
    @intrinsic
    def rows(typingctx, like):
        return types.intp(like), lambda context, builder, sig, args: I64(shape[0])

    return rows


wide_rows, tall_rows = _sized(WIDE), _sized(TALL)


def _shuffled(lanes_of: Any) -> Any:
    """A word of two vectors that picks the lanes `lanes_of(n)` out of the 2 n."""

    @intrinsic
    def shuffled(typingctx, a, b):
        if not isinstance(a, Vector) or a is not b:
            return None

        def code(context, builder, sig, args):
            return _picked(builder, a, args[0], args[1], lanes_of(a.lanes))

        return a(a, a), code

    return shuffled


def _picked(builder: Any, vector: Vector, a: Any, b: Any, lanes: list[int]) -> Any:
    mask = ir.Constant(ir.VectorType(I32, vector.lanes), lanes)
    return builder.shuffle_vector(a, b, mask)


veven = _shuffled(lambda n: list(range(0, 2 * n, 2)))
vodd = _shuffled(lambda n: list(range(1, 2 * n, 2)))
vmerge_low = _shuffled(lambda n: [k // 2 + n * (k % 2) for k in range(n)])
vmerge_high = _shuffled(lambda n: [n // 2 + k // 2 + n * (k % 2) for k in range(n)])


@intrinsic
def vtranspose(typingctx, a, i, step, b, j, stride):
    vector = _vector(a)

    def code(context, builder, sig, args):
        a, i, step, b, j, stride = args
        source = _place(context, builder, sig.args[0], a, i)
        target = _place(context, builder, sig.args[3], b, j)
        n = vector.lanes
        rows = [_load(builder, vector, _step(builder, source, step, k)) for k in range(n)]
        # Swap the off-diagonal quarters of blocks of n, n/2, ... 2 (Eklundh 1972).
        half = n // 2
        while half:
            low = [k if not k & half else n + k - half for k in range(n)]
            high = [k + half if not k & half else n + k for k in range(n)]
            for k in range(n):
                if not k & half:
                    x, y = rows[k], rows[k + half]
                    rows[k] = _picked(builder, vector, x, y, low)
                    rows[k + half] = _picked(builder, vector, x, y, high)
            half //= 2
        for k in range(n):
            _store(builder, vector, rows[k], _step(builder, target, stride, k))
        return context.get_dummy_value()

    intp = types.intp
    return vector and (types.void(a, intp, intp, b, intp, intp), code)


@intrinsic
def vstore_bytes(typingctx, array, i, v):
    if array.dtype != types.uint8 or not isinstance(v, Vector):
        return None

    def code(context, builder, sig, args):
        kind = ir.VectorType(ir.IntType(8), v.lanes)
        place = _place(context, builder, sig.args[0], args[0], args[1])
        place = builder.bitcast(place, kind.as_pointer())
        builder.store(builder.fptoui(args[2], kind), place, align=1)
        return context.get_dummy_value()

    return types.void(array, types.intp, v), code


@intrinsic
def vload_bytes(typingctx, array, i, like):
    vector = _vector(like)

    def code(context, builder, sig, args):
        kind = ir.VectorType(ir.IntType(8), vector.lanes)
        place = _place(context, builder, sig.args[0], args[0], args[1])
        whole = builder.load(builder.bitcast(place, kind.as_pointer()), align=1)
        return builder.uitofp(whole, _ir(vector))

    return vector and (vector(array, types.intp, like), code)
