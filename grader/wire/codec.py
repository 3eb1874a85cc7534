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
from collections.abc import Callable
from typing import Any, ClassVar

import numpy as np

MAX_DEPTH = 16
MAX_RANK = 64  # NumPy's own limit
MAX_DIGITS = 4000  # of an integer; Python itself refuses more than 4,300
MAX_BYTES = 256 << 20  # of all buffers of a frame, unless the caller says less
SAFE_INTEGER = 1 << 53
ITEM_SIZES = {"b": (1,), "i": (1, 2, 4, 8), "u": (1, 2, 4, 8), "f": (2, 4, 8), "c": (8, 16)}
BIT_GENERATORS = ("PCG64", "PCG64DXSM", "MT19937", "Philox", "SFC64")

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
        CodecError: a type, dtype or depth that does not travel. Subclasses never do: an ndarray
            subclass could lie about itself.
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
        raise CodecError(f"nested more than {MAX_DEPTH} deep")
    if kind is list or kind is tuple:
        return {"l" if kind is list else "t": [encode(v, buffers, depth + 1) for v in value]}
    if kind is dict:
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
    if isinstance(value, np.generic):
        return {"s": _raw(np.array(value), buffers)}
    if kind is np.random.Generator:
        state = value.bit_generator.state
        return {"g": [state["bit_generator"], encode(state, buffers, depth + 1)]}
    raise CodecError(f"a {kind.__name__} does not travel")


def _decimal(value: int) -> str:
    if value.bit_length() > MAX_DIGITS * 3:
        raise CodecError(f"an integer of {value.bit_length()} bits is too long")
    return str(value)


def _raw(array: np.ndarray, buffers: list[Buffer]) -> str:
    dtype = array.dtype
    if dtype.kind not in ITEM_SIZES or dtype.itemsize not in ITEM_SIZES[dtype.kind]:
        raise CodecError(f"an array of dtype {dtype} does not travel")
    little = np.ascontiguousarray(array, dtype=dtype.newbyteorder("<"))
    buffers.append(little.reshape(-1).view(np.uint8).data if little.size else memoryview(b""))
    return little.dtype.str


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
        if tree is None or isinstance(tree, bool | str | float):
            return tree
        if isinstance(tree, int):
            if not -SAFE_INTEGER < tree < SAFE_INTEGER:
                raise CodecError("a large integer must travel in decimal")
            return tree
        if not isinstance(tree, dict) or len(tree) != 1:
            raise CodecError("a tree must be plain or an object with one key")
        if depth > MAX_DEPTH:
            raise CodecError(f"nested more than {MAX_DEPTH} deep")
        ((tag, body),) = tree.items()
        parse = self._PARSERS.get(tag)
        if parse is None:
            raise CodecError(f"there is no tag {tag!r:.20}")
        return parse(self, body, depth)

    def _integer(self, body: Any, depth: int) -> int:
        if not isinstance(body, str) or not 0 < len(body) <= MAX_DIGITS or not body.isascii():
            raise CodecError("a large integer must be a decimal string")
        try:
            return int(body)
        except ValueError:
            raise CodecError("a large integer must be a decimal string") from None

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
        count = math.prod(_size(side) for side in shape)
        # Sides beside a zero must be bounded too: NumPy multiplies the others.
        if math.prod(max(side, 1) for side in shape) * dtype.itemsize > 1 << 62:
            raise CodecError("an array too large to be")
        self._account(count * dtype.itemsize)
        array = np.empty(shape, dtype)
        if array.size:
            self._read_into(array.reshape(-1).view(np.uint8).data)
        return array.astype(dtype.newbyteorder("="), copy=False)

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
            if not isinstance(key, str | int | float | bool | bytes | tuple | None):
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
        state = self.decode(body[1], depth + 1)
        bits = getattr(np.random, body[0])(0)
        try:
            bits.state = state
        except (TypeError, ValueError, KeyError, OverflowError):
            raise CodecError(f"this is no state of {body[0]}") from None
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
    if not isinstance(name, str) or len(name) > 4:
        raise CodecError("a dtype must be short, like <f4")
    try:
        dtype = np.dtype(name)
    except TypeError:
        raise CodecError(f"{name!r} is no dtype") from None
    if dtype.kind not in ITEM_SIZES or dtype.itemsize not in ITEM_SIZES[dtype.kind]:
        raise CodecError(f"arrays of dtype {name!r} do not travel")
    if dtype.str != name or dtype.byteorder == ">":
        raise CodecError(f"{name!r} is not how a dtype is written here")
    return dtype
