"""The gradients of a gated recurrent unit, from the last step to the first; see lstm_backward.py.

The sums of x and of h differ in n only, where the reset gate stands between: the gradients of the
one are (dr, dz, dn), of the other (dr, dz, r dn).
"""

from __future__ import annotations

from typing import Any

import numpy as np

from . import crew, memory
from .block_product import packed_product
from .gemm import gemm
from .gru import gru_oracle, sample
from .jit import jit
from .kernel import Call, Kernel, call
from .lstm import SHAPES, Array, packed, team_of
from .lstm_backward import Gradients, running
from .reduce import sum_columns
from .simd import lanes, vadd, vload, vload_head, vmul, vset1, vstore, vstore_head, vsub
from .strided import flat


def gru_backward_oracle(
    dout: Array,
    dh: Array | None,
    x: Array,
    hs: Array,
    gates: Array,
    inner: Array,
    w_ih: Array,
    w_hh: Array,
) -> Gradients:
    """The gradients of all arguments of `gru`.

    Args:
        dout: (T, B, H).
        dh: (B, H), the gradient of the last state beside `dout`; None means zero.
        x, hs, gates, inner, w_ih, w_hh: what `gru` saved.

    Returns:
        dx (T, B, I), dh0 (B, H), dw_ih (I, 3H), dw_hh (H, 3H), db (3H,), db_hn (H,).

    Source: Cho et al. (2014); Werbos (1990), "Backpropagation through time".
    """
    time, batch, size = dout.shape
    near = np.zeros((batch, size), x.dtype) if dh is None else dh
    from_x, from_h = np.empty_like(gates), np.empty_like(gates)
    for t in reversed(range(time)):
        r, z, n = np.split(gates[t], 3, axis=-1)
        near = near + dout[t]
        dn = near * (1 - z) * (1 - n * n)
        dr, dz = dn * inner[t] * r * (1 - r), near * (hs[t] - n) * z * (1 - z)
        from_x[t] = np.concatenate([dr, dz, dn], axis=-1)
        from_h[t] = np.concatenate([dr, dz, dn * r], axis=-1)
        near = near * z + from_h[t] @ w_hh.T
    rows, inner_rows = (one.reshape(time * batch, 3 * size) for one in (from_x, from_h))
    dx = (rows @ w_ih.T).reshape(x.shape)
    dw_ih = x.reshape(time * batch, x.shape[2]).T @ rows
    dw_hh = hs[:-1].reshape(time * batch, size).T @ inner_rows
    db_hn = inner_rows[:, 2 * size :].sum(0)
    return dx, near.astype(x.dtype), dw_ih, dw_hh, rows.sum(0), db_hn


def gru_cell_backward_oracle(dh: Array, *saved: Array) -> Gradients:
    """The gradients of all arguments of `gru_cell`: dx, dh, dw_ih, dw_hh, db, db_hn.

    Args:
        dh: (B, H).
        saved: what `gru_cell` saved.
    """
    dx, *rest = gru_backward_oracle(dh[None], None, *saved)
    return dx[0], *rest


gru_backward = Kernel("gru_backward", gru_backward_oracle, ulps=256.0)
gru_cell_backward = Kernel("gru_cell_backward", gru_cell_backward_oracle, ulps=256.0)


@jit
def gate_gradients(near: Any, r: Any, z: Any, n: Any, inner: Any, before: Any) -> Any:
    """Vectors: the gradients of the sums of r, z and n, of n's share of h, and h's own share."""
    one = vset1(near, 1)
    dn = vmul(vmul(near, vsub(one, z)), vsub(one, vmul(n, n)))
    dr = vmul(vmul(dn, inner), vmul(r, vsub(one, r)))
    dz = vmul(vmul(near, vsub(before, n)), vmul(z, vsub(one, z)))
    return dr, dz, dn, vmul(dn, r), vmul(near, z)


