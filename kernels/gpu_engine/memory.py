"""The arrays of a launch, one class for each memory space."""

from __future__ import annotations

from typing import Any

import numpy as np

Data = np.ndarray[Any, Any]
POISON = {"f": float("nan"), "i": -(1 << 20) - 7, "u": 0x2D, "b": True}


def _strides(shape: tuple[int, ...]) -> tuple[int, ...]:
    found, step = [], 1
    for extent in reversed(shape):
        found.append(step)
        step *= extent
    return tuple(reversed(found))


def poison(dtype: np.dtype[Any]) -> Any:
    """What memory holds that nobody has written: a value that shows in results."""
    value = POISON[dtype.kind]
    if dtype.kind == "i":
        value = max(int(value), int(np.iinfo(dtype).min))
    return dtype.type(value)


class DeviceArray:
    """Shape and type of an array in some memory."""

    space = ""

    def __init__(self, name: str, shape: tuple[int, ...], dtype: np.dtype[Any]) -> None:
        self.name, self.shape, self.dtype = name, shape, dtype
        self.strides, self.ndim = _strides(shape), len(shape)
        self.size = int(np.prod(shape, dtype=np.int64))
        self.itemsize = dtype.itemsize
        self.whole = dtype.kind in "iu"  # integers are held as int64
        self.zero: Any = 0 if self.whole else dtype.type(0)
        self.base = 0
        self.dropped = False  # a store outside of it was dropped

    def place_of(self, flat: int) -> str:
        """The name of one element, `tile[3, 4]`."""
        found = []
        for step in self.strides:
            found.append(flat // step)
            flat %= step
        return f"{self.name}[{', '.join(map(str, found))}]"


class GlobalArray(DeviceArray):
    """An array of the caller; kernels read and write its own memory.

    Attributes:
        data: the elements, flat.
        base: address in bytes, aligned as cudaMalloc aligns.
        stored: the kernel stores into it, so its loads can race.
    """

    space = "global"

    def __init__(self, name: str, values: Data, base: int) -> None:
        super().__init__(name, values.shape, values.dtype)
        self.data = values.reshape(-1)
        self.base = base
        self.stored = False
        self.ownership: Any = None
        self.footprint: Any = None


class ConstantMemory(DeviceArray):
    """An array that is frozen into the kernel."""

    space = "constant"

    def __init__(self, name: str, values: Data) -> None:
        super().__init__(name, values.shape, values.dtype)
        self.data = values.reshape(-1)


class SharedArray(DeviceArray):
    """One array in shared memory for each block of the batch: data is (blocks, size)."""

    space = "shared"

    def __init__(
        self, name: str, shape: tuple[int, ...], dtype: np.dtype[Any], blocks: int, base: int
    ) -> None:
        super().__init__(name, shape, dtype)
        self.data = np.full((blocks, self.size), poison(dtype), dtype)
        self.flat = self.data.reshape(-1)
        self.offsets = np.arange(blocks)[:, None] * self.size
        self.base = base
        self.shadow: Any = None


class LocalArray(DeviceArray):
    """An array of each thread: a register for each element, or dense where lanes index it.

    While all indices are shared by the lanes, an element is simply the value that was stored.
    """

    space = "local"

    def __init__(self, name: str, shape: tuple[int, ...], dtype: np.dtype[Any]) -> None:
        super().__init__(name, shape, dtype)
        value = poison(dtype)
        self.registers: list[Any] = [int(value) if self.whole else value] * self.size
        self.dense: Data | None = None  # (size, blocks * width)

    def spread(self, blocks: int, width: int) -> Data:
        """Give every lane its own copy, for indices that differ between lanes."""
        if self.dense is None:
            kept = np.int64 if self.whole else self.dtype
            self.dense = np.empty((self.size, blocks, width), kept)
            for place, value in enumerate(self.registers):
                self.dense[place] = value
        return self.dense


def is_array(value: object) -> bool:
    """True for an array of a kernel, as against a number of its lanes."""
    return isinstance(value, DeviceArray)
