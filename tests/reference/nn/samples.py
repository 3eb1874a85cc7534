"""One sample per layer: how it is made, what it is given, and what it must compute.

The formulas are written on arrays, by other means than the layers use. `peer` is the layer of
PyTorch with the same weights.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from reference import Tensor, nn

Arrays = tuple[Any, ...]
Rng = np.random.Generator


@dataclass(frozen=True)
class Sample:
    """`oracle(weights by name, *inputs)`; `peer(torch, weights by name)` makes a function."""

    make: Callable[[Rng], Any]
    inputs: Callable[[Rng], Arrays]
    oracle: Callable[..., Any]
    peer: Callable[..., Any] | None = None
    training: bool = True
    kinks: bool = False  # finite differences would step over a corner of it


def sigmoid(z):
    return 1 / (1 + np.exp(-z))


def erf(z):
    return np.vectorize(math.erf)(z)


def log_softmax(z):
    return (
        z
        - np.log(np.exp(z - z.max(-1, keepdims=True)).sum(-1, keepdims=True))
        - z.max(-1, keepdims=True)
    )


def normal(*shape):
    return lambda rng: (rng.standard_normal(shape),)


# ------------------------------------------------------------------ formulas


def linear(p, x):
    return np.einsum("...i,io->...o", x, p["weight"]) + p["bias"]


def conv2d(p, x):
    """Stride 2, padding 1, dilation 2, two groups: one output element at a time."""
    w, b = p["weight"], p["bias"]
    stride, padding, dilation, groups = 2, 1, 2, 2
    x = np.pad(x, ((0, 0), (0, 0), (padding,) * 2, (padding,) * 2))
    N, _, H, W = x.shape
    out, part, k, _ = w.shape
    Ho = (H - dilation * (k - 1) - 1) // stride + 1
    Wo = (W - dilation * (k - 1) - 1) // stride + 1
    y = np.zeros((N, out, Ho, Wo))
    for n, o, i, j in np.ndindex(y.shape):
        first = o // (out // groups) * part
        for c, u, v in np.ndindex(part, k, k):
            pixel = x[n, first + c, i * stride + u * dilation, j * stride + v * dilation]
            y[n, o, i, j] += w[o, c, u, v] * pixel
    return y + b[:, None, None]


def pool(reduce, k, stride):
    def formula(p, x):
        N, C, H, W = x.shape
        y = np.zeros((N, C, (H - k) // stride + 1, (W - k) // stride + 1))
        for n, c, i, j in np.ndindex(y.shape):
            rows, columns = i * stride, j * stride
            y[n, c, i, j] = reduce(x[n, c, rows : rows + k, columns : columns + k])
        return y

    return formula


def batch_norm(axes):
    def formula(p, x):
        shape = [1 if axis in axes else -1 for axis in range(x.ndim)]
        centred = x - x.mean(axes, keepdims=True)
        rows = centred / np.sqrt((centred**2).mean(axes, keepdims=True) + 1e-5)
        return rows * p["weight"].reshape(shape) + p["bias"].reshape(shape)

    return formula


def layer_norm(p, x, prefix=""):
    centred = x - x.mean(-1, keepdims=True)
    rows = centred / np.sqrt((centred**2).mean(-1, keepdims=True) + 1e-5)
    return rows * p[prefix + "weight"] + p[prefix + "bias"]


def rnn_cell(p, x, h, prefix=""):
    return np.tanh(x @ p[prefix + "w_ih"] + h @ p[prefix + "w_hh"] + p[prefix + "b"])


def lstm_cell(p, x, state, prefix=""):
    h, c = state
    z = x @ p[prefix + "w_ih"] + h @ p[prefix + "w_hh"] + p[prefix + "b"]
    i, f, g, o = np.split(z, 4, -1)
    c = sigmoid(f) * c + sigmoid(i) * np.tanh(g)
    return sigmoid(o) * np.tanh(c), c


def gru_cell(p, x, h, prefix=""):
    given = np.split(x @ p[prefix + "w_ih"] + p[prefix + "b"], 3, -1)
    kept = np.split(h @ p[prefix + "w_hh"], 3, -1)
    r, z = (sigmoid(given[gate] + kept[gate]) for gate in (0, 1))
    n = np.tanh(given[2] + r * (kept[2] + p[prefix + "b_hn"]))
    return (1 - z) * n + z * h


def recurrent(cell, layers, hidden, pair=False):
    def formula(p, x, state=None):
        lasts = []
        for layer in range(layers):
            if state is None:
                zeros = np.zeros((x.shape[1], hidden))
                h = (zeros, zeros) if pair else zeros
            else:
                h = tuple(part[layer] for part in state) if pair else state[layer]
            outs = []
            for step in x:
                h = cell(p, step, h, f"cells.{layer}.")
                outs.append(h[0] if pair else h)
            x = np.stack(outs)
            lasts.append(h)
        if pair:
            return x, tuple(np.stack(parts) for parts in zip(*lasts, strict=True))
        return x, np.stack(lasts)

    return formula


def attention(heads):
    def formula(p, x, context=None, mask=None, prefix=""):
        source = x if context is None else context
        q, k, v = (
            rows @ p[f"{prefix}{name}_proj.weight"] + p[f"{prefix}{name}_proj.bias"]
            for name, rows in (("q", x), ("k", source), ("v", source))
        )
        D = q.shape[-1] // heads
        out = np.zeros(q.shape)
        for b, head in np.ndindex(len(x), heads):
            own = slice(head * D, (head + 1) * D)
            scores = q[b, :, own] @ k[b, :, own].T / math.sqrt(D)
            if mask is not None:
                scores = np.where(mask, scores, -np.inf)
            out[b, :, own] = np.exp(log_softmax(scores)) @ v[b, :, own]
        return out @ p[f"{prefix}out_proj.weight"] + p[f"{prefix}out_proj.bias"]

    return formula


def block(heads):
    attend = attention(heads)

    def formula(p, x, mask=None, prefix=""):
        x = x + attend(p, layer_norm(p, x, prefix + "norm1."), mask=mask, prefix=prefix + "attn.")
        z = layer_norm(p, x, prefix + "norm2.") @ p[prefix + "fc1.weight"] + p[prefix + "fc1.bias"]
        z = 0.5 * z * (1 + erf(z / math.sqrt(2)))
        return x + z @ p[prefix + "fc2.weight"] + p[prefix + "fc2.bias"]

    return formula


def encoder(p, x, mask=None):
    for layer in range(2):
        x = block(2)(p, x, mask, f"blocks.{layer}.")
    return layer_norm(p, x, "norm.")


def mlp(p, x):
    for layer in (0, 2, 4):
        if layer:
            x = np.maximum(x, 0)
        x = x @ p[f"net.layers.{layer}.weight"] + p[f"net.layers.{layer}.bias"]
    return x


def mlp_resnet(p, x):
    x = np.maximum(x @ p["net.layers.0.weight"] + p["net.layers.0.bias"], 0)
    for place in (2, 4):
        inner = f"net.layers.{place}.module.layers."

        def part(number, rows, inner=inner):
            own = {key: p[f"{inner}{number}.{key}"] for key in ("weight", "bias")}
            return linear(own, rows) if number in (0, 4) else batch_norm((0,))(own, rows)

        y = part(4, np.maximum(part(1, part(0, x)), 0))
        x = np.maximum(x + part(5, y), 0)
    return x @ p["net.layers.6.weight"] + p["net.layers.6.bias"]


def windows_conv(x, w, b=0.0, padding=0):
    """Stride 1, one group, all windows at once."""
    x = np.pad(x, ((0, 0), (0, 0), (padding,) * 2, (padding,) * 2))
    windows = np.lib.stride_tricks.sliding_window_view(x, w.shape[2:], (2, 3))
    return np.einsum("nchwuv,ocuv->nohw", windows, w) + np.reshape(b, (-1, 1, 1))


def halved(x):
    return pool(np.max, 2, 2)({}, x)


def lenet(p, x):
    for place, padding in ((0, 2), (3, 0)):
        own = (p[f"net.layers.{place}.{name}"] for name in ("weight", "bias"))
        x = halved(np.maximum(windows_conv(x, *own, padding), 0))
    x = x.reshape(len(x), 400)
    for place in (7, 9, 11):
        x = (np.maximum(x, 0) if place > 7 else x) @ p[f"net.layers.{place}.weight"]
        x = x + p[f"net.layers.{place}.bias"]
    return x


def resnet9(p, x):
    def conv(x, path, place):
        own = {name: p[f"{path}layers.{place + 1}.{name}"] for name in ("weight", "bias")}
        y = windows_conv(x, p[f"{path}layers.{place}.weight"], padding=1)
        return np.maximum(batch_norm((0, 2, 3))(own, y), 0)

    def twice(x, path):
        return x + conv(conv(x, path, 0), path, 3)

    x = halved(conv(conv(x, "features.", 0), "features.", 3))
    x = twice(x, "features.layers.7.module.")
    x = halved(conv(x, "features.", 8))
    x = halved(conv(x, "features.", 12))
    x = twice(x, "features.layers.16.module.")
    return x.max((2, 3)) @ p["head.weight"] + p["head.bias"]


def language_model(p, ids):
    x, state = recurrent(lstm_cell, 2, 5, pair=True)(
        {name.removeprefix("rnn."): value for name, value in p.items()}, p["embedding.weight"][ids]
    )
    return x @ p["head.weight"] + p["head.bias"], state


def seq2seq(p, source, target):
    def part(name):
        own = name + "."
        return {key.removeprefix(own): value for key, value in p.items() if key.startswith(own)}

    lstm = recurrent(lstm_cell, 1, 4, pair=True)
    read, state = lstm(part("encoder"), p["source.weight"][source])
    out, _ = lstm(part("decoder"), p["target.weight"][target], state)
    logits = np.zeros((*target.shape, p["head.bias"].size))
    for t, b in np.ndindex(target.shape):
        weights = np.exp(log_softmax(read[:, b] @ out[t, b] / 2.0))
        both = np.concatenate([out[t, b], weights @ read[:, b]])
        mixed = np.tanh(both @ p["mix.weight"] + p["mix.bias"])
        logits[t, b] = mixed @ p["head.weight"] + p["head.bias"]
    return logits


def gpt(p, ids):
    T = ids.shape[1]
    x = p["token.weight"][ids] + p["position.weight"][:T]
    for layer in range(2):
        x = block(2)(p, x, np.tri(T, dtype=bool), f"blocks.{layer}.")
    return layer_norm(p, x, "norm.") @ p["head.weight"]


def cross_entropy(p, logits, labels):
    return -log_softmax(logits)[np.arange(len(labels)), labels].mean()


def binary_cross_entropy(p, logits, target):
    s = sigmoid(logits)
    return -(target * np.log(s) + (1 - target) * np.log(1 - s)).mean()


# --------------------------------------------------------------------- peers


def copied(module, weights):
    """A PyTorch module with `weights` (by its own names) in float64."""
    import torch

    module = module.double()
    with torch.no_grad():
        for name, parameter in module.named_parameters():
            parameter.copy_(torch.from_numpy(np.ascontiguousarray(weights[name])))
    return module


def affine(p, prefix=""):
    own = {"weight": p[prefix + "weight"].T}
    return {**own, "bias": p[prefix + "bias"]} if prefix + "bias" in p else own


def same_names(make):
    return lambda torch, p: copied(make(torch), p)


def torch_linear(torch, p):
    return copied(torch.nn.Linear(4, 3), affine(p))


def torch_cell(kind):
    def peer(torch, p):
        cell = getattr(torch.nn, kind)(3, 4)
        return copied(cell, torch_gates(p, ""))

    return peer


def torch_gates(p, prefix, suffix=""):
    """Weights of a cell by PyTorch's names; it has two biases where one is enough."""
    bias = p[prefix + "b"]
    second = np.zeros_like(bias)
    if prefix + "b_hn" in p:
        second[-len(p[prefix + "b_hn"]) :] = p[prefix + "b_hn"]
    return {
        "weight_ih" + suffix: p[prefix + "w_ih"].T,
        "weight_hh" + suffix: p[prefix + "w_hh"].T,
        "bias_ih" + suffix: bias,
        "bias_hh" + suffix: second,
    }


