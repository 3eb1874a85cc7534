"""How the kernels use memory on whole tiles: coalesced, without bank conflicts, nothing twice."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import kernels
from kernels import on_cuda
from kernels.gpu_engine import Launch
from kernels.gpu_engine.judge import Budget, judge
from kernels.on_cuda.array import to_device

N = 4096
ROWS, COLUMNS = 64, 256


def draw(*shape: int) -> Any:
    return np.random.default_rng(list(shape)).standard_normal(shape).astype(np.float32)


def maps(arrays: int, *more: Any) -> Any:
    return lambda: ([draw(N) for _ in range(arrays)], more)


def rows(arrays: int) -> Any:
    return lambda: ([draw(ROWS, COLUMNS) for _ in range(arrays)], ())


def biased() -> Any:
    return [draw(ROWS, COLUMNS), draw(COLUMNS)], ()


def labelled() -> Any:
    return [draw(ROWS, COLUMNS), np.arange(ROWS) % COLUMNS], ()


def normed() -> Any:
    return [draw(ROWS, COLUMNS), draw(COLUMNS), draw(COLUMNS)], ()


def normed_backward() -> Any:
    x = draw(ROWS, COLUMNS)
    return [x, x, draw(COLUMNS), draw(ROWS), draw(ROWS)], ()


# What each kernel of the family may load of an element, times, per block.
CASES: dict[str, tuple[Any, float]] = {
    **{
        name: (maps(2 if name.endswith("backward") else 1), 1.1)
        for home in ("maps", "activations")
        for name in on_cuda.HOMES[home]
    },
    "bias_add": (biased, 1.1),
    "bias_gelu": (biased, 1.1),
    "bias_relu": (biased, 1.1),
    "sum_rows": (rows(1), 1.1),
    "max_rows": (rows(1), 1.1),
    "sum_columns": (rows(1), 1.1),
    "softmax": (rows(1), 3.1),
    "log_softmax": (rows(1), 3.1),
    "logsumexp": (rows(1), 2.1),
    "softmax_backward": (rows(2), 2.1),
    "log_softmax_backward": (rows(2), 2.1),
    "cross_entropy": (labelled, 3.2),
    "layer_norm": (normed, 3.1),
    "layer_norm_backward": (normed_backward, 2.1),
    "adam_step": (maps(4), 1.1),
    "sgd_step": (maps(3, 0.1, 0.9), 1.1),
}
# A bias, a label and a row's statistics are one element for many threads: cheap, from the cache.
SHARED = {"b", "labels", "means", "scales", "gamma", "beta"}


@pytest.mark.parametrize("name", CASES)
def test_memory_is_used_well(name: str, launches: list[Launch]) -> None:
    make, budget = CASES[name]
    arrays, more = make()
    on_cuda.load(name)
    device = [to_device(one) if one.dtype == np.float32 else one for one in arrays]
    kernels.get(name).devices["cuda"](*device, *more)

    assert launches
    for launch in launches:
        found = [one for one in judge(launch, Budget(budget)) if one.array not in SHARED]
        assert found == [], launch.kernel
        assert launch.divergence > 0.8


def test_a_transposed_copy_goes_through_a_tile(launches: list[Launch]) -> None:
    from kernels.on_cuda.array import contiguous

    x = draw(64, 128)
    there = contiguous(to_device(x).T)

    np.testing.assert_array_equal(there.numpy(), x.T)
    assert [judge(one, Budget(1.1)) for one in launches] == [()]
