"""What runs beside the learner's code: public text, no expected value. Arrays come back by value."""

from __future__ import annotations

PARTS = """
import numpy as np
from reference import Tensor, no_grad

def tensor(found, what):
    if not isinstance(found, Tensor):
        raise TypeError(f"{what} returned {type(found).__name__}, it should return a Tensor")
    return found

def grad_of(t):
    return None if t.grad is None else t.grad.data

def build(module, name, args, kwargs, values):
    layer = getattr(module, name)(*args, **kwargs)
    for key, value in values.items():
        if key.startswith("running"):
            setattr(layer, key, value)
        else:
            getattr(layer, key).data = value
    return layer
"""

# One layer: its value, and the gradients of <y, g> for its input and each parameter that was set.
LAYER = (
    PARTS
    + """
def probe(module, name, args, values, x, g, kwargs={}, training=True):
    layer = build(module, name, args, kwargs, values)
    layer.train(training)
    t = Tensor(x, requires_grad=True)
    y = tensor(layer(t), f"{name}.forward")
    found = {"y": y.data.copy()}
    if y.shape != g.shape:
        return found
    y.backward(Tensor(g))
    found["dx"] = grad_of(t)
    for key in values:
        if not key.startswith("running"):
            found["d" + key] = grad_of(getattr(layer, key))
    return found
"""
)

# Layers of layers: each entry of `tree` is (name, args, values) or ("Residual", tree), a chain.
CHAIN = (
    PARTS
    + """
def made(module, entry):
    name, args, values = entry
    if name in ("Residual", "Sequential"):
        return getattr(module, name)(*[made(module, part) for part in args])
    return build(module, name, args, {}, values)

def probe(module, entry, x, g=None, extra=None):
    model = made(module, entry)
    if extra is not None:
        model.layers.append(made(module, extra))
    t = Tensor(x, requires_grad=True)
    y = tensor(model(t), "forward")
    found = {"y": y.data.copy(), "parameters": len(model.parameters())}
    if g is not None and y.shape == g.shape:
        y.backward(Tensor(g))
        found["dx"] = grad_of(t)
        found["grads"] = [grad_of(p) for p in model.parameters()]
    return found
"""
)

# Two calls in training and one in evaluation, with the state of the generator around the last one.
DROPOUT = (
    PARTS
    + """
def state(rng):
    return str(rng.bit_generator.state)

def probe(module, p, x, g, seed):
    rng = np.random.default_rng(seed)
    layer = module.Dropout(p, rng)
    t = Tensor(x, requires_grad=True)
    y = tensor(layer(t), "Dropout.forward")
    y.backward(Tensor(g))
    again = layer(Tensor(x)).data.copy()
    layer.eval()
    before = state(rng)
    served = layer(Tensor(x)).data.copy()
    return {"y": y.data, "dx": grad_of(t), "again": again, "served": served,
            "kept": state(rng) == before}
"""
)

RUNNING = (
    PARTS
    + """
def probe(module, dim, kwargs, batches, hushed, x, values={}):
    layer = build(module, "BatchNorm1d", (dim,), kwargs, values)
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
    y = tensor(layer(Tensor(x)), "BatchNorm1d.forward").data.copy()
    after = [np.array(layer.running_mean), np.array(layer.running_var)]
    return {"seen": seen, "kinds": kinds, "state": state, "y": y, "after": after,
            "parameters": len(layer.parameters())}
"""
)

LOSS = (
    PARTS
    + """
def probe(module, logits, labels, up=1.0):
    t = Tensor(logits, requires_grad=True)
    loss = tensor(module.CrossEntropyLoss()(t, labels), "CrossEntropyLoss")
    (loss * up).backward()
    return {"loss": np.array(loss.data), "grad": grad_of(t)}
"""
)

# Steps of an optimiser. `grads[s][i]` is the gradient of parameter i at step s, or None.
STEPS = (
    PARTS
    + """
from reference import Parameter

def probe(module, name, args, kwargs, start, grads, lrs=None):
    params = [Parameter(values) for values in start]
    given = [p.data for p in params]
    optimiser = getattr(module, name)(iter(params), *args, **kwargs)
    after = []
    for step, now in enumerate(grads):
        if lrs is not None:
            optimiser.lr = lrs[step]
        optimiser.zero_grad()
        cleared = all(p.grad is None for p in params)
        for p, g in zip(params, now):
            p.grad = None if g is None else Tensor(g.copy())
        optimiser.step()
        after.append([p.data.copy() for p in params])
    return {"after": after, "given": given, "cleared": cleared,
            "grads": [grad_of(p) for p in params]}
"""
)

CLIP = (
    PARTS
    + """
from reference import Parameter

def probe(module, grads, max_norm):
    params = [Parameter(np.zeros(3) if g is None else np.zeros_like(g)) for g in grads]
    for p, g in zip(params, grads):
        p.grad = None if g is None else Tensor(g)
    norm = module.clip_grad_norm(iter(params), max_norm)
    return {"norm": norm, "grads": [grad_of(p) for p in params], "given": list(grads)}
"""
)

