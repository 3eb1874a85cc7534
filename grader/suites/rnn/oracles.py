"""Right answers in float64: forward passes in NumPy, their slopes by imaginary steps, and a simulation
of training and of sampling. They know nothing of Tensors.
"""

from __future__ import annotations

import numpy as np

from grader.check import check_close, fail, kind_of, tolerance

DTYPES = (np.float32, np.float64)
STEP = 1e-30  # along the imaginary axis nothing cancels, so the step may be as small as one likes


# ---- formulas: every one also takes complex numbers ----------------------------------------------
def sigmoid(z):
    return 1 / (1 + np.exp(-z))


def relu(z):
    return np.where(z.real > 0, z, 0)


def rnn_step(p, x, state, bend=np.tanh):
    return (bend(x @ p["w_ih"] + state[0] @ p["w_hh"] + p["b"]),)


def lstm_step(p, x, state, gates="ifgo"):
    h, c = state
    parts = np.split(x @ p["w_ih"] + h @ p["w_hh"] + p["b"], 4, axis=1)
    z = dict(zip(gates, parts, strict=True))
    c = sigmoid(z["f"]) * c + sigmoid(z["i"]) * np.tanh(z["g"])
    return sigmoid(z["o"]) * np.tanh(c), c


def gru_step(p, x, state, twist=""):
    h = state[0]
    r_x, z_x, n_x = np.split(x @ p["w_ih"] + p["b"], 3, axis=1)
    r_h, z_h, n_h = np.split(h @ p["w_hh"], 3, axis=1)
    r, z = sigmoid(r_x + r_h), sigmoid(z_x + z_h)
    if twist == "z first":
        r, z = z, r
    n = np.tanh(n_x + (r * n_h + p["b_hn"] if twist == "bias outside" else r * (n_h + p["b_hn"])))
    if twist == "swapped":
        z = 1 - z
    return ((1 - z) * n + z * h,)


STEPS = {"RNNCell": rnn_step, "LSTMCell": lstm_step, "GRUCell": gru_step}
GATES = {"RNNCell": 1, "LSTMCell": 4, "GRUCell": 3}


def weights(kind, D, H, rng, dtype=np.float64, scale=0.6):
    """Weights for a cell, larger than a fresh one's, so that gates are neither open nor shut."""
    wide = GATES[kind] * H
    shapes = {"w_ih": (D, wide), "w_hh": (H, wide), "b": (wide,)}
    if kind == "GRUCell":
        shapes["b_hn"] = (H,)
    return {key: (scale * rng.standard_normal(s)).astype(dtype) for key, s in shapes.items()}


def unroll(kind, layers, x, states):
    """(out (T, B, H), last states): `states` is a list of tuples of arrays (B, H), layer 0 first."""
    last = []
    for p, state in zip(layers, states, strict=True):
        outs = []
        for row in x:
            state = STEPS[kind](p, row, state)
            outs.append(state[0])
        x = np.stack(outs)
        last.append(state)
    return x, last


def slopes(f, values):
    """The gradient of the real function f of a dict of arrays, entry by entry."""
    found = {}
    for key, value in values.items():
        grad = np.empty(value.shape)
        for place in np.ndindex(value.shape):
            moved = value.astype(np.complex128)
            moved[place] += 1j * STEP
            grad[place] = np.imag(f({**values, key: moved})) / STEP
        found[key] = grad
    return found


def slope_along(f, values, ways):
    """(f, its slope) at `values`, along a direction of all of them at once."""
    found = f({key: value + 1j * STEP * ways[key] for key, value in values.items()})
    return np.real(found), np.imag(found) / STEP


# ---- a model of text --------------------------------------------------------------------------------
def model_layers(p, num_layers):
    return [
        {key: p[f"rnn.cells.{layer}.{key}"] for key in ("w_ih", "w_hh", "b")}
        for layer in range(num_layers)
    ]


def model_logits(p, ids, states):
    """(logits (T, B, V), states) of a LanguageModel with the parameters p."""
    x = p["embedding.weight"][ids]
    out, states = unroll("LSTMCell", model_layers(p, len(states)), x, states)
    return out @ p["head.weight"] + p["head.bias"], states


