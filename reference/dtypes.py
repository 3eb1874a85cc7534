"""How values become arrays, and which data type wins when they meet.

float32 is the default: numbers and lists become float32, and only an ndarray brings its own type.
A number next to a Tensor takes the Tensor's type. float64 next to float32 gives float64, except
that a Tensor without axes yields to one with axes, as in PyTorch. Integers and booleans become the
float type that they meet.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from .devices import on_device
from .errors import DTypeError, ShapeError

Array = NDArray[Any]

FLOAT = np.dtype(np.float32)


def array_of(data: Any, dtype: DTypeLike | None = None, name: str = "Tensor") -> Array:
    """The array of `data`: shared where `data` is an ndarray of the right type, else a new one.

    Raises:
        DTypeError: text, objects or complex numbers.
        ShapeError: nested lists of different lengths.
    """
    if isinstance(data, np.ndarray):
        array = np.asarray(data)
        if not array.dtype.isnative:
            array = array.astype(array.dtype.newbyteorder("="))
    elif on_device(data):
        return data if dtype is None else data.astype(dtype)  # type: ignore[no-any-return]
    else:
        array = _from_python(data, dtype, name)
    if dtype is not None:
        array = array.astype(np.dtype(dtype), copy=False)
    if array.dtype.kind not in "fiub":
        raise DTypeError(
            f"{name}: the data has dtype {array.dtype}; use real numbers (float32 or float64)."
        )
    return array


def _from_python(data: Any, dtype: DTypeLike | None, name: str) -> Array:
    try:
        found = np.array(data)
    except ValueError as error:
        raise ShapeError(
            f"{name}: the nested lists have different lengths; every row must have as many entries "
            "as the others."
        ) from error
    except TypeError as error:
        raise DTypeError(f"{name}: cannot read a {type(data).__name__}; give numbers.") from error
    if found.dtype.kind not in "fiub":
        raise DTypeError(
            f"{name}: the data is {type(data).__name__} (dtype {found.dtype}); give real numbers."
        )
    return found if dtype is not None else found.astype(FLOAT)


def operand(value: Any, name: str) -> Any:
    """What stands beside a Tensor, as a float, int, bool or ndarray; numbers stay weak."""
    if type(value) in (float, int, bool):
        return value
    if isinstance(value, np.generic):
        value = np.asarray(value)
    if isinstance(value, np.ndarray) or on_device(value):
        array = array_of(value, name=name)
        return array.item() if array.ndim == 0 else array
    return array_of(value, name=name)


def unify(arrays: Sequence[Any]) -> list[Any]:
    """Give all arrays of one operation the same float type; numbers and None pass as they are."""
    first = None
    for array in arrays:
        if isinstance(array, np.ndarray | np.generic):
            if first is None:
                first = array.dtype
            elif array.dtype is not first:
                break
    else:
        if first is None or first.kind == "f":
            return list(arrays)
    target = common(arrays)
    return [
        array.astype(target, copy=False) if isinstance(array, np.ndarray | np.generic) else array
        for array in arrays
    ]


def common(arrays: Sequence[Any]) -> np.dtype[Any]:
    """The float type of an operation on `arrays`."""
    types = [(a.ndim, a.dtype) for a in arrays if isinstance(a, np.ndarray | np.generic)]
    floats = [(ndim, dtype) for ndim, dtype in types if dtype.kind == "f"]
    with_axes = [dtype for ndim, dtype in floats if ndim]
    return np.result_type(*(with_axes or [dtype for _, dtype in floats] or [FLOAT]))
