"""Public checks of cells and of sequences: small numbers, in the order a learner builds."""

import numpy as np

from grader.check import check_close, check_equal, check_raises, fail

CELL = """
import numpy as np
from reference import Tensor

def probe(module, name, args, values, x, state=None):
    cell = getattr(module, name)(*args)
    for key, value in values.items():
        getattr(cell, key).data = value
    given = None if state is None else [Tensor(s, requires_grad=True) for s in state]
    found = cell(Tensor(x), given if given is None else given[0] if len(given) == 1 else tuple(given))
    outs = found if isinstance(found, tuple) else (found,)
    for out in outs:
        if not isinstance(out, Tensor):
            raise TypeError(f"{name}.forward returned {type(out).__name__}, it should be a Tensor")
    sum((out.sum() for out in outs[1:]), outs[0].sum()).backward()
    grads = [None if s.grad is None else s.grad.data for s in given or ()]
    return {"outs": [out.data for out in outs], "grads": grads}
"""

LAYERS = """
import numpy as np
from reference import Tensor

def probe(module, name, sizes, x):
    layer = getattr(module, name)(*sizes, rng=np.random.default_rng(3))
    for p in layer.parameters():
        p.data = p.data.astype(np.float64)
    out, state = layer(Tensor(x))
    cells = [{key: getattr(c, key).data for key in ("w_ih", "w_hh", "b")} for c in layer.cells]
    state = state if isinstance(state, tuple) else (state,)
    return {"out": out.data, "state": [s.data for s in state], "cells": cells}
"""


def near(got, want, **fields):
    check_close(got, np.asarray(want, np.float64), rtol=1e-9, atol=1e-9, **fields)


def sigmoid(z):
    return 1 / (1 + np.exp(-z))


def test_rnn_cell_small(student):
    """an RNNCell takes one step: two products, a bias, tanh"""
    p = {
        "w_ih": np.array([[1.0, 0.5]]),
        "w_hh": np.array([[0.0, 2.0], [1.0, 0.0]]),
        "b": np.array([0.1, -0.1]),
    }
    x, h = np.array([[1.0]]), np.array([[0.2, -0.3]])
    z = np.array([[0.8, 0.8]])  # 1 - 0.3 + 0.1 and 0.5 + 2 * 0.2 - 0.1
    found = student.probe(CELL, name="RNNCell", args=(1, 2), values=p, x=x, state=[h])
    near(
        found["outs"][0],
        np.tanh(z),
        what="RNNCell(1, 2) after x = [1] from h = [0.2, -0.3]",
        help="x @ w_ih + h @ w_hh + b is [0.8, 0.8] here; then tanh.",
        diagnoses={
            "w_hh is transposed: it is h @ w_hh": np.tanh([[0.5, 0.6]]),
            "tanh is missing": z,
        },
    )
    found = student.probe(CELL, name="RNNCell", args=(1, 2, "relu"), values=p, x=x, state=[h])
    near(found["outs"][0], z, what='RNNCell(1, 2, "relu")', help="relu in place of tanh.")
    found = student.probe(CELL, name="RNNCell", args=(1, 2), values=p, x=x)
    near(
        found["outs"][0],
        np.tanh([[1.1, 0.4]]),
        what="RNNCell(1, 2) after x = [1] without a state",
        help="None means zeros (B, H) of x's dtype.",
    )
    check_raises(ValueError, student.RNNCell, 1, 2, "step", what='RNNCell(1, 2, "step")')


def test_bptt_small(student):
    """rnn_bptt agrees with differences, over three steps"""
    xs = np.array([1.0, 0.0, -1.0]).reshape(3, 1, 1)
    h0, W, U, b = np.array([[0.5]]), np.array([[1.0]]), np.array([[0.5]]), np.array([0.1])
    grad_hs = np.array([0.0, 0.0, 1.0]).reshape(3, 1, 1)
    found = student.rnn_bptt(xs, h0, W, U, b, grad_hs)
    if type(found) is not tuple or len(found) != 5:
        fail("rnn_bptt returns something else than (dxs, dh0, dWxh, dWhh, db).")
    hs = [h0]
    for x in xs:
        hs.append(np.tanh(x @ W + hs[-1] @ U + b))
    slope = [1 - h**2 for h in hs]
    dz = [
        slope[1] * 0.5 * slope[2] * 0.5 * slope[3],
        slope[2] * 0.5 * slope[3],
        slope[3],
    ]
    wants = (
        np.array(dz),
        0.5 * dz[0],
        sum(d * x for d, x in zip(dz, xs, strict=True)),
        sum(d * h for d, h in zip(dz, hs, strict=False)),
        sum(dz)[0],
    )
    helps = (
        "Each step back multiplies by Whh and by the slope 1 - h * h.",
        "One more product with Whh, below the first step.",
        "Every step used Wxh: add up x_t^T dz_t.",
        "Every step used Whh: add up h_{t-1}^T dz_t, with the h before the step.",
        "Add up dz over steps and rows.",
    )
    for name, got, want, help in zip(
        ("dxs", "dh0", "dWxh", "dWhh", "db"), found, wants, helps, strict=True
    ):
        near(got, want, what=f"{name} for three steps with a gradient at the last", help=help)


