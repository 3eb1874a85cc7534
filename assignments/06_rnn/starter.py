"""Recurrent networks: cells, layers of them, gradients through time, and a model that writes text.

Write the thirteen names. `reference` gives you Tensors, their ops (`ops.tanh`, `ops.sigmoid`,
`ops.relu`, `ops.split`, `ops.stack`, `ops.cross_entropy`, ...), `Parameter`, `no_grad`, and
`nn.Module`, `nn.Linear` and `optim` as you built them in stage 04; what this stage asks for is not
there. Shapes: T steps, B rows of a batch, I inputs, H hidden numbers, L layers. Tensors are float32
or float64, all of one call alike; what you return has that dtype, so zeros take the dtype of x. Ids
are int64 arrays of NumPy, not Tensors. Change none of your arguments.

Every `rng` is a numpy.random.Generator; None means a fresh one. A model hands one generator to all
its parts. Recurrent weights and their biases are drawn from U(-1 / sqrt(H), 1 / sqrt(H)), and they
are float32 `Parameter`s. A module reads them at every call, since others may replace `.data`.
"""

import numpy as np

from reference import Parameter, Tensor, ops
from reference.nn import Linear, Module
from reference.optim import clip_grad_norm


class RNNCell(Module):
    """One step of a plain recurrent network: h' = tanh(x w_ih + h w_hh + b).

    Called as cell(x (B, I), h (B, H) or None for zeros) -> h' (B, H).

    Args:
        input_size, hidden_size: I and H.
        nonlinearity: "tanh", or "relu" for relu in its place.
        rng: where the weights come from.

    Attributes:
        w_ih (I, H), w_hh (H, H), b (H,): Parameters.

    Raises:
        ValueError: another nonlinearity.
    """

    def __init__(self, input_size, hidden_size, nonlinearity="tanh", rng=None):
        raise NotImplementedError("RNNCell is yours to write")

    def forward(self, x, state=None):
        raise NotImplementedError("RNNCell.forward is yours to write")


class LSTMCell(Module):
    """One step of an LSTM, with s the sigmoid.

    i, f, g, o are the four quarters of x w_ih + h w_hh + b, in this order; then
    c' = s(f) c + s(i) tanh(g) and h' = s(o) tanh(c').

    Called as cell(x (B, I), (h, c) both (B, H), or None for zeros) -> the tuple (h', c').

    Args:
        input_size, hidden_size: I and H.
        rng: where the weights come from.

    Attributes:
        w_ih (I, 4H), w_hh (H, 4H), b (4H,): Parameters.
    """

    def __init__(self, input_size, hidden_size, rng=None):
        raise NotImplementedError("LSTMCell is yours to write")

    def forward(self, x, state=None):
        raise NotImplementedError("LSTMCell.forward is yours to write")


class GRUCell(Module):
    """One step of a GRU, with s the sigmoid.

    The thirds of w_ih, w_hh and b belong to r, z and n, in this order:
    r = s(x W_r + h U_r + b_r), z = s(x W_z + h U_z + b_z),
    n = tanh(x W_n + b_n + r (h U_n + b_hn)) and h' = (1 - z) n + z h.

    Called as cell(x (B, I), h (B, H) or None for zeros) -> h' (B, H).

    Args:
        input_size, hidden_size: I and H.
        rng: where the weights come from.

    Attributes:
        w_ih (I, 3H), w_hh (H, 3H), b (3H,), b_hn (H,): Parameters.
    """

    def __init__(self, input_size, hidden_size, rng=None):
        raise NotImplementedError("GRUCell is yours to write")

    def forward(self, x, state=None):
        raise NotImplementedError("GRUCell.forward is yours to write")


class RNN(Module):
    """Layers of `RNNCell` with tanh, over all steps of a sequence.

    Layer 0 reads x, every other layer what the one below put out at the same step.

    Called as rnn(x (T, B, I), h (L, B, H) or None for zeros) -> (out (T, B, H), h (L, B, H)): out is
    the top layer's h at every step, h the last h of every layer, layer 0 first, also when L = 1.

    Args:
        input_size, hidden_size, num_layers: I, H and L.
        rng: where the weights come from.

    Attributes:
        cells: list of the L cells, layer 0 first.

    Raises:
        ValueError (when called): T is 0.
    """

    def __init__(self, input_size, hidden_size, num_layers=1, rng=None):
        raise NotImplementedError("RNN is yours to write")

    def forward(self, x, state=None):
        raise NotImplementedError("RNN.forward is yours to write")


class LSTM(Module):
    """Layers of `LSTMCell`, over all steps of a sequence.

    Called as lstm(x (T, B, I), (h, c) both (L, B, H), or None for zeros)
    -> (out (T, B, H), (h, c)): as `RNN`, with a tuple of two as the state.

    Args:
        input_size, hidden_size, num_layers: I, H and L.
        rng: where the weights come from.

    Attributes:
        cells: list of the L cells, layer 0 first.

    Raises:
        ValueError (when called): T is 0.
    """

    def __init__(self, input_size, hidden_size, num_layers=1, rng=None):
        raise NotImplementedError("LSTM is yours to write")

    def forward(self, x, state=None):
        raise NotImplementedError("LSTM.forward is yours to write")


