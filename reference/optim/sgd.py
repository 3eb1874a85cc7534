"""Gradient descent, with momentum."""

from __future__ import annotations

from collections.abc import Iterable

from .. import backend
from ..tensor import Tensor
from .optimizer import Array, Optimizer, state_like


class SGD(Optimizer):
    """g = grad + weight_decay w; u = momentum u + g; w -= lr (g + momentum u if nesterov else u).

    Args:
        params: Tensors, any iterable; it is read once.
        lr: the step size.
        momentum: how much of the last step's direction u is kept; u begins at 0.
        nesterov: look ahead along u.
        weight_decay: the strength of the L2 term, which joins the gradient.

    Source: Sutskever, Martens, Dahl & Hinton (2013), "On the importance of initialization and
    momentum in deep learning".
    """

    def __init__(
        self,
        params: Iterable[Tensor],
        lr: float,
        momentum: float = 0.0,
        nesterov: bool = False,
        weight_decay: float = 0.0,
    ) -> None:
        super().__init__(params, lr)
        self.momentum = momentum
        self.nesterov = nesterov
        self.weight_decay = weight_decay
        self.direction: list[Array | None] = [None] * len(self.params)

    def update(self, place: int, weights: Array, grad: Array) -> None:
        """One step of the parameter number `place`: `weights` changes in place."""
        u = None
        if self.momentum:
            u = self.direction[place] = state_like(self.direction[place], weights)
        backend.sgd_step(weights, grad, u, self.lr, self.momentum, self.nesterov, self.weight_decay)
