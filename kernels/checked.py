"""The checked slow twin of every kernel: the same source, run as Python, each access looked at.

Machine code of `@jit` checks no index, and a vector store past the end is silent. In here the SIMD
words are NumPy slices that refuse to leave their array, and `@jit` functions are plain Python:

    with checked(bits=256):
        softmax.devices["cpu"](x)
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import ModuleType
from typing import Any

import numpy as np

from .jit import FITTED, Deferred
from .normal import normal_cdf
from .simd import WIDE

WORDS: dict[str, Callable[..., Any]] = {}
_bits = 256


class OutsideError(IndexError):
    """A kernel has read or written outside of an array."""


def _word(function: Callable[..., Any]) -> Callable[..., Any]:
    WORDS[function.__name__] = function
    return function


@contextmanager
def checked(bits: int = 256) -> Iterator[None]:
    """Kernels called in here run as Python with registers of `bits`; not for several threads."""
    global _bits
    from . import checked_tiles  # noqa: F401 -- the words of kernels.tiles

    was, _bits = _bits, bits
    changed = [
        (names, name, value)
        for module in list(sys.modules.values())
        if isinstance(module, ModuleType) and module.__name__.startswith(f"{__package__}.")
        for names in [vars(module)]
        for name, value in list(names.items())
        if _is_compiled(name, value)
    ]
    try:
        for names, name, value in changed:
            names[name] = _plain(name, value)
        yield
    finally:
        _bits = was
        for names, name, value in changed:
            names[name] = value


def _is_compiled(name: str, value: Any) -> bool:
    if isinstance(value, Deferred) or hasattr(value, "py_func"):
        return True
    return name in WORDS and type(value).__module__.startswith("numba.")


def _plain(name: str, value: Any) -> Any:
    if isinstance(value, Deferred) and value.source is not None:
        return value.source
    if name in WORDS or name in FITTED:
        return WORDS.get(name) or FITTED[name]
    real = value.real() if isinstance(value, Deferred) else value
    return getattr(real, "py_func", real)


class Address:
    """What `pointer` gives: the array is remembered, so that its bounds can be looked at."""

    def __init__(self, array: Any) -> None:
        self.array, self.dtype = array, array.dtype

    def __getitem__(self, i: int) -> Any:
        return _span(self.array, i, 1)[0]

    def __setitem__(self, i: int, value: Any) -> None:
        _span(self.array, i, 1)[0] = value


def _span(array: Any, i: int, count: int, step: int = 1) -> Any:
    """A view of `count` elements from offset `i`, which must lie inside the array's memory."""
    if isinstance(array, Address):
        array = array.array
    if not isinstance(array, np.ndarray):
        raise TypeError(f"a kernel addresses {type(array).__name__}, which is no array.")
    i, step = int(i), int(step)
    low, high = np.lib.array_utils.byte_bounds(array)
    start = array.__array_interface__["data"][0]
    ends = (i, i + (count - 1) * step) if count else (0, -1)
    if count and (
        start + min(ends) * array.itemsize < low or start + (max(ends) + 1) * array.itemsize > high
    ):
        raise OutsideError(
            f"a kernel reaches elements {min(ends)} to {max(ends)} of an array whose memory holds "
            f"{(low - start) // array.itemsize} to {(high - start) // array.itemsize - 1}."
        )
    if not count:
        return np.empty(0, array.dtype)
    base = array.reshape(-1) if array.flags.c_contiguous and array.size else None
    if base is not None and step == 1:
        return base[i : i + count]
    flat = np.lib.stride_tricks.as_strided(array, (1,), (array.itemsize,))
    if i:
        flat = np.ndarray(
            (1,), array.dtype, _memory(array, low, high), start - low + i * array.itemsize
        )
    return np.lib.stride_tricks.as_strided(flat, (count,), (step * array.itemsize,))


def _memory(array: Any, low: int, high: int) -> Any:
    """The bytes between the array's lowest and highest element."""
    root = array
    while isinstance(root.base, np.ndarray):
        root = root.base
    order = sorted(range(root.ndim), key=lambda axis: -abs(root.strides[axis]))
    lying = root.transpose(order)  # a copy in column-major order has no C-contiguous root
    offset = low - lying.__array_interface__["data"][0]
    return memoryview(lying.reshape(-1).view(np.uint8))[offset : offset + high - low]


class Wide(np.ndarray[Any, Any]):
    """What `vload_wide` gives: it knows that it is more than one register."""


@_word
def lanes(like: Any) -> int:
    count = WIDE if isinstance(like, Wide) else 1
    return count * _bits // 8 // int(like.dtype.itemsize)


@_word
def vector_bits(like: Any) -> int:
    return _bits


@_word
def registers(like: Any) -> int:
    return 32 if _bits == 512 else 16


@_word
def vload(array: Any, i: int) -> Any:
    return _span(array, i, lanes(array)).copy()


@_word
def vstore(array: Any, i: int, v: Any) -> None:
    _span(array, i, v.size)[...] = v


