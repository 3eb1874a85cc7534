"""What runs beside the learner's code: public text, no expected value."""

from __future__ import annotations

# Calls an export with its arrays laid out in memory as asked: "F" transposed, "A" every second
# element of a larger array of NaN. Arrays come back by value, with what was found of arguments.
LAID = """
import numpy as np

def laid(x, layout):
    if not isinstance(x, np.ndarray) or layout == "C":
        return x
    if layout == "F":
        return np.asfortranarray(x)
    big = np.full([2 * n + 1 for n in x.shape], np.nan, x.dtype)
    view = big[tuple(slice(1, None, 2) for _ in x.shape)]
    view[...] = x
    return view

def probe(module, name, args, layout):
    return getattr(module, name)(*[laid(x, layout) for x in args])
"""

SLICE = """
def probe(module, view, slices):
    return module.slice_view(*view, tuple(slice(*part) for part in slices))
"""

# What a result is, beside its values.
OWN = """
import numpy as np

def probe(module, name, args):
    out = getattr(module, name)(*args)
    given = [x for x in args if isinstance(x, np.ndarray)]
    if type(out) is not np.ndarray:
        return {"type": type(out).__name__, "after": args}
    return {"type": "ndarray", "after": args, "dtype": str(out.dtype), "contiguous": out.flags.c_contiguous,
            "writable": out.flags.writeable, "shared": any(np.shares_memory(out, x) for x in given)}
"""

TEN = """
def probe(module, a, b):
    return [module.matmul_parallel(a, b) for _ in range(10)]
"""

# A buffer that cannot be copied as a whole or picked from by arrays of places.
ALONE = """
import numpy as np

class BannedError(Exception):
    pass

class Buffer(np.ndarray):
    def __getitem__(self, index):
        for part in index if isinstance(index, tuple) else (index,):
            if isinstance(part, list) or (isinstance(part, np.ndarray) and part.ndim):
                raise BannedError("an array of places as an index is banned in compact")
        return super().__getitem__(index)

    def refuse(self, *args, **kwargs):
        raise BannedError("a copy of a view, and picking by places, are banned in compact")

    copy = take = flatten = choose = compress = __copy__ = __deepcopy__ = refuse

def probe(module, buffer, views):
    own = buffer.view(Buffer)
    return [np.asarray(module.compact(own, *view)) for view in views]
"""

# How far the memory of this process rises above what it holds before a call; None where the system
# does not say. Large arrays are mapped one by one, so what was freed before does not hide them.
PEAK = """
import gc
import numpy as np

def kib(key):
    with open("/proc/self/status") as file:
        return next(int(line.split()[1]) for line in file if line.startswith(key))

def drawn(rng, shape):
    return rng.standard_normal(shape, np.float32)

def probe(module, name, shapes, more, seed, rows):
    f = getattr(module, name)
    f(*[np.ones((2,) * len(shape), np.float32) for shape in shapes], *more)
    rng = np.random.default_rng(seed)
    args = [drawn(rng, shape) for shape in shapes]
    gc.collect()
    try:
        with open("/proc/self/clear_refs", "w") as file:
            file.write("5")
        before = kib("VmRSS")
    except OSError:
        return None
    out = f(*args, *more)
    return {"extra": kib("VmHWM") - before, "out": out[rows]}
"""

# A timed call: `times` calls of an export on other places of the staged arrays, a few rows of each
# result. Which rows is not known to the function that is called.
SPEED = """
import numpy as np

def probe(module, arguments):
    name, arrays, sizes, more, starts, rows = arguments
    f = getattr(module, name)
    found = []
    for places in starts:
        out = f(*[x[p : p + n] for x, n, p in zip(arrays, sizes, places)], *more)
        found.append(out[rows] if type(out) is np.ndarray else type(out).__name__)
    return found
"""

# The solution's own product on so many threads: whether two processors are idle.
THREADS = """
import numba
import numpy as np

def probe(module, threads, a, b):
    numba.set_num_threads(threads)
    try:
        return module.matmul_parallel(a, b)[0, 0].item()
    finally:
        numba.set_num_threads(numba.config.NUMBA_NUM_THREADS)
"""