def torch_recurrent(kind):
    def peer(torch, p):
        weights = {}
        for layer in range(2):
            weights |= torch_gates(p, f"cells.{layer}.", f"_l{layer}")
        return copied(getattr(torch.nn, kind)(3, 4, 2), weights)

    return peer


def torch_attention(torch, p, prefix=""):
    rows = [p[f"{prefix}{name}_proj.weight"].T for name in "qkv"]
    weights = {
        "in_proj_weight": np.concatenate(rows),
        "in_proj_bias": np.concatenate([p[f"{prefix}{name}_proj.bias"] for name in "qkv"]),
        "out_proj.weight": p[prefix + "out_proj.weight"].T,
        "out_proj.bias": p[prefix + "out_proj.bias"],
    }
    return copied(torch.nn.MultiheadAttention(6, 2, batch_first=True), weights)


def torch_block(torch, p, prefix="", hidden=10):
    layer = torch.nn.TransformerEncoderLayer(
        6, 2, hidden, dropout=0.0, activation="gelu", batch_first=True, norm_first=True
    )
    weights = {}
    attn = torch_attention(torch, p, prefix + "attn.")
    for name, parameter in attn.named_parameters():
        weights["self_attn." + name] = parameter.detach().numpy()
    for ours, theirs in (("fc1", "linear1"), ("fc2", "linear2")):
        for name, value in affine(p, f"{prefix}{ours}.").items():
            weights[f"{theirs}.{name}"] = value
    for norm in ("norm1", "norm2"):
        for name in ("weight", "bias"):
            weights[f"{norm}.{name}"] = p[f"{prefix}{norm}.{name}"]
    return copied(layer, weights)


