"""The gated recurrent unit: a cell, and a whole sequence; the loop is that of lstm.py.

The reset gate acts after the recurrent product, n = tanh(x W_n + b_n + r (h U_n + b_hn)), so that
h U is one product; the two shares of n are kept apart until then.

Sources: Cho et al. (2014), "Learning phrase representations using RNN encoder-decoder"; Appleyard,
Kociský & Blunsom (2016). The gradients are in gru_backward.py.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from . import crew, memory
from .block_product import packed_product
from .jit import jit
from .kernel import Call, Kernel, call
from .lstm import PANEL, ROWS, SHAPES, Array, arrays, packed, sigmoid, team_of, vsigmoid, vtanh
from .simd import lanes, vadd, vfma, vload, vload_head, vstore, vstore_head, vsub
from .strided import flat


def gru_oracle(
    x: Array, h0: Array, w_ih: Array, w_hh: Array, b: Array, b_hn: Array
) -> tuple[Array, Array, tuple[Array, ...]]:
    """The states of every step of a sequence.

    Args:
        x: (T, B, I), T >= 1.
        h0: (B, H).
        w_ih: (I, 3H); w_hh: (H, 3H); b: (3H,); gates in the order r, z, n.
        b_hn: (H,), the bias within the reset gate's reach.

    Returns:
        out (T, B, H), the last h (B, H), and what `gru_backward` needs: (x, h of T + 1 steps, the
        gates (T, B, 3H), h U_n + b_hn (T, B, H), w_ih, w_hh).
    """
    time, (batch, size) = x.shape[0], h0.shape
    hs = np.empty((time + 1, batch, size), x.dtype)
    inner = np.empty((time, batch, size), x.dtype)
    hs[0] = h0
    gates = x @ w_ih + b
    for t in range(time):
        r, z, n = np.split(gates[t], 3, axis=-1)
        from_r, from_z, from_n = np.split(hs[t] @ w_hh, 3, axis=-1)
        inner[t] = from_n + b_hn
        r, z = sigmoid(r + from_r), sigmoid(z + from_z)
        n = np.tanh(n + r * inner[t])
        hs[t + 1] = (1 - z) * n + z * hs[t]
        gates[t] = np.concatenate([r, z, n], axis=-1)
    return hs[1:], hs[-1], (x, hs, gates, inner, w_ih, w_hh)


def gru_cell_oracle(
    x: Array, h: Array, w_ih: Array, w_hh: Array, b: Array, b_hn: Array
) -> tuple[Array, tuple[Array, ...]]:
    """One step: h (B, H) from x (B, I), and what `gru_cell_backward` needs."""
    _, h, saved = gru_oracle(x[None], h, w_ih, w_hh, b, b_hn)
    return h, saved


gru = Kernel("gru", gru_oracle)
gru_cell = Kernel("gru_cell", gru_cell_oracle)


@jit
def step_gates(
    m: int,
    units: int,
    u: int,
    size: int,
    work: Array,
    at: int,
    bias: Array,
    inner_bias: Array,
    gates: Array,
    g_at: int,
    inner: Array,
    hs: Array,
    h_at: int,
    after: int,
) -> None:
    """Gates and states of m rows for the units u to u + units; `work` holds r, z and n's shares."""
    w = lanes(work)
    panel = 2 * w
    for _ in range(m):
        for v in range(0, units, w):
            count = units - v
            sum_r, sum_z = vload(work, at + v), vload(work, at + v + panel)
            from_x, from_h = vload(work, at + v + 2 * panel), vload(work, at + v + 3 * panel)
            q, s, k = g_at + v, h_at + v, u + v
            if count >= w:
                r = vsigmoid(vadd(sum_r, vload(bias, k)))
                z = vsigmoid(vadd(sum_z, vload(bias, size + k)))
                within = vadd(from_h, vload(inner_bias, k))
                n = vtanh(vfma(r, within, vadd(from_x, vload(bias, 2 * size + k))))
                vstore(gates, q, r)
                vstore(gates, q + size, z)
                vstore(gates, q + 2 * size, n)
                vstore(inner, s, within)
                vstore(hs, s + after, vfma(z, vsub(vload(hs, s), n), n))
            else:
                r = vsigmoid(vadd(sum_r, vload_head(bias, k, count)))
                z = vsigmoid(vadd(sum_z, vload_head(bias, size + k, count)))
                within = vadd(from_h, vload_head(inner_bias, k, count))
                n = vtanh(vfma(r, within, vadd(from_x, vload_head(bias, 2 * size + k, count))))
                vstore_head(gates, q, r, count)
                vstore_head(gates, q + size, z, count)
                vstore_head(gates, q + 2 * size, n, count)
                vstore_head(inner, s, within, count)
                h = vfma(z, vsub(vload_head(hs, s, count), n), n)
                vstore_head(hs, s + after, h, count)
        at += 4 * panel
        g_at += 3 * size
        h_at += size


