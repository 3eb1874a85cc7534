"""Public checks of initial weights, layers and the loss: small inputs, in the order a learner builds."""

import math

import numpy as np

from grader.check import check_array, check_close, check_equal, fail

# The batch of the lesson: three rows, two features.
X = np.array([[1.0, 10.0], [2.0, 10.0], [6.0, 40.0]])

LAYER = """
import numpy as np
from reference import Tensor

def probe(module, name, args, x, g, values={}, training=True):
    layer = getattr(module, name)(*args)
    for key, value in values.items():
        getattr(layer, key).data = value
    layer.train(training)
    t = Tensor(x, requires_grad=True)
    y = layer(t)
    if not isinstance(y, Tensor):
        raise TypeError(f"{name}.forward returned {type(y).__name__}, it should return a Tensor")
    found = {"y": y.data.copy(), "parameters": len(layer.parameters())}
    if y.shape == g.shape:
        y.backward(Tensor(g))
        found["dx"] = None if t.grad is None else t.grad.data
        for key in values:
            grad = getattr(layer, key).grad
            found["d" + key] = None if grad is None else grad.data
    return found
"""


def near(got, want, **fields):
    check_close(got, np.asarray(want, np.float64), rtol=1e-9, atol=1e-9, **fields)


def spread(student, name, fan_in, fan_out, want, help, wrong):
    """The root mean square of what an initialiser draws is near `want`."""
    got = student.call(name, fan_in, fan_out, np.random.default_rng(7))
    check_array(got, (fan_in, fan_out), np.float32, what=f"{name}({fan_in}, {fan_out}, rng)")
    seen = float(np.sqrt((got.astype(np.float64) ** 2).mean()))
    if abs(seen / want - 1) > 0.05:
        near_by = [text for text, value in wrong.items() if abs(seen / value - 1) < 0.05]
        fail(
            f"the root mean square of {name}({fan_in}, {fan_out}, rng) is {seen:.3f}, it should be "
            f"near {want:.3f}.",
            help=help,
            diagnosis=near_by[0] if near_by else "",
        )
    return got


def test_kaiming_small(student):
    """kaiming_uniform draws as wide as the fan asks for"""
    wrong = {
        "this looks at fan_out: kaiming looks at fan_in": math.sqrt(2 / 100),
        "the gain sqrt(2) is missing": math.sqrt(1 / 400),
        "a uniform U(-b, b) has variance b * b / 3: the 3 is missing": math.sqrt(2 / 1200),
    }
    help = (
        "The variance is gain * gain / fan = 2 / 400; a uniform one reaches b = gain sqrt(3 / fan)."
    )
    got = spread(student, "kaiming_uniform", 400, 100, math.sqrt(2 / 400), help, wrong)
    if np.abs(got).max() > math.sqrt(6 / 400) * 1.0001:
        fail("kaiming_uniform draws beyond b = sqrt(6 / fan_in).", help=help)
    spread(student, "kaiming_normal", 400, 100, math.sqrt(2 / 400), help, wrong)


def test_xavier_small(student):
    """xavier looks at both fans"""
    wrong = {
        "the fan is the mean of both, not their sum": math.sqrt(1 / 500),
        "the gain of xavier is 1": math.sqrt(2 / 250),
    }
    for name in ("xavier_uniform", "xavier_normal"):
        help = "fan = (fan_in + fan_out) / 2 and gain 1: the variance is 2 / (fan_in + fan_out)."
        spread(student, name, 400, 100, math.sqrt(1 / 250), help, wrong)


def test_linear_small(student):
    """Linear is x W + b, with two Parameters"""
    W, b = np.array([[1.0, 0.0, -1.0], [2.0, 1.0, 0.0]]), np.array([0.5, 0.0, -0.5])
    x, g = np.array([[1.0, 2.0], [3.0, -1.0]]), np.array([[1.0, 0.0, 0.0], [0.0, 1.0, 2.0]])
    found = student.probe(
        LAYER, name="Linear", args=(2, 3), x=x, g=g, values={"weight": W, "bias": b}
    )
    near(
        found["y"],
        [[5.5, 2.0, -1.5], [1.5, -1.0, -3.5]],
        what="Linear(2, 3) of [[1, 2], [3, -1]]",
        help="x @ self.weight + self.bias, with weight of shape (in_features, out_features).",
        diagnoses={"the bias is missing": x @ W},
    )
    check_equal(
        found["parameters"],
        2,
        what="the number of its parameters",
        help="Wrap both arrays in Parameter(...): what is no Parameter is not learned.",
    )
    near(found["dweight"], x.T @ g, what="the gradient of the weight", help="Stay in Tensors.")
    near(found["dbias"], g.sum(axis=0), what="the gradient of the bias", help="Stay in Tensors.")


