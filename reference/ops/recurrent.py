"""One step of a recurrent layer, and all its steps in one op.

Sources: Hochreiter & Schmidhuber (1997), "Long short-term memory" (with the forget gate of Gers,
Schmidhuber & Cummins, 2000); Cho et al. (2014), "Learning phrase representations using RNN
encoder-decoder for statistical machine translation" (GRU, in the form with a bias on the recurrent
part of the candidate).
"""

from __future__ import annotations

from typing import Any

from .. import backend
from ..devices import zeros_beside
from ..engine import Parts
from ..errors import ShapeError
from ..op import Array, op
from ..tensor import Tensor
from .elementwise import sigmoid, tanh
from .linalg import matmul
from .shape import split, stack


@op(name="lstm_cell", outputs=True, residual=True)
def _lstm_cell(x: Array, h: Array, c: Array, w_ih: Array, w_hh: Array, b: Array) -> Any:
    """(h', c'); the residual is what the kernel's backward pass wants to see again."""
    after, cell, saved = backend.lstm_cell(x, h, c, w_ih, w_hh, b)
    return (after, cell), saved


@_lstm_cell.composed
def lstm_step(
    x: Tensor, h: Tensor, c: Tensor, w_ih: Tensor, w_hh: Tensor, b: Tensor
) -> tuple[Tensor, Tensor]:
    i, f, g, o = split(matmul(x, w_ih) + matmul(h, w_hh) + b, 4, axis=1)
    cell = sigmoid(f) * c + sigmoid(i) * tanh(g)
    return sigmoid(o) * tanh(cell), cell


@_lstm_cell.backward
def lstm_cell_backward(g: Parts, out: Any, saved: Any, *inputs: Array) -> Any:
    return backend.lstm_cell_backward(*g.entries, *saved)


@op(name="lstm", outputs=True, residual=True)
def _lstm(x: Array, h0: Array, c0: Array, w_ih: Array, w_hh: Array, b: Array) -> Any:
    """(h of every step, the last h, the last c)."""
    every, h, c, saved = backend.lstm(x, h0, c0, w_ih, w_hh, b)
    return (every, h, c), saved


@_lstm.composed
def lstm_steps(
    x: Tensor, h0: Tensor, c0: Tensor, w_ih: Tensor, w_hh: Tensor, b: Tensor
) -> tuple[Tensor, Tensor, Tensor]:
    h, c = h0, c0
    every = []
    for step in range(x.shape[0]):
        h, c = lstm_step(x[step], h, c, w_ih, w_hh, b)
        every.append(h)
    return stack(every), h, c


@_lstm.backward
def lstm_backward(g: Parts, out: Any, saved: Any, *inputs: Array) -> Any:
    every, h, c = g.entries
    return backend.lstm_backward(_dense(every, out[0]), h, c, *saved)


@op(name="gru_cell", residual=True)
def _gru_cell(x: Array, h: Array, w_ih: Array, w_hh: Array, b: Array, b_hn: Array) -> Any:
    """h'; the residual is what the kernel's backward pass wants to see again."""
    return backend.gru_cell(x, h, w_ih, w_hh, b, b_hn)


@_gru_cell.composed
def gru_step(x: Tensor, h: Tensor, w_ih: Tensor, w_hh: Tensor, b: Tensor, b_hn: Tensor) -> Tensor:
    r_in, z_in, n_in = split(matmul(x, w_ih) + b, 3, axis=1)
    r_back, z_back, n_back = split(matmul(h, w_hh), 3, axis=1)
    z = sigmoid(z_in + z_back)
    n = tanh(n_in + sigmoid(r_in + r_back) * (n_back + b_hn))
    return (1 - z) * n + z * h


@_gru_cell.backward
def gru_cell_backward(g: Array, out: Array, saved: Any, *inputs: Array) -> Any:
    return backend.gru_cell_backward(g, *saved)


@op(name="gru", outputs=True, residual=True)
def _gru(x: Array, h0: Array, w_ih: Array, w_hh: Array, b: Array, b_hn: Array) -> Any:
    """(h of every step, the last h)."""
    every, h, saved = backend.gru(x, h0, w_ih, w_hh, b, b_hn)
    return (every, h), saved


