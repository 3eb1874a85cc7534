"""The words of vectors against NumPy, in the host's width and in the others."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from kernels import simd
from kernels.checked import WORDS
from kernels.jit import jit
from kernels.simd import (
    lanes,
    vabs,
    vadd,
    vdiv,
    vexp,
    vexponent,
    vfma,
    vgather,
    vhmax,
    vhmin,
    vhsum,
    viota,
    vlane,
    vload,
    vload_head,
    vmantissa,
    vmax,
    vmin,
    vmul,
    vneg,
    vrint,
    vscale2,
    vselect_eq,
    vselect_gt,
    vset1,
    vsqrt,
    vstore,
    vstore_head,
    vsub,
    vturn,
    vzero,
)

Array = Any
ROOT = Path(__file__).parents[2]
DTYPES = [np.float32, np.float64]


@jit
def everything(x: Array, y: Array, out: Array) -> None:
    """One row of `out` for each word, from the first vectors of x and y."""
    a, b = vload(x, 0), vload(y, 0)
    vstore(out[0], 0, vadd(a, b))
    vstore(out[1], 0, vsub(a, b))
    vstore(out[2], 0, vmul(a, b))
    vstore(out[3], 0, vdiv(a, b))
    vstore(out[4], 0, vfma(a, b, a))
    vstore(out[5], 0, vneg(a))
    vstore(out[6], 0, vabs(a))
    vstore(out[7], 0, vsqrt(vabs(a)))
    vstore(out[8], 0, vmax(a, b))
    vstore(out[9], 0, vmin(a, b))
    vstore(out[10], 0, vrint(a))
    vstore(out[11], 0, vselect_gt(a, b, vset1(x, 1.0), vzero(x)))
    vstore(out[12], 0, vselect_eq(a, a, a, b))
    vstore(out[13], 0, viota(x))
    vstore(out[14], 0, vgather(x, 1, 2))
    vstore(out[15], 0, vload_head(x, 0, 1))
    vstore_head(out[16], 0, a, 1)
    vstore(out[17], 0, vexponent(a))
    vstore(out[18], 0, vmantissa(a))
    vstore(out[19], 0, vscale2(a, vset1(x, -3.0)))
    out[20, 0] = vhsum(a)
    out[20, 1] = vlane(a, 1)
    out[21, 0], out[21, 1] = vhmax(a), vhmin(a)
    vturn(out[22:], 0, out.shape[1], x, 0, lanes(x), lanes(x))


@jit
def exponential(x: Array, y: Array) -> None:
    for i in range(0, x.size - lanes(x) + 1, lanes(x)):
        vstore(y, i, vexp(vload(x, i)))


@jit
def width(x: Array) -> int:
    return lanes(x)


@pytest.mark.parametrize("dtype", DTYPES)
def test_words_do_what_numpy_does(dtype: Any) -> None:
    rng = np.random.default_rng(3)
    n = int(width(np.zeros(1, dtype)))
    x, y = (rng.normal(size=n * n + 1).astype(dtype) * 3 for _ in range(2))
    out = np.full((22 + n, n), -7, dtype)
    everything(x, y, out)

    a, b = x[:n], y[:n]
    expected = [a + b, a - b, a * b, a / b, a * b + a, -a, abs(a), np.sqrt(abs(a))]
    expected += [np.maximum(a, b), np.minimum(a, b), np.rint(a), (a > b).astype(dtype), a]
    expected += [np.arange(n), x[1 : 2 * n : 2], a * (np.arange(n) == 0)]
    expected += [np.where(np.arange(n) == 0, a, -7)]
    expected += [np.floor(np.log2(abs(a))), abs(a) / 2 ** np.floor(np.log2(abs(a))), a / 8]
    np.testing.assert_allclose(out[:20], expected, rtol=4 * np.finfo(dtype).eps, atol=1e-6)
    np.testing.assert_allclose(out[20, :2], [a.sum(), a[1]], rtol=1e-5)
    assert tuple(out[21, :2]) == (a.max(), a.min())
    assert np.array_equal(out[22:], x[: n * n].reshape(n, n).T)


@pytest.mark.parametrize("dtype", DTYPES)
def test_exp_is_within_two_units_everywhere(dtype: Any) -> None:
    tiny, most = np.finfo(dtype).tiny, np.finfo(dtype).max
    ends = (-110, 92) if dtype is np.float32 else (-760, 715)
    x = np.linspace(*ends, 1 << 16).astype(dtype)
    y = np.empty_like(x)
    exponential(x, y)

    with np.errstate(all="ignore"):
        exact = np.exp(x.astype(np.longdouble))
        normal = (exact > tiny) & (exact < most)
        worst = (abs(y - exact) / exact)[normal].max() / np.finfo(dtype).eps
    assert worst <= 1.0  # of the epsilon, which is two units in the last place at most
    assert np.all(np.isinf(y[exact > most]))
    assert np.all(abs(y - exact)[exact < tiny] <= 2 * np.finfo(dtype).smallest_subnormal)


@pytest.mark.parametrize("dtype", DTYPES)
def test_exp_of_the_special_values(dtype: Any) -> None:
    x = np.resize(np.array([np.nan, np.inf, -np.inf, 0.0], dtype), 16)
    y = np.empty_like(x)
    exponential(x, y)

    assert np.array_equal(y, np.resize([np.nan, np.inf, 0.0, 1.0], 16), equal_nan=True)


@pytest.mark.parametrize("bits", [128, 256, 512])
def test_other_widths_do_the_same(bits: int) -> None:
    """In a child, since the width is chosen at the import; the cache keeps each width apart."""
    done = subprocess.run(
        [sys.executable, "-c", CHILD],
        cwd=ROOT,
        env={**os.environ, "LAB_SIMD_BITS": str(bits), "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == [str(bits // 32), "ok"]


CHILD = """
import numpy as np
from tests.kernels import test_simd as it
it.test_words_do_what_numpy_does(np.float32)
it.test_exp_is_within_two_units_everywhere(np.float32)
print(it.width(np.zeros(1, np.float32)), "ok")
"""


def test_every_word_has_its_checked_form() -> None:
    words = {name for name, value in vars(simd).items() if name[0] == "v" or name in ("lanes",)}
    assert words - {"vectors"} <= set(WORDS)
