"""Right answers in float64, wrong answers that betray a mistake, and inputs that leave no doubt.

A pre-activation within rounding of 0 has two right derivatives under relu, one for each way of
adding up; networks are drawn until none is that close.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import numpy as np

from grader.check import CheckFailure, check_close, fail, kind_of, tolerance

NAMES = ("relu", "sigmoid", "tanh", "identity")
DTYPES = (np.float32, np.float64)
KINK = {np.float32: 2e-5, np.float64: 1e-12}  # nearer to 0 than this, rounding may decide
DRAWS = 200


# ---- formulas -----------------------------------------------------------------------------------
def act(name, z):
    z = np.asarray(z, np.float64)
    if name == "relu":
        return np.where(z > 0, z, 0.0)
    if name == "sigmoid":
        return np.exp(-np.logaddexp(0.0, -z))
    return np.tanh(z) if name == "tanh" else z.copy()


def act_grad(name, z):
    z = np.asarray(z, np.float64)
    if name == "relu":
        return np.where(z > 0, 1.0, 0.0)
    if name == "sigmoid":
        return np.exp(-np.logaddexp(0.0, -z) - np.logaddexp(0.0, z))
    if name == "tanh":
        return 4.0 * np.exp(-np.logaddexp(0.0, -2 * z) - np.logaddexp(0.0, 2 * z))
    return np.ones(z.shape)


@dataclass
class Net:
    """A network with its batch; a network of two layers has biases of zero."""

    X: np.ndarray
    y: np.ndarray
    weights: list[np.ndarray]
    biases: list[np.ndarray]
    name: str

    @property
    def dtype(self):
        return self.X.dtype

    def rows(self, start, stop):
        return Net(self.X[start:stop], self.y[start:stop], self.weights, self.biases, self.name)

    def with_parameters(self, weights, biases):
        return Net(self.X, self.y, weights, biases, self.name)


def pre_activations(net):
    A, found = net.X.astype(np.float64), []
    for i, (W, b) in enumerate(zip(net.weights, net.biases, strict=True)):
        if i:
            A = act(net.name, found[-1])
        found.append(A @ W.astype(np.float64) + b.astype(np.float64))
    return found


def probabilities(Z):
    return np.exp(Z - np.logaddexp.reduce(Z, axis=1)[:, None])


def loss(net):
    Z = pre_activations(net)[-1]
    return float((np.logaddexp.reduce(Z, axis=1) - Z[np.arange(len(net.y)), net.y]).mean())


def gradients(net, twist=""):
    """`(dWs, dbs)`; a `twist` makes one mistake, "magnitude" adds absolute values instead."""
    pre, size = pre_activations(net), np.abs if twist == "magnitude" else np.asarray
    one_hot = np.eye(pre[-1].shape[1])[net.y]
    G = probabilities(pre[-1]) + (one_hot if twist == "magnitude" else -one_hot)
    if twist == "labels":
        G = probabilities(pre[-1])
    G /= 1 if twist == "sum" else len(net.y)
    dWs, dbs = [], []
    for i in reversed(range(len(pre))):
        A = act(net.name, pre[i - 1]) if i else net.X.astype(np.float64)
        dWs.insert(0, size(A).T @ G)
        dbs.insert(0, G.sum(axis=0))
        if i:
            at = act(net.name, pre[i - 1]) if twist == "at the activation" else pre[i - 1]
            # 1 - tanh^2 is known to a rounding of 1, not of itself: slopes count as 1 in magnitudes.
            flat = twist in ("no derivative", "magnitude")
            slope = 1.0 if flat else act_grad(net.name, at)
            G = (G @ size(net.weights[i].astype(np.float64)).T) * slope
    sign = -1.0 if twist == "sign" else 1.0
    return [sign * dW for dW in dWs], [sign * db for db in dbs]


TWISTS = {
    "sum": "your gradient is B times too large: the loss is a mean over the batch",
    "sign": "your gradient points the other way: probabilities minus one-hot labels",
    "labels": "the labels are missing: subtract 1 at each row's label",
    "no derivative": "the activation's derivative is missing on the way back",
    "at the activation": "the derivative is taken at the activation; it belongs at the "
    "pre-activation",
}


def epoch(net, lr, batch, *, train_biases=True):
    """The parameters after an epoch, and how near to 0 a hidden pre-activation came."""
    weights = [W.astype(np.float64) for W in net.weights]
    biases = [b.astype(np.float64) for b in net.biases]
    margin = np.inf
    for start in range(0, len(net.X), batch):
        part = net.with_parameters(weights, biases).rows(start, start + batch)
        margin = min(margin, nearest_kink(part))
        dWs, dbs = gradients(part)
        weights = [W - lr * dW for W, dW in zip(weights, dWs, strict=True)]
        if train_biases:
            biases = [b - lr * db for b, db in zip(biases, dbs, strict=True)]
    return weights, biases, margin


def nearest_kink(net):
    """How near to 0 a hidden pre-activation is; infinite for a smooth activation."""
    if net.name != "relu":
        return np.inf
    return min((np.abs(z).min() for z in pre_activations(net)[:-1]), default=np.inf)


# ---- inputs -------------------------------------------------------------------------------------
def draw_net(rng, N, sizes, name, dtype, *, biases=True, lr=None, batch=100, scale=1.0):
    """A network and a batch for which rounding decides nothing (along an epoch, if `lr` is given)."""
    for _ in range(DRAWS):
        X = rng.standard_normal((N, sizes[0])).astype(dtype)
        shapes = list(itertools.pairwise(sizes))
        weights = [
            (scale * rng.standard_normal(s) / np.sqrt(s[0]) * 1.4).astype(dtype) for s in shapes
        ]
        drawn = [(0.5 * rng.standard_normal(s[1])).astype(dtype) for s in shapes]
        zeros = [np.zeros(s[1], dtype) for s in shapes]
        y = rng.integers(0, sizes[-1], N)
        net = Net(X, y, weights, drawn if biases else zeros, name)
        margin = nearest_kink(net) if lr is None else epoch(net, lr, batch, train_biases=biases)[2]
        if margin > KINK[dtype] * max(1.0, scale):
            return net
    raise AssertionError("no network without a doubt was drawn")


# ---- comparisons --------------------------------------------------------------------------------
def as_dtype(got, dtype):
    """`got` in `dtype` if it is a float array: the dtype is what hygiene looks at, and only it."""
    return got.astype(dtype) if type(got) is np.ndarray and got.dtype.kind == "f" else got


def check_values(got, want, dtype, **fields):
    """As check_close, whatever float dtype came."""
    check_close(as_dtype(got, dtype), np.asarray(want).astype(dtype), **fields)


def check_pair(got, what):
    """The two parts of a result that is a pair."""
    if type(got) not in (tuple, list) or len(got) != 2:
        seen = f"{len(got)} values" if type(got) in (tuple, list) else kind_of(got)
        fail(f"{what} returns {seen}, it should return a pair.", help="`return first, second`.")
    return got


def check_logits(got, net, *, what, help):
    want = pre_activations(net)[-1]
    magnitude = np.abs(net.X).astype(np.float64)
    for i, (W, b) in enumerate(zip(net.weights, net.biases, strict=True)):
        magnitude = (np.maximum(magnitude, 1.0) if i else magnitude) @ np.abs(W) + np.abs(b)
    room = tolerance(np.dtype(net.dtype), len(net.weights)) * max(1.0, float(magnitude.max()))
    check_values(
        got, want, net.dtype, what=what, atol=room, help=help, diagnoses=betrayed_by_logits(net)
    )


def betrayed_by_logits(net):
    """What wrong logits betray."""
    last = pre_activations(net)[-1]
    plain = Net(net.X, net.y, net.weights, [0 * b for b in net.biases], net.name)
    straight = Net(net.X, net.y, net.weights, net.biases, "identity")
    found = {
        "the activation is also applied after the last layer": act(net.name, last),
        "no activation stands between the layers": pre_activations(straight)[-1],
        "the biases are missing": pre_activations(plain)[-1],
    }
    return {
        sentence: wrong.astype(net.dtype)
        for sentence, wrong in found.items()
        if not np.array_equal(wrong, last)
    }


def check_gradient(got, net, kind, i, *, what, help):
    """`got` is the gradient with respect to weight or bias `i` (`kind` 0 or 1)."""
    want = gradients(net)[kind][i]
    magnitude = float(gradients(net, "magnitude")[kind][i].max())
    # Every layer below passes its rounding on, and the logits' own goes through softmax.
    depth = len(net.weights) * max(1.0, np.abs(pre_activations(net)[-1]).max())
    room = tolerance(np.dtype(net.dtype)) * magnitude * float(depth)
    wrong = {
        sentence: lambda twist=twist: gradients(net, twist)[kind][i].astype(net.dtype)
        for twist, sentence in TWISTS.items()
    }
    check_values(got, want, net.dtype, what=what, rtol=0.0, atol=room, help=help, diagnoses=wrong)


def check_gradients(got, net, *, what, help):
    """`got` is the pair of lists that mlp_backward returns."""
    for _kind, (part, letter) in enumerate(zip(check_pair(got, what), ("dWs", "dbs"), strict=True)):
        if type(part) not in (tuple, list) or len(part) != len(net.weights):
            fail(
                f"{what}: {letter} is no list of {len(net.weights)} arrays.",
                help="One array for each layer, in the order of `weights`.",
            )
    dWs, dbs = got
    # From the last layer down: the first fault on the way back is where the mistake is.
    for i in reversed(range(len(net.weights))):
        try:
            check_gradient(dWs[i], net, 0, i, what=f"dWs[{i}]", help=help)
            check_gradient(dbs[i], net, 1, i, what=f"dbs[{i}]", help="Sum over the rows.")
        except CheckFailure as failure:
            if len(net.weights) > 1 and dWs and same(dWs[0], gradients(net)[0][-1]):
                failure.diagnosis = "the lists are in the order of the way back: reverse them"
            raise


def same(got, want):
    return type(got) is np.ndarray and got.shape == want.shape and np.allclose(got, want, 1e-4)


def check_parameters(after, before, want, *, what, help, steps):
    """Parameters after an epoch."""
    for i, (found, was, right) in enumerate(zip(after, before, want, strict=True)):
        shown = what.format(i)
        if type(found) is np.ndarray and np.array_equal(found, was):
            fail(
                f"{shown} is unchanged after the epoch.",
                help="It is updated in place: `W -= ...` writes into the array that was given; "
                "`W = W - ...` makes a new one that the caller never sees.",
            )
        room = tolerance(was.dtype, steps) * 4 * max(1.0, float(np.abs(right).max()))
        check_values(found, right, was.dtype, what=shown, rtol=0.0, atol=room, help=help)
