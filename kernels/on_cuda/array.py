"""Arrays on the device: what the launchers take and give back.

Memory is always contiguous. There are two views: that with the last two axes changed over, since a
matrix product reads it as easily as the plain one (every other kernel gets a plain copy of it), and
a part that lies in one stretch.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from .memory import Piece, pool, stream

FLOAT32 = np.dtype(np.float32)
THREADS = 256  # of a block of an elementwise kernel
Shape = tuple[int, ...]


class CudaArray(np.lib.mixins.NDArrayOperatorsMixin):
    """Numbers on the device; operators and NumPy's functions compute there, see `elementwise`.

    Attributes:
        shape, dtype: as of an ndarray.
        memory: the elements in the order of the memory, one axis at least; what kernels take where
            `turned` is False.
        turned: the last two axes of the shape stand the other way round in memory.
    """

    __slots__ = ("__weakref__", "_piece", "dtype", "memory", "shape", "turned")
    __hash__ = object.__hash__
    device = "cuda"

    def __init__(self, piece: Piece, memory: Any, shape: Shape, turned: bool = False) -> None:
        self._piece = piece  # returns to the pool with the last array that lies in it
        self.memory = memory
        self.shape = shape
        self.dtype = np.dtype(memory.dtype)
        self.turned = turned

    @property
    def ndim(self) -> int:
        """The number of axes."""
        return len(self.shape)

    @property
    def size(self) -> int:
        """The number of elements."""
        return math.prod(self.shape)

    def __repr__(self) -> str:
        return f"<CudaArray {self.shape} {self.dtype}>"

    def __len__(self) -> int:
        return self.shape[0]

    def __bool__(self) -> bool:
        return bool(self.numpy())

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> Any:
        raise TypeError(
            "numpy: this array lies on the device. Copy it with .numpy(), or bring the Tensor to "
            "the CPU with .to('cpu')."
        )

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, **params: Any) -> Any:
        from . import elementwise

        if method == "reduce":
            axis = inputs[1] if len(inputs) > 1 else params.get("axis", 0)
            return elementwise.reduced(ufunc, inputs[0], axis, bool(params.get("keepdims")))
        function = elementwise.TABLE.get(ufunc) if method == "__call__" else None
        if function is None or params.keys() - {"out"}:
            raise TypeError(
                f"{ufunc.__name__}: it is not written for CUDA. Bring the arrays to the CPU, "
                "x.to('cpu')."
            )
        return function(*inputs, **({"out": params["out"][0]} if "out" in params else {}))

    def __array_function__(self, function: Any, types: Any, args: Any, params: Any) -> Any:
        from .functions import TABLE

        if function in TABLE:
            return TABLE[function](*args, **params)
        raise TypeError(
            f"{function.__name__}: it is not written for CUDA. Bring the arrays to the CPU, "
            "x.to('cpu')."
        )

    def __getitem__(self, index: Any) -> CudaArray:
        """A part by integers, slices and arrays, a view where memory allows it; see `indexing`."""
        from .indexing import taken

        return taken(self, index)

    def __setitem__(self, place: Any, values: Any) -> None:
        """Copy an array of the host into all of this one: `x[...] = values`."""
        if place is not Ellipsis or self.turned:
            raise TypeError("setitem: on the device only x[...] = values is written, for all of x.")
        if self.size:
            full = np.broadcast_to(np.asarray(values, self.dtype), self.shape)
            lying = np.ascontiguousarray(full).reshape(self.memory.shape)
            self.memory.copy_to_device(lying, stream=stream())

    def sum(self, axis: Any = None, keepdims: bool = False) -> Any:
        """The sum over one axis, several, or all."""
        return np.add.reduce(self, axis, keepdims=keepdims)  # type: ignore[call-overload]

    def any(self) -> bool:
        """Whether an element is not 0."""
        return bool(self.numpy().any())

    def all(self) -> bool:
        """Whether no element is 0."""
        return bool(self.numpy().all())

    def astype(self, dtype: Any, copy: bool = True) -> CudaArray:
        """The array itself: its type is the one that kernels compute in.

        Raises:
            TypeError: another type is asked for.
        """
        if np.dtype(dtype) != self.dtype:
            raise TypeError(f"astype: {self.dtype} to {np.dtype(dtype)} is not written for CUDA.")
        return self

    def numpy(self) -> Any:
        """A copy on the host."""
        if not self.size:
            return np.zeros(self.shape, self.dtype)
        found = np.empty(self.memory.shape, self.dtype)
        self.memory.copy_to_host(found, stream=stream())
        if stream():
            stream().synchronize()
        if self.turned:
            return found.swapaxes(-1, -2)
        return found.reshape(self.shape)

    def item(self) -> Any:
        """The one element as a Python number."""
        return self.numpy().item()

    def swapaxes(self, first: int, second: int) -> CudaArray:
        """A view with the last two axes changed over.

        Raises:
            ValueError: other axes.
        """
        axes = {first % self.ndim, second % self.ndim}
        if axes != {self.ndim - 1, self.ndim - 2}:
            raise ValueError(
                f"swapaxes: axes {first} and {second} of {self.shape}; on the device only the "
                "last two can be changed over without a copy."
            )
        shape = (*self.shape[:-2], self.shape[-1], self.shape[-2])
        if 0 in shape:
            return empty(shape, self.dtype)
        return CudaArray(self._piece, self.memory, shape, not self.turned)

    @property
    def T(self) -> CudaArray:
        """The transposed matrix, a view."""
        if self.ndim < 2:
            return self
        if self.ndim > 2:
            raise ValueError(f"T: the array is {self.shape}; on the device a matrix has a T.")
        return self.swapaxes(0, 1)

    def transpose(self, *axes: Any) -> CudaArray:
        """The axes in another order, by default reversed: a view where the last two change over."""
        given = axes[0] if len(axes) == 1 and not isinstance(axes[0], int) else axes
        order = [one % self.ndim for one in given or reversed(range(self.ndim))]
        plain = list(range(self.ndim))
        if order == plain:
            return self
        if order[:-2] == plain[:-2]:
            return self.swapaxes(-1, -2)
        from .copies import strided

        steps = [math.prod(self.shape[one + 1 :]) for one in order]
        return strided(self, tuple(self.shape[one] for one in order), tuple(steps))

    def reshape(self, *shape: Any) -> CudaArray:
        """The elements in another shape, a view; one length may be -1."""
        wanted = tuple(shape[0]) if len(shape) == 1 and not isinstance(shape[0], int) else shape
        if -1 in wanted:
            others = -math.prod(wanted)
            if others <= 0 or self.size % others:
                raise ValueError(f"reshape: {self.shape} does not fit into {wanted}.")
            wanted = tuple(self.size // others if one == -1 else one for one in wanted)
        if math.prod(wanted) != self.size:
            raise ValueError(f"reshape: {self.shape} does not fit into {wanted}.")
        plain = contiguous(self)
        if not self.size:
            return empty(wanted, self.dtype)
        return CudaArray(plain._piece, plain.memory.reshape(wanted or (1,)), wanted)


def empty(shape: Shape | int, dtype: Any = FLOAT32) -> CudaArray:
    """An array with arbitrary contents."""
    shape = (shape,) if isinstance(shape, int) else tuple(shape)
    dtype = np.dtype(dtype)
    count = max(1, math.prod(shape))
    piece = pool.take(count * dtype.itemsize)
    flat = piece.bytes[: count * dtype.itemsize].view(dtype)
    return CudaArray(piece, flat.reshape(shape) if shape and 0 not in shape else flat, shape)


def to_device(values: Any) -> CudaArray:
    """A copy of an ndarray or a number; a transposed matrix is copied as it lies.

    Raises:
        TypeError: float64 and other types that the kernels do not compute in.
    """
    values = np.asarray(values)
    if values.dtype.kind == "f" and values.dtype != FLOAT32:
        raise TypeError(
            f"to_device: the array is {values.dtype}. On the device kernels compute in float32: "
            "convert it with astype(numpy.float32)."
        )
    turned = values.ndim > 1 and values.swapaxes(-1, -2).flags.c_contiguous
    turned = turned and values.dtype == FLOAT32 and not values.flags.c_contiguous
    lying = np.ascontiguousarray(values.swapaxes(-1, -2) if turned else values)
    made = empty(lying.shape if values.ndim else (), values.dtype)
    if values.size:
        made.memory.copy_to_device(lying.reshape(made.memory.shape), stream=stream())
    return CudaArray(made._piece, made.memory, values.shape, turned) if turned else made


def contiguous(x: CudaArray) -> CudaArray:
    """`x` itself, or a copy where its axes are turned."""
    if not x.turned:
        return x
    from .copies import transposed

    return transposed(x)


def target(shape: Shape, out: CudaArray | None) -> CudaArray:
    """Where a kernel writes: `out` where it is given.

    Raises:
        ValueError: `out` is a turned view, or has another shape or type.
    """
    if out is None:
        return empty(shape)
    if out.turned or out.shape != shape or out.dtype != FLOAT32:
        raise ValueError(
            f"out: the result is {shape} float32 and out is {out}{', turned' * out.turned}. "
            "Pass an array from empty(shape)."
        )
    return out


def run(kernel: Any, grid: Any, block: Any, *arguments: Any) -> None:
    """Launch a kernel in the current stream; Python's floats become float32."""
    # Copies of turned arrays live until the launch is in the stream: their memory may then be lent
    # again, as what comes later runs later.
    plain = [contiguous(one) if isinstance(one, CudaArray) else one for one in arguments]
    kernel[grid, block, stream()](*map(_argument, plain))


def _argument(value: Any) -> Any:
    if isinstance(value, CudaArray):
        return value.memory
    return np.float32(value) if isinstance(value, float) else value


def flat(x: CudaArray) -> CudaArray:
    """The elements of `x` in one line, for kernels to which shapes do not matter."""
    return x.reshape(x.size)


def blocks(count: int, threads: int = THREADS) -> int:
    """How many blocks of so many threads cover `count`."""
    return -(-count // threads)