CHAIN = """
import numpy as np
from reference import Tensor

def probe(module, x):
    model = module.Sequential(module.Flatten(), module.ReLU())
    return [model(Tensor(x)).data, len(model.layers)]
"""


def test_chain_small(student):
    """Sequential passes on, Flatten and ReLU do their part"""
    x = np.array([[[1.0, -2.0], [3.0, 4.0]], [[-1.0, 0.5], [2.0, -6.0]]])
    got, length = student.probe(CHAIN, x=x)
    near(
        got,
        [[1.0, 0.0, 3.0, 4.0], [0.0, 0.5, 2.0, 0.0]],
        what="Sequential(Flatten(), ReLU()) of an array (2, 2, 2)",
        help="Flatten keeps the first axis; ReLU is ops.relu; Sequential calls one after the other.",
    )
    check_equal(length, 2, what="len(model.layers)", help="`self.layers = list(modules)`.")


RESIDUAL = """
import numpy as np
from reference import Tensor

def probe(module, x):
    t = Tensor(x, requires_grad=True)
    y = module.Residual(module.ReLU())(t)
    y.sum().backward()
    return [y.data, t.grad.data]
"""


def test_residual_small(student):
    """Residual adds its input"""
    y, dx = student.probe(RESIDUAL, x=np.array([[1.0, -2.0, 3.0]]))
    near(
        y,
        [[2.0, -2.0, 6.0]],
        what="Residual(ReLU()) of [[1, -2, 3]]",
        help="x + self.module(x).",
        diagnoses={"x itself is not added": np.array([[1.0, 0.0, 3.0]])},
    )
    near(dx, [[2.0, 1.0, 2.0]], what="the gradient for x", help="It flows back on both ways.")


def test_dropout_small(student):
    """Dropout zeroes, and makes up for it"""
    x = np.ones((200, 50))
    found = student.probe(LAYER, name="Dropout", args=(0.2,), x=x, g=x)
    y = found["y"]
    check_array(y, x.shape, np.float64, what="Dropout(0.2) of ones")
    alive = y[y != 0]
    if not alive.size or not np.allclose(alive, 1.25):
        fail(
            f"an entry that survives Dropout(0.2) is {alive[0] if alive.size else 0:.4g}, it should "
            "be 1 / 0.8 = 1.25.",
            help="Divide the survivors by 1 - p: then the mean stays what it was.",
        )
    zeros = float((y == 0).mean())
    if not 0.17 < zeros < 0.23:
        fail(
            f"{zeros:.0%} of the entries are zero, about 20 % should be.",
            help="rng.random(x.shape) >= p keeps an entry with probability 1 - p.",
            diagnosis="p is taken for the probability of keeping" if 0.77 < zeros < 0.83 else "",
        )
    near(found["dx"], y, what="the gradient of ones", help="It passes through the same mask.")
    served = student.probe(LAYER, name="Dropout", args=(0.2,), x=x, g=x, training=False)
    near(served["y"], x, what="Dropout(0.2) after eval()", help="When evaluating: return x.")


def normal(x, axis, ddof=0):
    return (x - x.mean(axis, keepdims=True)) / np.sqrt(x.var(axis, ddof=ddof, keepdims=True) + 1e-5)


