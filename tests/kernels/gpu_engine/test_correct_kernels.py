"""Correct kernels: results equal NumPy's, and nothing is found."""

from __future__ import annotations

import numpy as np
import pytest

from .stage import ENGINE, KERNELS, run

RAGGED = [(name, size) for name, kernel in KERNELS.items() for size in kernel.sizes]


@pytest.mark.parametrize(("name", "size"), RAGGED)
def test_ragged_sizes(name: str, size: tuple[int, ...]) -> None:
    outcome = run(ENGINE, name, size)

    assert outcome.findings == ()
    np.testing.assert_allclose(outcome.result, outcome.expected, rtol=1e-4, atol=2e-4)


@pytest.mark.parametrize("name", KERNELS)
def test_even_sizes_with_counters(name: str) -> None:
    outcome = run(ENGINE, name, KERNELS[name].even, judged=True)

    assert outcome.findings == ()
    np.testing.assert_allclose(outcome.result, outcome.expected, rtol=1e-4, atol=2e-4)


def test_causal_flash_attention_reads_no_more() -> None:
    outcome = run(ENGINE, "flash_attention", (64, 128, 1), judged=True)

    assert outcome.findings == ()
    np.testing.assert_allclose(outcome.result, outcome.expected, rtol=1e-4, atol=2e-4)


@pytest.mark.parametrize("name", ["vecadd", "matmul_shared", "softmax_rows"])
def test_results_do_not_depend_on_the_analysis_or_the_batch(name: str) -> None:
    from kernels.gpu_engine.host import launch_geometry

    inputs, expected = KERNELS[name].case(*KERNELS[name].even)
    found = []
    for analyze, lanes in ((True, 256), (False, 256), (False, 1 << 14)):
        result = np.full(expected.shape, np.nan, np.float32)
        grid, block = launch_geometry(ENGINE.program, name, (*inputs, result))  # type: ignore[misc]
        ENGINE.launch(name, grid, block, *inputs, result, analyze=analyze, batch_lanes=lanes)
        found.append(result)

    np.testing.assert_array_equal(found[0], found[1])
    np.testing.assert_array_equal(found[0], found[2])