@jit
def gru_rows_backward(
    first: int,
    last: int,
    dout: Array,
    dh: Array,
    gates: Array,
    inner: Array,
    hs: Array,
    dgates: Array,
    dinner: Array,
    w: Array,
    dims: tuple[int, int, int],
) -> None:
    """All steps, the last one first, for the rows `first` to `last`; w: panels of w_hh^T."""
    time, batch, size = dims
    width = lanes(dout)
    panel = 2 * width
    m = last - first
    for back in range(time):
        t = time - 1 - back
        for r in range(first, last):
            held, s, q = r * size, (t * batch + r) * size, (t * batch + r) * 3 * size
            for v in range(0, size, width):
                n = size - v
                if n >= width:
                    dr, dz, dn, dinside, kept = gate_gradients(
                        vadd(vload(dh, held + v), vload(dout, s + v)),
                        vload(gates, q + v),
                        vload(gates, q + size + v),
                        vload(gates, q + 2 * size + v),
                        vload(inner, s + v),
                        vload(hs, s + v),
                    )
                    vstore(dgates, q + v, dr)
                    vstore(dgates, q + size + v, dz)
                    vstore(dgates, q + 2 * size + v, dn)
                    vstore(dinner, s + v, dinside)
                    vstore(dh, held + v, kept)
                else:
                    dr, dz, dn, dinside, kept = gate_gradients(
                        vadd(vload_head(dh, held + v, n), vload_head(dout, s + v, n)),
                        vload_head(gates, q + v, n),
                        vload_head(gates, q + size + v, n),
                        vload_head(gates, q + 2 * size + v, n),
                        vload_head(inner, s + v, n),
                        vload_head(hs, s + v, n),
                    )
                    vstore_head(dgates, q + v, dr, n)
                    vstore_head(dgates, q + size + v, dz, n)
                    vstore_head(dgates, q + 2 * size + v, dn, n)
                    vstore_head(dinner, s + v, dinside, n)
                    vstore_head(dh, held + v, kept, n)
        row = t * batch + first
        for u in range(0, size, panel):
            some, at, to = min(panel, size - u), u * 3 * size, first * size + u
            packed_product(
                m, some, 2 * size, dgates, row * 3 * size, 3 * size, 1, w, at, dh, to, size, True
            )
            at += 2 * size * panel
            packed_product(m, some, size, dinner, row * size, size, 1, w, at, dh, to, size, True)


@gru_backward.on("cpu")
def gru_backward_cpu(
    dout: Array,
    dh: Array | None,
    x: Array,
    hs: Array,
    gates: Array,
    inner: Array,
    w_ih: Array,
    w_hh: Array,
) -> Gradients:
    """Temporary memory: the gates' gradients, four thirds as many as the gates, packed weights."""
    time, batch, size = dout.shape
    dh0 = running(dh, batch, size, x.dtype)
    dgates = memory.empty((time * batch, 3 * size), x.dtype)
    dinner = memory.empty((time * batch, size), x.dtype)
    if dgates.size:
        arrays = dout, dh0, gates, inner, hs, dgates, dinner
        flats = [flat(np.ascontiguousarray(one))[0] for one in arrays]
        given: Any = (*flats, packed(w_hh, size, 1, turned=True), (time, batch, size))
        team = team_of(batch, time * batch * 3 * size * size)
        if team == 1:
            gru_rows_backward(0, batch, *given)
        else:
            crew.run(gru_rows_backward, 0, batch, team, *given)
    before = hs[:-1].reshape(time * batch, size).T
    dw_hh = memory.empty(w_hh.shape, x.dtype)
    dw_hh[:, : 2 * size] = gemm(before, dgates[:, : 2 * size])
    dw_hh[:, 2 * size :] = gemm(before, dinner)
    dx = gemm(dgates, w_ih.T).reshape(x.shape)
    dw_ih = gemm(x.reshape(time * batch, x.shape[2]).T, dgates)
    return dx, dh0, dw_ih, dw_hh, sum_columns(dgates), sum_columns(dinner)


@gru_cell_backward.on("cpu")
def gru_cell_backward_cpu(dh: Array, *saved: Array) -> Gradients:
    """A sequence of one step."""
    dx, *rest = gru_backward_cpu(dh[None], None, *saved)
    return dx[0], *rest


@gru_backward.samples
def samples(dtype: Any, rng: np.random.Generator) -> list[Call]:
    """The shapes of the forward pass, with and without a gradient of the last state."""
    made = []
    for k, shape in enumerate(SHAPES):
        out, _, saved = gru_oracle(*sample(dtype, rng, shape))
        dout, dh = (np.asarray(rng.normal(size=s), dtype) for s in (out.shape, out.shape[1:]))
        made.append(call(dout, None, *saved) if k % 2 else call(dout, dh, *saved))
    return made


@gru_cell_backward.samples
def cell_samples(dtype: Any, rng: np.random.Generator) -> list[Call]:
    """One step."""
    _, h, saved = gru_oracle(*sample(dtype, rng, (1, 3, 2, 9)))
    return [call(np.asarray(rng.normal(size=h.shape), dtype), *saved)]
