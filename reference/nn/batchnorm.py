"""Normalisation of each feature over the batch."""

from __future__ import annotations

import math
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from .. import ops
from ..devices import moved, on_device
from ..errors import ShapeError
from ..tensor import Parameter, Tensor
from .module import Module


class _BatchNorm(Module):
    axes: ClassVar[tuple[int, ...]]  # over which a feature is averaged
    form: ClassVar[str]

    def __init__(self, dim: int, eps: float = 1e-5, momentum: float = 0.1) -> None:
        self.weight = Parameter(np.ones(dim, np.float32))
        self.bias = Parameter(np.zeros(dim, np.float32))
        self.running_mean = np.zeros(dim, np.float32)
        self.running_var = np.ones(dim, np.float32)
        self.eps = eps
        self.momentum = momentum

    def forward(self, x: Tensor) -> Tensor:
        """The shape of x; in training the running statistics move too, outside the graph."""
        dim = len(self.running_mean)
        if x.ndim != len(self.axes) + 1 or x.shape[1] != dim:
            raise ShapeError(
                f"{type(self).__name__}: x is {x.shape}.\nIt must be {self.form} with dim {dim}."
            )
        if not self.training:
            return self._serve(x)
        mean, var = _moments(x.data, self.axes)
        self._follow(self.running_mean, mean)
        self._follow(self.running_var, var)
        return ops.batch_norm(x, self.weight, self.bias, self.eps, self.axes)

    def _follow(self, running: NDArray[Any], batch: NDArray[Any]) -> None:
        running *= 1 - self.momentum
        running += self.momentum * batch

    def _serve(self, x: Tensor) -> Tensor:
        column = tuple(1 if axis in self.axes else -1 for axis in range(x.ndim))
        mean = self.running_mean.astype(x.dtype).reshape(column)
        rstd = (1 / np.sqrt(self.running_var + np.float64(self.eps))).astype(x.dtype)
        if x.device != "cpu":  # the running statistics stay on the CPU
            mean, rstd = moved(mean, x.device), moved(rstd, x.device)
        scale = self.weight.reshape(*column) * rstd.reshape(column)
        return (x - mean) * scale + self.bias.reshape(*column)


class BatchNorm1d(_BatchNorm):
    """(x - mean) / sqrt(var + eps) * weight + bias for (N, dim), each column by itself.

    In training mean and biased variance are those of the batch, and the running ones follow:
    running = (1 - momentum) running + momentum batch. When evaluating the running ones are used.

    Args:
        dim: columns.
        eps: keeps the root away from 0.
        momentum: how fast the running statistics follow.

    Attributes:
        weight: (dim,), ones. bias: (dim,), zeros.
        running_mean, running_var: float32 ndarrays (dim,), zeros and ones; in `state_dict()`.

    Source: Ioffe & Szegedy (2015), "Batch normalization: accelerating deep network training by
    reducing internal covariate shift".
    """

    axes = (0,)
    form = "(N, dim)"


class BatchNorm2d(_BatchNorm):
    """As `BatchNorm1d` for (N, dim, H, W): statistics over N, H and W, one weight per channel."""

    axes = (0, 2, 3)
    form = "(N, dim, H, W)"


def _moments(x: NDArray[Any], axes: tuple[int, ...]) -> tuple[NDArray[Any], NDArray[Any]]:
    """Mean and biased variance (dim,) over `axes`, on the CPU."""
    if on_device(x):
        share = 1 / math.prod(x.shape[axis] for axis in axes)
        centred = x - x.sum(axes, keepdims=True) * share
        mean = (x.sum(axes) * share).numpy()
        return mean, ((centred * centred).sum(axes) * share).numpy()
    return x.mean(axes), x.var(axes)
