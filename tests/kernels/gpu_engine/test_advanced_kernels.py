"""Correct kernels of a practised hand: right results, and not one finding."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from kernels.gpu_engine import Engine
from kernels.gpu_engine.judge import judge

from .stage import draw

ENGINE = Engine(Path(__file__).with_name("advanced.py").read_text(encoding="utf-8"), "advanced.py")
Result = tuple[Any, Any, tuple[Any, ...], list[tuple[Any, Any]]]


def gemm_double_buffered() -> Result:
    a, b, c = draw(128, 128), draw(128, 128) + 1, np.zeros(128 * 128, np.float32)
    return (2, 2), 256, (a.ravel(), b.ravel(), c, 128), [(c, (a @ b).ravel())]


def layer_norm() -> Result:
    x, gamma, beta, out = draw(8, 192), draw(192), draw(192, 1).ravel(), np.zeros((8, 192), "f")
    expected = (x - x.mean(1, keepdims=True)) / np.sqrt(x.var(1, keepdims=True) + 1e-5)
    arguments = (x, gamma, beta, out, np.float32(1e-5))
    return 8, 128, arguments, [(out, expected * gamma + beta)]


def histogram() -> Result:
    x = np.random.default_rng(1).integers(0, 1000, 5000).astype(np.int32)
    counts = np.zeros(32, np.int32)
    return 6, 64, (x, counts), [(counts, np.bincount(x % 32, minlength=32))]


def blur() -> Result:
    x, out = draw(50, 70), np.zeros((50, 70), np.float32)
    padded = np.pad(x, 1)
    weights = np.outer([1, 2, 1], [1, 2, 1]) / 16
    expected = sum(
        weights[i, j] * padded[i : i + 50, j : j + 70] for i in range(3) for j in range(3)
    )
    return (5, 4), (16, 16), (x, out), [(out, expected)]


def scan_warps() -> Result:
    x, out = draw(512), np.zeros(512, np.float32)
    return 2, 256, (x, out), [(out, np.cumsum(x.reshape(2, 256), 1).ravel())]


def adam() -> Result:
    p, g, m, v = draw(1000), draw(1000, 1).ravel(), draw(1000, 2)[:, 0].copy(), draw(1000) ** 2
    b1, b2 = 0.9, 0.999
    m1, v1 = b1 * m + (1 - b1) * g, b2 * v + (1 - b2) * g * g
    expected = [(p, p - 0.1 * m1 / (np.sqrt(v1) + 1e-8)), (m, m1), (v, v1)]
    numbers = tuple(np.float32(one) for one in (0.1, b1, b2, 1e-8))
    return 8, 128, (p, g, m, v, *numbers), expected


CASES = (gemm_double_buffered, layer_norm, histogram, blur, scan_warps, adam)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.__name__)
@pytest.mark.parametrize("lanes", [256, 1 << 14])
def test_nothing_is_found(case: Any, lanes: int) -> None:
    grid, block, arguments, results = case()
    launch = ENGINE.launch(case.__name__, grid, block, *arguments, batch_lanes=lanes)

    assert launch.findings == ()
    for found, expected in results:
        np.testing.assert_allclose(found, expected, rtol=1e-4, atol=2e-4)


def test_every_kernel_has_a_case() -> None:
    assert set(ENGINE.program.kernels) == {case.__name__ for case in CASES}


@pytest.mark.parametrize("case", [layer_norm, gemm_double_buffered])
def test_their_memory_accesses_are_good(case: Any) -> None:
    grid, block, arguments, _ = case()
    launch = ENGINE.launch(case.__name__, grid, block, *arguments)
    kinds = {(one.kind, one.array) for one in judge(launch)}

    # The store of a transposed tile by columns is the known price of this layout.
    assert kinds <= {("bank-conflict", "at")}
