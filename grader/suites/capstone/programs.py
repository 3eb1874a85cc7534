"""What runs beside the learner's code: public text, no expected value."""

from __future__ import annotations

# The same values in memory that jumps: (B, T, H, D) under a transpose, every other row, backwards.
STRIDED = """
import numpy as np

def jumping(x, way):
    if way == 0:
        return np.ascontiguousarray(x.transpose(0, 2, 1, 3)).transpose(0, 2, 1, 3)
    if way == 1:
        wide = np.full((*x.shape[:2], 2 * x.shape[2], x.shape[3] + 3), np.nan, x.dtype)
        wide[:, :, ::2, 1:-2] = x
        return wide[:, :, ::2, 1:-2]
    return np.ascontiguousarray(x[:, :, ::-1]).view()[:, :, ::-1]

def probe(module, q, k, v, do, o, lse, way, causal):
    q, k, v, do, o = (jumping(x, way) for x in (q, k, v, do, o))
    lse = jumping(lse[..., None], way)[..., 0]
    out = module.flash_attention_forward(q, k, v, 5, 3, causal)
    grads = module.flash_attention_backward(do, q, k, v, o, lse, 4, 6, causal)
    return tuple(out), tuple(grads)
"""

# One call at a size where whole matrices are large; the box tells what the process held at most.
LARGE = """
import numpy as np

def probe(module, T, D, block, way, seed):
    rng = np.random.default_rng(seed)
    q, k, v, do = (rng.standard_normal((1, 1, T, D)).astype(np.float32) for _ in range(4))
    if way == "forward":
        o, lse = module.flash_attention_forward(q, k, v, block, block, False)
        return [float(o[0, 0, 0, 0]), float(lse[0, 0, 0])]
    # o and lse need not be those of q, k and v: the work is the same.
    lse = np.full((1, 1, T), 10.0, np.float32)
    grads = module.flash_attention_backward(do, q, k, v, do, lse, block, block, False)
    return [float(g[0, 0, 0, 0]) for g in grads]
"""

# Memory that Python does not count, as compiled code takes it, held until it must have been seen.
UNCOUNTED = """
import ctypes, time

def probe(module, size):
    libc = ctypes.CDLL(None)
    libc.malloc.restype, libc.malloc.argtypes = ctypes.c_void_p, [ctypes.c_size_t]
    libc.free.argtypes = [ctypes.c_void_p]
    place = libc.malloc(size)
    ctypes.memset(place, 1, size)
    time.sleep(0.2)
    libc.free(place)
    return True
"""

# What Python counts beyond inputs and results, on the second call: a diagnosis.
COUNTED = """
import tracemalloc
import numpy as np

def probe(module, T, D, block, way):
    rng = np.random.default_rng(0)
    q, k, v, do = (rng.standard_normal((1, 1, T, D)).astype(np.float32) for _ in range(4))
    lse = np.full((1, 1, T), 10.0, np.float32)

    def call():
        if way == "forward":
            return module.flash_attention_forward(q, k, v, block, block, False)
        return module.flash_attention_backward(do, q, k, v, do, lse, block, block, False)

    call()
    tracemalloc.start()
    try:
        before = tracemalloc.get_traced_memory()[0]
        tracemalloc.reset_peak()
        found = call()
        beyond = tracemalloc.get_traced_memory()[1] - before - sum(x.nbytes for x in found)
    finally:
        tracemalloc.stop()
    return max(0, beyond)
"""

KEPT = """
import numpy as np

def probe(module, q, k, v, do, o, lse):
    changed = []

    def watch(name, call, **arrays):
        before = {key: x.copy() for key, x in arrays.items()}
        call(**arrays)
        changed.extend(f"{key} of {name}" for key, x in arrays.items()
                       if not np.array_equal(x, before[key]))

    watch("flash_attention_forward",
          lambda **a: module.flash_attention_forward(**a, block_q=3, block_k=4, causal=True),
          q=q, k=k, v=v)
    watch("flash_attention_backward",
          lambda **a: module.flash_attention_backward(**a, block_q=3, block_k=4, causal=True),
          do=do, q=q, k=k, v=v, o=o, lse=lse)
    return changed
"""

# A short training: what it did to its arguments and to NumPy's generator, and how long it took.
BRIEF = """
import time
import numpy as np

def probe(module, ids, vocab, seconds, seed):
    given = ids.copy()
    np.random.seed(seed % 1000)
    before = np.random.get_state()[1].tolist(), np.random.get_state()[2]
    began = time.monotonic()
    model = module.train_char_lm(ids, vocab, seconds, np.random.default_rng(seed))
    took = time.monotonic() - began
    after = np.random.get_state()[1].tolist(), np.random.get_state()[2]
    return {"took": took, "same": bool(np.array_equal(ids, given)), "state": before == after}
"""

# Keeps the model in the worker and asks it: ids (B, T) -> logits (B, T, vocab).
MODEL = """
import numpy as np
from reference import Tensor, no_grad

KEY = "trained model of the checks"

def logits_of(ids):
    import sys
    model = sys.modules[KEY]
    with no_grad():
        found = model(ids)
    found = found[0] if isinstance(found, tuple) else found
    return np.ascontiguousarray(found.data if isinstance(found, Tensor) else found)
"""
TRAIN = (
    MODEL
    + """
def probe(module, ids, vocab, seconds, seed):
    import sys
    model = module.train_char_lm(ids, vocab, seconds, np.random.default_rng(seed))
    if hasattr(model, "eval"):
        model.eval()
    sys.modules[KEY] = model
    context = getattr(model, "context", 32)
    return context if type(context) is int else 32
"""
)
ASK = (
    MODEL
    + """
def probe(module, ids):
    return logits_of(ids)
"""
)