class Embedding(Module):
    """A learned table: the row weight[id] for each id.

    Called as embedding(ids, an int64 array of any shape) -> Tensor (*ids.shape, dim).

    Args:
        num: rows; ids are 0 to num - 1.
        dim: columns.
        rng: where the weights come from.

    Attributes:
        weight: Parameter (num, dim), float32, drawn from N(0, 1).

    Raises:
        IndexError (when called): an id outside 0 to num - 1, negatives too.
    """

    def __init__(self, num, dim, rng=None):
        raise NotImplementedError("Embedding is yours to write")

    def forward(self, ids):
        raise NotImplementedError("Embedding.forward is yours to write")


def rnn_bptt(xs, h0, Wxh, Whh, b, grad_hs):
    """Backpropagation through time by hand, on arrays of NumPy.

    With h_t = tanh(x_t Wxh + h_{t-1} Whh + b), the gradients of the sum over all steps t of
    <grad_hs[t], h_t>. grad_hs[t] holds only what reaches h_t from outside the recurrence, not what
    comes back from step t + 1. Nothing is averaged.

    Args:
        xs: (T, B, I). h0: (B, H), the state before the first step.
        Wxh: (I, H). Whh: (H, H). b: (H,).
        grad_hs: (T, B, H).

    Returns:
        (dxs, dh0, dWxh, dWhh, db), arrays of the shapes of the arguments.
    """
    raise NotImplementedError("rnn_bptt is yours to write")


def batchify(ids, batch):
    """Cut a text into columns.

    Args:
        ids: int64 (N,).
        batch: how many columns.

    Returns:
        int64 (N // batch, batch): column j is the j-th contiguous stretch of ids; what is left over
        at the end is dropped.

    Raises:
        ValueError: N is less than batch.
    """
    raise NotImplementedError("batchify is yours to write")


def get_batch(data, i, bptt):
    """A chunk of a text in columns, and what follows each of its ids.

    Args:
        data: int64 (R, B), from `batchify`.
        i: the first row, 0 <= i < R - 1.
        bptt: rows of a chunk at most.

    Returns:
        (x, y), a tuple of two arrays (t, B) with t = min(bptt, R - 1 - i): rows i to i + t - 1, and
        the same one step later.
    """
    raise NotImplementedError("get_batch is yours to write")


class LanguageModel(Module):
    """Embedding, LSTM, Linear: at each step the logits of the next id.

    Called as model(ids (T, B), state as of `LSTM`) -> (logits (T, B, vocab), state).

    Args:
        vocab: how many ids.
        dim: columns of the Embedding.
        hidden, num_layers: of the LSTM.
        rng: where the weights come from.

    Attributes:
        embedding: Embedding(vocab, dim). rnn: LSTM(dim, hidden, num_layers).
        head: Linear(hidden, vocab), with a bias.
    """

    def __init__(self, vocab, dim, hidden, num_layers=1, rng=None):
        raise NotImplementedError("LanguageModel is yours to write")

    def forward(self, ids, state=None):
        raise NotImplementedError("LanguageModel.forward is yours to write")


def detach(state):
    """The same values in the same structure, without a graph; `state` itself keeps its own.

    Args:
        state: a Tensor, a tuple of them, or None.

    Returns:
        A Tensor, a tuple of them, or None.
    """
    raise NotImplementedError("detach is yours to write")


def train_epoch(model, data, bptt, optimizer, max_norm=None):
    """One pass of truncated backpropagation through time.

    The chunks are get_batch(data, 0, bptt), get_batch(data, bptt, bptt), ... while there is a row
    with a successor. The first starts from no state, each other one from the state that the one
    before ended with, detached. A chunk's loss is the mean cross entropy over its t B tokens; in
    each chunk the gradients start from nothing and the optimiser makes one step.

    Args:
        model: as `LanguageModel`.
        data: int64 (R, B) with R >= 2, from `batchify`.
        bptt: rows of a chunk.
        optimizer: of the model's parameters, with zero_grad() and step().
        max_norm: if given, `clip_grad_norm` of all parameters with it before each step.

    Returns:
        The mean loss per token over all chunks, a float.
    """
    raise NotImplementedError("train_epoch is yours to write")


def sample(model, start, length, temperature, rng):
    """Let a model write on.

    The ids of `start` are fed in first, from no state; every new id is drawn from the logits of the
    last step and fed in next. With logits in float64: p = softmax(logits / temperature), one
    u = rng.random(), and the id is the first index with cumsum(p) > u, or the last index if
    rounding leaves none. At temperature 0 it is the index of the largest logit, the lowest of
    equals, and rng is not touched.

    Args:
        model: as `LanguageModel`.
        start: an id, or a 1-D sequence of ids. It is no part of the result.
        length: how many ids to write, at least 1.
        temperature: 0 or above.
        rng: a numpy.random.Generator.

    Returns:
        int64 array (length,).
    """
    raise NotImplementedError("sample is yours to write")