def torch_masked(make):
    """True means the opposite in PyTorch's masks."""

    def peer(torch, p):
        layer = make(torch, p)
        return lambda x, mask: layer(x, src_mask=~mask)

    return peer


def torch_attend(torch, p):
    layer = torch_attention(torch, p)
    return lambda x, context, mask: layer(x, context, context, attn_mask=~mask)[0]


def torch_lenet(torch, p):
    t = torch.nn
    net = t.Sequential(
        *(t.Conv2d(1, 6, 5, padding=2), t.ReLU(), t.MaxPool2d(2)),
        *(t.Conv2d(6, 16, 5), t.ReLU(), t.MaxPool2d(2), t.Flatten()),
        *(t.Linear(400, 120), t.ReLU(), t.Linear(120, 84), t.ReLU(), t.Linear(84, 10)),
    )
    return copied(net, transposed(net, "net.layers.", p))


def transposed(net, prefix, p):
    """Weights of `net` by its own names: our Linear keeps (in, out)."""
    weights = {}
    for name, parameter in net.named_parameters():
        value = p[prefix + name]
        weights[name] = value.T if parameter.ndim == 2 else value
    return weights


def torch_mlp(torch, p):
    t = torch.nn
    net = t.Sequential(t.Linear(5, 7), t.ReLU(), t.Linear(7, 6), t.ReLU(), t.Linear(6, 3))
    return copied(net, transposed(net, "net.layers.", p))


