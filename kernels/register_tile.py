"""One word more than `kernels.vectors`: a product whose result stays in registers.

`register_tile` is the innermost loop of every product in `kernels.block_product`. It is written as
LLVM code rather than as thirty local variables of Numba, because one loop then gives every tile
shape, masked or not, and Numba has nothing to infer.
"""

# Numba calls what is written here with objects it does not type.
# mypy: disable-error-code="no-untyped-def, no-untyped-call, import-untyped"
from __future__ import annotations

from llvmlite import ir
from numba import types
from numba.extending import intrinsic

from .vectors import I32, I64, _address, _all, _call, _ir, _named, _splat, _suffix, _vector


@intrinsic(prefer_literal=True)
def register_tile(
    typingctx, rows, vectors, masked, k, a, i, row, step, last, b, j, ldb, c, o, ldc, add, columns
):
    """c[r, :] (+)= sum over p < k of a[i + r row + p step] * b[j + p ldb : ...], r < `rows`.

    `rows`, `vectors` and `masked` are constants: the result is `rows` times `vectors` registers.
    Rows beyond `last` repeat that row: they read and write what it does, so that a ragged edge
    needs neither padding nor another loop. Where `masked`, only `columns` columns are touched.
    `c` starts at `o`, its rows are `ldc` apart; `add` says whether it is added to.
    """
    vector = _vector(a)
    if vector is None:
        return None
    height, width = rows.literal_value, vectors.literal_value
    partial, lanes = bool(masked.literal_value), vector.lanes
    n, yes = types.intp, types.boolean
    sig = types.void(rows, vectors, masked, n, a, n, n, n, n, b, n, n, c, n, n, yes, n)

    def code(context, builder, sig, args):
        (_, _, _, k, a, i, row, step, last, b, j, ldb, c, o, ldc, add, columns) = args
        kind, leaf = _ir(vector), _ir(vector).element
        align = vector.dtype.bitwidth // 8
        fma = _named("fma")
        grid = [(r, v) for r in range(height) for v in range(width)]

        def number(value):
            return ir.Constant(I64, value)

        def at(position, array, offset):
            return _address(context, builder, sig.args[position], array, offset, leaf)

        def vector_at(pointer, v):
            return builder.bitcast(builder.gep(pointer, [number(v * lanes)]), kind.as_pointer())

        masks = []
        if partial:
            wide = ir.VectorType(I64, lanes)
            for v in range(width):
                here = ir.Constant(wide, list(range(v * lanes, (v + 1) * lanes)))
                masks.append(builder.icmp_signed("<", here, _splat(builder, wide, columns)))

        def load(pointer, v):
            place = vector_at(pointer, v)
            if not partial:
                return builder.load(place, align=align)
            name = f"llvm.masked.load.{_suffix(vector)}.p0"
            given = [place, ir.Constant(I32, align), masks[v], _all(kind, 0.0)]
            return _call(builder, name, kind, given)

        def store(pointer, v, value):
            place = vector_at(pointer, v)
            if not partial:
                return builder.store(value, place, align=align)
            name = f"llvm.masked.store.{_suffix(vector)}.p0"
            given = [value, place, ir.Constant(I32, align), masks[v]]
            return _call(builder, name, ir.VoidType(), given)

        from_a, into_c = [], []
        for r in range(height):
            inside = builder.icmp_signed("<", number(r), last)
            which = builder.select(inside, number(r), last)
            from_a.append(at(4, a, builder.add(i, builder.mul(which, row))))
            into_c.append(at(12, c, builder.add(o, builder.mul(which, ldc))))
        from_b = at(9, b, j)

        entry = builder.block
        names = ("old", "start", "head", "body", "done")
        old, start, head, body, done = [builder.append_basic_block(f"tile.{one}") for one in names]
        builder.cbranch(add, old, start)

        builder.position_at_end(old)
        before = {(r, v): load(into_c[r], v) for r, v in grid}
        builder.branch(start)

        builder.position_at_end(start)
        first = {}
        for key in grid:
            first[key] = builder.phi(kind)
            first[key].add_incoming(_all(kind, 0.0), entry)
            first[key].add_incoming(before[key], old)
        builder.branch(head)

        builder.position_at_end(head)
        p = builder.phi(I64)
        p.add_incoming(number(0), start)
        sums = {key: builder.phi(kind) for key in grid}
        for key in grid:
            sums[key].add_incoming(first[key], start)
        builder.cbranch(builder.icmp_signed("<", p, k), body, done)

        builder.position_at_end(body)
        line = builder.gep(from_b, [builder.mul(p, ldb)])
        shared = [load(line, v) for v in range(width)]
        offset = builder.mul(p, step)
        for r in range(height):
            factor = _splat(builder, kind, builder.load(builder.gep(from_a[r], [offset])))
            for v in range(width):
                sums[r, v].add_incoming(fma(builder, vector, factor, shared[v], sums[r, v]), body)
        p.add_incoming(builder.add(p, number(1), flags=("nsw",)), body)
        builder.branch(head)

        builder.position_at_end(done)
        for r, v in grid:
            store(into_c[r], v, sums[r, v])
        return context.get_dummy_value()

    return sig, code
