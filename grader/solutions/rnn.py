"""Recurrent networks on the Tensors of the course: cells, layers of them, and a model of text."""

import math

import numpy as np

from reference import Parameter, Tensor, no_grad, ops
from reference.nn import Linear, Module
from reference.optim import clip_grad_norm


# ---- cells --------------------------------------------------------------------------------------
def generator(rng):
    """`rng`, or a fresh generator where there is none."""
    return np.random.default_rng() if rng is None else rng


def drawn(rng, hidden_size, *shape):
    """U(-1 / sqrt(H), 1 / sqrt(H))."""
    bound = 1 / math.sqrt(hidden_size)
    return Parameter(rng.uniform(-bound, bound, shape).astype(np.float32))


def zeros(x, hidden_size):
    """A first state for x (B, I), of its dtype."""
    return Tensor(np.zeros((x.shape[0], hidden_size), x.dtype))


class RNNCell(Module):
    """h' = tanh(x w_ih + h w_hh + b), or relu of it."""

    def __init__(self, input_size, hidden_size, nonlinearity="tanh", rng=None):
        if nonlinearity not in ("tanh", "relu"):
            raise ValueError(f"RNNCell: nonlinearity is {nonlinearity!r}, not tanh or relu")
        rng = generator(rng)
        self.w_ih = drawn(rng, hidden_size, input_size, hidden_size)
        self.w_hh = drawn(rng, hidden_size, hidden_size, hidden_size)
        self.b = drawn(rng, hidden_size, hidden_size)
        self.bend = ops.tanh if nonlinearity == "tanh" else ops.relu

    def forward(self, x, state=None):
        h = zeros(x, self.b.shape[0]) if state is None else state
        return self.bend(x @ self.w_ih + h @ self.w_hh + self.b)


class LSTMCell(Module):
    """c' = s(f) c + s(i) tanh(g), h' = s(o) tanh(c'), with i, f, g, o from x and h."""

    def __init__(self, input_size, hidden_size, rng=None):
        rng = generator(rng)
        self.hidden_size = hidden_size
        self.w_ih = drawn(rng, hidden_size, input_size, 4 * hidden_size)
        self.w_hh = drawn(rng, hidden_size, hidden_size, 4 * hidden_size)
        self.b = drawn(rng, hidden_size, 4 * hidden_size)

    def forward(self, x, state=None):
        if state is None:
            state = (zeros(x, self.hidden_size), zeros(x, self.hidden_size))
        h, c = state
        i, f, g, o = ops.split(x @ self.w_ih + h @ self.w_hh + self.b, 4, axis=1)
        c = ops.sigmoid(f) * c + ops.sigmoid(i) * ops.tanh(g)
        return ops.sigmoid(o) * ops.tanh(c), c


class GRUCell(Module):
    """n = tanh(x W_n + b_n + r (h U_n + b_hn)), h' = (1 - z) n + z h."""

    def __init__(self, input_size, hidden_size, rng=None):
        rng = generator(rng)
        self.hidden_size = hidden_size
        self.w_ih = drawn(rng, hidden_size, input_size, 3 * hidden_size)
        self.w_hh = drawn(rng, hidden_size, hidden_size, 3 * hidden_size)
        self.b = drawn(rng, hidden_size, 3 * hidden_size)
        self.b_hn = drawn(rng, hidden_size, hidden_size)

    def forward(self, x, state=None):
        h = zeros(x, self.hidden_size) if state is None else state
        r_x, z_x, n_x = ops.split(x @ self.w_ih + self.b, 3, axis=1)
        r_h, z_h, n_h = ops.split(h @ self.w_hh, 3, axis=1)
        r, z = ops.sigmoid(r_x + r_h), ops.sigmoid(z_x + z_h)
        n = ops.tanh(n_x + r * (n_h + self.b_hn))
        return (1 - z) * n + z * h


# ---- layers of cells, over all steps --------------------------------------------------------------
class RNN(Module):
    """Layers of RNNCell; a layer reads what the one below has put out."""

    def __init__(self, input_size, hidden_size, num_layers=1, rng=None):
        rng = generator(rng)
        sizes = [input_size] + [hidden_size] * (num_layers - 1)
        self.cells = [RNNCell(size, hidden_size, rng=rng) for size in sizes]

    def forward(self, x, state=None):
        last = []
        for layer, cell in enumerate(self.cells):
            start = None if state is None else state[layer]
            x, h = unroll(cell, x, start)
            last.append(h)
        return x, ops.stack(last)


class LSTM(Module):
    """Layers of LSTMCell; the state is a tuple (h, c)."""

    def __init__(self, input_size, hidden_size, num_layers=1, rng=None):
        rng = generator(rng)
        sizes = [input_size] + [hidden_size] * (num_layers - 1)
        self.cells = [LSTMCell(size, hidden_size, rng) for size in sizes]

    def forward(self, x, state=None):
        hs, cs = [], []
        for layer, cell in enumerate(self.cells):
            start = None if state is None else (state[0][layer], state[1][layer])
            x, (h, c) = unroll(cell, x, start)
            hs.append(h)
            cs.append(c)
        return x, (ops.stack(hs), ops.stack(cs))