@_gru.composed
def gru_steps(
    x: Tensor, h0: Tensor, w_ih: Tensor, w_hh: Tensor, b: Tensor, b_hn: Tensor
) -> tuple[Tensor, Tensor]:
    h = h0
    every = []
    for step in range(x.shape[0]):
        h = gru_step(x[step], h, w_ih, w_hh, b, b_hn)
        every.append(h)
    return stack(every), h


@_gru.backward
def gru_backward(g: Parts, out: Any, saved: Any, *inputs: Array) -> Any:
    every, h = g.entries
    return backend.gru_backward(_dense(every, out[0]), h, *saved)


def lstm_cell(x: Any, h: Any, c: Any, w_ih: Any, w_hh: Any, b: Any) -> tuple[Tensor, Tensor]:
    """One step: c' = f c + i g, h' = o tanh(c').

    Args:
        x: (B, I). h, c: (B, H).
        w_ih: (I, 4H). w_hh: (H, 4H). b: (4H,). The gates are i, f, g, o.

    Raises:
        ShapeError: sizes that do not fit.
    """
    _check("lstm_cell", x.shape, (h, c), w_ih, w_hh, (b,), 4)
    h, c = _lstm_cell.many((x, h, c, w_ih, w_hh, b))
    return h, c


def lstm(x: Any, h0: Any, c0: Any, w_ih: Any, w_hh: Any, b: Any) -> tuple[Tensor, Tensor, Tensor]:
    """All steps of `lstm_cell` over x (T, B, I): (h of every step (T, B, H), last h, last c).

    Raises:
        ShapeError: sizes that do not fit, or no step at all.
    """
    if len(x.shape) != 3 or not x.shape[0]:
        raise ShapeError(f"lstm: x is {x.shape}; it must be (T, B, I) with T >= 1.")
    _check("lstm", x.shape[1:], (h0, c0), w_ih, w_hh, (b,), 4)
    every, h, c = _lstm.many((x, h0, c0, w_ih, w_hh, b))
    return every, h, c


def gru_cell(x: Any, h: Any, w_ih: Any, w_hh: Any, b: Any, b_hn: Any) -> Tensor:
    """One step: n = tanh(x W_n + b_n + r (h U_n + b_hn)), h' = (1 - z) n + z h.

    Args:
        x: (B, I). h: (B, H).
        w_ih: (I, 3H). w_hh: (H, 3H). b: (3H,). b_hn: (H,). The gates are r, z, n.

    Raises:
        ShapeError: sizes that do not fit.
    """
    _check("gru_cell", x.shape, (h,), w_ih, w_hh, (b, b_hn), 3)
    return _gru_cell.apply((x, h, w_ih, w_hh, b, b_hn), ())


def gru(x: Any, h0: Any, w_ih: Any, w_hh: Any, b: Any, b_hn: Any) -> tuple[Tensor, Tensor]:
    """All steps of `gru_cell` over x (T, B, I): (h of every step (T, B, H), last h).

    Raises:
        ShapeError: sizes that do not fit, or no step at all.
    """
    if len(x.shape) != 3 or not x.shape[0]:
        raise ShapeError(f"gru: x is {x.shape}; it must be (T, B, I) with T >= 1.")
    _check("gru", x.shape[1:], (h0,), w_ih, w_hh, (b, b_hn), 3)
    every, h = _gru.many((x, h0, w_ih, w_hh, b, b_hn))
    return every, h


def _check(name: str, x: Any, states: Any, w_ih: Any, w_hh: Any, biases: Any, gates: int) -> None:
    hidden = w_hh.shape[0] if w_hh.shape else 0
    wide = gates * hidden
    fits = (
        len(x) == 2
        and all(s.shape == (x[0], hidden) for s in states)
        and w_ih.shape == (x[1], wide)
        and w_hh.shape == (hidden, wide)
        and biases[0].shape == (wide,)
        and all(b.shape == (hidden,) for b in biases[1:])
    )
    if not fits:
        raise ShapeError(
            f"{name}: x is {x}, the state is {states[0].shape}, w_ih is {w_ih.shape}, w_hh is "
            f"{w_hh.shape}, the bias is {biases[0].shape}; they must be (B, I), (B, H), "
            f"(I, {gates}H), (H, {gates}H) and ({gates}H,)."
        )


def _dense(entry: Array | None, out: Array) -> Array:
    """The gradient of an output, zeros where none arrived."""
    return zeros_beside(out) if entry is None else entry
