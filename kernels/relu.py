"""The rectifier max(x, 0) and its gradient.

Source: Nair & Hinton (2010), "Rectified linear units improve restricted Boltzmann machines".
"""

from __future__ import annotations

from typing import Any

import numpy as np

from . import memory
from .kernel import Kernel
from .loops import apply, apply_to_pair, loop
from .map_samples import map_samples

SMALL = 4096  # elements below which NumPy's own loop is reached sooner, and as quick


def relu_oracle(x: Any) -> Any:
    """max(x, 0) at every element of x (any shape)."""
    return np.maximum(x, 0)


def relu_backward_oracle(g: Any, out: Any) -> Any:
    """The gradient of x, given that of the output and the output; 0 where x <= 0."""
    return np.where(out > 0, g, np.zeros_like(g))


relu = Kernel("relu", relu_oracle)
relu_backward = Kernel("relu_backward", relu_backward_oracle)
relu.samples(map_samples(1))
relu_backward.samples(map_samples(2))


@loop
def relu_loop(start: int, stop: int, x: Any, out: Any) -> None:
    x, out = x[start:stop], out[start:stop]
    zero = x.dtype.type(0)
    for i in range(x.size):
        # In this order one vector instruction, and NaN passes.
        out[i] = zero if x[i] < zero else x[i]


@loop
def relu_backward_loop(start: int, stop: int, g: Any, out: Any, dx: Any) -> None:
    g, out, dx = g[start:stop], out[start:stop], dx[start:stop]
    zero = g.dtype.type(0)
    for i in range(g.size):
        dx[i] = g[i] if out[i] > zero else zero


@relu.on("cpu")
def relu_cpu(x: Any) -> Any:
    if x.size < SMALL and x.ndim and not memory.band:
        return relu_oracle(x)
    return apply(relu_loop, x)


@relu_backward.on("cpu")
def relu_backward_cpu(g: Any, out: Any) -> Any:
    return apply_to_pair(relu_backward_loop, g, out)
