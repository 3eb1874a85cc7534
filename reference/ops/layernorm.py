"""Layer normalisation: every row gets mean 0 and variance 1, then its own scale and shift."""

from __future__ import annotations

from typing import Any

from .. import backend
from ..errors import ShapeError
from ..op import Array, op


@op(residual=True)
def layer_norm(x: Array, gamma: Array, beta: Array, eps: float = 1e-5) -> Any:
    """(x - mean) / sqrt(var + eps) * gamma + beta over the last axis; var is the biased variance.

    Args:
        x: (..., C).
        gamma, beta: (C,).

    Source: Ba, Kiros & Hinton (2016), "Layer normalization".
    """
    width = x.shape[-1:]
    if not width or not width[0] or gamma.shape != width or beta.shape != width:
        raise ShapeError(
            f"layer_norm: x is {x.shape}, gamma is {gamma.shape}, beta is {beta.shape}; gamma and "
            "beta must be (C,) for x of (..., C), C >= 1."
        )
    y, mean, rstd = backend.layer_norm(x.reshape(-1, x.shape[-1]), gamma, beta, eps=eps)
    return y.reshape(x.shape), (mean, rstd)


@layer_norm.vjp
def layer_norm_vjp(g: Any, out: Any, x: Any, gamma: Any, beta: Any, eps: float = 1e-5) -> Any:
    share = 1.0 / x.shape[-1]
    centred = x - x.sum(axis=-1, keepdims=True) * share
    rstd = ((centred * centred).sum(axis=-1, keepdims=True) * share + eps) ** -0.5
    normal = centred * rstd
    u = g * gamma
    mean_u = u.sum(axis=-1, keepdims=True) * share
    mean_un = (u * normal).sum(axis=-1, keepdims=True) * share
    return (u - mean_u - normal * mean_un) * rstd, g * normal, g


@layer_norm.backward
def layer_norm_backward(
    g: Array, out: Array, saved: Any, x: Array, gamma: Array, beta: Array, eps: float
) -> Any:
    rows = x.reshape(-1, x.shape[-1])
    dx, dgamma, dbeta = backend.layer_norm_backward(g.reshape(rows.shape), rows, gamma, *saved)
    return dx.reshape(x.shape), dgamma, dbeta
