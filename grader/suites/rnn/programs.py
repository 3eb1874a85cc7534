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

def at(layer, path):
    for key in path.split("."):
        layer = layer[int(key)] if key.isdigit() else getattr(layer, key)
    return layer

def fill(layer, values):
    for path, value in values.items():
        at(layer, path).data = value.copy()
    return layer

def build(module, name, args, values, kwargs={}):
    return fill(getattr(module, name)(*args, rng=np.random.default_rng(0), **kwargs), values)

def parts_of(state, what):
    return tuple(tensor(s, what) for s in (state if isinstance(state, tuple) else (state,)))
"""

# A cell, or layers of them: outputs, last state, and the gradients of <outputs, gs> for the input,
# the first state and every weight. A cell's only output is its state.
LAYER = (
    PARTS
    + """
def probe(module, name, args, values, x, state, gs, kwargs={}):
    layer = build(module, name, args, values, kwargs)
    t = Tensor(x, requires_grad=True)
    given = None if state is None else [Tensor(s, requires_grad=True) for s in state]
    first = given if given is None else given[0] if len(given) == 1 else tuple(given)
    found = layer(t, first)
    if name.endswith("Cell"):
        outs = parts_of(found, f"{name}.forward")
    else:
        out, last = found
        outs = (tensor(out, f"the output of {name}"), *parts_of(last, f"the state of {name}"))
    report = {"outs": [o.data.copy() for o in outs], "tuple": isinstance(found, tuple)}
    if [o.shape for o in outs] != [g.shape for g in gs]:
        return report
    total = None
    for o, g in zip(outs, gs):
        term = (o * Tensor(g)).sum()
        total = term if total is None else total + term
    total.backward()
    report["x"] = grad_of(t)
    for i, s in enumerate(given or ()):
        report[f"state {i}"] = grad_of(s)
    for path in values:
        report[path] = grad_of(at(layer, path))
    return report
"""
)

EMBEDDING = (
    PARTS
    + """
def probe(module, weight, ids, g=None):
    layer = build(module, "Embedding", weight.shape, {"weight": weight})
    y = tensor(layer(ids), "Embedding.forward")
    report = {"y": y.data.copy(), "ids": ids}
    if g is not None and y.shape == g.shape:
        y.backward(Tensor(g))
        report["weight"] = grad_of(layer.weight)
    return report
"""
)

# A LanguageModel with given weights.
MODEL = (
    PARTS
    + """
def probe(module, sizes, values, ids, state, g):
    model = build(module, "LanguageModel", sizes, values)
    count = sum(p.data.size for p in model.parameters())
    first = None if state is None else tuple(Tensor(s) for s in state)
    logits, last = model(ids, first)
    tensor(logits, "LanguageModel.forward")
    report = {"logits": logits.data.copy(), "count": count,
              "state": [s.data.copy() for s in parts_of(last, "the state")]}
    if logits.shape != g.shape:
        return report
    logits.backward(Tensor(g))
    for path in values:
        report[path] = grad_of(at(model, path))
    return report
"""
)

# One epoch of plain gradient descent, watched at every step. `path` names the weight whose gradients
# are told; with `look`, the live Tensors at the end of those steps are counted.
EPOCH = (
    PARTS
    + """
import gc
from reference import live_tensors
from reference.optim import SGD

def probe(module, sizes, values, data, bptt, lr, kwargs={}, path="", look=()):
    model = build(module, "LanguageModel", sizes, values)
    grads, counts = [], []

    class Watched(SGD):
        steps = 0

        def step(self):
            Watched.steps += 1
            if path:
                g = grad_of(at(model, path))
                grads.append(None if g is None else g.copy())
            super().step()
            if Watched.steps in look:
                gc.collect()
                counts.append(live_tensors())

    given = data.copy()
    loss = module.train_epoch(model, data, bptt, Watched(model.parameters(), lr), **kwargs)
    return {"loss": loss, "weights": {key: at(model, key).data for key in values}, "grads": grads,
            "counts": counts, "steps": Watched.steps, "data": np.array_equal(given, data)}
"""
)

# Sampling; the state of the generator afterwards tells how much was drawn.
SAMPLE = (
    PARTS
    + """
class Fixed(np.random.Generator):
    def random(self, *args, **kwargs):
        return self.u

def probe(module, sizes, values, start, length, temperature, seed, u=None):
    model = build(module, "LanguageModel", sizes, values)
    rng = np.random.default_rng(seed)
    if u is not None:
        rng = Fixed(np.random.PCG64(0))
        rng.u = u
    before = str(rng.bit_generator.state)
    ids = module.sample(model, start, length, temperature, rng)
    return {"ids": ids, "kept": str(rng.bit_generator.state) == before,
            "next": None if u is not None else float(rng.random())}
