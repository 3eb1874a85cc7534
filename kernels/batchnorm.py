"""Batch normalisation over samples and positions and its gradients.

Statistics are merged run by run: each run of positions, read once, gives its mean and its sum of
squares about that mean, and two such pairs make one. Nothing cancels, and x is read from memory
twice instead of three times.

Source: Ioffe & Szegedy (2015), "Batch normalization"; Chan, Golub & LeVeque (1979), "Updating
formulae and a pairwise algorithm for computing sample variances", for the merging.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from .kernel import Call, Kernel, call
from .loops import empty, empty_like, like, loop


def batch_norm_oracle(x: Any, gamma: Any, beta: Any, eps: float = 1e-5) -> tuple[Any, Any, Any]:
    """(x - mean) / sqrt(var + eps) * gamma + beta for each channel of x (N, C, S), var biased.

    Args:
        gamma, beta: (C,).

    Returns:
        (y, mean, rstd): (N, C, S), (C,) and (C,) with rstd = 1 / sqrt(var + eps).
    """
    count = x.dtype.type(max(1, x.shape[0] * x.shape[2]))
    mean = x.sum(axis=(0, 2)) / count
    centred = x - mean[:, None]
    rstd = 1 / np.sqrt((centred * centred).sum(axis=(0, 2)) / count + x.dtype.type(eps))
    return centred * (rstd * gamma)[:, None] + beta[:, None], mean, rstd


def batch_norm_backward_oracle(
    g: Any, x: Any, gamma: Any, mean: Any, rstd: Any
) -> tuple[Any, Any, Any]:
    """The gradients (dx, dgamma, dbeta), given that of y, the input and what the forward saved.

    With h = (x - mean) * rstd: dx = gamma * rstd * (g - mean(g) - h * mean(g * h)).
    """
    count = x.dtype.type(max(1, x.shape[0] * x.shape[2]))
    h = (x - mean[:, None]) * rstd[:, None]
    dbeta, dgamma = g.sum(axis=(0, 2)), (g * h).sum(axis=(0, 2))
    inner = g - (dbeta / count)[:, None] - h * (dgamma / count)[:, None]
    return (gamma * rstd)[:, None] * inner, dgamma, dbeta


batch_norm = Kernel("batch_norm", batch_norm_oracle, ulps=64)
batch_norm_backward = Kernel("batch_norm_backward", batch_norm_backward_oracle, ulps=256)


def _draw(dtype: Any, rng: np.random.Generator) -> list[tuple[Any, Any, Any]]:
    def some(*shape: int) -> Any:
        return rng.normal(size=shape).astype(dtype)

    return [
        (some(3, 2, 4), some(2), some(2)),
        (some(4, 3, 49) * 3 + 2, some(3), some(3)),
        (some(33, 21, 1), some(21), some(21)),
        (some(2, 1, 8), some(1), some(1)),
        (some(0, 3, 2), some(3), some(3)),
        (some(3, 2, 0), some(2), some(2)),
        (some(5, 12, 4).transpose(2, 1, 0), some(36)[::3], some(24)[::-2]),
    ]


@batch_norm.samples
def samples(dtype: Any, rng: np.random.Generator) -> list[Call]:
    return [
        call(x, gamma, beta, eps=1e-3 if len(x) == 3 else 1e-5)
        for x, gamma, beta in _draw(dtype, rng)
    ]


@batch_norm_backward.samples
def backward_samples(dtype: Any, rng: np.random.Generator) -> list[Call]:
    made = []
    for x, gamma, beta in _draw(dtype, rng):
        _, mean, rstd = batch_norm_oracle(x, gamma, beta, 1e-2)
        made.append(call(rng.normal(size=x.shape).astype(dtype), x, gamma, mean, rstd))
    return made


@loop
def batch_norm_loop(
    start: int, stop: int, x: Any, gamma: Any, beta: Any, eps: float, y: Any, mean: Any, rstd: Any
) -> None:
    samples, _, positions = x.shape
    zero, one = x.dtype.type(0), x.dtype.type(1)
    share = x.dtype.type(1.0 / max(1, positions))
    least = x.dtype.type(eps)
    for c in range(start, stop):
        middle, squares = zero, zero
        for n in range(samples):
            run = x[n, c]
            total = zero
            for s in range(positions):
                total += run[s]
            centre = total * share
            spread = zero
            for s in range(positions):
                spread += (run[s] - centre) * (run[s] - centre)
            # n runs are merged already: this one weighs 1 / (n + 1).
            weight = x.dtype.type(1.0 / (n + 1))
            step = centre - middle
            middle += step * weight
            squares += spread + step * step * x.dtype.type(positions * n / (n + 1.0))
        count = x.dtype.type(1.0 / max(1, samples * positions))
        scale = one / np.sqrt(squares * count + least)
        mean[c], rstd[c] = middle, scale
        slope = scale * gamma[c]
        shift = beta[c]
        for n in range(samples):
            run, out = x[n, c], y[n, c]
            for s in range(positions):
                out[s] = (run[s] - middle) * slope + shift


@loop
def batch_norm_flat_loop(
    start: int,
    stop: int,
    x: Any,
    gamma: Any,
    beta: Any,
    eps: float,
    y: Any,
    mean: Any,
    rstd: Any,
) -> None:
    """The same for x (N, C): vectors lie along the channels."""
    samples, channels = x.shape[0], stop - start
    zero, one = x.dtype.type(0), x.dtype.type(1)
    share = x.dtype.type(1.0 / max(1, samples))
    least = x.dtype.type(eps)
    middle, scale = mean[start:stop], rstd[start:stop]
    slope, shift = gamma[start:stop], beta[start:stop]
    middle[:] = zero
    scale[:] = zero
    for n in range(samples):
        row = x[n, start:stop]
        for c in range(channels):
            middle[c] += row[c]
    for c in range(channels):
        middle[c] *= share
    for n in range(samples):
        row = x[n, start:stop]
        for c in range(channels):
            scale[c] += (row[c] - middle[c]) * (row[c] - middle[c])
    for c in range(channels):
        scale[c] = one / np.sqrt(scale[c] * share + least)
    for n in range(samples):
        row, out = x[n, start:stop], y[n, start:stop]
        for c in range(channels):
            out[c] = (row[c] - middle[c]) * (scale[c] * slope[c]) + shift[c]


@loop
def batch_norm_backward_loop(
    start: int,
    stop: int,
    x: Any,
    g: Any,
    gamma: Any,
    mean: Any,
    rstd: Any,
    dx: Any,
    dgamma: Any,
    dbeta: Any,
) -> None:
    samples, _, positions = x.shape
    zero = x.dtype.type(0)
    share = x.dtype.type(1.0 / max(1, samples * positions))
    for c in range(start, stop):
        middle, scale = mean[c], rstd[c]
        first, second = zero, zero
        for n in range(samples):
            run, gradient = x[n, c], g[n, c]
            total, product = zero, zero  # sums of sums keep their digits
            for s in range(positions):
                total += gradient[s]
                product += gradient[s] * (run[s] - middle)
            first += total
            second += product
        second *= scale
        dbeta[c], dgamma[c] = first, second
        slope = gamma[c] * scale
        less, tilt = first * share, second * share * scale
        for n in range(samples):
            run, gradient, d = x[n, c], g[n, c], dx[n, c]
            for s in range(positions):
                d[s] = slope * (gradient[s] - less - (run[s] - middle) * tilt)


@loop
def batch_norm_flat_backward_loop(
    start: int,
    stop: int,
    x: Any,
    g: Any,
    gamma: Any,
    mean: Any,
    rstd: Any,
    dx: Any,
    dgamma: Any,
    dbeta: Any,
) -> None:
    """The same for x (N, C)."""
    samples, channels = x.shape[0], stop - start
    zero = x.dtype.type(0)
    share = x.dtype.type(1.0 / max(1, samples))
    middle, scale, slope = mean[start:stop], rstd[start:stop], gamma[start:stop]
    first, second = dbeta[start:stop], dgamma[start:stop]
    first[:] = zero
    second[:] = zero
    for n in range(samples):
        row, gradient = x[n, start:stop], g[n, start:stop]
        for c in range(channels):
            first[c] += gradient[c]
            second[c] += gradient[c] * ((row[c] - middle[c]) * scale[c])
    for n in range(samples):
        row, gradient, d = x[n, start:stop], g[n, start:stop], dx[n, start:stop]
        for c in range(channels):
            h = (row[c] - middle[c]) * scale[c]
            d[c] = slope[c] * scale[c] * (gradient[c] - (first[c] + h * second[c]) * share)


@batch_norm.on("cpu")
def batch_norm_cpu(x: Any, gamma: Any, beta: Any, eps: float = 1e-5) -> tuple[Any, Any, Any]:
    samples, channels, positions = x.shape
    _check("batch_norm", channels, gamma, beta)
    x = np.ascontiguousarray(x)
    y = empty_like(x)
    mean, rstd = empty(channels, channels, x.dtype), empty(channels, channels, x.dtype)
    vectors = np.ascontiguousarray(gamma), np.ascontiguousarray(beta), float(eps)
    if positions == 1:
        flat = samples, channels
        batch_norm_flat_loop(0, channels, x.reshape(flat), *vectors, y.reshape(flat), mean, rstd)
    else:
        batch_norm_loop(0, channels, x, *vectors, y, mean, rstd)
    return y, mean, rstd


@batch_norm_backward.on("cpu")
def batch_norm_backward_cpu(
    g: Any, x: Any, gamma: Any, mean: Any, rstd: Any
) -> tuple[Any, Any, Any]:
    samples, channels, positions = x.shape
    _check("batch_norm_backward", channels, gamma, mean, rstd)
    g, x = np.ascontiguousarray(like(g, x)), np.ascontiguousarray(x)
    dx = empty_like(x)
    dgamma, dbeta = empty(channels, channels, x.dtype), empty(channels, channels, x.dtype)
    vectors = (
        np.ascontiguousarray(gamma),
        np.ascontiguousarray(mean),
        np.ascontiguousarray(rstd),
    )
    if positions == 1:
        flat = samples, channels
        batch_norm_flat_backward_loop(
            0, channels, x.reshape(flat), g.reshape(flat), *vectors, dx.reshape(flat), dgamma, dbeta
        )
    else:
        batch_norm_backward_loop(0, channels, x, g, *vectors, dx, dgamma, dbeta)
    return dx, dgamma, dbeta


def _check(name: str, channels: int, *vectors: Any) -> None:
    for one in vectors:
        if one.shape != (channels,):
            raise ValueError(
                f"{name}: a vector is {one.shape}. Beside this x it must be ({channels},)."
            )
