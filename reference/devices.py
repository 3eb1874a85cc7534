"""Where arrays lie: in the memory of the CPU, or on the device that `kernels.on_cuda` computes on.

Nothing of CUDA is loaded before the first array is moved. From then on every kernel looks at its
arguments: arrays of the device go to the launchers there. A part of a learner's computes on arrays
of the CPU, so on the device the framework's own kernels run.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from .errors import DTypeError

DEVICES = ("cpu", "cuda")


def moved(array: Any, device: str) -> Any:
    """The array on `device`: itself where it lies there, else a copy.

    Raises:
        ValueError: no such device.
        DTypeError: float64, which the device does not compute in.
    """
    if device not in DEVICES:
        raise ValueError(f"Tensor: there is no device {device!r} here; use 'cpu' or 'cuda'.")
    if device == array.device:
        return array
    if device == "cpu":
        return array.numpy()
    from kernels.on_cuda.array import to_device

    from .backend import serve_devices

    serve_devices()
    try:
        return to_device(array)
    except TypeError as error:
        raise DTypeError(f"Tensor: {error}") from None


def zeros_beside(array: Any, shape: Any = None) -> Any:
    """Zeros of the type of `array`, in its shape or another, where it lies."""
    shape = array.shape if shape is None else tuple(shape)
    if array.device == "cpu":
        return np.zeros(shape, array.dtype)
    from kernels.on_cuda.copies import filled

    return filled(shape, 0.0)


def put_there(g: Any, index: Any, shape: Any) -> Any:
    """Zeros of `shape` on the device, with g added at `index`."""
    from kernels.on_cuda.indexing import put

    return put(g, index, tuple(shape))


def flags(found: Any) -> NDArray[Any]:
    """What a comparison gave: booleans, on the device 1 and 0, never a scalar of NumPy."""
    array: NDArray[Any] = found if on_device(found) else np.asarray(found)
    return array


def on_device(value: Any) -> bool:
    """Whether this is an array of the device."""
    return getattr(value, "device", "cpu") == "cuda" and not isinstance(value, np.ndarray)