def torch_resnet9(torch, p):
    t = torch.nn

    def conv(channels, filters):
        layers = (t.Conv2d(channels, filters, 3, padding=1, bias=False), t.BatchNorm2d(filters))
        return (*layers, t.ReLU())

    class Twice(t.Module):
        def __init__(self, channels):
            super().__init__()
            self.module = t.Module()
            self.module.layers = t.Sequential(*conv(channels, channels), *conv(channels, channels))

        def forward(self, x):
            return x + self.module.layers(x)

    class Net(t.Module):
        def __init__(self):
            super().__init__()
            self.features = t.Module()
            self.features.layers = t.Sequential(
                *(*conv(3, 2), *conv(2, 4), t.MaxPool2d(2), Twice(4)),
                *(*conv(4, 8), t.MaxPool2d(2), *conv(8, 16), t.MaxPool2d(2), Twice(16)),
            )
            self.head = t.Linear(16, 4)

        def forward(self, x):
            return self.head(self.features.layers(x).amax((2, 3)))

    net = Net()
    return copied(net, transposed(net, "", p))


def torch_language_model(torch, p):
    t = torch.nn

    class Net(t.Module):
        def __init__(self):
            super().__init__()
            self.embedding = t.Embedding(7, 3)
            self.rnn = t.LSTM(3, 5, 2)
            self.head = t.Linear(5, 7)

        def forward(self, ids):
            out, state = self.rnn(self.embedding(ids))
            return self.head(out), state

    weights = {"embedding.weight": p["embedding.weight"]}
    for layer in range(2):
        gates = torch_gates(p, f"rnn.cells.{layer}.", f"_l{layer}")
        weights |= {f"rnn.{name}": value for name, value in gates.items()}
    weights |= {f"head.{name}": value for name, value in affine(p, "head.").items()}
    return copied(Net(), weights)


