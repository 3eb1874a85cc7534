"""One step of a recurrent network: (x (B, I), state) -> state."""

from __future__ import annotations

import math

import numpy as np

from .. import ops
from ..seeding import seeded
from ..tensor import Parameter, Tensor
from .module import Module

NONLINEARITIES = ("tanh", "relu")


class RNNCell(Module):
    """h' = tanh(x w_ih + h w_hh + b).

    Args:
        input_size, hidden_size: I and H.
        nonlinearity: "tanh" or "relu".
        rng: where the weights come from; None is a fresh generator.

    Attributes:
        w_ih (I, H), w_hh (H, H), b (H,): U(-1 / sqrt(H), 1 / sqrt(H)).

    Raises:
        ValueError: another nonlinearity.

    Source: Elman (1990), "Finding structure in time".
    """

    @seeded
    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        nonlinearity: str = "tanh",
        rng: np.random.Generator | None = None,
    ) -> None:
        if nonlinearity not in NONLINEARITIES:
            raise ValueError(f"RNNCell: {nonlinearity!r} is unknown; it must be tanh or relu")
        rng = rng or np.random.default_rng()
        self.w_ih = _weights(hidden_size, rng, input_size, hidden_size)
        self.w_hh = _weights(hidden_size, rng, hidden_size, hidden_size)
        self.b = _weights(hidden_size, rng, hidden_size)
        self.nonlinearity = nonlinearity
        self.hidden_size = hidden_size

    def forward(self, x: Tensor, state: Tensor | None = None) -> Tensor:
        """x (B, I), h (B, H) or None for zeros -> h' (B, H)."""
        h = zeros(x, self.hidden_size) if state is None else state
        z = x @ self.w_ih + h @ self.w_hh + self.b
        return ops.relu(z) if self.nonlinearity == "relu" else ops.tanh(z)


class LSTMCell(Module):
    """i, f, g, o = x w_ih + h w_hh + b; c' = s(f) c + s(i) tanh(g); h' = s(o) tanh(c').

    Args:
        input_size, hidden_size: I and H.
        rng: where the weights come from; None is a fresh generator.

    Attributes:
        w_ih (I, 4 H), w_hh (H, 4 H), b (4 H,): U(-1 / sqrt(H), 1 / sqrt(H)), gates i, f, g, o.

    Sources: Hochreiter & Schmidhuber (1997), "Long short-term memory"; Gers, Schmidhuber & Cummins
    (2000), "Learning to forget" (the gate f).
    """

    all_steps = True  # one op does what this cell does at every step of a sequence

    @seeded
    def __init__(
        self, input_size: int, hidden_size: int, rng: np.random.Generator | None = None
    ) -> None:
        rng = rng or np.random.default_rng()
        self.w_ih = _weights(hidden_size, rng, input_size, 4 * hidden_size)
        self.w_hh = _weights(hidden_size, rng, hidden_size, 4 * hidden_size)
        self.b = _weights(hidden_size, rng, 4 * hidden_size)
        self.hidden_size = hidden_size

    def forward(
        self, x: Tensor, state: tuple[Tensor, Tensor] | None = None
    ) -> tuple[Tensor, Tensor]:
        """x (B, I), (h, c) both (B, H) or None for zeros -> (h', c')."""
        if state is None:
            state = (zeros(x, self.hidden_size), zeros(x, self.hidden_size))
        h, c = state
        return ops.lstm_cell(x, h, c, self.w_ih, self.w_hh, self.b)


class GRUCell(Module):
    """r, z from x w_ih + h w_hh + b; n = tanh(x W_n + b_n + r (h U_n + b_hn)); h' = (1 - z) n + z h.

    Args:
        input_size, hidden_size: I and H.
        rng: where the weights come from; None is a fresh generator.

    Attributes:
        w_ih (I, 3 H), w_hh (H, 3 H), b (3 H,), b_hn (H,): U(-1 / sqrt(H), 1 / sqrt(H)), gates
        r, z, n.

    Source: Cho et al. (2014), "Learning phrase representations using RNN encoder-decoder", with
    the reset gate after the recurrent product.
    """

    all_steps = True

    @seeded
    def __init__(
        self, input_size: int, hidden_size: int, rng: np.random.Generator | None = None
    ) -> None:
        rng = rng or np.random.default_rng()
        self.w_ih = _weights(hidden_size, rng, input_size, 3 * hidden_size)
        self.w_hh = _weights(hidden_size, rng, hidden_size, 3 * hidden_size)
        self.b = _weights(hidden_size, rng, 3 * hidden_size)
        self.b_hn = _weights(hidden_size, rng, hidden_size)
        self.hidden_size = hidden_size

    def forward(self, x: Tensor, state: Tensor | None = None) -> Tensor:
        """x (B, I), h (B, H) or None for zeros -> h' (B, H)."""
        h = zeros(x, self.hidden_size) if state is None else state
        return ops.gru_cell(x, h, self.w_ih, self.w_hh, self.b, self.b_hn)


def _weights(hidden_size: int, rng: np.random.Generator, *shape: int) -> Parameter:
    bound = 1 / math.sqrt(hidden_size)
    return Parameter(rng.uniform(-bound, bound, shape).astype(np.float32))


def zeros(x: Tensor, hidden_size: int) -> Tensor:
    """A first state (B, H) for x (..., B, I), of its dtype and where it lies."""
    return Tensor(np.zeros((x.shape[-2], hidden_size), x.dtype), device=x.device)
