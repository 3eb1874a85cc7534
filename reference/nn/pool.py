"""Pooling over k x k windows."""

from __future__ import annotations

from .. import ops
from ..tensor import Tensor
from .module import Module


class MaxPool2d(Module):
    """The largest value of each window; of equal ones the first, row by row, has the gradient.

    Args:
        k: the side of a window; windows that are not whole are dropped.
        stride: from window to window; None means k.
    """

    def __init__(self, k: int, stride: int | None = None) -> None:
        self.k = k
        self.stride = stride

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, H, W) -> (N, C, (H - k) // stride + 1, (W - k) // stride + 1)."""
        return ops.max_pool2d(x, self.k, self.stride)


class AvgPool2d(Module):
    """The mean of each window.

    Args:
        k: the side of a window; windows that are not whole are dropped.
        stride: from window to window; None means k.
    """

    def __init__(self, k: int, stride: int | None = None) -> None:
        self.k = k
        self.stride = stride

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, H, W) -> (N, C, (H - k) // stride + 1, (W - k) // stride + 1)."""
        return ops.avg_pool2d(x, self.k, self.stride)
