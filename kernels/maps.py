"""Elementary functions of whole arrays: exp, log, erf, and their gradients.

Only where machine code beats NumPy: sums, products, roots and comparisons of arrays run at the
speed of memory in NumPy already. Activations have files of their own: `relu`, `gelu`, `activations`.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

# The words for machine code; the kernels bear the same names.
from .elementary import erf as erf_of
from .elementary import exp as exp_of
from .elementary import log as log_of
from .kernel import Kernel
from .loops import apply, apply_to_pair, loop
from .map_samples import map_samples

_erf = np.frompyfunc(math.erf, 1, 1)
SLOPE = 2 / math.sqrt(math.pi)


def exp_oracle(x: Any) -> Any:
    """e to the power x at every element of x (any shape); results below the normal numbers are 0."""
    with np.errstate(over="ignore", under="ignore"):
        return np.exp(x)


def exp_backward_oracle(g: Any, out: Any) -> Any:
    """The gradient of x, given that of the output and the output: g * out."""
    return g * out


def log_oracle(x: Any) -> Any:
    """The natural logarithm at every element of x (any shape); -inf at 0, NaN below."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.log(x)


def log_backward_oracle(g: Any, x: Any) -> Any:
    """The gradient of x, given that of the output: g / x."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return g / x


def erf_oracle(x: Any) -> Any:
    """The error function at every element of x (any shape)."""
    return np.asarray(_erf(np.asarray(x, np.float64)), x.dtype)


def erf_backward_oracle(g: Any, x: Any) -> Any:
    """The gradient of x, given that of the output: g * 2 / sqrt(pi) * exp(-x**2)."""
    with np.errstate(under="ignore"):
        return np.asarray(g * (SLOPE * np.exp(-np.square(x, dtype=np.float64))), x.dtype)


exp = Kernel("exp", exp_oracle, ulps=4)
exp_backward = Kernel("exp_backward", exp_backward_oracle, ulps=2)
log = Kernel("log", log_oracle, ulps=4)
log_backward = Kernel("log_backward", log_backward_oracle, ulps=2)
erf = Kernel("erf", erf_oracle, ulps=4)
erf_backward = Kernel("erf_backward", erf_backward_oracle, ulps=4)


def _positive(rng: np.random.Generator, shape: tuple[int, ...]) -> Any:
    return np.asarray(np.exp(4 * rng.normal(size=shape)))


exp.samples(map_samples(1))
exp_backward.samples(map_samples(2))
log.samples(map_samples(1, _positive))
log_backward.samples(map_samples(2, _positive))
erf.samples(map_samples(1))
erf_backward.samples(map_samples(2))


@loop
def exp_loop(start: int, stop: int, x: Any, out: Any) -> None:
    x, out = x[start:stop], out[start:stop]
    for i in range(x.size):
        out[i] = exp_of(x[i])


@loop
def log_loop(start: int, stop: int, x: Any, out: Any) -> None:
    x, out = x[start:stop], out[start:stop]
    for i in range(x.size):
        out[i] = log_of(x[i])


@loop
def erf_loop(start: int, stop: int, x: Any, out: Any) -> None:
    x, out = x[start:stop], out[start:stop]
    for i in range(x.size):
        out[i] = erf_of(x[i])


@loop
def erf_backward_loop(start: int, stop: int, g: Any, x: Any, dx: Any) -> None:
    g, x, dx = g[start:stop], x[start:stop], dx[start:stop]
    slope = x.dtype.type(1.1283791670955126)
    for i in range(g.size):
        dx[i] = g[i] * (slope * exp_of(-(x[i] * x[i])))


@exp.on("cpu")
def exp_cpu(x: Any) -> Any:
    return apply(exp_loop, x)


# One product and one quotient an element: NumPy's own loop has nothing to gain.
exp_backward.on("cpu")(exp_backward_oracle)
log_backward.on("cpu")(log_backward_oracle)


@log.on("cpu")
def log_cpu(x: Any) -> Any:
    return apply(log_loop, x)


@erf.on("cpu")
def erf_cpu(x: Any) -> Any:
    return apply(erf_loop, x)


@erf_backward.on("cpu")
def erf_backward_cpu(g: Any, x: Any) -> Any:
    return apply_to_pair(erf_backward_loop, g, x)