def test_batch_norm_small(student):
    """BatchNorm1d normalises the columns of a batch"""
    gamma, beta, g = (
        np.array([1.0, 2.0]),
        np.array([0.0, 1.0]),
        np.array([[1.0, 0.0]] * 2 + [[0, 1]]),
    )
    found = student.probe(
        LAYER, name="BatchNorm1d", args=(2,), x=X, g=g, values={"weight": gamma, "bias": beta}
    )
    near(
        found["y"],
        normal(X, 0) * gamma + beta,
        what="BatchNorm1d(2) of the lesson's batch",
        help="Mean and variance over axis 0, then * weight + bias.",
        diagnoses={
            "the mean is taken over the rows: it is one a column": normal(X, 1) * gamma + beta,
            "weight and bias are not applied": normal(X, 0),
            "the variance is divided by N - 1: use the biased one": normal(X, 0, 1) * gamma + beta,
        },
    )
    rstd = 1 / np.sqrt(X.var(axis=0) + 1e-5)
    u, n = g * gamma, normal(X, 0)
    near(
        found["dx"],
        rstd * (u - u.mean(axis=0) - n * (u * n).mean(axis=0)),
        what="its gradient for x",
        help="Mean and variance are Tensors too: no .data and no detach on the way.",
        diagnoses={"nothing flows through mean and variance": rstd * u},
    )


RUNNING = """
import numpy as np
from reference import Tensor

def probe(module, x, one):
    layer = module.BatchNorm1d(2, momentum=0.5)
    layer(Tensor(x))
    names = sorted(layer.state_dict())
    layer.eval()
    y = layer(Tensor(one)).data
    return [np.array(layer.running_mean), np.array(layer.running_var), names, y]
"""


def test_running_small(student):
    """BatchNorm1d remembers, and serves with what it remembers"""
    mean, var, names, y = student.probe(RUNNING, x=X, one=np.array([[3.0, 10.0]]))
    check_close(
        mean,
        np.array([1.5, 10.0], np.float32),
        what="running_mean after one batch with momentum 0.5",
        help="running = (1 - momentum) * running + momentum * batch, starting from 0.",
    )
    check_close(
        var,
        np.array([0.5 + 0.5 * 14 / 3, 100.5], np.float32),
        what="running_var after one batch with momentum 0.5",
        help="It starts from 1, and the batch's variance is divided by N.",
        diagnoses={"it is divided by N - 1 here": np.array([4.0, 150.5], np.float32)},
    )
    check_equal(
        names, ["bias", "running_mean", "running_var", "weight"], what="state_dict()'s names"
    )
    check_close(
        y,
        np.array([[1.5, 0.0]]) / np.sqrt([[17 / 6 + 1e-5, 100.5 + 1e-5]]),
        rtol=1e-6,
        what="one row after eval()",
        help="A single row has no variance: the running statistics stand in.",
        diagnoses={"the row's own statistics are used": np.zeros((1, 2))},
    )


def test_layer_norm_small(student):
    """LayerNorm normalises each row by itself"""
    x = np.array([[1.0, 2.0, 6.0], [10.0, 10.0, 40.0]])
    affine = {"weight": np.array([1.0, 2.0, 1.0]), "bias": np.array([0.0, 0.0, 3.0])}
    found = student.probe(LAYER, name="LayerNorm", args=(3,), x=x, g=np.ones((2, 3)), values=affine)
    near(
        found["y"],
        normal(x, 1) * affine["weight"] + affine["bias"],
        what="LayerNorm(3) of [[1, 2, 6], [10, 10, 40]]",
        help="Mean and variance over the last axis, kept as an axis of size 1.",
        diagnoses={
            "this is normalised over the batch": normal(x, 0) * affine["weight"] + affine["bias"]
        },
    )


LOSS = """
import numpy as np
from reference import Tensor

def probe(module, logits, labels):
    t = Tensor(logits, requires_grad=True)
    loss = module.CrossEntropyLoss()(t, labels)
    loss.backward()
    return [np.array(loss.data), t.grad.data]
"""


def test_loss_small(student):
    """CrossEntropyLoss is the mean of log-sum-exp minus the label's logit"""
    logits, labels = np.array([[0.0, math.log(3.0)], [1000.0, 0.0]]), np.array([0, 0])
    loss, grad = student.probe(LOSS, logits=logits, labels=labels)
    near(
        loss,
        math.log(4.0) / 2,
        what="the loss of logits [[0, log 3], [1000, 0]] with labels [0, 0]",
        help="The probabilities are 1/4 and 1: (log 4 + 0) / 2. ops.logsumexp does not overflow.",
        diagnoses={"this is the sum over the batch": math.log(4.0)},
    )
    near(grad, [[-0.375, 0.375], [0.0, 0.0]], what="its gradient", help="(softmax - one-hot) / B.")
