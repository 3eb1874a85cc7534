"""A contiguous copy on the device, where an array can only be plain or turned."""

from __future__ import annotations

from ..compact import compact
from .array import CudaArray, contiguous, empty
from .copies import strided


@compact.on("cuda")
def compact_cuda(x: CudaArray) -> CudaArray:
    """A copy whose memory follows its axes; x itself is never returned."""
    if x.turned:
        return contiguous(x)
    if not x.size:
        return empty(x.shape, x.dtype)
    return strided(x.reshape(x.size), (x.size,), (1,)).reshape(x.shape)
