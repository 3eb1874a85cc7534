"""Every mistake raises the right error, which names the operation and what was seen."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from reference import DTypeError, GraphError, ShapeError, Tensor, ops

X = np.ones((2, 3))
V = np.ones(3)

MISTAKES: dict[str, tuple[Any, type[Exception], str]] = {
    "add": (lambda: Tensor(X) + Tensor(np.ones(2)), ShapeError, r"add.*\(2, 3\).*\(2,\)"),
    "mul recorded": (
        lambda: Tensor(X, True) * Tensor(np.ones((2, 2)), True),
        ShapeError,
        r"mul.*\(2, 3\).*\(2, 2\)",
    ),
    "add text": (lambda: Tensor(X) + "a", DTypeError, "add"),
    "mul None": (lambda: Tensor(X) * None, DTypeError, "mul"),
    "matmul": (lambda: Tensor(X) @ Tensor(X), ShapeError, r"matmul.*\(2, 3\).*\(2, 3\)"),
    "matmul number": (lambda: Tensor(X) @ 2, ShapeError, "matmul"),
    "matmul batch": (
        lambda: Tensor(np.ones((2, 2, 3))) @ Tensor(np.ones((3, 3, 2))),
        ShapeError,
        "matmul",
    ),
    "sum axis": (lambda: Tensor(X).sum(2), ShapeError, "sum.*axis is 2"),
    "sum axis twice": (lambda: Tensor(X).sum((0, -2)), ShapeError, "sum"),
    "max of nothing": (lambda: Tensor(np.zeros((0, 2))).max(), ShapeError, r"max.*\(0, 2\)"),
    "mean of nothing": (lambda: Tensor(np.zeros((0, 2))).mean(0), ShapeError, "mean"),
    "reshape": (lambda: Tensor(X).reshape(4), ShapeError, r"reshape.*\(2, 3\)"),
    "transpose": (lambda: Tensor(X).transpose(0, 0), ShapeError, "transpose"),
    "swapaxes": (lambda: Tensor(X).swapaxes(0, 2), ShapeError, "swapaxes"),
    "broadcast_to": (lambda: Tensor(X).broadcast_to((2, 4)), ShapeError, "broadcast_to"),
    "flatten": (lambda: Tensor(X).flatten(2), ShapeError, "flatten"),
    "squeeze": (lambda: Tensor(X).squeeze(0), ShapeError, "squeeze"),
    "unsqueeze": (lambda: Tensor(X).unsqueeze(4), ShapeError, "unsqueeze"),
    "concat": (lambda: ops.concat([Tensor(X), Tensor(V)], 0), ShapeError, "concat"),
    "concat nothing": (lambda: ops.concat([]), ShapeError, "concat"),
    "stack": (lambda: ops.stack([Tensor(X), Tensor(V)]), ShapeError, "stack"),
    "split": (lambda: ops.split(Tensor(X), 2, 1), ShapeError, r"split.*\(2, 3\)"),
    "split sizes": (lambda: ops.split(Tensor(X), (1, 1), 1), ShapeError, "split"),
    "split axis": (lambda: ops.split(Tensor(X), 1, 2), ShapeError, "split"),
    "pad": (lambda: ops.pad(Tensor(X), [(1, 1)]), ShapeError, "pad"),
    "flip": (lambda: ops.flip(Tensor(X), 2), ShapeError, "flip"),
    "getitem": (lambda: Tensor(X)[2], IndexError, "2"),
    "getitem float": (lambda: Tensor(X)[np.array([0.5])], DTypeError, "getitem"),
    "scatter_add": (lambda: ops.scatter_add(Tensor(V), [0], (4,)), ShapeError, "scatter_add"),
    "softmax": (lambda: ops.softmax(Tensor(X), 2), ShapeError, "softmax.*axis 2"),
    "cross_entropy": (
        lambda: ops.cross_entropy(Tensor(X), np.array([0])),
        ShapeError,
        r"cross_entropy.*\(2, 3\).*\(1,\)",
    ),
    "cross_entropy label": (
        lambda: ops.cross_entropy(Tensor(X), np.array([0, 3])),
        ShapeError,
        "cross_entropy.*3",
    ),
    "cross_entropy negative": (
        lambda: ops.cross_entropy(Tensor(X), np.array([0, -1])),
        ShapeError,
        "cross_entropy.*-1",
    ),
    "cross_entropy floats": (
        lambda: ops.cross_entropy(Tensor(X), np.array([0.0, 1.0])),
        DTypeError,
        "cross_entropy.*float64",
    ),
    "linear": (lambda: ops.linear(Tensor(X), Tensor(X)), ShapeError, "linear"),
    "linear bias": (
        lambda: ops.linear(Tensor(X), Tensor(X.T), Tensor(V)),
        ShapeError,
        r"linear.*b is \(3,\)",
    ),
    "linear activation": (
        lambda: ops.linear(Tensor(X), Tensor(X.T), activation="tanh"),
        ValueError,
        "linear.*tanh",
    ),
    "layer_norm": (lambda: ops.layer_norm(Tensor(X), V[:2], V[:2]), ShapeError, "layer_norm"),
    "batch_norm": (lambda: ops.batch_norm(Tensor(X), V[:2], V[:2]), ShapeError, "batch_norm"),
    "dropout": (lambda: ops.dropout(Tensor(X), 1.5), ValueError, "dropout.*1.5"),
    "conv2d rank": (lambda: ops.conv2d(Tensor(X), Tensor(X)), ShapeError, "conv2d"),
    "conv2d channels": (
        lambda: ops.conv2d(Tensor(np.ones((1, 3, 4, 4))), Tensor(np.ones((2, 2, 3, 3)))),
        ShapeError,
        "conv2d.*groups",
    ),
    "conv2d kernel": (
        lambda: ops.conv2d(Tensor(np.ones((1, 2, 2, 2))), Tensor(np.ones((2, 2, 3, 3)))),
        ShapeError,
        "conv2d.*fit",
    ),
    "max_pool2d": (
        lambda: ops.max_pool2d(Tensor(np.ones((1, 1, 2, 2))), 3),
        ShapeError,
        "max_pool2d",
    ),
    "avg_pool2d": (lambda: ops.avg_pool2d(Tensor(X), 2), ShapeError, "avg_pool2d"),
    "embedding": (lambda: ops.embedding(Tensor(X), [2]), IndexError, "embedding.*2 rows"),
    "embedding negative": (lambda: ops.embedding(Tensor(X), [-1]), IndexError, "embedding"),
    "embedding floats": (lambda: ops.embedding(Tensor(X), [0.0]), DTypeError, "embedding"),
    "attention": (
        lambda: ops.attention(*(Tensor(np.ones((1, 2, n, 4))) for n in (2, 3, 2))),
        ShapeError,
        "attention",
    ),
    "attention mask": (
        lambda: ops.attention(*(Tensor(np.ones((1, 2, 2, 4))) for _ in range(3)), mask=np.ones(2)),
        DTypeError,
        "attention.*float64",
    ),
    "attention mask shape": (
        lambda: ops.attention(
            *(Tensor(np.ones((1, 2, 2, 4))) for _ in range(3)), mask=np.ones(3, bool)
        ),
        ShapeError,
        r"attention.*\(3,\)",
    ),
    "lstm_cell": (lambda: ops.lstm_cell(*[Tensor(X)] * 6), ShapeError, "lstm_cell"),
    "lstm": (lambda: ops.lstm(*[Tensor(X)] * 6), ShapeError, "lstm"),
    "gru": (lambda: ops.gru(*[Tensor(X)] * 6), ShapeError, "gru"),
    "gru_cell": (lambda: ops.gru_cell(*[Tensor(X)] * 6), ShapeError, "gru_cell"),
    "item": (lambda: Tensor(X).item(), ShapeError, "item"),
    "device": (lambda: Tensor(X, device="tpu"), ValueError, "tpu"),
    "backward shape": (
        lambda: Tensor(X, requires_grad=True).backward(V),
        ShapeError,
        r"backward.*\(3,\).*\(2, 3\)",
    ),
    "backward without": (
        lambda: Tensor(X, requires_grad=True).backward(),
        ShapeError,
        "backward",
    ),
    "backward constant": (lambda: Tensor(1.0).backward(), GraphError, "backward"),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_is_named_with_what_was_seen(mistake):
    attempt, kind, pattern = MISTAKES[mistake]
    with pytest.raises(kind, match=pattern):
        attempt()
