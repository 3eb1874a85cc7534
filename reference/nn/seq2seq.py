"""From one sequence to another: an encoder, and a decoder that looks back at it."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .. import nn, ops
from ..seeding import seeded
from ..tensor import Tensor, no_grad
from .module import Module

Ids = NDArray[np.int64]


class Seq2Seq(Module):
    """An LSTM reads, another one writes, and attention shows the second what the first has read.

    Each decoder output h attends to all encoder outputs e: weights softmax(h e^T / sqrt(H)); their
    mean joins h, and a Linear with tanh mixes the two before the head.

    Args:
        source_vocab, target_vocab: how many ids on either side.
        dim: of the embeddings.
        hidden: H, of both LSTMs.
        num_layers: of both LSTMs.
        rng: where the weights come from; None is a fresh generator.

    Attributes:
        source, target: Embedding. encoder, decoder: LSTM. mix, head: Linear.

    Sources: Sutskever, Vinyals & Le (2014), "Sequence to sequence learning with neural networks";
    Luong, Pham & Manning (2015), "Effective approaches to attention-based neural machine
    translation".
    """

    @seeded
    def __init__(
        self,
        source_vocab: int,
        target_vocab: int,
        dim: int,
        hidden: int,
        num_layers: int = 1,
        rng: np.random.Generator | None = None,
    ) -> None:
        rng = rng or np.random.default_rng()
        self.source = nn.Embedding(source_vocab, dim, rng=rng)
        self.encoder = nn.LSTM(dim, hidden, num_layers, rng=rng)
        self.target = nn.Embedding(target_vocab, dim, rng=rng)
        self.decoder = nn.LSTM(dim, hidden, num_layers, rng=rng)
        self.mix = nn.Linear(2 * hidden, hidden, rng=rng)
        self.head = nn.Linear(hidden, target_vocab, rng=rng)

    def forward(self, source: Ids, target: Ids) -> Tensor:
        """source (S, B), target (T, B), what the decoder is fed -> logits (T, B, target_vocab)."""
        read, state = self.encode(source)
        return self.decode(read, target, state)[0]

    def encode(self, source: Ids) -> tuple[Tensor, Any]:
        """(S, B) -> (outputs (S, B, H), the last state)."""
        return self.encoder(self.source(source))  # type: ignore[no-any-return]

    def decode(self, read: Tensor, target: Ids, state: Any) -> tuple[Tensor, Any]:
        """Outputs of the encoder, ids (T, B), state -> (logits (T, B, target_vocab), state)."""
        out, state = self.decoder(self.target(target), state)
        queries = out.transpose(1, 0, 2)
        keys = read.transpose(1, 0, 2)
        scores = queries @ keys.swapaxes(1, 2) * (1 / math.sqrt(keys.shape[2]))
        seen = (ops.softmax(scores, -1) @ keys).transpose(1, 0, 2)
        mixed = ops.tanh(self.mix(ops.concat([out, seen], -1)))
        return self.head(mixed), state

    def answer(self, source: Ids, start: int, length: int) -> Ids:
        """The likeliest next id again and again: source (S, B), first input `start` -> (length, B)."""
        answer = np.empty((length, source.shape[1]), np.int64)
        ids = np.full((1, source.shape[1]), start, np.int64)
        with no_grad():
            read, state = self.encode(source)
            for place in range(length):
                logits, state = self.decode(read, ids, state)
                answer[place] = logits.data[0].argmax(-1)
                ids = answer[place : place + 1]
        return answer
