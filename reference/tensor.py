"""Tensor: an array, and how it came about.

Methods and operators are the ops of `reference.ops` under the names that readers expect; the rules
of their gradients stand there.
"""

from __future__ import annotations

import gc
from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import DTypeLike

from . import ops
from .devices import flags, moved
from .dtypes import Array, array_of
from .errors import DTypeError, GraphError, ShapeError
from .tape import Pull, next_key
from .tape import no_grad as no_grad

Axis = int | tuple[int, ...] | None


class Tensor:
    """An array that can record what is done with it.

    Args:
        data: an array, shared where its type is right; nested lists and numbers become float32.
        requires_grad: record operations and let `backward` fill `grad`.
        dtype: convert to this type.
        device: "cpu", or "cuda": a GPU, or our engine where there is none.

    Attributes:
        requires_grad: whether a gradient flows here.

    Raises:
        DTypeError: the data are not real numbers, or integers are to have a gradient.
        ShapeError: nested lists of different lengths.
    """

    __slots__ = (
        "__weakref__",
        "_data",  # ndarray; a result without axes may be a NumPy scalar until somebody asks
        "_grad",  # None, ndarray or Tensor: wrapped when somebody asks
        "_inputs",  # one Tensor per operand that a gradient flows to, None for the others
        "_key",
        "_pull",  # None at a leaf
        "_saved",
        "requires_grad",
    )

    # NumPy leaves `array * tensor` to the Tensor instead of looping over its elements.
    __array_ufunc__ = None
    # Nodes are keys of dictionaries by identity, although == compares elementwise.
    __hash__ = object.__hash__

    def __init__(
        self,
        data: Any,
        requires_grad: bool = False,
        dtype: DTypeLike | None = None,
        device: str = "cpu",
    ) -> None:
        array = array_of(data.data if isinstance(data, Tensor) else data, dtype)
        self._begin(array if device == array.device else moved(array, device), requires_grad)

    def _begin(self, array: Array, requires_grad: bool) -> None:
        if requires_grad and array.dtype.kind != "f":
            raise DTypeError(
                f"{type(self).__name__}: gradients need real numbers, and the data is "
                f"{array.dtype}. Pass dtype=numpy.float32."
            )
        self._data: Any = array
        self._grad: Any = None
        self._inputs: tuple[Tensor | None, ...] = ()
        self._key: int = next_key()
        self._pull: Pull | None = None
        self._saved: tuple[Any, ...] = ()
        self.requires_grad = requires_grad

    # What it is.

    @property
    def data(self) -> Array:
        """The raw array, without graph; shared, not copied."""
        array: Array = self._data
        if type(array) is not np.ndarray and array.device == "cpu":
            array = self._data = np.asarray(array)
        return array

    @data.setter
    def data(self, value: Any) -> None:
        self._data = array_of(value.data if isinstance(value, Tensor) else value)

    @property
    def grad(self) -> Tensor | None:
        """What `backward` has added up so far, or None."""
        grad: Tensor | None = self._grad
        if grad is not None and not isinstance(grad, Tensor):
            grad = self._grad = constant(np.asarray(grad) if grad.device == "cpu" else grad)
        return grad

    @grad.setter
    def grad(self, value: Any) -> None:
        if value is not None:
            value = value if isinstance(value, Tensor) else Tensor(value, dtype=self.dtype)
            if value.shape != self.shape:
                raise ShapeError(
                    f"grad: the gradient is {value.shape}, the Tensor is {self.shape}; "
                    "both must have the same shape."
                )
        self._grad = value

    @property
    def shape(self) -> tuple[int, ...]:
        """The length of each axis."""
        shape: tuple[int, ...] = self._data.shape
        return shape

    @property
    def ndim(self) -> int:
        """The number of axes."""
        return len(self._data.shape)

    @property
    def size(self) -> int:
        """The number of elements."""
        return int(self._data.size)

    @property
    def dtype(self) -> np.dtype[Any]:
        """The type of the elements."""
        dtype: np.dtype[Any] = self._data.dtype
        return dtype

    @property
    def device(self) -> str:
        """Where the array lives."""
        device: str = self._data.device
        return device

    @property
    def parents(self) -> tuple[Tensor, ...]:
        """The Tensors that a gradient flows to from here, in operand order; () for a leaf."""
        return tuple([node for node in self._inputs if node is not None])

    @property
    def T(self) -> Tensor:
        """All axes in reverse order."""
        return ops.transpose(self)

    def numpy(self) -> Array:
        """The raw array, shared; of a Tensor on the device a copy."""
        array: Array = moved(self.data, "cpu")
        return array

    def item(self) -> float:
        """The one element as a Python number."""
        if self.size != 1:
            raise ShapeError(f"item: the Tensor is {self.shape}; only one element has a value.")
        value: float = self._data.item()
        return value

    def __repr__(self) -> str:
        body = np.array2string(self.numpy(), separator=", ", prefix="Tensor(")
        kind = "" if self.dtype == np.float32 else f", dtype={self.dtype}"
        return f"Tensor({body}{kind}{', requires_grad=True' if self.requires_grad else ''})"

    def __len__(self) -> int:
        if not self.shape:
            raise TypeError("len: the Tensor has no axes.")
        return self.shape[0]

    def __iter__(self) -> Iterator[Tensor]:
        return (self[i] for i in range(len(self)))

    def __bool__(self) -> bool:
        return bool(self.numpy())

    def __float__(self) -> float:
        return float(self.item())

    def __int__(self) -> int:
        return int(self.item())

    def __array__(self, dtype: DTypeLike | None = None, copy: bool | None = None) -> Array:
        return np.array(self.numpy(), dtype=dtype, copy=copy)

    # Gradients.

    def backward(self, grad: Any = None, retain_graph: bool = False) -> None:
        """Add d self / d leaf to the `grad` of every leaf that self depends on.

        Args:
            grad: the gradient of self, of its shape; 1 where self has one element.
            retain_graph: keep the graph for another backward; by default it is freed on the way.

        Raises:
            GraphError: self does not require a gradient, or its graph has been freed.
            ShapeError: `grad` is missing or has another shape.
        """
        if not self.requires_grad:
            raise GraphError(
                "backward: this Tensor does not require a gradient; nothing with requires_grad "
                "went into it, or it was computed under no_grad."
            )
        gradient.deposit(self, gradient.seed("backward", self, grad), free=not retain_graph)

    def detach(self) -> Tensor:
        """The same array outside the graph."""
        return constant(self.data)

    def zero_grad(self) -> None:
        """Forget the gradient: `grad` becomes None."""
        self._grad = None

    # Operators; `ops.elementwise` and `ops.linalg` replace most of them by shortcuts.

    def __add__(self, other: Any) -> Tensor:
        return ops.add(self, other)

    def __radd__(self, other: Any) -> Tensor:
        return ops.add(other, self)

    def __sub__(self, other: Any) -> Tensor:
        return ops.sub(self, other)

    def __rsub__(self, other: Any) -> Tensor:
        return ops.sub(other, self)

    def __mul__(self, other: Any) -> Tensor:
        return ops.mul(self, other)

    def __rmul__(self, other: Any) -> Tensor:
        return ops.mul(other, self)

    def __truediv__(self, other: Any) -> Tensor:
        return ops.div(self, other)

    def __rtruediv__(self, other: Any) -> Tensor:
        return ops.div(other, self)

    def __pow__(self, other: Any) -> Tensor:
        return ops.pow(self, other)

    def __rpow__(self, other: Any) -> Tensor:
        return ops.pow(other, self)

    def __matmul__(self, other: Any) -> Tensor:
        return ops.matmul(self, other)

    def __rmatmul__(self, other: Any) -> Tensor:
        return ops.matmul(other, self)

    def __neg__(self) -> Tensor:
        return ops.neg(self)

    def __getitem__(self, index: Any) -> Tensor:
        return ops.getitem(self, index)

    # Comparisons are not differentiable: they give arrays, boolean on the CPU, 1 and 0 on the device.

    def __eq__(self, other: object) -> Array:  # type: ignore[override]
        return flags(np.equal(self.data, _raw(other)))

    def __ne__(self, other: object) -> Array:  # type: ignore[override]
        return flags(np.not_equal(self.data, _raw(other)))

    def __lt__(self, other: Any) -> Array:
        return flags(np.less(self.data, _raw(other)))

    def __le__(self, other: Any) -> Array:
        return flags(np.less_equal(self.data, _raw(other)))

    def __gt__(self, other: Any) -> Array:
        return flags(np.greater(self.data, _raw(other)))

    def __ge__(self, other: Any) -> Array:
        return flags(np.greater_equal(self.data, _raw(other)))

    # Methods.

    def sum(self, axis: Axis = None, keepdims: bool = False) -> Tensor:
        return ops.sum(self, axis, keepdims)

    def mean(self, axis: Axis = None, keepdims: bool = False) -> Tensor:
        return ops.mean(self, axis, keepdims)

    def max(self, axis: Axis = None, keepdims: bool = False) -> Tensor:
        return ops.max(self, axis, keepdims)

    def reshape(self, *shape: Any) -> Tensor:
        return ops.reshape(self, _one_sequence(shape))

    def transpose(self, *axes: Any) -> Tensor:
        return ops.transpose(self, _one_sequence(axes) or None)

    def swapaxes(self, a: int, b: int) -> Tensor:
        return ops.swapaxes(self, a, b)

    def broadcast_to(self, *shape: Any) -> Tensor:
        return ops.broadcast_to(self, _one_sequence(shape))

    def flatten(self, start: int = 0) -> Tensor:
        return ops.flatten(self, start)

    def squeeze(self, axis: Axis = None) -> Tensor:
        return ops.squeeze(self, axis)

    def unsqueeze(self, axis: int) -> Tensor:
        return ops.unsqueeze(self, axis)

    def exp(self) -> Tensor:
        return ops.exp(self)

    def log(self) -> Tensor:
        return ops.log(self)

    def sin(self) -> Tensor:
        return ops.sin(self)

    def cos(self) -> Tensor:
        return ops.cos(self)

    def sqrt(self) -> Tensor:
        return ops.sqrt(self)

    def tanh(self) -> Tensor:
        return ops.tanh(self)

    def sigmoid(self) -> Tensor:
        return ops.sigmoid(self)

    def relu(self) -> Tensor:
        return ops.relu(self)

    def abs(self) -> Tensor:
        return ops.abs(self)

    def __abs__(self) -> Tensor:
        return ops.abs(self)

    def clip(self, lo: float | None = None, hi: float | None = None) -> Tensor:
        return ops.clip(self, lo, hi)

    def astype(self, dtype: DTypeLike) -> Tensor:
        return ops.astype(self, np.dtype(dtype))

    def to(self, device: str) -> Tensor:
        """This Tensor on `device`: itself where it lies there, else a copy outside the graph."""
        array = moved(self.data, device)
        if array is self._data:
            return self
        copy = constant(array)
        copy.requires_grad = self.requires_grad
        return copy


