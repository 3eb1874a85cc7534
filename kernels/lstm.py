"""The long short-term memory: a cell, and a whole sequence with its gradients.

What has no step in it is done for many steps at once: the inputs' share of the gates, and all
gradients of weights. What remains in the loop is h @ w_hh. Its weights are packed once a sequence,
as panels in which the four gates of the same units lie side by side: when the products of a few
units are done, their gates are computed while the numbers are still in the first cache.

Sources: Hochreiter & Schmidhuber (1997), "Long short-term memory"; Gers, Schmidhuber & Cummins
(2000), "Learning to forget"; Appleyard, Kociský & Blunsom (2016), "Optimizing performance of
recurrent neural networks on GPUs". The gradients are in lstm_backward.py.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from . import crew, memory, threads
from .block_product import pack_panels, packed_product
from .jit import jit
from .kernel import Call, Kernel, call
from .simd import (
    lanes,
    vadd,
    vdiv,
    vexp_flushed,
    vfma,
    vload,
    vload_head,
    vmul,
    vneg,
    vset1,
    vstore,
    vstore_head,
    vsub,
)
from .strided import flat

Array = np.ndarray[Any, Any]

ROWS = 64  # of a product, at least, where the batch is smaller: then several steps' inputs at once
MACS_PER_ELEMENT = 8  # multiply-adds that cost what an element costs that threads.LEAST counts


def sigmoid(x: Array) -> Array:
    """1 / (1 + exp(-x)) without overflow."""
    half = x.dtype.type(0.5)
    result: Array = half + half * np.tanh(half * x)
    return result


def lstm_oracle(
    x: Array, h0: Array, c0: Array, w_ih: Array, w_hh: Array, b: Array
) -> tuple[Array, Array, Array, tuple[Array, ...]]:
    """The states of every step of a sequence.

    Args:
        x: (T, B, I), T >= 1.
        h0, c0: (B, H).
        w_ih: (I, 4H); w_hh: (H, 4H); b: (4H,); gates in the order i, f, g, o.

    Returns:
        out (T, B, H), the last h and c (B, H), and what `lstm_backward` needs: (x, h of T + 1 steps,
        c of T + 1 steps, the gates (T, B, 4H), w_ih, w_hh).
    """
    time, (batch, size) = x.shape[0], h0.shape
    hs, cs = np.empty((2, time + 1, batch, size), x.dtype)
    hs[0], cs[0] = h0, c0
    gates = x @ w_ih + b
    for t in range(time):
        i, f, g, o = np.split(gates[t] + hs[t] @ w_hh, 4, axis=-1)
        i, f, g, o = sigmoid(i), sigmoid(f), np.tanh(g), sigmoid(o)
        cs[t + 1] = f * cs[t] + i * g
        hs[t + 1] = o * np.tanh(cs[t + 1])
        gates[t] = np.concatenate([i, f, g, o], axis=-1)
    return hs[1:], hs[-1], cs[-1], (x, hs, cs, gates, w_ih, w_hh)


def lstm_cell_oracle(
    x: Array, h: Array, c: Array, w_ih: Array, w_hh: Array, b: Array
) -> tuple[Array, Array, tuple[Array, ...]]:
    """One step: h and c (B, H) from x (B, I), and what `lstm_cell_backward` needs."""
    _, h, c, saved = lstm_oracle(x[None], h, c, w_ih, w_hh, b)
    return h, c, saved


lstm = Kernel("lstm", lstm_oracle)
lstm_cell = Kernel("lstm_cell", lstm_cell_oracle)


@jit
def vsigmoid(x: Any) -> Any:
    """1 / (1 + exp(-x)), a lane at a time."""
    one = vset1(x, 1)
    return vdiv(one, vadd(one, vexp_flushed(vneg(x))))


@jit
def vtanh(x: Any) -> Any:
    """2 / (1 + exp(-2 x)) - 1, a lane at a time; the error is absolute, some 1e-7 in float32."""
    one, two = vset1(x, 1), vset1(x, 2)
    return vsub(vdiv(two, vadd(one, vexp_flushed(vneg(vmul(two, x))))), one)


@jit
def step_gates(
    m: int,
    units: int,
    u: int,
    size: int,
    z: Array,
    at: int,
    bias: Array,
    gates: Array,
    g_at: int,
    cs: Array,
    c_at: int,
    after: int,
    hs: Array,
) -> None:
    """Gates and states of m rows for the units u to u + units; z holds the products, row by row."""
    w = lanes(z)
    panel = 2 * w
    for _r in range(m):
        for v in range(0, units, w):
            n = units - v
            zi, zf = vload(z, at + v), vload(z, at + v + panel)
            zg, zo = vload(z, at + v + 2 * panel), vload(z, at + v + 3 * panel)
            q, s, k = g_at + v, c_at + v, u + v
            if n >= w:
                i = vsigmoid(vadd(zi, vload(bias, k)))
                f = vsigmoid(vadd(zf, vload(bias, size + k)))
                g = vtanh(vadd(zg, vload(bias, 2 * size + k)))
                o = vsigmoid(vadd(zo, vload(bias, 3 * size + k)))
                c = vfma(f, vload(cs, s), vmul(i, g))
                vstore(gates, q, i)
                vstore(gates, q + size, f)
                vstore(gates, q + 2 * size, g)
                vstore(gates, q + 3 * size, o)
                vstore(cs, s + after, c)
                vstore(hs, s + after, vmul(o, vtanh(c)))
            else:
                i = vsigmoid(vadd(zi, vload_head(bias, k, n)))
                f = vsigmoid(vadd(zf, vload_head(bias, size + k, n)))
                g = vtanh(vadd(zg, vload_head(bias, 2 * size + k, n)))
                o = vsigmoid(vadd(zo, vload_head(bias, 3 * size + k, n)))
                c = vfma(f, vload_head(cs, s, n), vmul(i, g))
                vstore_head(gates, q, i, n)
                vstore_head(gates, q + size, f, n)
                vstore_head(gates, q + 2 * size, g, n)
                vstore_head(gates, q + 3 * size, o, n)
                vstore_head(cs, s + after, c, n)
                vstore_head(hs, s + after, vmul(o, vtanh(c)), n)
        at += 4 * panel
        g_at += 4 * size
        c_at += size


@jit
def lstm_rows(
    first: int,
    last: int,
    x: Array,
    w_x: Array,
    w_h: Array,
    bias: Array,
    hs: Array,
    cs: Array,
    gates: Array,
    dims: tuple[int, int, int, int],
    work: Array,
    room: int,
) -> None:
    """All steps for the rows `first` to `last` of the batch; w_x and w_h are packed panels."""
    time, batch, inputs, size = dims
    m = last - first
    if m == 0:
        return
    panel = 2 * lanes(work)
    wide = 4 * panel
    steps = max(1, ROWS // m)
    base = first * room
    for t0 in range(0, time, steps):
        some = min(steps, time - t0)
        for t in range(t0, t0 + some):
            for u in range(0, size, panel):
                z = base + (u // panel * steps + t - t0) * m * wide
                # With the whole batch, the rows of all these steps are one product.
                rows = m * some if m == batch else m
                if t == t0 or rows == m:
                    for g in range(4):
                        packed_product(
                            rows, panel, inputs, x, (t * batch + first) * inputs, inputs, 1,
                            w_x, (u // panel * 4 + g) * inputs * panel,
                            work, z + g * panel, wide, False,
                        )  # fmt: skip
        for t in range(t0, t0 + some):
            row = t * batch + first
            for u in range(0, size, panel):
                z = base + (u // panel * steps + t - t0) * m * wide
                for g in range(4):
                    packed_product(
                        m, panel, size, hs, row * size, size, 1,
                        w_h, (u // panel * 4 + g) * size * panel,
                        work, z + g * panel, wide, True,
                    )  # fmt: skip
                step_gates(
                    m, min(panel, size - u), u, size, work, z, bias,
                    gates, row * 4 * size + u, cs, row * size + u, batch * size, hs,
                )  # fmt: skip


def packed(w: Array, size: int, groups: int, *, turned: bool = False) -> Array:
    """The panels of w (K, groups size), or of its transpose where `turned` (then groups is 1)."""
    values, (row, step) = flat(w)
    depth = w.shape[1] if turned else w.shape[0]
    if turned:
        row, step = step, row
    made: Array = memory.empty((size + PANEL) * groups * max(depth, 1), w.dtype)
    pack_panels(values, row, step, depth, size, groups, made)
    return made


PANEL = 32  # the widest panel of any machine, in elements


def team_of(batch: int, macs: int) -> int:
    """How many threads share a batch: each has rows of its own, so they meet only at the end."""
    return max(1, min(batch, threads.split(macs // MACS_PER_ELEMENT)))


@lstm.on("cpu")
def lstm_cpu(
    x: Array, h0: Array, c0: Array, w_ih: Array, w_hh: Array, b: Array
) -> tuple[Array, Array, Array, tuple[Array, ...]]:
    """Temporary memory: the packed weights, and the products of ROWS rows or of one step."""
    (time, batch, inputs), size = x.shape, h0.shape[1]
    x = np.ascontiguousarray(x)
    hs = memory.empty((time + 1, batch, size), x.dtype)
    cs = memory.empty((time + 1, batch, size), x.dtype)
    gates = memory.empty((time, batch, 4 * size), x.dtype)
    hs[0], cs[0] = h0, c0
    if batch * size:
        w_x, w_h = packed(w_ih, size, 4), packed(w_hh, size, 4)
        team = team_of(batch, time * batch * (inputs + size) * 4 * size)
        # A row's products for as many steps as are done at once.
        room = max(1, ROWS // (batch // team)) * 4 * (size + PANEL)
        work = memory.empty(batch * room, x.dtype)
        bias = flat(np.ascontiguousarray(b))[0]
        flats = flat(x)[0], w_x, w_h, bias, hs.reshape(-1), cs.reshape(-1), gates.reshape(-1)
        dims = time, batch, inputs, size
        if team == 1:
            lstm_rows(0, batch, *flats, dims, work, room)
        else:
            crew.run(lstm_rows, 0, batch, team, *flats, dims, work, room)
    return hs[1:], hs[-1], cs[-1], (x, hs, cs, gates, w_ih, w_hh)


@lstm_cell.on("cpu")
def lstm_cell_cpu(
    x: Array, h: Array, c: Array, w_ih: Array, w_hh: Array, b: Array
) -> tuple[Array, Array, tuple[Array, ...]]:
    """A sequence of one step."""
    _, h, c, saved = lstm_cpu(x[None], h, c, w_ih, w_hh, b)
    return h, c, saved


def arrays(
    dtype: Any, rng: np.random.Generator, time: int, batch: int, inputs: int, size: int, gates: int
) -> list[Array]:
    """x, two states and the weights of a recurrent layer."""
    shapes = [
        (time, batch, inputs), (batch, size), (batch, size),
        (inputs, gates * size), (size, gates * size), (gates * size,),
    ]  # fmt: skip
    return [rng.normal(0, 0.5, shape).astype(dtype) for shape in shapes]


SHAPES = ((2, 3, 5, 19), (3, 7, 2, 8), (2, 1, 3, 1), (5, 65, 3, 2), (1, 2, 260, 66), (2, 0, 3, 4))


@lstm.samples
def samples(dtype: Any, rng: np.random.Generator) -> list[Call]:
    """Ragged and exact numbers of units, one row and many, more than a panel keeps near, none."""
    made = [call(*arrays(dtype, rng, *shape, 4)) for shape in SHAPES]
    x, h, c, w_ih, w_hh, b = arrays(dtype, rng, 2, 3, 4, 6, 4)
    turned = [np.asfortranarray(one) for one in (w_ih, w_hh)]
    return [*made, call(x[::-1, :, ::-1], h, c, *turned, b)]


@lstm_cell.samples
def cell_samples(dtype: Any, rng: np.random.Generator) -> list[Call]:
    """The same for one step."""
    made = []
    for time, batch, inputs, size in SHAPES[:3]:
        x, *rest = arrays(dtype, rng, time, batch, inputs, size, 4)
        made.append(call(x[0], *rest))
    return made
