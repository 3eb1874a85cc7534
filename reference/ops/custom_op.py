"""An op of one's own, on arrays, without registering it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ..errors import GraphError, ShapeError
from ..op import Array, fit
from ..tape import Pull, mode
from ..tensor import Tensor, constant


class Custom:
    """What `custom` returns: call it with Tensors.

    Args:
        forward: from arrays to an array.
        vjp: `vjp(g, out, *arrays)` gives one array, or None, per input.
    """

    name = "custom"

    def __init__(self, forward: Callable[..., Any], vjp: Callable[..., Any]) -> None:
        self.forward = forward
        self.rule = vjp

    def __call__(self, *tensors: Any) -> Tensor:
        inputs = [t if isinstance(t, Tensor) else Tensor(t) for t in tensors]
        arrays = [t.data for t in inputs]
        result = constant(np.asarray(self.forward(*arrays)))
        if mode.recording and any(t.requires_grad for t in inputs):
            result.requires_grad = True
            result._inputs = tuple([t if t.requires_grad else None for t in inputs])
            result._saved = (result._data, *arrays)
            result._pull = Pull(self, self.run)
        return result

    def run(self, g: Array, out: Array, *arrays: Array) -> tuple[Array | None, ...]:
        """The gradients, each in the shape of its input."""
        grads = self.rule(np.asarray(g), out, *arrays)
        if not isinstance(grads, tuple | list) or len(grads) != len(arrays):
            raise ShapeError(
                f"custom: the vjp returned {_count(grads)} for {len(arrays)} inputs; return a "
                "tuple with one array, or None, for each."
            )
        return tuple(
            [
                None if grad is None else fit(np.asarray(grad), x)
                for grad, x in zip(grads, arrays, strict=True)
            ]
        )

    def on_tensors(self, node: Tensor, g: Any) -> Any:
        raise GraphError(
            "custom: its rule is for arrays, so it has no gradient of the gradient; write it with "
            "ops instead."
        )


def custom(forward: Callable[..., Any], vjp: Callable[..., Any]) -> Custom:
    """A differentiable function from two functions on arrays; first order only.

    Args:
        forward: `forward(*arrays) -> array`.
        vjp: `vjp(g, out, *arrays) -> tuple`, one array of the input's shape, or None, per input.

    Returns:
        A function of Tensors: `custom(forward, vjp)(x, y)`.
    """
    return Custom(forward, vjp)


def _count(grads: Any) -> str:
    if isinstance(grads, tuple | list):
        return f"{len(grads)} gradients"
    return f"one {type(grads).__name__}"