def test_lstm_cell_small(student):
    """an LSTMCell forgets, writes and shows"""
    zero = {"w_ih": np.zeros((1, 4)), "w_hh": np.zeros((1, 4)), "b": np.zeros(4)}
    h, c = np.array([[0.3]]), np.array([[0.8]])
    for b, want_c, what in (
        ([-50.0, 50.0, 5.0, 50.0], 0.8, "the input gate shut and the forget gate open"),
        ([50.0, -50.0, 0.5, 50.0], np.tanh(0.5), "the input gate open and the forget gate shut"),
        ([0.0, 0.0, 0.0, -50.0], 0.4, "all gates half open and the output gate shut"),
    ):
        p = {**zero, "b": np.array(b)}
        found = student.probe(CELL, name="LSTMCell", args=(1, 1), values=p, x=h, state=[h, c])
        check_equal(
            len(found["outs"]), 2, what="how many Tensors LSTMCell returns", help="(h', c')."
        )
        help = "i, f, g, o in this order; c' = s(f) c + s(i) tanh(g), h' = s(o) tanh(c')."
        near(found["outs"][1], [[want_c]], what=f"c' with {what}", help=help)
        near(
            found["outs"][0], [[sigmoid(b[3]) * np.tanh(want_c)]], what=f"h' with {what}", help=help
        )


def test_gru_cell_small(student):
    """a GRUCell mixes the old state with a new one"""
    x, h = np.array([[1.0]]), np.array([[0.6]])
    p = {
        "w_ih": np.array([[0.0, 0.0, 1.0]]),
        "w_hh": np.array([[0.0, 0.0, 2.0]]),
        "b_hn": np.array([0.4]),
    }
    for b, want, what, wrong in (
        ([50.0, -50.0, 0.1], np.tanh(1.1 + 1.6), "r = 1 and z = 0", {}),
        (
            [-50.0, -50.0, 0.1],
            np.tanh(1.1),
            "r = 0 and z = 0",
            {"b_hn is added outside: r also multiplies it": [[np.tanh(1.5)]]},
        ),
        (
            [50.0, 50.0, 0.1],
            0.6,
            "z = 1",
            {"z and 1 - z have changed places": [[np.tanh(1.1 + 1.6)]]},
        ),
    ):
        found = student.probe(
            CELL, name="GRUCell", args=(1, 1), values={**p, "b": np.array(b)}, x=x, state=[h]
        )
        near(
            found["outs"][0],
            [[want]],
            what=f"GRUCell(1, 1) with {what}",
            help="n = tanh(x W_n + b_n + r (h U_n + b_hn)), h' = (1 - z) n + z h.",
            diagnoses={key: np.array(value) for key, value in wrong.items()},
        )


def test_rnn_small(student):
    """an RNN is its cell, step after step, layer after layer"""
    x = np.random.default_rng(1).standard_normal((4, 2, 3))
    found = student.probe(LAYERS, name="RNN", sizes=(3, 5, 2), x=x)
    check_equal(len(found["cells"]), 2, what="the number of cells of RNN(3, 5, 2)")
    out, last = x, []
    for cell in found["cells"]:
        h, outs = np.zeros((2, 5)), []
        for row in out:
            h = np.tanh(row @ cell["w_ih"] + h @ cell["w_hh"] + cell["b"])
            outs.append(h)
        out = np.array(outs)
        last.append(h)
    help = (
        "A list of the h of every step becomes one Tensor with ops.stack; the next layer reads it."
    )
    near(found["out"], out, what="the output of RNN(3, 5, 2)", help=help)
    near(
        found["state"][0],
        np.array(last),
        what="the state of RNN(3, 5, 2)",
        help="The last h of every layer, layer 0 first: (L, B, H).",
    )


def test_lstm_small(student):
    """an LSTM carries h and c of every layer"""
    x = np.random.default_rng(1).standard_normal((4, 2, 3))
    found = student.probe(LAYERS, name="LSTM", sizes=(3, 5, 2), x=x)
    check_equal(len(found["cells"]), 2, what="the number of cells of LSTM(3, 5, 2)")
    check_equal(len(found["state"]), 2, what="the parts of LSTM's state", help="(h, c).")
    out, last = x, []
    for cell in found["cells"]:
        h, c, outs = np.zeros((2, 5)), np.zeros((2, 5)), []
        for row in out:
            i, f, g, o = np.split(row @ cell["w_ih"] + h @ cell["w_hh"] + cell["b"], 4, axis=1)
            c = sigmoid(f) * c + sigmoid(i) * np.tanh(g)
            h = sigmoid(o) * np.tanh(c)
            outs.append(h)
        out = np.array(outs)
        last.append((h, c))
    near(found["out"], out, what="the output of LSTM(3, 5, 2)", help="As RNN, with another cell.")
    for k, name in enumerate("hc"):
        near(
            found["state"][k],
            np.array([part[k] for part in last]),
            what=f"{name} of the state of LSTM(3, 5, 2)",
            help="Two Tensors (L, B, H): the last h of all layers, and the last c of all layers.",
        )
