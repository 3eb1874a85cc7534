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

def build(module, name, args, values):
    more = {} if name == "LayerNorm" else {"rng": np.random.default_rng(0)}
    return fill(getattr(module, name)(*args, **more), values)

def array_of(found):
    return found.data if isinstance(found, Tensor) else np.asarray(found)
"""

# attention on Tensors: both results, and the gradients of <out, g>.
ATTEND = (
    PARTS
    + """
def probe(module, q, k, v, mask, g):
    given = [Tensor(a, requires_grad=True) for a in (q, k, v)]
    found = module.attention(*given) if mask is None else module.attention(*given, mask)
    if not isinstance(found, tuple) or len(found) != 2:
        raise TypeError("attention returns something else than (out, probs)")
    out, probs = (tensor(t, "attention of Tensors") for t in found)
    report = {"out": out.data.copy(), "probs": probs.data.copy()}
    if out.shape == g.shape:
        out.backward(Tensor(g))
        report |= {name: grad_of(t) for name, t in zip("qkv", given)}
    return report
"""
)

# rope of a Tensor.
TURN = (
    PARTS
    + """
def probe(module, x, positions, g):
    t = Tensor(x, requires_grad=True)
    y = tensor(module.rope(t, positions), "rope of a Tensor")
    report = {"y": y.data.copy()}
    if y.shape == g.shape:
        y.backward(Tensor(g))
        report["x"] = grad_of(t)
    return report
"""
)

# A layer with given weights: its output, and the gradients of <output, g>. `more` holds its other
# arguments: arrays of floats become Tensors, masks stay arrays.
LAYER = (
    PARTS
    + """
def probe(module, name, args, values, x, g, more={}):
    layer = build(module, name, args, values)
    t = Tensor(x, requires_grad=True)
    given = {key: Tensor(a, requires_grad=True) if a.dtype.kind == "f" else a
             for key, a in more.items() if a is not None}
    y = tensor(layer(t, **given), f"{name}.forward")
    report = {"y": y.data.copy(), "count": sum(p.data.size for p in layer.parameters())}
    if y.shape == g.shape:
        y.backward(Tensor(g))
        report["x"] = grad_of(t)
        report |= {key: grad_of(t) for key, t in given.items() if isinstance(t, Tensor)}
        report |= {path: grad_of(at(layer, path)) for path in values}
    return report
"""
)

# A GPT with given weights, on the whole of ids.
MODEL = (
    PARTS
    + """
def probe(module, sizes, values, ids, g=None):
    model = build(module, "GPT", sizes, values)
    logits = tensor(model(ids), "GPT.forward")
    report = {"logits": logits.data.copy(), "count": sum(p.data.size for p in model.parameters())}
    if g is not None and logits.shape == g.shape:
        logits.backward(Tensor(g))
        report |= {path: grad_of(at(model, path)) for path in values}
    return report
"""
)

# The same, ids cut into pieces that go through one cache.
CACHED = (
    PARTS
    + """
def probe(module, sizes, values, ids, cuts):
    model = build(module, "GPT", sizes, values)
    cache = module.KVCache()
    pieces, lengths = [], [cache.length]
    with no_grad():
        for a, b in zip(cuts, cuts[1:]):
            pieces.append(tensor(model(ids[:, a:b], cache), "GPT.forward").data.copy())
            lengths.append(cache.length)
    return {"pieces": pieces, "lengths": lengths}
"""
)

# Appending to a cache, all results as they were at once and as they are at the end.
APPEND = (
    PARTS
    + """
def probe(module, layers, parts):
    cache = module.KVCache()
    lengths, early, late = [cache.length], [], []
    for k, v in parts:
        for layer in range(layers):
            found = cache.append(layer, Tensor((layer + 1) * k), Tensor((layer + 1) * v))
            if not isinstance(found, tuple) or len(found) != 2:
                raise TypeError("KVCache.append returns something else than (k, v)")
            early.append([array_of(t).copy() for t in found])
            late.append([array_of(t) for t in found])
        lengths.append(cache.length)
    return {"lengths": lengths, "early": early, "late": late,
            "sized": hasattr(type(cache), "__len__")}
"""
)

# Generating. A cache holds the first `held` positions, or there is none.
GENERATE = (
    PARTS
    + """
def probe(module, sizes, values, ids, n, temperature, seed, held=None):
    model = build(module, "GPT", sizes, values)
    rng = np.random.default_rng(seed)
    before = str(rng.bit_generator.state)
    more = {}
    if held is not None:
        more["cache"] = module.KVCache()
        if held:
            with no_grad():
                model(ids[:, :held], more["cache"])
    try:
        found, said = module.generate(model, ids, n, temperature, rng, **more), ""
    except ValueError:
        found, said = None, "ValueError"
    return {"ids": found, "raised": said, "kept": str(rng.bit_generator.state) == before,
            "next": float(rng.random())}