class Parameter(Tensor):
    """A Tensor that a model learns: it requires a gradient, and it copies its data."""

    __slots__ = ()

    def __init__(self, data: Any, dtype: DTypeLike | None = None) -> None:
        array = array_of(data.data if isinstance(data, Tensor) else data, dtype, "Parameter")
        self._begin(array.copy(), True)


def constant(array: Any) -> Tensor:
    """A Tensor around `array`, not copied and not recorded."""
    tensor = Tensor.__new__(Tensor)
    tensor._data = array
    tensor._grad = None
    tensor._inputs = tensor._saved = ()
    tensor._key = next_key()
    tensor._pull = None
    tensor.requires_grad = False
    return tensor


def live_tensors() -> int:
    """How many Tensors are alive; those in unreachable cycles count until `gc.collect()`.

    The garbage collector knows them all, so Tensors need not be counted as they come and go.
    """
    # By type and not by isinstance, which asks foreign objects for their class and wakes lazy ones.
    return sum(issubclass(type(thing), Tensor) for thing in gc.get_objects())


def _one_sequence(values: tuple[Any, ...]) -> tuple[int, ...]:
    """Both spellings, `f(2, 3)` and `f((2, 3))`."""
    if len(values) == 1 and not isinstance(values[0], int | np.integer):
        return () if values[0] is None else tuple(values[0])
    return values


def _raw(value: Any) -> Any:
    return value.data if isinstance(value, Tensor) else value


# Last, because it needs the class.
from . import gradient  # noqa: E402