@jit
def gru_rows(
    first: int,
    last: int,
    x: Array,
    w_x: Array,
    w_h: Array,
    bias: Array,
    inner_bias: Array,
    hs: Array,
    gates: Array,
    inner: Array,
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
                    for g in range(3):
                        packed_product(
                            rows, panel, inputs, x, (t * batch + first) * inputs, inputs, 1,
                            w_x, (u // panel * 3 + g) * inputs * panel,
                            work, z + g * panel, wide, False,
                        )  # fmt: skip
        for t in range(t0, t0 + some):
            row = t * batch + first
            for u in range(0, size, panel):
                z = base + (u // panel * steps + t - t0) * m * wide
                for g in range(3):
                    apart = 1 if g == 2 else 0  # n's share of h has a place of its own
                    packed_product(
                        m, panel, size, hs, row * size, size, 1,
                        w_h, (u // panel * 3 + g) * size * panel,
                        work, z + (g + apart) * panel, wide, apart == 0,
                    )  # fmt: skip
                step_gates(
                    m, min(panel, size - u), u, size, work, z, bias, inner_bias,
                    gates, row * 3 * size + u, inner, hs, row * size + u, batch * size,
                )  # fmt: skip


@gru.on("cpu")
def gru_cpu(
    x: Array, h0: Array, w_ih: Array, w_hh: Array, b: Array, b_hn: Array
) -> tuple[Array, Array, tuple[Array, ...]]:
    """Temporary memory: the packed weights, and the products of ROWS rows or of one step."""
    (time, batch, inputs), size = x.shape, h0.shape[1]
    x = np.ascontiguousarray(x)
    hs = memory.empty((time + 1, batch, size), x.dtype)
    gates = memory.empty((time, batch, 3 * size), x.dtype)
    inner = memory.empty((time, batch, size), x.dtype)
    hs[0] = h0
    if batch * size:
        w_x, w_h = packed(w_ih, size, 3), packed(w_hh, size, 3)
        team = team_of(batch, time * batch * (inputs + size) * 3 * size)
        room = max(1, ROWS // (batch // team)) * 4 * (size + PANEL)
        work = memory.empty(batch * room, x.dtype)
        biases = [flat(np.ascontiguousarray(one))[0] for one in (b, b_hn)]
        results = hs.reshape(-1), gates.reshape(-1), inner.reshape(-1)
        given = flat(x)[0], w_x, w_h, *biases, *results, (time, batch, inputs, size), work, room
        if team == 1:
            gru_rows(0, batch, *given)
        else:
            crew.run(gru_rows, 0, batch, team, *given)
    return hs[1:], hs[-1], (x, hs, gates, inner, w_ih, w_hh)


@gru_cell.on("cpu")
def gru_cell_cpu(
    x: Array, h: Array, w_ih: Array, w_hh: Array, b: Array, b_hn: Array
) -> tuple[Array, tuple[Array, ...]]:
    """A sequence of one step."""
    _, h, saved = gru_cpu(x[None], h, w_ih, w_hh, b, b_hn)
    return h, saved


def sample(dtype: Any, rng: np.random.Generator, shape: tuple[int, int, int, int]) -> list[Array]:
    """The arguments of `gru` for (T, B, I, H)."""
    x, h, _, w_ih, w_hh, b = arrays(dtype, rng, *shape, 3)
    return [x, h, w_ih, w_hh, b, rng.normal(size=shape[3]).astype(dtype)]


@gru.samples
def samples(dtype: Any, rng: np.random.Generator) -> list[Call]:
    """Ragged and exact numbers of units, one row and many, more than a panel keeps near, none."""
    made = [call(*sample(dtype, rng, shape)) for shape in SHAPES]
    x, h, w_ih, w_hh, b, b_hn = sample(dtype, rng, (2, 3, 4, 6))
    return [*made, call(x[::-1, :, ::-1], h, *map(np.asfortranarray, (w_ih, w_hh)), b, b_hn)]


@gru_cell.samples
def cell_samples(dtype: Any, rng: np.random.Generator) -> list[Call]:
    """The same for one step."""
    made = []
    for shape in SHAPES[:3]:
        x, *rest = sample(dtype, rng, shape)
        made.append(call(x[0], *rest))
    return made
