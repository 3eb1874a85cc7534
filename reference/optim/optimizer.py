"""What all optimisers share: the parameters, their state, and when a parameter is skipped."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from numpy.typing import NDArray

from ..devices import zeros_beside
from ..tensor import Tensor

Array = NDArray[Any]


class Optimizer:
    """Walks over parameters; a subclass says what one step of one parameter is.

    Args:
        params: Tensors, any iterable; it is read once.
        lr: the step size; it may be changed between steps.

    Raises:
        ValueError: a negative lr.
    """

    def __init__(self, params: Iterable[Tensor], lr: float) -> None:
        if lr < 0:
            raise ValueError(f"{type(self).__name__}: lr is {lr}; it must not be negative")
        self.params = list(params)
        self.lr = lr

    def step(self) -> None:
        """Change every parameter in place; one whose grad is None is skipped entirely."""
        for place, parameter in enumerate(self.params):
            grad = parameter.grad
            if grad is not None:
                self.update(place, parameter.data, grad.data)

    def update(self, place: int, weights: Array, grad: Array) -> None:
        """One step of the parameter number `place`: `weights` changes in place."""
        raise NotImplementedError(f"{type(self).__name__}: update is missing")

    def zero_grad(self) -> None:
        """Forget all gradients: every `grad` becomes None."""
        for parameter in self.params:
            parameter.grad = None


def state_like(known: Array | None, weights: Array) -> Array:
    """A state array beside `weights`: zeros at first, later `known` in the dtype of the weights."""
    if known is None:
        return zeros_beside(weights)  # type: ignore[no-any-return]
    return known if known.dtype == weights.dtype else known.astype(weights.dtype)