@_word
def vload_wide(array: Any, i: int) -> Any:
    return _span(array, i, WIDE * lanes(array)).copy().view(Wide)


@_word
def vstream(array: Any, i: int, v: Any) -> None:
    place = _span(array, i, v.size)
    if place.ctypes.data % (_bits // 8):
        raise OutsideError(f"a kernel streams to element {i}, where no whole vector begins.")
    place[...] = v


@_word
def fence() -> None:
    """Nothing: there is one thread."""


@_word
def vload_head(array: Any, i: int, n: int) -> Any:
    made = np.zeros(lanes(array), array.dtype)
    count = min(max(int(n), 0), made.size)
    made[:count] = _span(array, i, count)
    return made


@_word
def vstore_head(array: Any, i: int, v: Any, n: int) -> None:
    count = min(max(int(n), 0), lanes(array))
    _span(array, i, count)[...] = v[:count]


@_word
def vbload(array: Any, i: int) -> Any:
    return np.full(lanes(array), _span(array, i, 1)[0])


@_word
def pointer(array: Any) -> Any:
    return Address(array)


@_word
def vturn(to: Any, i: int, to_step: int, array: Any, j: int, step: int, count: int) -> None:
    s = lanes(array)
    rows = [row if row < count else 0 for row in range(s)]
    square = np.stack([_span(array, j + row * step, s) for row in rows])
    for column in range(s):
        _span(to, i + column * to_step, s)[...] = square[:, column]


@_word
def vgather(array: Any, i: int, step: int) -> Any:
    return _span(array, i, lanes(array), step).copy()


@_word
def prefetch(array: Any, i: int) -> None:
    """Nothing: a prefetch may point anywhere."""


@_word
def prefetch_second(array: Any, i: int) -> None:
    """Nothing, for the same reason."""


@_word
def vset1(like: Any, s: Any) -> Any:
    return np.full(lanes(like), s, like.dtype)


@_word
def vzero(like: Any) -> Any:
    return np.zeros(lanes(like), like.dtype)


@_word
def viota(like: Any) -> Any:
    return np.arange(lanes(like)).astype(like.dtype)


@_word
def vfma(a: Any, b: Any, c: Any) -> Any:
    return a * b + c  # rounded twice: the comparison allows for it


@_word
def register_tile(
    rows: int,
    vectors: int,
    masked: int,
    k: int,
    a: Any,
    i: int,
    row: int,
    step: int,
    last: int,
    b: Any,
    j: int,
    ldb: int,
    c: Any,
    o: int,
    ldc: int,
    add: bool,
    columns: int,
) -> None:
    wide = vectors * lanes(a)
    held = min(wide, int(columns)) if masked else wide
    right = [_span(b, j + p * ldb, held) for p in range(k)]
    for r in range(min(rows, last + 1)):
        left = [_span(a, i + r * row + p * step, 1)[0] for p in range(k)]
        into = _span(c, o + r * ldc, held)
        before = into.copy() if add else np.zeros(held, c.dtype)
        into[...] = before + (np.array(left) @ np.array(right) if k else 0)


def vscale2(a: Any, n: Any) -> Any:
    return np.ldexp(a, n.astype(np.int32))


def vexponent(a: Any) -> Any:
    return (np.frexp(a)[1] - 1).astype(a.dtype)


def vmantissa(a: Any) -> Any:
    return np.abs(np.frexp(a)[0] * 2).astype(a.dtype)


WORDS |= {
    "vadd": lambda a, b: a + b,
    "vsub": lambda a, b: a - b,
    "vmul": lambda a, b: a * b,
    "vdiv": lambda a, b: a / b,
    "vneg": lambda a: -a,
    "vabs": np.abs,
    "vsqrt": np.sqrt,
    "vmax": lambda a, b: np.where(a > b, a, b),
    "vmin": lambda a, b: np.where(a < b, a, b),
    "vrint": np.rint,
    "vselect_gt": lambda a, b, x, y: np.where(a > b, x, y),
    "vselect_eq": lambda a, b, x, y: np.where(a == b, x, y),
    "vexp": np.exp,
    "vexp_flushed": lambda v: np.where(v < (-87.3 if v.itemsize == 4 else -708.3), 0, np.exp(v)),
    "vexp_quick": lambda v: np.where(v < (-87.3 if v.itemsize == 4 else -708.3), 0, np.exp(v)),
    "vnormal_tail": lambda a: normal_cdf(-a).astype(a.dtype),
    "vexp_nonpositive": lambda v: np.where(
        v < (-87.3 if v.itemsize == 4 else -708.3), 0, np.exp(v)
    ),
    "vscale2": vscale2,
    "vexponent": vexponent,
    "vmantissa": vmantissa,
    "vhsum": lambda v: v.sum(dtype=v.dtype),
    "vhmax": np.max,
    "vhmin": np.min,
    "vlane": lambda v, k: v[int(k)],
    "prange": range,
    "larger": max,
}
