"""A recurrent model of text, its training by truncated backpropagation, and sampling from it."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from .. import nn, ops
from ..errors import ShapeError
from ..optim import clip_grad_norm
from ..optim.optimizer import Optimizer
from ..seeding import seeded
from ..tensor import Tensor, no_grad
from .module import Module
from .sampling import draw

Ids = NDArray[np.int64]
State = Any


class LanguageModel(Module):
    """Embedding, LSTM, Linear: at each step the logits of the next id.

    Args:
        vocab: how many ids.
        dim: of an embedding.
        hidden: of the LSTM.
        num_layers: of the LSTM.
        rng: where the weights come from; None is a fresh generator.

    Attributes:
        embedding, rnn, head.

    Source: Mikolov et al. (2010), "Recurrent neural network based language model".
    """

    @seeded
    def __init__(
        self,
        vocab: int,
        dim: int,
        hidden: int,
        num_layers: int = 1,
        rng: np.random.Generator | None = None,
    ) -> None:
        rng = rng or np.random.default_rng()
        self.embedding = nn.Embedding(vocab, dim, rng=rng)
        self.rnn = nn.LSTM(dim, hidden, num_layers, rng=rng)
        self.head = nn.Linear(hidden, vocab, rng=rng)

    def forward(self, ids: Ids, state: State = None) -> tuple[Tensor, State]:
        """ids (T, B), state as of `LSTM` -> (logits (T, B, vocab), state)."""
        out, state = self.rnn(self.embedding(ids), state)
        return self.head(out), state


def batchify(ids: Ids, batch: int) -> Ids:
    """(N,) -> (N // batch, batch): column j is the j-th contiguous stretch, the rest is dropped.

    Raises:
        ShapeError: fewer ids than columns.
    """
    if len(ids) < batch:
        raise ShapeError(
            f"batchify: {len(ids)} ids do not fill {batch} columns of one row or more."
        )
    rows = len(ids) // batch
    return np.ascontiguousarray(ids[: rows * batch].reshape(batch, rows).T)


def get_batch(data: Ids, i: int, bptt: int) -> tuple[Ids, Ids]:
    """Rows i to i + t of data (R, B), and the same one step later: (x (t, B), y (t, B)).

    t is min(bptt, R - 1 - i): the last row has no successor.
    """
    t = min(bptt, len(data) - 1 - i)
    return data[i : i + t], data[i + 1 : i + 1 + t]


def detach(state: State) -> State:
    """The same values in the same structure without a graph; None stays None."""
    if state is None:
        return None
    if isinstance(state, tuple | list):
        return type(state)(detach(part) for part in state)
    return state.detach()


def train_epoch(
    model: Module, data: Ids, bptt: int, optimizer: Optimizer, max_norm: float | None = None
) -> float:
    """One pass over data (R, B) in chunks of `bptt` steps; the state is carried, the graph is not.

    Args:
        model: as `LanguageModel`.
        data: from `batchify`.
        bptt: steps that a gradient runs back.
        optimizer: of the model's parameters.
        max_norm: for `clip_grad_norm`; None does not clip.

    Returns:
        The mean loss per id.

    Source: Williams & Peng (1990), "An efficient gradient-based algorithm for on-line training of
    recurrent network trajectories".
    """
    state = None
    total = 0.0
    for start in range(0, len(data) - 1, bptt):
        x, y = get_batch(data, start, bptt)
        logits, state = model(x, detach(state))
        loss = ops.cross_entropy(logits.reshape(y.size, logits.shape[2]), y.reshape(-1))
        optimizer.zero_grad()
        loss.backward()
        if max_norm is not None:
            clip_grad_norm(optimizer.params, max_norm)
        optimizer.step()
        total += loss.item() * len(x)
    return total / (len(data) - 1)


def sample(
    model: Module,
    start: int | NDArray[Any] | list[int],
    length: int,
    temperature: float,
    rng: np.random.Generator | None,
) -> Ids:
    """`length` ids that follow `start`.

    Args:
        model: as `LanguageModel`.
        start: an id or a sequence (N,), read whole first and not repeated in the result.
        length: how many ids.
        temperature: 0 always takes the likeliest, see `draw`.
        rng: one draw for each id.

    Returns:
        int64 (length,).
    """
    ids = np.atleast_1d(np.asarray(start, np.int64)).reshape(-1, 1)
    state = None
    drawn = np.empty(length, np.int64)
    with no_grad():
        for place in range(length):
            logits, state = model(ids, state)
            drawn[place] = draw(logits[-1, 0].numpy(), temperature, rng)
            ids = drawn[place].reshape(1, 1)
    return drawn
