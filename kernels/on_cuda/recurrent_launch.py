"""LSTM and GRU on CUDA: what has no step in it is one product over all steps.

Before the loop that is the inputs' share of the gates, after it the gradients of x and of both
weights. In the loop are the product with the recurrent weights and one kernel of `recurrent`.
"""

from __future__ import annotations

from .. import gru as gated_unit
from .. import gru_backward as gated_unit_backward
from .. import lstm as memory_cell
from .. import lstm_backward as memory_cell_backward
from . import recurrent
from .array import THREADS, CudaArray, blocks, contiguous, empty, run
from .compact import compact_cuda
from .copies import filled, spread
from .gemm import gemm_cuda
from .reduce import sum_columns_cuda

Arrays = tuple[CudaArray, ...]


@memory_cell.lstm.on("cuda")
def lstm_cuda(
    x: CudaArray, h0: CudaArray, c0: CudaArray, w_ih: CudaArray, w_hh: CudaArray, b: CudaArray
) -> tuple[CudaArray, CudaArray, CudaArray, Arrays]:
    """Temporary memory: the recurrent products of one step."""
    time, (batch, size) = x.shape[0], h0.shape
    hs, cs = _begun(h0, time), _begun(c0, time)
    gates = _of_inputs(x, w_ih)
    if h0.size:
        from_h = empty((batch, 4 * size))
        for t in range(time):
            gemm_cuda(hs[t], w_hh, from_h)
            grid = blocks(h0.size)
            run(recurrent.lstm_states, grid, THREADS, gates, from_h, b, hs, cs, t)
    return hs[1:], hs[time], cs[time], (x, hs, cs, gates, w_ih, w_hh)


@memory_cell.lstm_cell.on("cuda")
def lstm_cell_cuda(
    x: CudaArray, h: CudaArray, c: CudaArray, w_ih: CudaArray, w_hh: CudaArray, b: CudaArray
) -> tuple[CudaArray, CudaArray, Arrays]:
    """A sequence of one step."""
    _, h, c, saved = lstm_cuda(_alone(x), h, c, w_ih, w_hh, b)
    return h, c, saved


@memory_cell_backward.lstm_backward.on("cuda")
def lstm_backward_cuda(
    dout: CudaArray,
    dh: CudaArray | None,
    dc: CudaArray | None,
    x: CudaArray,
    hs: CudaArray,
    cs: CudaArray,
    gates: CudaArray,
    w_ih: CudaArray,
    w_hh: CudaArray,
) -> Arrays:
    """Temporary memory: the gradients of the gates, as many as the gates."""
    time, batch, size = dout.shape
    dout = contiguous(dout)
    before, cell = _running(dh, (batch, size)), _running(dc, (batch, size))
    dgates = empty(gates.shape)
    if before.size:
        for t in reversed(range(time)):
            arrays = dout, before, cell, gates, cs, dgates
            run(recurrent.lstm_gradients, blocks(before.size), THREADS, *arrays, t)
            gemm_cuda(dgates[t], w_hh.T, before)
    dx, dw_ih, db = _of_the_inputs(dgates, x, w_ih)
    return dx, before, cell, dw_ih, _of_recurrent_weights(dgates, hs), db


@memory_cell_backward.lstm_cell_backward.on("cuda")
def lstm_cell_backward_cuda(
    dh: CudaArray | None, dc: CudaArray | None, *saved: CudaArray
) -> Arrays:
    """A sequence of one step."""
    given = filled(saved[1].shape[1:], 0.0) if dh is None else dh
    dx, *rest = lstm_backward_cuda(_alone(given), None, dc, *saved)
    return dx.reshape(dx.shape[1:]), *rest


@gated_unit.gru.on("cuda")
def gru_cuda(
    x: CudaArray, h0: CudaArray, w_ih: CudaArray, w_hh: CudaArray, b: CudaArray, b_hn: CudaArray
) -> tuple[CudaArray, CudaArray, Arrays]:
    """Temporary memory: the recurrent products of one step."""
    time, (batch, size) = x.shape[0], h0.shape
    hs, inner = _begun(h0, time), empty((time, batch, size))
    gates = _of_inputs(x, w_ih)
    if h0.size:
        from_h = empty((batch, 3 * size))
        for t in range(time):
            gemm_cuda(hs[t], w_hh, from_h)
            grid = blocks(h0.size)
            run(recurrent.gru_states, grid, THREADS, gates, from_h, b, b_hn, inner, hs, t)
    return hs[1:], hs[time], (x, hs, gates, inner, w_ih, w_hh)


