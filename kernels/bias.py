"""A bias added to every row, alone or together with the activation that follows it."""

from __future__ import annotations

from typing import Any

import numpy as np

from .elementary import exp_nonpositive, mills
from .gelu import gelu_oracle
from .kernel import Call, Kernel, call
from .loops import empty_like, loop


def bias_add_oracle(x: Any, b: Any, out: Any = None) -> Any:
    """x (R, C) + b (C,), in `out` (R, C), which may be x itself, where it is given."""
    return np.add(x, b, out=out)


def bias_relu_oracle(x: Any, b: Any, out: Any = None) -> Any:
    """max(x + b, 0) for x (R, C) and b (C,), in `out` (R, C), which may be x itself."""
    out = np.add(x, b, out=out)
    return np.maximum(out, 0, out=out)


def bias_gelu_oracle(x: Any, b: Any) -> tuple[Any, Any]:
    """(x + b, gelu(x + b)) for x (R, C) and b (C,); the gradient needs the first."""
    pre = x + b
    return pre, gelu_oracle(pre)


bias_add = Kernel("bias_add", bias_add_oracle, ulps=1)
bias_relu = Kernel("bias_relu", bias_relu_oracle, ulps=1)
bias_gelu = Kernel("bias_gelu", bias_gelu_oracle, ulps=4)


def _pairs(dtype: Any, rng: np.random.Generator) -> list[tuple[Any, Any]]:
    def some(*shape: int) -> Any:
        return rng.normal(size=shape).astype(dtype)

    return [
        (some(3, 5), some(5)),
        (some(2, 64), some(64)),
        (some(70, 37), some(37)),
        (some(0, 4), some(4)),
        (some(4, 0), some(0)),
        (some(9, 6).T, some(18)[::2]),
        (some(6, 50)[::2, ::-3], some(17)),
    ]


@bias_gelu.samples
def samples(dtype: Any, rng: np.random.Generator) -> list[Call]:
    return [call(x, b) for x, b in _pairs(dtype, rng)]


@bias_add.samples
@bias_relu.samples
def samples_with_out(dtype: Any, rng: np.random.Generator) -> list[Call]:
    pairs = _pairs(dtype, rng)
    x, b = pairs[2]
    return [
        *(call(x, b) for x, b in pairs),
        call(x, b, out=np.zeros_like(x)),
        call(x, b, out=np.zeros((70, 74), dtype)[:, ::2]),
    ]


@loop
def bias_add_loop(start: int, stop: int, x: Any, b: Any, out: Any) -> None:
    for i in range(start, stop):
        row, y = x[i], out[i]
        for j in range(b.size):
            y[j] = row[j] + b[j]


# In place the compiler must know that there is one array: told of two, it finds them to overlap and
# falls back to one element at a time.
@loop
def bias_add_in_place_loop(start: int, stop: int, x: Any, b: Any) -> None:
    for i in range(start, stop):
        row = x[i]
        for j in range(b.size):
            row[j] += b[j]


@loop
def bias_relu_loop(start: int, stop: int, x: Any, b: Any, out: Any) -> None:
    zero = x.dtype.type(0)
    for i in range(start, stop):
        row, y = x[i], out[i]
        for j in range(b.size):
            v = row[j] + b[j]
            y[j] = zero if v < zero else v


@loop
def bias_relu_in_place_loop(start: int, stop: int, x: Any, b: Any) -> None:
    zero = x.dtype.type(0)
    for i in range(start, stop):
        row = x[i]
        for j in range(b.size):
            v = row[j] + b[j]
            row[j] = zero if v < zero else v


@loop
def bias_gelu_loop(start: int, stop: int, x: Any, b: Any, pre: Any, out: Any) -> None:
    zero, half, one = x.dtype.type(0), x.dtype.type(0.5), x.dtype.type(1)
    for i in range(start, stop):
        row, before, y = x[i], pre[i], out[i]
        for j in range(b.size):
            v = row[j] + b[j]
            before[j] = v
            below = mills(abs(v)) * exp_nonpositive(-half * (v * v))
            y[j] = v * (below if v < zero else one - below)


@bias_add.on("cpu")
def bias_add_cpu(x: Any, b: Any, out: Any = None) -> Any:
    return _run(bias_add_loop, bias_add_in_place_loop, x, b, out)


@bias_relu.on("cpu")
def bias_relu_cpu(x: Any, b: Any, out: Any = None) -> Any:
    return _run(bias_relu_loop, bias_relu_in_place_loop, x, b, out)


def _run(apart: Any, in_place: Any, x: Any, b: Any, out: Any) -> Any:
    if b.shape != x.shape[1:]:
        raise ValueError(f"bias: b is {b.shape} and x {x.shape}. b must be as long as x's rows.")
    b = np.ascontiguousarray(b)
    if out is None:
        out = empty_like(x)
    elif out.shape != x.shape or out.dtype != x.dtype or not out.flags.c_contiguous:
        out[...] = _run(apart, in_place, x, b, None)
        return out
    elif out is x:
        in_place(0, x.shape[0], x, b)
        return x
    apart(0, x.shape[0], np.ascontiguousarray(x), b, out)
    return out


@bias_gelu.on("cpu")
def bias_gelu_cpu(x: Any, b: Any) -> tuple[Any, Any]:
    if b.shape != x.shape[1:]:
        raise ValueError(f"bias: b is {b.shape} and x {x.shape}. b must be as long as x's rows.")
    pre, out = empty_like(x), empty_like(x)
    bias_gelu_loop(0, x.shape[0], np.ascontiguousarray(x), np.ascontiguousarray(b), pre, out)
    return pre, out