def torch_gpt(torch, p):
    blocks = [torch_block(torch, p, f"blocks.{layer}.", 24) for layer in range(2)]
    norm = copied(torch.nn.LayerNorm(6), {name: p["norm." + name] for name in ("weight", "bias")})
    token, position, head = (
        torch.from_numpy(p[name + ".weight"]) for name in ("token", "position", "head")
    )

    def run(ids):
        T = ids.shape[1]
        hidden = torch.triu(torch.ones(T, T, dtype=torch.bool), 1)
        x = token[ids] + position[:T]
        for layer in blocks:
            x = layer(x, src_mask=hidden)
        return norm(x) @ head

    return run


def torch_function(name, **options):
    return lambda torch, p: lambda *x: getattr(torch.nn.functional, name)(*x, **options)


# -------------------------------------------------------------------- table


def sequence(rng):
    return (rng.standard_normal((4, 2, 3)),)


def lookback(rng):
    return rng.standard_normal((2, 3, 6)), rng.standard_normal((2, 5, 6)), some_mask(rng, 3, 5)


def some_mask(rng, Tq, Tk):
    mask = rng.random((Tq, Tk)) < 0.6
    mask[:, 0] = True
    return mask


SAMPLES: dict[str, Sample] = {
    "Linear": Sample(lambda rng: nn.Linear(4, 3, rng=rng), normal(2, 5, 4), linear, torch_linear),
    "Conv2d": Sample(
        lambda rng: nn.Conv2d(4, 6, 3, stride=2, padding=1, dilation=2, groups=2, rng=rng),
        normal(2, 4, 8, 9),
        conv2d,
        same_names(lambda t: t.nn.Conv2d(4, 6, 3, 2, 1, 2, 2)),
    ),
    "Embedding": Sample(
        lambda rng: nn.Embedding(6, 3, rng=rng),
        lambda rng: (rng.integers(0, 6, (4, 5)),),
        lambda p, ids: p["weight"][ids],
        same_names(lambda t: t.nn.Embedding(6, 3)),
    ),
    "Sequential": Sample(
        lambda rng: nn.Sequential(nn.Linear(4, 5, rng=rng), nn.ReLU(), nn.Linear(5, 2, rng=rng)),
        normal(6, 4),
        lambda p, x: (
            np.maximum(x @ p["layers.0.weight"] + p["layers.0.bias"], 0) @ p["layers.2.weight"]
            + p["layers.2.bias"]
        ),
    ),
    "Residual": Sample(
        lambda rng: nn.Residual(nn.Linear(4, 4, rng=rng)),
        normal(5, 4),
        lambda p, x: x + x @ p["module.weight"] + p["module.bias"],
    ),
    "Flatten": Sample(
        lambda rng: nn.Flatten(),
        normal(3, 2, 4),
        lambda p, x: np.stack([row.ravel() for row in x]),
        lambda torch, p: torch.nn.Flatten(),
    ),
    "Identity": Sample(lambda rng: nn.Identity(), normal(3, 2), lambda p, x: x),
    "ReLU": Sample(
        lambda rng: nn.ReLU(), normal(4, 5), lambda p, x: x * (x > 0), torch_function("relu")
    ),
    "GELU": Sample(
        lambda rng: nn.GELU(),
        normal(4, 5),
        lambda p, x: 0.5 * x * (1 + erf(x / math.sqrt(2))),
        torch_function("gelu"),
    ),
    "Tanh": Sample(
        lambda rng: nn.Tanh(),
        normal(4, 5),
        lambda p, x: 1 - 2 / (np.exp(2 * x) + 1),
        lambda torch, p: torch.tanh,
    ),
    "Sigmoid": Sample(
        lambda rng: nn.Sigmoid(),
        normal(4, 5),
        lambda p, x: 0.5 * (1 + np.tanh(x / 2)),
        lambda torch, p: torch.sigmoid,
    ),
    "Dropout": Sample(
        lambda rng: nn.Dropout(0.4, rng), normal(4, 5), lambda p, x: x, training=False
    ),
    "BatchNorm1d": Sample(
        lambda rng: nn.BatchNorm1d(4),
        normal(7, 4),
        batch_norm((0,)),
        same_names(lambda t: t.nn.BatchNorm1d(4)),
    ),
    "BatchNorm2d": Sample(
        lambda rng: nn.BatchNorm2d(3),
        normal(2, 3, 4, 5),
        batch_norm((0, 2, 3)),
        same_names(lambda t: t.nn.BatchNorm2d(3)),
    ),
    "LayerNorm": Sample(
        lambda rng: nn.LayerNorm(5),
        normal(2, 3, 5),
        layer_norm,
        same_names(lambda t: t.nn.LayerNorm(5)),
    ),
    "MaxPool2d": Sample(
        lambda rng: nn.MaxPool2d(3, 2),
        normal(2, 3, 8, 7),
        pool(np.max, 3, 2),
        torch_function("max_pool2d", kernel_size=3, stride=2),
    ),
    "AvgPool2d": Sample(
        lambda rng: nn.AvgPool2d(2),
        normal(2, 3, 5, 6),
        pool(np.mean, 2, 2),
        torch_function("avg_pool2d", kernel_size=2),
    ),
    "RNNCell": Sample(
        lambda rng: nn.RNNCell(3, 4, rng=rng),
        lambda rng: (rng.standard_normal((2, 3)), rng.standard_normal((2, 4))),
        rnn_cell,
        torch_cell("RNNCell"),
    ),
    "LSTMCell": Sample(
        lambda rng: nn.LSTMCell(3, 4, rng=rng),
        lambda rng: (
            rng.standard_normal((2, 3)),
            (rng.standard_normal((2, 4)), rng.standard_normal((2, 4))),
        ),
        lstm_cell,
        torch_cell("LSTMCell"),
    ),
    "GRUCell": Sample(
        lambda rng: nn.GRUCell(3, 4, rng=rng),
        lambda rng: (rng.standard_normal((2, 3)), rng.standard_normal((2, 4))),
        gru_cell,
        torch_cell("GRUCell"),
    ),
    "RNN": Sample(
        lambda rng: nn.RNN(3, 4, 2, rng=rng),
        sequence,
        recurrent(rnn_cell, 2, 4),
        torch_recurrent("RNN"),
    ),
    "LSTM": Sample(
        lambda rng: nn.LSTM(3, 4, 2, rng=rng),
        sequence,
        recurrent(lstm_cell, 2, 4, pair=True),
        torch_recurrent("LSTM"),
    ),
    "GRU": Sample(
        lambda rng: nn.GRU(3, 4, 2, rng=rng),
        sequence,
        recurrent(gru_cell, 2, 4),
        torch_recurrent("GRU"),
    ),
    "MultiHeadAttention": Sample(
        lambda rng: nn.MultiHeadAttention(6, 2, rng=rng), lookback, attention(2), torch_attend
    ),
    "TransformerBlock": Sample(
        lambda rng: nn.TransformerBlock(6, 2, 10, rng=rng),
        lambda rng: (rng.standard_normal((2, 4, 6)), some_mask(rng, 4, 4)),
        block(2),
        torch_masked(torch_block),
    ),
    "TransformerEncoder": Sample(
        lambda rng: nn.TransformerEncoder(6, 2, 8, 2, rng=rng), normal(2, 4, 6), encoder
    ),
    "CrossEntropyLoss": Sample(
        lambda rng: nn.CrossEntropyLoss(),
        lambda rng: (3 * rng.standard_normal((6, 4)), rng.integers(0, 4, 6)),
        cross_entropy,
        torch_function("cross_entropy"),
    ),
    "MSELoss": Sample(
        lambda rng: nn.MSELoss(),
        lambda rng: (rng.standard_normal((3, 4)), rng.standard_normal((3, 4))),
        lambda p, x, y: np.square(x - y).sum() / x.size,
        torch_function("mse_loss"),
    ),
    "BCEWithLogitsLoss": Sample(
        lambda rng: nn.BCEWithLogitsLoss(),
        lambda rng: (2 * rng.standard_normal((3, 4)), rng.random((3, 4))),
        binary_cross_entropy,
        torch_function("binary_cross_entropy_with_logits"),
    ),
    "MLP": Sample(lambda rng: nn.MLP([5, 7, 6, 3], rng=rng), normal(4, 5), mlp, torch_mlp),
    "MLPResNet": Sample(
        lambda rng: nn.MLPResNet(5, 8, 2, 3, rng=rng, p_drop=0.0), normal(6, 5), mlp_resnet
    ),
    "LeNet": Sample(
        lambda rng: nn.LeNet(rng=rng), normal(2, 1, 28, 28), lenet, torch_lenet, kinks=True
    ),
    "ResNet9": Sample(
        lambda rng: nn.ResNet9(4, 3, rng=rng, width=2),
        normal(3, 3, 16, 16),
        resnet9,
        torch_resnet9,
        kinks=True,
    ),
    "LanguageModel": Sample(
        lambda rng: nn.LanguageModel(7, 3, 5, 2, rng=rng),
        lambda rng: (rng.integers(0, 7, (4, 2)),),
        language_model,
        torch_language_model,
    ),
    "Seq2Seq": Sample(
        lambda rng: nn.Seq2Seq(6, 7, 3, 4, rng=rng),
        lambda rng: (rng.integers(0, 6, (5, 2)), rng.integers(0, 7, (3, 2))),
        seq2seq,
    ),
    "GPT": Sample(
        lambda rng: nn.GPT(7, 6, 2, 2, 8, rng=rng),
        lambda rng: (rng.integers(0, 7, (2, 5)),),
        gpt,
        torch_gpt,
    ),
}


