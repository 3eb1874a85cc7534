"""What runs beside the learner's code: public text, no expected value. Arrays come back by value."""

from __future__ import annotations

PARTS = """
import numpy as np
from reference import Tensor, nn, no_grad, optim

def tensor(found, what):
    if not isinstance(found, Tensor):
        raise TypeError(f"{what} returned {type(found).__name__}, it should return a Tensor")
    return found

def at(layer, path):
    for name in path.split("."):
        layer = getattr(layer, name)
    return layer

def grad_of(t):
    return None if t.grad is None else t.grad.data
"""

# One layer: its value, and the gradients of <y, g> for its input and for each parameter by path.
# `rest` are values for the parameters that no path names, in their order.
LAYER = (
    PARTS
    + """
def probe(module, name, args, values, x, g=None, kwargs={}, training=True, rest=(), state={}):
    layer = getattr(module, name)(*args, **kwargs)
    named = [at(layer, path) for path in values]
    others = [p for p in layer.parameters() if not any(p is q for q in named)]
    for p, value in zip(named, values.values()):
        p.data = value
    if rest and len(rest) != len(others):
        return {"others": len(others)}
    for p, value in zip(others, rest):
        p.data = value
    for key, value in state.items():
        setattr(layer, key, value)
    layer.train(training)
    t = Tensor(x, requires_grad=True)
    y = tensor(layer(t), f"{name}.forward")
    found = {"y": y.data.copy(), "others": len(others)}
    if g is None or y.shape != g.shape:
        return found
    y.backward(Tensor(g))
    found["dx"] = grad_of(t)
    for path, p in zip(values, named):
        found["d " + path] = grad_of(p)
    found["rest"] = [grad_of(p) for p in others]
    return found
"""
)

# A fresh layer: its parameters, what its attributes are, and a second one for comparison.
FRESH = (
    PARTS
    + """
def probe(module, name, args, kwargs={}, paths=(), seed=None):
    if seed is not None:
        kwargs = {**kwargs, "rng": np.random.default_rng(seed)}
    layer = getattr(module, name)(*args, **kwargs)
    found = {}
    for path in paths:
        part = at(layer, path)
        found[path] = None if part is None else part.data
    return {"params": [p.data for p in layer.parameters()], "paths": found,
            "kinds": [type(p).__name__ for p in layer.parameters()]}
"""
)

RUNNING = (
    PARTS
    + """
def probe(module, dim, kwargs, batches, hushed, x, values={}):
    layer = module.BatchNorm2d(dim, **kwargs)
    for key, value in values.items():
        getattr(layer, key).data = value
    seen = []
    for batch in batches:
        layer(Tensor(batch))
        seen.append([np.array(layer.running_mean), np.array(layer.running_var)])
    with no_grad():
        layer(Tensor(hushed))
    kinds = [type(part).__name__ for part in (layer.running_mean, layer.running_var)]
    seen.append([np.array(layer.running_mean), np.array(layer.running_var)])
    state = {key: value for key, value in layer.state_dict().items()}
    layer.eval()
    y = tensor(layer(Tensor(x)), "BatchNorm2d.forward").data.copy()
    after = [np.array(layer.running_mean), np.array(layer.running_var)]
    return {"seen": seen, "kinds": kinds, "state": state, "y": y, "after": after,
            "parameters": len(layer.parameters())}
"""
)

# A LeNet in float64: logits, gradients of <logits, g>, and logits a step to both sides.
SLOPE = (
    PARTS
    + """
def probe(module, args, seed, x, g, ways, step):
    model = module.LeNet(*args, np.random.default_rng(seed))
    params = model.parameters()
    start = [p.data.astype(np.float64) for p in params]
    values = []
    for sign in (1, -1, 0):
        for p, value, way in zip(params, start, ways):
            p.data = value + sign * step * way
        y = tensor(model(Tensor(x)), "LeNet.forward")
        values.append(float((y.data * g).sum()))
    y.backward(Tensor(g))
    return {"values": values, "grads": [grad_of(p) for p in params]}
"""
)

TRAIN = (
    PARTS
    + """
def probe(module, X, y, X_test, batch, epochs, lr, seed):
    model = module.LeNet(10, 1, np.random.default_rng(seed))
    optimiser, loss = optim.Adam(model.parameters(), lr), nn.CrossEntropyLoss()
    for _ in range(epochs):
        for start in range(0, len(X), batch):
            optimiser.zero_grad()
            logits = model(Tensor(X[start:start + batch]))
            loss(logits, y[start:start + batch]).backward()
            optimiser.step()
    model.eval()
    with no_grad():
        return np.array(model(Tensor(X_test)).data)
"""
)

KEPT = (
    PARTS
    + """
def probe(module, x, wide):
    changed = []
    for name, args, given in (
        ("Conv2d", (2, 3, 3), x), ("BatchNorm2d", (2,), x), ("ResidualBlock", (2, 3), x),
        ("DepthwiseSeparableConv2d", (2, 3, 3), x), ("LeNet", (3, 2), wide),
    ):
        for training in (True, False):
            layer = getattr(module, name)(*args).train(training)
            t = Tensor(given.copy(), requires_grad=True)
            y = layer(t)
            up = np.ones(y.shape, y.dtype)
            y.backward(Tensor(up))
            if not np.array_equal(t.data, given) or not (up == 1).all():
                changed.append(name)
    return changed
"""
)

GLOBAL_STATE = (
    PARTS
    + """
def probe(module, x, seed):
    np.random.seed(seed)
    before = np.random.get_state()
    model = module.LeNet(3, 2)
    block = module.ResidualBlock(2, 4, 2)
    layer = module.DepthwiseSeparableConv2d(2, 3, 3, rng=np.random.default_rng(seed))
    for part in (model, block, layer):
        y = part(Tensor(x))
        y.backward(Tensor(np.ones(y.shape, y.dtype)))
    after = np.random.get_state()
    return before[2:] == after[2:] and bool((before[1] == after[1]).all())
"""
)

# A convolution forward and backward, as a training step has it; two images of each result come back.
SPEED = """
def probe(module, arguments):
    x, g, gain, w, b, groups = arguments
    x = x * x.dtype.type(gain)
    y = module.conv2d(x, w, b, padding=1, groups=groups)
    dx, dw, db = module.conv2d_backward(g, x, w, padding=1, groups=groups)
    return [y[:: len(x) - 1], dx[:: len(x) - 1], dw, db]
"""
