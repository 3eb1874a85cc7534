"""Cells in time and in layers: (x (T, B, I), state) -> (out (T, B, H), state)."""

from __future__ import annotations

from typing import Any

import numpy as np

from .. import nn, ops
from ..errors import ShapeError
from ..seeding import seeded
from ..tensor import Tensor
from .cells import zeros
from .module import Module


class _Recurrent(Module):
    """Layers of cells; a layer reads the outputs of the one below."""

    @seeded
    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        num_layers: int = 1,
        rng: np.random.Generator | None = None,
    ) -> None:
        rng = rng or np.random.default_rng()
        sizes = [input_size] + [hidden_size] * (num_layers - 1)
        self.cells = [self.cell(size, hidden_size, rng) for size in sizes]
        self.hidden_size = hidden_size

    def cell(self, size: int, hidden_size: int, rng: np.random.Generator) -> Module:
        raise NotImplementedError

    def check(self, x: Tensor) -> None:
        if x.ndim != 3 or x.shape[0] == 0:
            raise ShapeError(
                f"{type(self).__name__}: x is {x.shape}.\nIt must be (T, B, I) with a step or more."
            )


class RNN(_Recurrent):
    """Layers of `RNNCell` with tanh.

    Args:
        input_size, hidden_size: I and H.
        num_layers: L.
        rng: where the weights come from; None is a fresh generator.

    Attributes:
        cells: the cells, layer 0 first.
    """

    def cell(self, size: int, hidden_size: int, rng: np.random.Generator) -> Module:
        return nn.RNNCell(size, hidden_size, rng=rng)

    def forward(self, x: Tensor, state: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """x (T, B, I), h (L, B, H) or None for zeros -> (out (T, B, H), h (L, B, H))."""
        self.check(x)
        last = []
        for layer, cell in enumerate(self.cells):
            x, h = self.layer(cell, x, None if state is None else state[layer])
            last.append(h)
        return x, ops.stack(last, 0)

    def layer(self, cell: Any, x: Tensor, start: Tensor | None) -> tuple[Tensor, Tensor]:
        return _unroll(cell, x, start)


class GRU(RNN):
    """Layers of `GRUCell`; arguments and shapes as `RNN`."""

    def cell(self, size: int, hidden_size: int, rng: np.random.Generator) -> Module:
        return nn.GRUCell(size, hidden_size, rng)

    def layer(self, cell: Any, x: Tensor, start: Tensor | None) -> tuple[Tensor, Tensor]:
        if not _known(cell):
            return _unroll(cell, x, start)
        h = zeros(x, cell.hidden_size) if start is None else start
        out, h = ops.gru(x, h, cell.w_ih, cell.w_hh, cell.b, cell.b_hn)
        return out, h


class LSTM(_Recurrent):
    """Layers of `LSTMCell`.

    Args:
        input_size, hidden_size: I and H.
        num_layers: L.
        rng: where the weights come from; None is a fresh generator.

    Attributes:
        cells: the cells, layer 0 first.
    """

    def cell(self, size: int, hidden_size: int, rng: np.random.Generator) -> Module:
        return nn.LSTMCell(size, hidden_size, rng)

    def forward(
        self, x: Tensor, state: tuple[Tensor, Tensor] | None = None
    ) -> tuple[Tensor, tuple[Tensor, Tensor]]:
        """x (T, B, I), (h, c) both (L, B, H) or None for zeros -> (out (T, B, H), (h, c))."""
        self.check(x)
        hs, cs = [], []
        for layer, cell in enumerate(self.cells):
            start = None if state is None else (state[0][layer], state[1][layer])
            x, (h, c) = _lstm_layer(cell, x, start)
            hs.append(h)
            cs.append(c)
        return x, (ops.stack(hs, 0), ops.stack(cs, 0))


def _lstm_layer(cell: Any, x: Tensor, start: Any) -> tuple[Tensor, tuple[Tensor, Tensor]]:
    if not _known(cell):
        return _unroll(cell, x, start)
    h, c = start or (zeros(x, cell.hidden_size), zeros(x, cell.hidden_size))
    out, h, c = ops.lstm(x, h, c, cell.w_ih, cell.w_hh, cell.b)
    return out, (h, c)


def _known(cell: Any) -> bool:
    """Whether one op does for all steps what the cell does for one.

    Only a class's own word counts: a subclass may have changed what a step computes.
    """
    return "all_steps" in vars(type(cell))


def _unroll(cell: Module, x: Tensor, state: Any) -> tuple[Tensor, Any]:
    """One layer over all steps: (its outputs (T, B, H), its last state)."""
    outputs = []
    for step in range(x.shape[0]):
        state = cell(x[step], state)
        outputs.append(state[0] if isinstance(state, tuple) else state)
    return ops.stack(outputs, 0), state