def build(name: str, dtype: Any = np.float64, seed: int = 0) -> tuple[Any, Arrays]:
    """The layer of a sample and its inputs, both in `dtype`; norms get weights that matter."""
    rng = np.random.default_rng(seed)
    module = SAMPLES[name].make(rng).train(SAMPLES[name].training)
    for parameter in module.parameters():
        values = parameter.data.astype(dtype)
        if values.ndim == 1:  # ones and zeros would hide a mistake
            values = values + 0.3 * rng.standard_normal(values.shape).astype(dtype)
        parameter.data = values
    return module, cast(SAMPLES[name].inputs(rng), dtype)


def cast(values: Any, dtype: Any) -> Any:
    """Floats of a nest of tuples in `dtype`; ids and masks as they are."""
    if isinstance(values, tuple):
        return tuple(cast(value, dtype) for value in values)
    return values.astype(dtype) if values.dtype.kind == "f" else values


def given(values: Any, requires_grad: bool = False) -> Any:
    """Floats of a nest of tuples as Tensors; ids and masks as they are."""
    if isinstance(values, tuple):
        return tuple(given(value, requires_grad) for value in values)
    return Tensor(values, requires_grad=requires_grad) if values.dtype.kind == "f" else values


def flat(values: Any) -> list[Any]:
    """The leaves of a nest of tuples."""
    if isinstance(values, tuple):
        return [leaf for value in values for leaf in flat(value)]
    return [values]