"""
)

DETACH = (
    PARTS
    + """
def kind(state):
    if isinstance(state, Tensor):
        return "Tensor"
    if isinstance(state, (tuple, list)):
        return [type(state).__name__] + [kind(s) for s in state]
    return type(state).__name__

def flat(state):
    return [state] if isinstance(state, Tensor) else [t for s in state for t in flat(s)]

def probe(module, h, c):
    report = {"none": module.detach(None) is None}
    w = Tensor(np.ones_like(h), requires_grad=True)
    for name, make in (("h", lambda a, b: a), ("(h, c)", lambda a, b: (a, b))):
        state = make(w * Tensor(h), w * Tensor(c))
        found = module.detach(state)
        here = report[name] = {"kind": kind(found), "want": kind(state)}
        if here["kind"] == here["want"]:
            here["values"] = [t.data.copy() for t in flat(found)]
            here["graph"] = any(t.requires_grad for t in flat(found))
            here["kept"] = all(t.requires_grad for t in flat(state))
    return report
"""
)

FRESH = (
    PARTS
    + """
MAKERS = {
    "RNNCell": (5, 64), "LSTMCell": (5, 64), "GRUCell": (5, 64), "RNN": (5, 64, 3),
    "LSTM": (5, 64, 3), "Embedding": (70, 50), "LanguageModel": (9, 6, 64, 3),
}

def probe(module, name, seed):
    made = getattr(module, name)(*MAKERS[name], rng=np.random.default_rng(seed))
    return {key: p.data for key, p in made.named_parameters()}
"""
)

# A model learns a text; the logits of a text that it has not seen come back.
TRAIN = (
    PARTS
    + """
from reference.optim import Adam

def probe(module, sizes, ids, batch, bptt, epochs, lr, unseen, seed):
    model = module.LanguageModel(*sizes, rng=np.random.default_rng(seed))
    data = module.batchify(ids, batch)
    optimizer = Adam(model.parameters(), lr)
    losses = [module.train_epoch(model, data, bptt, optimizer, 5.0) for _ in range(epochs)]
    with no_grad():
        logits, _ = model(unseen)
    return {"losses": losses, "logits": logits.data}
"""
)

KEPT = (
    PARTS
    + """
from reference.optim import SGD

def probe(module, x, h, ids, grad):
    changed = []

    def watch(name, call, *arrays):
        before = [a.copy() for a in arrays]
        call(*arrays)
        if not all(np.array_equal(a, b) for a, b in zip(arrays, before)):
            changed.append(name)

    I, H = x.shape[2], h.shape[1]
    for name in ("RNNCell", "GRUCell", "LSTMCell", "RNN", "LSTM"):
        layer = getattr(module, name)(I, H)
        whole = not name.endswith("Cell")

        def call(xs, hs, layer=layer, whole=whole, name=name):
            s = Tensor(hs[None] if whole else hs)
            found = layer(Tensor(xs if whole else xs[0]), (s, s) if "LSTM" in name else s)
            out = found[0] if isinstance(found, tuple) else found
            (out * out).sum().backward()

        watch(name, call, x.copy(), h.copy())
    W, U = 0.1 * np.ones((I, H), x.dtype), 0.1 * np.ones((H, H), x.dtype)
    watch("rnn_bptt", module.rnn_bptt, x.copy(), h.copy(), W, U, np.ones(H, x.dtype), grad.copy())
    watch("Embedding", module.Embedding(9, 3), ids.copy())
    watch("batchify", lambda a: module.batchify(a, 3), ids.copy())
    data = module.batchify(ids, 3)
    watch("get_batch", lambda a: module.get_batch(a, 1, 2), data)
    model = module.LanguageModel(9, 3, 4)
    watch("LanguageModel", model, data)
    watch("train_epoch", lambda a: module.train_epoch(model, a, 3, SGD(model.parameters(), 0.1)), data)
    watch("sample", lambda a: module.sample(model, a, 3, 1.0, np.random.default_rng(1)), ids.copy())
    return changed
"""
)

GLOBAL_STATE = (
    PARTS
    + """
from reference.optim import SGD

def probe(module, ids, seed):
    np.random.seed(seed)
    before = np.random.get_state()[1].tolist(), np.random.get_state()[2]
    for name in ("RNNCell", "LSTMCell", "GRUCell", "RNN", "LSTM", "Embedding"):
        getattr(module, name)(9, 4)
    model = module.LanguageModel(9, 3, 4)
    module.train_epoch(model, module.batchify(ids, 3), 3, SGD(model.parameters(), 0.1))
    module.sample(model, 1, 4, 1.0, np.random.default_rng(1))
    return (np.random.get_state()[1].tolist(), np.random.get_state()[2]) == before
"""
)