def unroll(cell, x, state):
    """One layer over all steps: its outputs (T, B, H) and its last state."""
    if x.shape[0] == 0:
        raise ValueError("a sequence has one step or more, x has none")
    outputs = []
    for t in range(x.shape[0]):
        state = cell(x[t], state)
        outputs.append(state[0] if isinstance(state, tuple) else state)
    return ops.stack(outputs), state


def rnn_bptt(xs, h0, Wxh, Whh, b, grad_hs):
    """Gradients of sum_t <grad_hs[t], h_t> for every argument but the last."""
    T = len(xs)
    hs = np.empty((T + 1, *h0.shape), xs.dtype)
    hs[0] = h0
    for t in range(T):
        hs[t + 1] = np.tanh(xs[t] @ Wxh + hs[t] @ Whh + b)
    dxs = np.empty_like(xs)
    dWxh, dWhh, db = np.zeros_like(Wxh), np.zeros_like(Whh), np.zeros_like(b)
    dh = np.zeros_like(h0)
    for t in reversed(range(T)):
        dz = (grad_hs[t] + dh) * (1 - hs[t + 1] ** 2)
        dxs[t] = dz @ Wxh.T
        dWxh += xs[t].T @ dz
        dWhh += hs[t].T @ dz
        db += dz.sum(axis=0)
        dh = dz @ Whh.T
    return dxs, dh, dWxh, dWhh, db


# ---- text -----------------------------------------------------------------------------------------
class Embedding(Module):
    """The rows of a table."""

    def __init__(self, num, dim, rng=None):
        self.weight = Parameter(generator(rng).standard_normal((num, dim)).astype(np.float32))

    def forward(self, ids):
        if ids.size and (ids.min() < 0 or ids.max() >= self.weight.shape[0]):
            raise IndexError(f"Embedding: an id is outside 0 to {self.weight.shape[0] - 1}")
        return self.weight[ids]


def batchify(ids, batch):
    """(N,) -> (N // batch, batch), column j the j-th contiguous stretch."""
    rows = len(ids) // batch
    if rows == 0:
        raise ValueError(f"batchify: {len(ids)} ids do not fill {batch} columns")
    return ids[: rows * batch].reshape(batch, rows).T.copy()


def get_batch(data, i, bptt):
    """Rows i to i + t of data, and the same one step later."""
    t = min(bptt, len(data) - 1 - i)
    return data[i : i + t], data[i + 1 : i + 1 + t]


class LanguageModel(Module):
    """Embedding, LSTM, Linear."""

    def __init__(self, vocab, dim, hidden, num_layers=1, rng=None):
        rng = generator(rng)
        self.embedding = Embedding(vocab, dim, rng)
        self.rnn = LSTM(dim, hidden, num_layers, rng)
        self.head = Linear(hidden, vocab, rng=rng)

    def forward(self, ids, state=None):
        out, state = self.rnn(self.embedding(ids), state)
        return self.head(out), state


def detach(state):
    """The same values in the same structure, without a graph."""
    if state is None:
        return None
    if isinstance(state, tuple):
        return tuple(detach(part) for part in state)
    return state.detach()


def train_epoch(model, data, bptt, optimizer, max_norm=None):
    """One pass in chunks; the state is carried, the graph is not."""
    state, total = None, 0.0
    for i in range(0, len(data) - 1, bptt):
        x, y = get_batch(data, i, bptt)
        logits, state = model(x, detach(state))
        loss = ops.cross_entropy(logits.reshape(y.size, logits.shape[2]), y.reshape(y.size))
        optimizer.zero_grad()
        loss.backward()
        if max_norm is not None:
            clip_grad_norm(model.parameters(), max_norm)
        optimizer.step()
        total += loss.item() * len(x)
    return total / (len(data) - 1)


def sample(model, start, length, temperature, rng):
    """`length` ids that follow `start`."""
    ids, state = np.atleast_1d(np.asarray(start, np.int64)), None
    found = np.empty(length, np.int64)
    with no_grad():
        for place in range(length):
            logits, state = model(ids[:, None], state)
            ids = found[place : place + 1]
            ids[0] = draw(logits.data[-1, 0].astype(np.float64), temperature, rng)
    return found


def draw(logits, temperature, rng):
    """One id from softmax(logits / temperature); at 0 the likeliest."""
    if temperature == 0:
        return logits.argmax()
    z = logits / temperature
    p = np.exp(z - z.max())
    above = np.cumsum(p / p.sum()) > rng.random()
    return above.argmax() if above[-1] else len(above) - 1
