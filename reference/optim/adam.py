"""Steps scaled by running moments of the gradient."""

from __future__ import annotations

from collections.abc import Iterable

from .. import backend
from ..tensor import Tensor
from .optimizer import Array, Optimizer, state_like


class Adam(Optimizer):
    """m = b1 m + (1 - b1) g; v = b2 v + (1 - b2) g^2; w -= lr m_hat / (sqrt(v_hat) + eps).

    m_hat = m / (1 - b1^t) and v_hat = v / (1 - b2^t), where t counts the steps of each parameter
    by itself: one that had no gradient has not aged.

    Args:
        params: Tensors, any iterable; it is read once.
        lr: the step size.
        betas: b1 and b2.
        eps: keeps the denominator away from 0.
        weight_decay: the strength of the L2 term, which joins the gradient: g = grad + wd w.

    Source: Kingma & Ba (2015), "Adam: a method for stochastic optimization".
    """

    decoupled = False  # weight decay joins the gradient

    def __init__(
        self,
        params: Iterable[Tensor],
        lr: float = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0.0,
    ) -> None:
        super().__init__(params, lr)
        self.betas = betas
        self.eps = eps
        self.weight_decay = weight_decay
        self.steps = [0] * len(self.params)
        self.mean: list[Array | None] = [None] * len(self.params)
        self.square: list[Array | None] = [None] * len(self.params)

    def update(self, place: int, weights: Array, grad: Array) -> None:
        """One step of the parameter number `place`: `weights` changes in place."""
        self.steps[place] += 1
        mean = self.mean[place] = state_like(self.mean[place], weights)
        square = self.square[place] = state_like(self.square[place], weights)
        backend.adam_step(
            weights,
            grad,
            mean,
            square,
            self.lr,
            *self.betas,
            self.eps,
            self.weight_decay,
            self.steps[place],
            self.decoupled,
        )


class AdamW(Adam):
    """Adam whose weight decay stays out of the moments: w -= lr wd w, then Adam's step.

    Source: Loshchilov & Hutter (2019), "Decoupled weight decay regularization".
    """

    decoupled = True

    def __init__(
        self,
        params: Iterable[Tensor],
        lr: float = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0.01,
    ) -> None:
        super().__init__(params, lr, betas, eps, weight_decay)
