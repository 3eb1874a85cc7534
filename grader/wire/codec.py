"""Values on the wire: a JSON tree in the header, raw little-endian buffers behind it.

A tree is null, a boolean, a string, a finite float or an integer below 2**53 as itself, and else an
object with one key, the tag:

    {"i": "123"}             a large integer, in decimal
    {"f": "nan"}             a float that JSON lacks: nan, inf, -inf
    {"y": 12}                bytes: so many in the next buffer
    {"a": ["<f4", [2, 3]]}   an ndarray, C order, in the next buffer
    {"s": "<f4"}             a NumPy scalar, in the next buffer
    {"l": [...]} {"t": [...]} {"d": [[key, value], ...]}   list, tuple, dict
    {"h": 7}                 an object that stays in the worker
    {"c": 3}                 a function that stays on the trusted side
    {"g": ["PCG64", tree]}   a numpy.random.Generator: bit generator and state
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from typing import Any, ClassVar

import numpy as np

MAX_DEPTH = 16
MAX_RANK = 64  # NumPy's own limit
MAX_DIGITS = 4000  # of an integer; Python itself refuses more than 4,300
MAX_BYTES = 256 << 20  # of all buffers of a frame, unless the caller says less
SAFE_INTEGER = 1 << 53
SMALL = 1 << 14  # bytes that are quicker copied than viewed
ITEM_SIZES = {"b": (1,), "i": (1, 2, 4, 8), "u": (1, 2, 4, 8), "f": (2, 4, 8), "c": (8, 16)}
# What a dtype may be called on the wire, and the scalars of those dtypes (their subclasses may lie).
DTYPES = {
    dtype.newbyteorder("<").str: dtype
    for dtype in (np.dtype(f"{kind}{size}") for kind, sizes in ITEM_SIZES.items() for size in sizes)
}
SCALARS = frozenset(dtype.type for dtype in DTYPES.values()) | {np.longlong, np.ulonglong}
BIT_GENERATORS = ("PCG64", "PCG64DXSM", "MT19937", "Philox", "SFC64")
# The largest of each integer in a generator's state. NumPy takes a place beyond the end of its
# buffers as it comes and then draws from whatever memory lies there.
STATE_LIMITS = {
    "pos": 624,
    "buffer_pos": 4,
    "has_uint32": 1,
    "uinteger": (1 << 32) - 1,
    "state": (1 << 128) - 1,
    "inc": (1 << 128) - 1,
}
KEYS = frozenset({str, int, float, bool, bytes, type(None), tuple})

DECIMAL = re.compile(r"-?[0-9]+")

Tree = Any
Buffer = memoryview


class CodecError(ValueError):
    """A value that does not travel, or a tree that is no value."""


class Reference:
    """A number that stands for an object that stays where it is (a handle or a callback)."""

    __slots__ = ("number",)

    def __init__(self, number: int) -> None:
        self.number = number


class Callback(Reference):
    """Stands for a function of the trusted side."""


class Remote(Reference):
    """Stands for an object of the worker."""


def encode(value: Any, buffers: list[Buffer], depth: int = 0) -> Tree:
    """The tree of `value`; its raw parts are appended to `buffers`.

    Raises:
        CodecError: a type, dtype or depth that does not travel; the message names it, as in "an
            object of type set". Subclasses never do: an ndarray subclass could lie about itself.
    """
    kind = type(value)
    if value is None or kind is bool or kind is str:
        return value
    if kind is int:
        return value if -SAFE_INTEGER < value < SAFE_INTEGER else {"i": _decimal(value)}
    if kind is float:
        return value if math.isfinite(value) else {"f": repr(value)}
    if kind is np.ndarray:
        return {"a": [_raw(value, buffers), list(value.shape)]}
    if depth >= MAX_DEPTH:
        raise CodecError(f"an object nested more than {MAX_DEPTH} deep")
    if kind is list or kind is tuple:
        return {"l" if kind is list else "t": [encode(v, buffers, depth + 1) for v in value]}
    if kind is dict:
        if not all(type(key) in KEYS for key in value):
            raise CodecError("a dict with a key that is no plain value")
        return {
            "d": [
                [encode(k, buffers, depth + 1), encode(v, buffers, depth + 1)]
                for k, v in value.items()
            ]
        }
    if kind is bytes:
        buffers.append(memoryview(value))
        return {"y": len(value)}
    if kind is Remote:
        return {"h": value.number}
    if kind is Callback:
        return {"c": value.number}
    if kind in SCALARS:
        return {"s": _raw(np.array(value), buffers)}
    if kind is np.random.Generator:
        return {"g": _generator(value.bit_generator, buffers, depth)}
    raise CodecError(f"an object of type {kind.__name__}")


def _decimal(value: int) -> str:
    if value.bit_length() > MAX_DIGITS * 3:
        raise CodecError(f"an integer of {value.bit_length()} bits")
    return str(value)


def _generator(bits: Any, buffers: list[Buffer], depth: int) -> Tree:
    name = type(bits).__name__
    if name not in BIT_GENERATORS or type(bits) is not getattr(np.random, name):
        raise CodecError(f"a generator over {name}")
    return [name, encode(bits.state, buffers, depth + 1)]


def _raw(array: np.ndarray, buffers: list[Buffer]) -> str:
    dtype = array.dtype
    name = dtype.str
    if name not in DTYPES:
        name = dtype.newbyteorder("<").str
        if name not in DTYPES:
            raise CodecError(f"an array of dtype {dtype}")
        array = array.astype(DTYPES[name])
    if array.nbytes <= SMALL:
        buffers.append(memoryview(array.tobytes()))
    else:
        buffers.append(np.ascontiguousarray(array).reshape(-1).view(np.uint8).data)
    return name


class Decoder:
    """Turns trees into values; `read_into` fills a buffer with the next raw bytes of the frame.

    Args:
        read_into: fills the given writable memory with the next bytes of the body.
        body: how many bytes the body has; no tree may ask for more.
        remote, callback: make a value of the number of a handle or callback; None forbids them.
    """

    def __init__(
        self,
        read_into: Callable[[memoryview], None],
        body: int,
        *,
        remote: Callable[[int], Any] | None = None,
        callback: Callable[[int], Any] | None = None,
    ) -> None:
        self._read_into = read_into
        self.left = body
        self._remote = remote
        self._callback = callback

    def decode(self, tree: Tree, depth: int = 0) -> Any:
        """The value of `tree`.

        Raises:
            CodecError: anything that `encode` would not have written.
        """
        kind = type(tree)
        if tree is None or kind is bool or kind is str:
            return tree
        if kind is int:
            if not -SAFE_INTEGER < tree < SAFE_INTEGER:
                raise CodecError("a large integer must travel in decimal")
            return tree
        if kind is float:
            if not math.isfinite(tree):
                raise CodecError("a float out of range")
            return tree
        if kind is not dict or len(tree) != 1:
            raise CodecError("a tree must be plain or an object with one key")
        if depth > MAX_DEPTH:
            raise CodecError(f"nested more than {MAX_DEPTH} deep")
        ((tag, body),) = tree.items()
        parse = self._PARSERS.get(tag)
        if parse is None:
            raise CodecError(f"there is no tag {tag!r:.20}")
        return parse(self, body, depth)

    def _integer(self, body: Any, depth: int) -> int:
        if not isinstance(body, str) or len(body) > MAX_DIGITS or not DECIMAL.fullmatch(body):
            raise CodecError("a large integer must be a decimal string")
        return int(body)

    def _float(self, body: Any, depth: int) -> float:
        if body not in ("nan", "inf", "-inf"):
            raise CodecError("a float without a number must be nan, inf or -inf")
        return float(body)

    def _bytes(self, body: Any, depth: int) -> bytes:
        return bytes(self._take(_size(body)))

    def _array(self, body: Any, depth: int) -> np.ndarray:
        if not isinstance(body, list) or len(body) != 2 or not isinstance(body[1], list):
            raise CodecError("an array needs a dtype and a shape")
        dtype, shape = _dtype(body[0]), body[1]
        if len(shape) > MAX_RANK:
            raise CodecError(f"an array of rank {len(shape)}")
        count = math.prod([_size(side) for side in shape])
        # Sides beside a zero must be bounded too: NumPy multiplies the others.
        if not count and math.prod([side or 1 for side in shape]) * dtype.itemsize > 1 << 62:
            raise CodecError("an array too large to be")
        size = count * dtype.itemsize
        if size <= SMALL:
            return np.ndarray(shape, dtype, self._take(size))
        self._account(size)
        array = np.empty(shape, dtype)
        self._read_into(array.reshape(-1).view(np.uint8).data)
        return array

    def _scalar(self, body: Any, depth: int) -> Any:
        dtype = _dtype(body)
        return np.frombuffer(self._take(dtype.itemsize), dtype)[0]

    def _list(self, body: Any, depth: int) -> list[Any]:
        return [self.decode(part, depth + 1) for part in _parts(body)]

    def _tuple(self, body: Any, depth: int) -> tuple[Any, ...]:
        return tuple(self.decode(part, depth + 1) for part in _parts(body))

    def _dict(self, body: Any, depth: int) -> dict[Any, Any]:
        found = {}
        for pair in _parts(body):
            if len(_parts(pair)) != 2:
                raise CodecError("an entry of a dict needs a key and a value")
            key = self.decode(pair[0], depth + 1)
            if type(key) not in KEYS:
                raise CodecError(f"a dict with a key of type {type(key).__name__}")
            try:
                found[key] = self.decode(pair[1], depth + 1)
            except TypeError:
                raise CodecError("a dict with a key that cannot be hashed") from None
        return found

    def _handle(self, body: Any, depth: int) -> Any:
        if self._remote is None:
            raise CodecError("no handle may come here")
        return self._remote(_size(body))

    def _call_back(self, body: Any, depth: int) -> Any:
        if self._callback is None:
            raise CodecError("no callback may come here")
        return self._callback(_size(body))

    def _generator(self, body: Any, depth: int) -> np.random.Generator:
        if not isinstance(body, list) or len(body) != 2 or body[0] not in BIT_GENERATORS:
            raise CodecError("a generator needs a known bit generator and its state")
        bits = getattr(np.random, body[0])(0)
        state = self.decode(body[1], depth + 1)
        if not _fits(state, bits.state):
            raise CodecError(f"this is no state of {body[0]}")
        bits.state = state
        return np.random.Generator(bits)

    _PARSERS: ClassVar[dict[str, Callable[[Decoder, Any, int], Any]]] = {
        "i": _integer,
        "f": _float,
        "y": _bytes,
        "a": _array,
        "s": _scalar,
        "l": _list,
        "t": _tuple,
        "d": _dict,
        "h": _handle,
        "c": _call_back,
        "g": _generator,
    }

    def _account(self, size: int) -> None:
        """Check against what the frame announced, before anything is allocated."""
        if size > self.left:
            raise CodecError("the body is shorter than its parts")
        self.left -= size

    def _take(self, size: int) -> bytearray:
        self._account(size)
        data = bytearray(size)
        if size:
            self._read_into(memoryview(data))
        return data


def _size(value: Any) -> int:
    if type(value) is not int or not 0 <= value < SAFE_INTEGER:
        raise CodecError(f"{value!r:.30} is no size")
    return value


def _parts(value: Any) -> list[Any]:
    if not isinstance(value, list):
        raise CodecError("a container needs a list of parts")
    return value


def _dtype(name: Any) -> np.dtype[Any]:
    dtype = DTYPES.get(name) if type(name) is str else None
    if dtype is None:
        raise CodecError("a dtype must be a plain one, like <f4")
    return dtype


def _fits(state: Any, model: Any, name: str = "") -> bool:
    """Whether `state` has the structure of `model`, a generator's state, and no value beyond it."""
    kind = type(model)
    if type(state) is not kind:
        return False
    if kind is dict:
        return state.keys() == model.keys() and all(_fits(state[k], model[k], k) for k in model)
    if kind is np.ndarray:
        return bool(state.dtype == model.dtype and state.shape == model.shape)
    if kind is int:
        return bool(0 <= state <= STATE_LIMITS[name])
    return bool(state == model)
