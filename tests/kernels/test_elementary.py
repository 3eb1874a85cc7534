"""Exponential, logarithm, tanh, logistic and error function: as exact as their files say."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

import kernels

ERF = np.frompyfunc(math.erf, 1, 1)
ERFC = np.frompyfunc(math.erfc, 1, 1)
DTYPES = ("float32", "float64")
COUNT = 100_003


def grid(low: float, high: float, dtype: str) -> Any:
    return np.linspace(low, high, COUNT).astype(dtype)


def wide(x: Any) -> Any:
    """In more digits than the kernel has, where the machine offers any."""
    return x.astype(np.float64 if x.dtype == np.float32 else np.longdouble)


def relative(got: Any, wanted: Any) -> float:
    return float(np.max(np.abs(wide(got) - wanted) / np.abs(wanted)))


@pytest.mark.parametrize(
    ("dtype", "low", "high", "near", "far"),
    [("float32", -86.9, 88.7, 1.3e-7, 4e-7), ("float64", -707.7, 709.7, 3e-16, 3e-16)],
)
def test_exp_is_as_exact_as_stated(
    dtype: str, low: float, high: float, near: float, far: float
) -> None:
    x, small = grid(low, high, dtype), grid(-10, 10, dtype)

    assert relative(kernels.get("exp")(x), np.exp(wide(x))) <= far
    assert relative(kernels.get("exp")(small), np.exp(wide(small))) <= near


@pytest.mark.parametrize("dtype", DTYPES)
def test_exp_at_the_ends(dtype: str) -> None:
    last = 88.72 if dtype == "float32" else 709.78
    x = np.array([-np.inf, -1e4, np.inf, 1e4, last, np.nan, 0.0, -0.0] * 5, dtype)
    got = kernels.get("exp")(x)[:8]

    assert np.array_equal(got[[0, 1, 2, 3, 6, 7]], [0, 0, np.inf, np.inf, 1, 1])
    assert np.isfinite(got[4])
    assert np.isnan(got[5])


@pytest.mark.parametrize(("dtype", "most"), [("float32", 2.2e-7), ("float64", 4.5e-16)])
def test_erf_is_as_exact_as_stated(dtype: str, most: float) -> None:
    """Relative, so that it holds near zero as well."""
    x = grid(-6, 6, dtype)
    x = x[x != 0]
    tiny = np.array([1e-30, -1e-20, 1e-7, -1e-3] * 5, dtype)
    erf = kernels.get("erf")

    assert relative(erf(x), ERF(x.astype(np.float64)).astype(np.float64)) <= most
    assert relative(erf(tiny), ERF(tiny.astype(np.float64)).astype(np.float64)) <= most


@pytest.mark.parametrize("dtype", DTYPES)
def test_erf_at_the_ends(dtype: str) -> None:
    got = kernels.get("erf")(np.array([-np.inf, np.inf, 50.0, -50.0, 0.0, np.nan] * 5, dtype))[:6]

    assert np.array_equal(got[:5], [-1, 1, 1, -1, 0])
    assert np.isnan(got[5])


@pytest.mark.parametrize(("dtype", "most"), [("float32", 8e-7), ("float64", 6e-15)])
def test_gelu_keeps_its_digits_far_below_zero(dtype: str, most: float) -> None:
    """There x * (1 + erf(x / sqrt(2))) / 2 has lost them all."""
    x = grid(-5, 8, dtype)
    x = x[x != 0]
    w = x.astype(np.float64)
    exact = w * 0.5 * ERFC(w / -math.sqrt(2)).astype(np.float64)

    assert relative(kernels.get("gelu")(x), exact) <= most


@pytest.mark.parametrize(("dtype", "most"), [("float32", 3), ("float64", 3)])
def test_log_tanh_and_sigmoid_are_within_ulps(dtype: str, most: int) -> None:
    eps = np.finfo(dtype).eps
    x = np.exp(grid(-80, 80, "float64")).astype(dtype)
    x = x[x != 1]
    y = grid(-20, 20, dtype)
    y = y[y != 0]
    z = grid(-80, 20, dtype)

    assert relative(kernels.get("log")(x), np.log(wide(x))) <= most * eps
    assert relative(kernels.get("tanh")(y), np.tanh(wide(y))) <= most * eps
    assert relative(kernels.get("sigmoid")(z), 1 / (1 + np.exp(-wide(z)))) <= most * eps


@pytest.mark.parametrize("dtype", DTYPES)
def test_log_at_the_ends(dtype: str) -> None:
    least = np.finfo(dtype).smallest_subnormal
    got = kernels.get("log")(np.array([0.0, -0.0, -1.0, np.inf, np.nan, 1.0, least] * 5, dtype))

    assert np.array_equal(got[[0, 1, 3, 5]], [-np.inf, -np.inf, np.inf, 0])
    assert np.isnan(got[[2, 4]]).all()
    assert got[6] == pytest.approx(math.log(float(least)), rel=1e-6)