def model_weights(vocab, dim, hidden, num_layers, rng, scale=0.6):
    p = {"embedding.weight": scale * rng.standard_normal((vocab, dim))}
    for layer in range(num_layers):
        cell = weights("LSTMCell", dim if layer == 0 else hidden, hidden, rng, scale=scale)
        p |= {f"rnn.cells.{layer}.{key}": value for key, value in cell.items()}
    p["head.weight"] = scale * rng.standard_normal((hidden, vocab))
    p["head.bias"] = scale * rng.standard_normal(vocab)
    return p


def no_state(num_layers, batch, hidden):
    return [(np.zeros((batch, hidden)),) * 2 for _ in range(num_layers)]


def loss_of(logits, y):
    """The mean over all entries of y of the softmax loss."""
    z = logits - np.max(logits.real, axis=-1, keepdims=True)
    total = np.log(np.exp(z).sum(axis=-1))
    right = np.take_along_axis(z, y[..., None], axis=-1)[..., 0]
    return (total - right).mean()


def training(p, data, bptt, lr, num_layers, hidden, max_norm=None):
    """Plain gradient descent over the chunks of data: (mean loss per token, weights, losses)."""
    p = {key: value.copy() for key, value in p.items()}
    states = no_state(num_layers, data.shape[1], hidden)
    losses, sizes = [], []
    for i in range(0, len(data) - 1, bptt):
        t = min(bptt, len(data) - 1 - i)
        x, y, start = data[i : i + t], data[i + 1 : i + 1 + t], states

        def loss(values, x=x, y=y, start=start):
            return loss_of(model_logits(values, x, start)[0], y)

        logits, states = model_logits(p, x, start)
        losses.append(float(loss_of(logits, y)))
        sizes.append(t)
        grads = slopes(loss, p)
        if max_norm is not None:
            norm = np.sqrt(sum((g * g).sum() for g in grads.values()))
            grads = {key: g * min(1.0, max_norm / norm) for key, g in grads.items()}
        for key in p:
            p[key] = p[key] - lr * grads[key]
    return float(np.average(losses, weights=sizes)), p, losses


def sampled(p, start, length, temperature, rng, num_layers, hidden, *, forgetful=False, twist=""):
    """The ids that the weights and the draws fix."""
    states = no_state(num_layers, 1, hidden)
    ids, found = np.atleast_1d(start), []
    for _ in range(length):
        logits, states = model_logits(p, ids[:, None], states)
        if forgetful:
            states = no_state(num_layers, 1, hidden)
        z = logits[-1, 0]
        if temperature == 0:
            found.append(int(z.argmax()))
        else:
            z = z * temperature if twist == "times" else z / temperature
            q = np.exp(z - z.max())
            found.append(int(np.searchsorted(np.cumsum(q / q.sum()), rng.random(), side="right")))
        ids = np.array(found[-1:])
    return np.array(found, np.int64)


def telling(sizes, start, length, temperature, seed, rng):
    """Weights and a result that would be another one without the past, or with less of start."""
    _, _, hidden, num_layers = sizes
    while True:
        p = model_weights(*sizes, rng, scale=1.5)
        p["head.weight"] *= 3

        def ids(first, p=p, **twist):
            draws = np.random.default_rng(seed)
            return sampled(p, first, length, temperature, draws, num_layers, hidden, **twist)

        want = ids(start)
        others = [ids(start, forgetful=True)]
        if np.ndim(start) and len(start) > 1:
            others += [ids(start[-1]), ids(start[:1])]
        if not any(np.array_equal(want, other) for other in others):
            return p, want


# ---- comparisons ------------------------------------------------------------------------------------
def check_values(got, want, dtype, *, terms=1, scale=1.0, diagnoses=None, **fields):
    """`got` has the values of `want`, whatever float dtype it has: that is for hygiene to say."""
    if type(got) is np.ndarray and got.dtype.kind == "f":
        got = got.astype(dtype)
    want = np.asarray(want).astype(dtype)
    room = tolerance(np.dtype(dtype), terms) * max(scale, float(np.abs(want).max(initial=0.0)))
    wrong = {sentence: np.asarray(w).astype(dtype) for sentence, w in (diagnoses or {}).items()}
    check_close(got, want, rtol=0.0, atol=room, diagnoses=wrong, **fields)


def part(found, key, what):
    """One of the parts that a program sends back."""
    if type(found) is not dict:
        fail(f"{what} came back as {kind_of(found)}.")
    if key not in found:
        fail(f"{what} has another shape than it should, so nothing could flow back through it.")
    return found[key]
