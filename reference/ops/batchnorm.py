"""Batch normalisation: every channel gets mean 0 and variance 1 over the batch."""

from __future__ import annotations

import math
from typing import Any

from .. import backend
from ..errors import ShapeError
from ..op import Array, op
from .reduce import axes_of

Axis = int | tuple[int, ...] | None


def _layout(x: Any, axes: Axis) -> tuple[tuple[int, ...], tuple[int, ...], bool]:
    """The reduced axes, the shape of the channels, and whether x is (N, C, ...) over all but C."""
    reduced = axes_of(axes, x.ndim, "batch_norm")
    channels = tuple([n for i, n in enumerate(x.shape) if i not in reduced])
    return reduced, channels, reduced == (0, *range(2, x.ndim)) and x.ndim > 1


@op(residual=True)
def batch_norm(x: Array, gamma: Array, beta: Array, eps: float = 1e-5, axes: Axis = (0,)) -> Any:
    """(x - mean) / sqrt(var + eps) * gamma + beta over `axes`; var is the biased variance.

    Args:
        x: (N, C) with axes (0,), (N, C, H, W) with axes (0, 2, 3), or any other.
        gamma, beta: the shape that is left without `axes`.

    Source: Ioffe & Szegedy (2015), "Batch normalization: accelerating deep network training by
    reducing internal covariate shift".
    """
    reduced, channels, usual = _layout(x, axes)
    if gamma.shape != channels or beta.shape != channels or not x.size:
        raise ShapeError(
            f"batch_norm: x is {x.shape}, axes are {axes}, gamma is {gamma.shape}, beta is "
            f"{beta.shape}; gamma and beta must be {channels}, and x must not be empty."
        )
    if usual:
        cube = x.reshape(*x.shape[:2], -1)
        y, mean, rstd = backend.batch_norm(cube, gamma, beta, eps=eps)
        return y.reshape(x.shape), (mean, rstd)
    kept = tuple([1 if i in reduced else n for i, n in enumerate(x.shape)])
    mean = x.mean(reduced, keepdims=True)
    rstd = (x.var(reduced, keepdims=True) + eps) ** -0.5
    y = (x - mean) * (rstd * gamma.reshape(kept)) + beta.reshape(kept)
    return y.astype(x.dtype, copy=False), (mean.reshape(channels), rstd.reshape(channels))


@batch_norm.vjp
def batch_norm_vjp(
    g: Any, out: Any, x: Any, gamma: Any, beta: Any, eps: float = 1e-5, axes: Axis = (0,)
) -> Any:
    reduced, channels, _ = _layout(x, axes)
    kept = tuple([1 if i in reduced else n for i, n in enumerate(x.shape)])
    share = 1.0 / math.prod([x.shape[a] for a in reduced])
    centred = x - x.sum(axis=reduced, keepdims=True) * share
    rstd = ((centred * centred).sum(axis=reduced, keepdims=True) * share + eps) ** -0.5
    normal = centred * rstd
    into_gamma = (g * normal).sum(axis=reduced, keepdims=True)
    into_beta = g.sum(axis=reduced, keepdims=True)
    into_x = (g - (into_beta + normal * into_gamma) * share) * (rstd * gamma.reshape(kept))
    return into_x, into_gamma.reshape(channels), into_beta.reshape(channels)


@batch_norm.backward
def batch_norm_backward(
    g: Array, out: Array, saved: Any, x: Array, gamma: Array, beta: Array, eps: float, axes: Axis
) -> Any:
    if not _layout(x, axes)[2]:
        return batch_norm._fitted(g, out, saved, x, gamma, beta, eps, axes)
    cube = x.reshape(*x.shape[:2], -1)
    dx, dgamma, dbeta = backend.batch_norm_backward(g.reshape(cube.shape), cube, gamma, *saved)
    return dx.reshape(x.shape), dgamma, dbeta
