"""The gradients of a long short-term memory, from the last step to the first.

In the loop are only the gates' own derivatives and dgates @ w_hh^T, with the weights packed once.
The gradients of x and of both weights are products over all steps at once, after it.

Source: Werbos (1990), "Backpropagation through time: what it does and how to do it".
"""

from __future__ import annotations

from typing import Any

import numpy as np

from . import crew, memory
from .block_product import packed_product
from .gemm import gemm
from .jit import jit
from .kernel import Call, Kernel, call
from .lstm import SHAPES, Array, arrays, lstm_oracle, packed, team_of, vtanh
from .reduce import sum_columns
from .simd import (
    lanes,
    vadd,
    vfma,
    vload,
    vload_head,
    vmul,
    vset1,
    vstore,
    vstore_head,
    vsub,
)
from .strided import flat

Gradients = tuple[Array, ...]


def lstm_backward_oracle(
    dout: Array,
    dh: Array | None,
    dc: Array | None,
    x: Array,
    hs: Array,
    cs: Array,
    gates: Array,
    w_ih: Array,
    w_hh: Array,
) -> Gradients:
    """The gradients of all arguments of `lstm`.

    Args:
        dout: (T, B, H).
        dh, dc: (B, H), the gradients of the last states beside `dout`; None means zero.
        x, hs, cs, gates, w_ih, w_hh: what `lstm` saved.

    Returns:
        dx (T, B, I), dh0 and dc0 (B, H), dw_ih (I, 4H), dw_hh (H, 4H), db (4H,).
    """
    time, batch, size = dout.shape
    running = np.zeros((batch, size), x.dtype) if dh is None else dh
    cell = np.zeros((batch, size), x.dtype) if dc is None else dc
    dgates = np.empty_like(gates)
    for t in reversed(range(time)):
        i, f, g, o = np.split(gates[t], 4, axis=-1)
        near = running + dout[t]
        tanh = np.tanh(cs[t + 1])
        cell = cell + near * o * (1 - tanh * tanh)
        dgates[t] = np.concatenate(
            [
                cell * g * i * (1 - i),
                cell * cs[t] * f * (1 - f),
                cell * i * (1 - g * g),
                near * tanh * o * (1 - o),
            ],
            axis=-1,
        )
        cell = cell * f
        running = dgates[t] @ w_hh.T
    rows = dgates.reshape(time * batch, 4 * size)
    dx = (rows @ w_ih.T).reshape(x.shape)
    dw_ih = x.reshape(time * batch, x.shape[2]).T @ rows
    dw_hh = hs[:-1].reshape(time * batch, size).T @ rows
    return dx, running.astype(x.dtype), cell.astype(x.dtype), dw_ih, dw_hh, rows.sum(0)


def lstm_cell_backward_oracle(dh: Array | None, dc: Array | None, *saved: Array) -> Gradients:
    """The gradients of all arguments of `lstm_cell`: dx, dh, dc, dw_ih, dw_hh, db.

    Args:
        dh, dc: (B, H), None means zero.
        saved: what `lstm_cell` saved.
    """
    given = np.zeros_like(saved[1][1]) if dh is None else dh
    dx, *rest = lstm_backward_oracle(given[None], None, dc, *saved)
    return dx[0], *rest


lstm_backward = Kernel("lstm_backward", lstm_backward_oracle, ulps=256.0)
lstm_cell_backward = Kernel("lstm_cell_backward", lstm_cell_backward_oracle, ulps=256.0)


@jit
def gate_gradients(
    dh: Any, dc: Any, i: Any, f: Any, g: Any, o: Any, before: Any, after: Any
) -> Any:
    """Vectors: the gradients of the four sums before the gates, and of the cell before."""
    one = vset1(dh, 1)
    tanh = vtanh(after)
    dc = vfma(vmul(dh, o), vsub(one, vmul(tanh, tanh)), dc)
    di = vmul(vmul(dc, g), vmul(i, vsub(one, i)))
    df = vmul(vmul(dc, before), vmul(f, vsub(one, f)))
    dg = vmul(vmul(dc, i), vsub(one, vmul(g, g)))
    do = vmul(vmul(dh, tanh), vmul(o, vsub(one, o)))
    return di, df, dg, do, vmul(dc, f)


