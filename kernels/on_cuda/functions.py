"""NumPy's functions that know arrays of the device, apart from ufuncs: those are in `elementwise`.

`array.CudaArray` looks into `TABLE`; what is missing there says so.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from .array import CudaArray
from .copies import expanded
from .elementwise import chosen
from .indexing import flipped, joined, moved, padded, split, stacked


def _max(x: Any, axis: Any = None, keepdims: bool = False, initial: float = -math.inf) -> Any:
    found = np.maximum.reduce(x, axis, keepdims=keepdims)  # type: ignore[call-overload]
    return found if initial == -math.inf else np.maximum(found, initial)


def _clip(x: CudaArray, lo: Any = None, hi: Any = None) -> Any:
    raised = x if lo is None else np.maximum(x, lo)
    return raised if hi is None else np.minimum(raised, hi)


TABLE: dict[Any, Callable[..., Any]] = {
    np.broadcast_to: expanded,
    np.concatenate: joined,
    np.stack: stacked,
    np.split: split,
    np.flip: flipped,
    np.pad: padded,
    np.moveaxis: moved,
    np.where: chosen,
    np.clip: _clip,
    np.max: _max,
    np.shape: lambda x: x.shape,
    np.ndim: lambda x: x.ndim,
    np.size: lambda x: x.size,
}