"""
)

# The numbers that go through matrix products while n ids are generated with a cache.
EFFORT = (
    PARTS
    + """
from reference import nn, ops

def probe(module, sizes, values, ids, ns):
    rows = [0]
    plain = nn.Linear.forward

    def watched(layer, x, *args, **kwargs):
        rows[0] += x.size // x.shape[-1]
        return plain(layer, x, *args, **kwargs)

    model = build(module, "GPT", sizes, values)
    nn.Linear.forward = watched
    try:
        efforts = []
        for n in ns:
            rows[0] = 0
            module.generate(model, ids, n, 0, np.random.default_rng(0), module.KVCache())
            efforts.append(rows[0])
    finally:
        nn.Linear.forward = plain
    return efforts
"""
)

FRESH = (
    PARTS
    + """
MAKERS = {"MultiHeadAttention": (48, 4), "TransformerBlock": (48, 4, 96), "GPT": (60, 48, 2, 4, 70)}

def probe(module, name, seed):
    made = getattr(module, name)(*MAKERS[name], rng=np.random.default_rng(seed))
    return {key: p.data for key, p in made.named_parameters()}
"""
)

# A model learns to continue; what it writes after beginnings that it has not seen comes back.
TRAIN = (
    PARTS
    + """
from reference import ops
from reference.optim import Adam

def probe(module, sizes, ids, batch, lr, beginnings, n, seed):
    model = module.GPT(*sizes, rng=np.random.default_rng(seed))
    optimizer = Adam(model.parameters(), lr)
    losses = []
    for start in range(0, len(ids), batch):
        x, y = ids[start : start + batch, :-1], ids[start : start + batch, 1:]
        logits = model(x)
        loss = ops.cross_entropy(logits.reshape(y.size, sizes[0]), y.reshape(y.size))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    written = module.generate(model, beginnings, n, 0, np.random.default_rng(0), module.KVCache())
    return {"losses": losses, "written": written}
"""
)

KEPT = (
    PARTS
    + """
def probe(module, q, x, mask, ids):
    changed = []

    def watch(name, call, *arrays):
        before = [a.copy() for a in arrays]
        call(*arrays)
        if not all(np.array_equal(a, b) for a, b in zip(arrays, before)):
            changed.append(name)

    def both_ways(layer):
        def call(a, *rest):
            y = layer(Tensor(a, requires_grad=True), *rest)
            y = y[0] if isinstance(y, tuple) else y
            (y * y).sum().backward()
        return call

    T = x.shape[1]
    watch("attention", module.attention, q.copy(), q.copy(), q.copy(), mask.copy())
    watch("attention of Tensors",
          lambda a, b, c, m: module.attention(Tensor(a), Tensor(b), Tensor(c), m),
          q.copy(), q.copy(), q.copy(), mask.copy())
    watch("global_local_mask", lambda a: module.global_local_mask(T, 1, a), np.array([2, 0]))
    watch("rope", module.rope, x.copy(), np.arange(T))
    watch("LayerNorm", both_ways(module.LayerNorm(4)), x.copy())
    mha = module.MultiHeadAttention(4, 2)
    watch("MultiHeadAttention", both_ways(lambda a, m: mha(a, mask=m)), x.copy(), mask.copy())
    block = module.TransformerBlock(4, 2, 8)
    watch("TransformerBlock", both_ways(lambda a, m: block(a, mask=m)), x.copy(), mask.copy())
    model = module.GPT(9, 4, 1, 2, 20)
    watch("GPT", model, ids.copy())
    watch("GPT with a cache", lambda a: model(a, module.KVCache()), ids.copy())
    watch("generate", lambda a: module.generate(model, a, 3, 1.0, np.random.default_rng(1)),
          ids.copy())
    return changed
"""
)

GLOBAL_STATE = (
    PARTS
    + """
def probe(module, ids, seed):
    np.random.seed(seed)
    before = np.random.get_state()[1].tolist(), np.random.get_state()[2]
    module.MultiHeadAttention(4, 2)
    module.TransformerBlock(4, 2, 8)
    model = module.GPT(9, 4, 1, 2, 20)
    module.generate(model, ids, 3, 1.0, np.random.default_rng(1), module.KVCache())
    return (np.random.get_state()[1].tolist(), np.random.get_state()[2]) == before
"""
)