@jit
def lstm_rows_backward(
    first: int,
    last: int,
    dout: Array,
    dh: Array,
    dc: Array,
    gates: Array,
    cs: Array,
    dgates: Array,
    w: Array,
    dims: tuple[int, int, int],
) -> None:
    """All steps, the last one first, for the rows `first` to `last`; w: panels of w_hh^T."""
    time, batch, size = dims
    width = lanes(dout)
    panel, after = 2 * width, batch * size
    for back in range(time):
        t = time - 1 - back
        for r in range(first, last):
            held, s, q = r * size, (t * batch + r) * size, (t * batch + r) * 4 * size
            for v in range(0, size, width):
                n = size - v
                if n >= width:
                    di, df, dg, do, dbefore = gate_gradients(
                        vadd(vload(dh, held + v), vload(dout, s + v)),
                        vload(dc, held + v),
                        vload(gates, q + v),
                        vload(gates, q + size + v),
                        vload(gates, q + 2 * size + v),
                        vload(gates, q + 3 * size + v),
                        vload(cs, s + v),
                        vload(cs, s + after + v),
                    )
                    vstore(dgates, q + v, di)
                    vstore(dgates, q + size + v, df)
                    vstore(dgates, q + 2 * size + v, dg)
                    vstore(dgates, q + 3 * size + v, do)
                    vstore(dc, held + v, dbefore)
                else:
                    di, df, dg, do, dbefore = gate_gradients(
                        vadd(vload_head(dh, held + v, n), vload_head(dout, s + v, n)),
                        vload_head(dc, held + v, n),
                        vload_head(gates, q + v, n),
                        vload_head(gates, q + size + v, n),
                        vload_head(gates, q + 2 * size + v, n),
                        vload_head(gates, q + 3 * size + v, n),
                        vload_head(cs, s + v, n),
                        vload_head(cs, s + after + v, n),
                    )
                    vstore_head(dgates, q + v, di, n)
                    vstore_head(dgates, q + size + v, df, n)
                    vstore_head(dgates, q + 2 * size + v, dg, n)
                    vstore_head(dgates, q + 3 * size + v, do, n)
                    vstore_head(dc, held + v, dbefore, n)
        row = (t * batch + first) * 4 * size
        for u in range(0, size, panel):
            packed_product(
                last - first, min(panel, size - u), 4 * size, dgates, row, 4 * size, 1,
                w, u * 4 * size, dh, first * size + u, size, False,
            )  # fmt: skip


def running(given: Array | None, batch: int, size: int, dtype: Any) -> Array:
    """A copy of a state's gradient that the loop may change."""
    made: Array = memory.zeros((batch, size), dtype)
    if given is not None:
        made[...] = given
    return made


@lstm_backward.on("cpu")
def lstm_backward_cpu(
    dout: Array,
    dh: Array | None,
    dc: Array | None,
    x: Array,
    hs: Array,
    cs: Array,
    gates: Array,
    w_ih: Array,
    w_hh: Array,
) -> Gradients:
    """Temporary memory: the gates' gradients, as many as the gates, and the packed weights."""
    time, batch, size = dout.shape
    dh0, dc0 = running(dh, batch, size, x.dtype), running(dc, batch, size, x.dtype)
    dgates = memory.empty((time * batch, 4 * size), x.dtype)
    if dgates.size:
        flats = [flat(np.ascontiguousarray(one))[0] for one in (dout, dh0, dc0, gates, cs, dgates)]
        given: Any = (*flats, packed(w_hh, size, 1, turned=True), (time, batch, size))
        team = team_of(batch, time * batch * 4 * size * size)
        if team == 1:
            lstm_rows_backward(0, batch, *given)
        else:
            crew.run(lstm_rows_backward, 0, batch, team, *given)
    dx = gemm(dgates, w_ih.T).reshape(x.shape)
    dw_ih = gemm(x.reshape(time * batch, x.shape[2]).T, dgates)
    dw_hh = gemm(hs[:-1].reshape(time * batch, size).T, dgates)
    return dx, dh0, dc0, dw_ih, dw_hh, sum_columns(dgates)


@lstm_cell_backward.on("cpu")
def lstm_cell_backward_cpu(dh: Array | None, dc: Array | None, *saved: Array) -> Gradients:
    """A sequence of one step."""
    given = np.zeros_like(saved[1][1]) if dh is None else dh
    dx, *rest = lstm_backward_cpu(given[None], None, dc, *saved)
    return dx[0], *rest


@lstm_backward.samples
def samples(dtype: Any, rng: np.random.Generator) -> list[Call]:
    """The shapes of the forward pass, with and without gradients of the last states."""
    made = []
    for k, shape in enumerate(SHAPES):
        out, _, _, saved = lstm_oracle(*arrays(dtype, rng, *shape, 4))
        dout, dh, dc = (
            np.asarray(rng.normal(size=s), dtype) for s in (out.shape, *2 * [out.shape[1:]])
        )
        made.append(call(dout, None, None, *saved) if k % 2 else call(dout, dh, dc, *saved))
    return made


@lstm_cell_backward.samples
def cell_samples(dtype: Any, rng: np.random.Generator) -> list[Call]:
    """One step."""
    x, *rest = arrays(dtype, rng, 1, 3, 2, 9, 4)
    _, h, _, saved = lstm_oracle(x, *rest)
    dh, dc = (np.asarray(rng.normal(size=h.shape), dtype) for _ in range(2))
    return [call(dh, dc, *saved), call(None, dc, *saved), call(dh, None, *saved)]
