"""One row per op: inputs that are safe to differentiate at, the call, and the same in PyTorch.

Adding an op means adding a row; `test_ops.py` compares the names with those of the registry.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from reference import ops
from reference.op import OPS

Rng = np.random.Generator
Inputs = Callable[[Rng], tuple[Any, ...]]


@dataclass(frozen=True)
class Sample:
    """`inputs(rng)` draws float64 arrays, `ours(*tensors)` and `peer(torch, *tensors)` compute."""

    inputs: Inputs
    ours: Callable[..., Any]
    peer: Callable[..., Any]


def normal(*shapes: tuple[int, ...]) -> Inputs:
    return lambda rng: tuple(rng.normal(size=shape) for shape in shapes)


def positive(*shapes: tuple[int, ...]) -> Inputs:
    return lambda rng: tuple(rng.uniform(0.5, 2.0, shape) for shape in shapes)


def apart(*shapes: tuple[int, ...]) -> Inputs:
    """Numbers no two of which are close, none close to 0: no kink within a small step."""

    def draw(rng: Rng) -> tuple[Any, ...]:
        sizes = [math.prod(shape) for shape in shapes]
        values = rng.permutation(sum(sizes)) - sum(sizes) // 2 + 0.5
        parts = np.split(values * 0.2, np.cumsum(sizes)[:-1])
        return tuple(part.reshape(shape) for part, shape in zip(parts, shapes, strict=True))

    return draw


LABELS = np.array([2, 0, 3])
IDS = np.array([[1, 0, 1], [3, 1, 0]])
COND = np.array([[True, False, True], [False, False, True]])
PAIRS = ((1, 0), (0, 2))
SEEN = np.array([[True, False, True, True], [False] * 4, [True] * 4])
INDEX = np.array([2, 0, 2])


def dropped(x: Any) -> Any:
    return ops.dropout(x, 0.4, np.random.default_rng(5))


def dropped_by_torch(torch: Any, x: Any) -> Any:
    kept = np.random.default_rng(5).random(tuple(x.shape), np.float32) >= 0.4
    return x * torch.tensor(kept) / 0.6


def lstm_torch(torch: Any, x: Any, h: Any, c: Any, w_ih: Any, w_hh: Any, b: Any) -> Any:
    gates = (w_ih.T, w_hh.T, b, torch.zeros_like(b))
    return torch._VF.lstm_cell(x, (h, c), *gates)


def lstm_steps_torch(torch: Any, x: Any, h: Any, c: Any, w_ih: Any, w_hh: Any, b: Any) -> Any:
    gates = [w_ih.T, w_hh.T, b, torch.zeros_like(b)]
    state = (h[None], c[None])
    out, h, c = torch._VF.lstm(x, state, gates, True, 1, 0.0, False, False, False)
    return out, h[0], c[0]


def gru_torch(torch: Any, x: Any, h: Any, w_ih: Any, w_hh: Any, b: Any, b_hn: Any) -> Any:
    back = torch.cat([torch.zeros(2 * len(b_hn), dtype=b.dtype), b_hn])
    return torch._VF.gru_cell(x, h, w_ih.T, w_hh.T, b, back)


def gru_steps_torch(torch: Any, x: Any, h: Any, w_ih: Any, w_hh: Any, b: Any, b_hn: Any) -> Any:
    every = []
    for step in x:
        h = gru_torch(torch, step, h, w_ih, w_hh, b, b_hn)
        every.append(h)
    return torch.stack(every), h


def attention_torch(torch: Any, q: Any, k: Any, v: Any) -> Any:
    # PyTorch gives nan where nothing is seen; there ours is 0.
    mask = torch.tensor(SEEN)
    out = torch.nn.functional.scaled_dot_product_attention(
        q, k, v, attn_mask=mask | ~mask.any(-1, keepdim=True)
    )
    return out * mask.any(-1, keepdim=True)


def unary(name: str, inputs: Inputs, peer: Callable[..., Any] | None = None) -> Sample:
    return Sample(
        inputs, lambda x: getattr(ops, name)(x), peer or (lambda torch, x: getattr(torch, name)(x))
    )


def binary(name: str, inputs: Inputs) -> Sample:
    return Sample(
        inputs,
        lambda a, b: getattr(ops, name)(a, b),
        lambda torch, a, b: getattr(torch, name)(a, b),
    )


CONV = {"stride": 2, "padding": 1, "dilation": 2, "groups": 2}

SAMPLES: dict[str, Sample] = {
    "add": binary("add", normal((2, 3), (3,))),
    "sub": binary("sub", normal((2, 1), (2, 3))),
    "mul": binary("mul", normal((2, 3), (2, 1))),
    "div": binary("div", lambda rng: (rng.normal(size=(2, 3)), rng.uniform(0.5, 2, (3,)))),
    "neg": unary("neg", normal((2, 3))),
    "pow": binary("pow", positive((2, 3), (3,))),
    "exp": unary("exp", normal((2, 3))),
    "log": unary("log", positive((2, 3))),
    "sqrt": unary("sqrt", positive((2, 3))),
    "sin": unary("sin", normal((2, 3))),
    "cos": unary("cos", normal((2, 3))),
    "tanh": unary("tanh", normal((2, 3))),
    "sigmoid": unary("sigmoid", normal((2, 3))),
    "erf": unary("erf", normal((2, 3))),
    "relu": unary("relu", apart((2, 3))),
    "gelu": unary("gelu", normal((2, 3)), lambda torch, x: torch.nn.functional.gelu(x)),
    "silu": unary("silu", normal((2, 3)), lambda torch, x: torch.nn.functional.silu(x)),
    "abs": unary("abs", apart((2, 3))),
    "maximum": binary("maximum", apart((2, 3), (3,))),
    "minimum": binary("minimum", apart((2, 3), (2, 1))),
    "where": Sample(
        normal((2, 3), (3,)),
        lambda a, b: ops.where(COND, a, b),
        lambda torch, a, b: torch.where(torch.tensor(COND), a, b),
    ),
    "clip": Sample(
        apart((3, 3)),
        lambda x: ops.clip(x, -0.4, 0.6),
        lambda torch, x: torch.clamp(x, -0.4, 0.6),
    ),
    "astype": Sample(
        normal((2, 3)),
        lambda x: ops.astype(ops.astype(x, np.longdouble), np.float64),
        lambda torch, x: x.clone(),
    ),
    "sum": Sample(
        normal((2, 3, 2)),
        lambda x: ops.sum(x, (0, -1), True),
        lambda torch, x: x.sum((0, -1), keepdim=True),
    ),
    "mean": Sample(
        normal((2, 3, 2)), lambda x: ops.mean(x, (0, 2)), lambda torch, x: x.mean((0, 2))
    ),
    "max": Sample(
        apart((2, 3, 2)), lambda x: ops.max(x, (0, 2)), lambda torch, x: torch.amax(x, (0, 2))
    ),
    "logsumexp": Sample(
        normal((2, 3, 2)),
        lambda x: ops.logsumexp(x, 1, True) * ops.logsumexp(x, -1).sum(),
        lambda torch, x: torch.logsumexp(x, 1, True) * torch.logsumexp(x, -1).sum(),
    ),
    "reshape": Sample(
        normal((2, 6)), lambda x: x.reshape(3, -1), lambda torch, x: x.reshape(3, -1)
    ),
    "transpose": Sample(
        normal((2, 3, 4)), lambda x: x.transpose(2, 0, -2), lambda torch, x: x.permute(2, 0, 1)
    ),
    "broadcast_to": Sample(
        normal((2, 1)),
        lambda x: x.broadcast_to((3, 2, 4)),
        lambda torch, x: torch.broadcast_to(x, (3, 2, 4)),
    ),
    "concat": Sample(
        normal((2, 1), (2, 3)),
        lambda a, b: ops.concat([a, b, a], -1),
        lambda torch, a, b: torch.cat([a, b, a], -1),
    ),
    "stack": Sample(
        normal((2, 3), (2, 3)),
        lambda a, b: ops.stack([a, b, a], 1),
        lambda torch, a, b: torch.stack([a, b, a], 1),
    ),
    "split": Sample(
        normal((2, 6)),
        lambda x: (lambda a, b, c: (c, a * b[:, :1]))(*ops.split(x, (1, 2, 3), 1)),
        lambda torch, x: (lambda a, b, c: (c, a * b[:, :1]))(*torch.split(x, (1, 2, 3), 1)),
    ),
    "pad": Sample(
        normal((2, 3)),
        lambda x: ops.pad(x, PAIRS, 1.5),
        lambda torch, x: torch.nn.functional.pad(x, (0, 2, 1, 0), value=1.5),
    ),
    "flip": Sample(
        normal((2, 3, 2)), lambda x: ops.flip(x, (0, -1)), lambda torch, x: x.flip((0, -1))
    ),
    "getitem": Sample(
        normal((4, 3, 5)),
        lambda x: x[INDEX, None, :, 1::2],
        lambda torch, x: x[torch.tensor(INDEX), None, :, 1::2],
    ),
    "scatter_add": Sample(
        normal((3, 2)),
        lambda g: ops.scatter_add(g, INDEX, (4, 2)),
        lambda torch, g: torch.zeros((4, 2), dtype=g.dtype).index_add(0, torch.tensor(INDEX), g),
    ),
    "matmul": binary("matmul", normal((2, 1, 3, 4), (3, 4, 2))),
    "linear": Sample(
        apart((2, 3, 4), (4, 2), (2,)),
        lambda x, w, b: ops.linear(ops.linear(x, w, b, "relu"), w.T, None, "gelu"),
        lambda torch, x, w, b: torch.nn.functional.gelu(torch.relu(x @ w + b) @ w.T),
    ),
    "softmax": Sample(
        normal((2, 3, 2)),
        lambda x: ops.softmax(x, 1) * ops.softmax(x),
        lambda torch, x: torch.softmax(x, 1) * torch.softmax(x, -1),
    ),
    "log_softmax": Sample(
        normal((2, 3, 2)),
        lambda x: ops.log_softmax(x, 1) * ops.log_softmax(x),
        lambda torch, x: torch.log_softmax(x, 1) * torch.log_softmax(x, -1),
    ),
    "cross_entropy": Sample(
        normal((3, 4)),
        lambda x: ops.cross_entropy(x, LABELS),
        lambda torch, x: torch.nn.functional.cross_entropy(x, torch.tensor(LABELS)),
    ),
    "layer_norm": Sample(
        normal((2, 3, 4), (4,), (4,)),
        lambda x, gamma, beta: ops.layer_norm(x, gamma, beta, 1e-3),
        lambda torch, x, gamma, beta: torch.layer_norm(x, (4,), gamma, beta, 1e-3),
    ),
    "batch_norm": Sample(
        normal((3, 2, 2, 3), (2,), (2,)),
        lambda x, gamma, beta: ops.batch_norm(x, gamma, beta, 1e-3, (0, 2, 3)),
        lambda torch, x, gamma, beta: torch.nn.functional.batch_norm(
            x, None, None, gamma, beta, True, 0.1, 1e-3
        ),
    ),
    "dropout": Sample(normal((4, 5)), dropped, dropped_by_torch),
    "conv2d": Sample(
        apart((2, 4, 5, 6), (2, 2, 2, 3), (2,)),
        lambda x, w, b: (
            ops.conv2d(x, w, b, **CONV) + ops.conv2d(x, w, b, **CONV, activation="relu")
        ),
        lambda torch, x, w, b: (lambda y: y + torch.relu(y))(torch.conv2d(x, w, b, **CONV)),
    ),
    "conv2d_input_grad": Sample(
        normal((2, 2, 3, 2), (2, 2, 2, 3)),
        lambda g, w: ops.conv2d_input_grad(g, w, (2, 4, 5, 6), **CONV),
        lambda torch, g, w: torch.nn.grad.conv2d_input((2, 4, 5, 6), w, g, *CONV.values()),
    ),
    "conv2d_weight_grad": Sample(
        normal((2, 2, 3, 2), (2, 4, 5, 6)),
        lambda g, x: ops.conv2d_weight_grad(g, x, (2, 2, 2, 3), **CONV),
        lambda torch, g, x: torch.nn.grad.conv2d_weight(x, (2, 2, 2, 3), g, *CONV.values()),
    ),
    "max_pool2d": Sample(
        apart((2, 2, 5, 4)),
        lambda x: ops.max_pool2d(x, 3, 1),
        lambda torch, x: torch.max_pool2d(x, 3, 1),
    ),
    "avg_pool2d": Sample(
        normal((2, 2, 5, 4)),
        lambda x: ops.avg_pool2d(x, 2),
        lambda torch, x: torch.nn.functional.avg_pool2d(x, 2),
    ),
    "avg_pool2d_input_grad": Sample(
        normal((1, 2, 2, 2)),
        lambda g: ops.avg_pool2d_input_grad(g, (1, 2, 5, 4), 2, 2),
        lambda torch, g: torch.nn.functional.pad(
            g.repeat_interleave(2, 2).repeat_interleave(2, 3) / 4, (0, 0, 0, 1)
        ),
    ),
    "embedding": Sample(
        normal((4, 3)),
        lambda weight: ops.embedding(weight, IDS),
        lambda torch, weight: torch.nn.functional.embedding(torch.tensor(IDS), weight),
    ),
    "attention": Sample(
        normal((2, 2, 3, 4), (2, 2, 4, 4), (2, 2, 4, 4)),
        lambda q, k, v: ops.attention(q, k, v, SEEN),
        attention_torch,
    ),
    "lstm_cell": Sample(
        normal((2, 3), (2, 2), (2, 2), (3, 8), (2, 8), (8,)),
        lambda *args: ops.lstm_cell(*args),
        lstm_torch,
    ),
    "lstm": Sample(
        normal((3, 2, 3), (2, 2), (2, 2), (3, 8), (2, 8), (8,)),
        lambda *args: ops.lstm(*args),
        lstm_steps_torch,
    ),
    "gru_cell": Sample(
        normal((2, 3), (2, 2), (3, 6), (2, 6), (6,), (2,)),
        lambda *args: ops.gru_cell(*args),
        gru_torch,
    ),
    "gru": Sample(
        normal((3, 2, 3), (2, 2), (3, 6), (2, 6), (6,), (2,)),
        lambda *args: ops.gru(*args),
        gru_steps_torch,
    ),
}

ops.load_all()
NAMES = sorted(OPS)


def outputs(result: Any) -> tuple[Any, ...]:
    return result if isinstance(result, tuple) else (result,)