LOADER = """
import numpy as np

def probe(module, arrays, batch_size, shuffle, seed, epochs=1):
    loader = module.DataLoader(arrays, batch_size, shuffle, np.random.default_rng(seed))
    found = []
    for _ in range(epochs):
        batches = []
        for batch in loader:
            batches.append((type(batch).__name__, [part.copy() for part in batch]))
            for part in batch:
                part[...] = 0  # a batch is a copy: what is done to it is nobody else's affair
        found.append(batches)
    return {"len": len(loader), "epochs": found, "arrays": list(arrays)}
"""

# A fresh mlp_resnet: parameters as drawn, its value in training and when serving.
MODEL = (
    PARTS
    + """
def probe(module, sizes, p_drop, seed, x):
    model = module.mlp_resnet(*sizes, np.random.default_rng(seed), p_drop)
    params = [p.data.copy() for p in model.parameters()]
    model.eval()
    served = tensor(model(Tensor(x)), "mlp_resnet").data.copy()
    model.train()
    return {"params": params, "served": served, "trained": model(Tensor(x)).data.copy(),
            "again": model(Tensor(x)).data.copy()}
"""
)

# The loss of a model in float64 along a direction of all its parameters, and its gradients.
SLOPE = (
    PARTS
    + """
def probe(module, sizes, seed, x, y, ways, step):
    model = module.mlp_resnet(*sizes, np.random.default_rng(seed), 0.0)
    loss = module.CrossEntropyLoss()
    start = [p.data.astype(np.float64) for p in model.parameters()]
    values = []
    for h in (step, -step, 0.0):
        for p, values_, way in zip(model.parameters(), start, ways):
            p.data = values_ + h * way
        found = loss(model(Tensor(x)), y)
        values.append(float(found.item()))
    found.backward()
    return {"values": values, "grads": [grad_of(p) for p in model.parameters()]}
"""
)

# A training loop; only logits of points without labels come back.
TRAIN = (
    PARTS
    + """
def probe(module, arguments):
    sizes, optimiser, options, lr, X, y, X_test, batch, epochs, max_norm, seed = arguments
    rng = np.random.default_rng(seed)
    model = module.mlp_resnet(*sizes, rng)
    loss = module.CrossEntropyLoss()
    loader = module.DataLoader((X, y), batch, True, rng)
    step, total = 0, epochs * len(loader)
    opt = getattr(module, optimiser)(model.parameters(), lr, **options)
    for _ in range(epochs):
        for rows, labels in loader:
            if max_norm:
                opt.lr = module.cosine_schedule(step, total, lr, total // 10)
            opt.zero_grad()
            loss(model(Tensor(rows)), labels).backward()
            if max_norm:
                module.clip_grad_norm(model.parameters(), max_norm)
            opt.step()
            step += 1
    model.eval()
    with no_grad():
        return model(Tensor(X_test)).data
"""
)

# Loops that must not grow. With `look`, live Tensors at the end of those steps are counted.
LOOP = (
    PARTS
    + """
import gc
from reference import live_tensors

def probe(module, X, y, optimisers, steps, seed, look=()):
    rng = np.random.default_rng(seed)
    model = module.Sequential(
        module.Linear(X.shape[1], 16, rng=rng), module.BatchNorm1d(16), module.ReLU(),
        module.Dropout(0.1, rng), module.Residual(module.Linear(16, 16, rng=rng)),
        module.Linear(16, 4, rng=rng))
    loss = module.CrossEntropyLoss()
    counts = []
    for name, options in optimisers:
        opt = getattr(module, name)(model.parameters(), **options)
        for step in range(1, steps + 1):
            opt.zero_grad()
            loss(model(Tensor(X)), y).backward()
            module.clip_grad_norm(model.parameters(), 1.0)
            opt.step()
            if step in look:
                gc.collect()
                counts.append(live_tensors())
    return counts
"""
)

GLOBAL_STATE = (
    PARTS
    + """
def probe(module, X, y, seed):
    def state():
        name, keys, place, *rest = np.random.get_state()
        return keys.tobytes(), place, rest
    np.random.seed(seed)
    before = state()
    rng = np.random.default_rng(seed)
    for rng in (rng, None):
        model = module.mlp_resnet(X.shape[1], 8, 1, 3, rng)
        opt = module.Adam(model.parameters())
        for rows, labels in module.DataLoader((X, y), 4, True, rng):
            module.CrossEntropyLoss()(model(Tensor(rows)), labels).backward()
            opt.step()
        for name in ("kaiming_uniform", "kaiming_normal", "xavier_uniform", "xavier_normal"):
            getattr(module, name)(3, 4, rng)
    return state() == before
"""
)