@gated_unit.gru_cell.on("cuda")
def gru_cell_cuda(
    x: CudaArray, h: CudaArray, w_ih: CudaArray, w_hh: CudaArray, b: CudaArray, b_hn: CudaArray
) -> tuple[CudaArray, Arrays]:
    """A sequence of one step."""
    _, h, saved = gru_cuda(_alone(x), h, w_ih, w_hh, b, b_hn)
    return h, saved


@gated_unit_backward.gru_backward.on("cuda")
def gru_backward_cuda(
    dout: CudaArray,
    dh: CudaArray | None,
    x: CudaArray,
    hs: CudaArray,
    gates: CudaArray,
    inner: CudaArray,
    w_ih: CudaArray,
    w_hh: CudaArray,
) -> Arrays:
    """Temporary memory: the gradients of x's and of h's sums, twice as many as the gates."""
    time, batch, size = dout.shape
    dout = contiguous(dout)
    before, kept = _running(dh, (batch, size)), filled((batch, size), 0.0)
    from_x, from_h = empty(gates.shape), empty(gates.shape)
    if before.size:
        for t in reversed(range(time)):
            arrays = dout, before, kept, gates, inner, hs, from_x, from_h
            run(recurrent.gru_gradients, blocks(before.size), THREADS, *arrays, t)
            gemm_cuda(from_h[t], w_hh.T, before)
        before += kept
    dx, dw_ih, db = _of_the_inputs(from_x, x, w_ih)
    db_hn = sum_columns_cuda(_lines(from_h))[2 * size :]
    return dx, before, dw_ih, _of_recurrent_weights(from_h, hs), db, db_hn


@gated_unit_backward.gru_cell_backward.on("cuda")
def gru_cell_backward_cuda(dh: CudaArray, *saved: CudaArray) -> Arrays:
    """A sequence of one step."""
    dx, *rest = gru_backward_cuda(_alone(dh), None, *saved)
    return dx.reshape(dx.shape[1:]), *rest


def _alone(x: CudaArray) -> CudaArray:
    """A sequence of one step."""
    return x.reshape(1, *x.shape)


def _lines(x: CudaArray) -> CudaArray:
    """x (T, B, N) as (T B, N)."""
    return x.reshape(x.shape[0] * x.shape[1], x.shape[2])


def _begun(first: CudaArray, time: int) -> CudaArray:
    """Room for the states (T + 1, B, H) of a sequence; the first is there."""
    states = empty((time + 1, *first.shape))
    spread(first, states, (first.shape[1], 1))
    return states


def _of_inputs(x: CudaArray, w_ih: CudaArray) -> CudaArray:
    """The inputs' share of the gates of all steps."""
    return gemm_cuda(_lines(x), w_ih).reshape(*x.shape[:2], w_ih.shape[1])


def _running(given: CudaArray | None, shape: tuple[int, ...]) -> CudaArray:
    """The gradient of a last state that the loop changes: a copy, or zeros."""
    return filled(shape, 0.0) if given is None else compact_cuda(given)


def _of_the_inputs(
    dsums: CudaArray, x: CudaArray, w_ih: CudaArray
) -> tuple[CudaArray, CudaArray, CudaArray]:
    """The gradients of x, its weights and their bias, from those of the sums (T, B, N)."""
    rows = _lines(dsums)
    dx = gemm_cuda(rows, w_ih.T).reshape(x.shape)
    return dx, gemm_cuda(_lines(x).T, rows), sum_columns_cuda(rows)


def _of_recurrent_weights(dsums: CudaArray, hs: CudaArray) -> CudaArray:
    """The gradient of w_hh, from those of the sums (T, B, N)."""
    return gemm_cuda(_lines(hs[:-1]).T, _lines(dsums))
