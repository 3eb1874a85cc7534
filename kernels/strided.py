"""Arrays of any strides for kernels that know offsets: one flat view and the strides in elements.

A kernel that takes flat arrays and strides is compiled once a dtype, whatever the layout; and a
transposed view, such as the heads of attention, costs no copy.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.lib.stride_tricks import as_strided

from . import memory

Array = np.ndarray[Any, Any]


def flat(array: Array) -> tuple[Array, tuple[int, ...]]:
    """The memory of `array` as one contiguous axis, and the stride of each axis in elements.

    Negative strides, fractions of elements and memory that must not be written (a type of its own
    to Numba, so a compilation of its own) are copied first.
    """
    size = array.itemsize
    if not array.flags.writeable:
        array = array.copy()
    if array.flags.c_contiguous:
        return array.reshape(-1), tuple([stride // size for stride in array.strides])
    strides = array.strides
    if array.size == 0 or min(strides) < 0 or any(stride % size for stride in strides):
        return flat(np.array(array, order="C"))
    steps = tuple([stride // size for stride in strides])
    reach = 1 + sum([(n - 1) * step for n, step in zip(array.shape, steps, strict=True)])
    return as_strided(array, (reach,), (size,)), steps


def flat_rows(array: Array) -> tuple[Array, tuple[int, ...]]:
    """The same, with a last axis that is contiguous."""
    if array.shape[-1] > 1 and array.strides[-1] != array.itemsize:
        array = np.array(array, order="C")
    return flat(array)


def empty_like(array: Array) -> Array:
    """Room for a result (B, H, T, D), heads and time in the order in which `array` holds them.

    Heads are views of (B, T, H, D); what comes out can then be merged again without a copy.
    """
    batch, heads, time, size = array.shape
    if array.strides[1] < array.strides[2]:
        made: Array = memory.empty((batch, time, heads, size), array.dtype).transpose(0, 2, 1, 3)
        return made
    made = memory.empty(array.shape, array.dtype)
    return made  # noqa: RET504 -- the type is known by the name


def flat_mask(mask: Array) -> tuple[Array, tuple[int, ...]]:
    """A boolean mask as bytes, with strides of (B, H, Tq, Tk) that are 0 where it is broadcast."""
    mask = np.asarray(mask, bool)
    values, steps = flat(mask.view(np.uint8))
    held = tuple([0 if n == 1 else step for n, step in zip(mask.shape, steps, strict=True)])
    return values, (0,) * (4 - mask.ndim) + held
