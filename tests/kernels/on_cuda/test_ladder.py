"""Each step of the ladder of products: right, clean, and better than the one before."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from kernels.gpu_engine import Launch
from kernels.gpu_engine.judge import judge
from kernels.on_cuda import gemm, gemm_ladder
from kernels.on_cuda.array import to_device

STEPS = ("naive", "shared", "thread_tiled", "vectorised")


def draw(*shape: int) -> Any:
    return np.random.default_rng(list(shape)).standard_normal(shape).astype(np.float32)


def step(name: str, m: int, depth: int, n: int) -> tuple[Launch, Any, Any]:
    """The launch, the result and what it should be."""
    a, b, c = draw(m, depth), draw(depth, n), np.full((m, n), np.nan, np.float32)
    arguments = (a, b, c)
    if name == "vectorised":
        arguments = (a.ravel(), b.ravel(), c.reshape(-1), m, n, depth)
    grid, block = gemm_ladder.geometry(name, m, n)
    launch = getattr(gemm_ladder, name).launch(grid, block, *arguments, outputs=1)
    return launch, c, a @ b


def served(
    m: int, depth: int, n: int, a_deep: bool = True, b_deep: bool = False, *, large: bool = False
) -> tuple[Launch, Any, Any]:
    """The same for the kernels that serve."""
    a, b, c = draw(m, depth), draw(depth, n), np.full(m * n, np.nan, np.float32)
    lying = (a if a_deep else a.T).ravel(), (b.T if b_deep else b).ravel()
    side = gemm.LARGE if large else gemm.SIDE
    launch = (gemm.gemm_register_tiled if large else gemm.gemm_double_buffered).launch(
        (-(-n // side), -(-m // side)),
        256,
        *map(np.ascontiguousarray, lying),
        c,
        m,
        n,
        depth,
        0,
        0,
        a_deep,
        b_deep,
        outputs=1,
    )
    return launch, c.reshape(m, n), a @ b


def right(got: Any, wanted: Any) -> None:
    np.testing.assert_allclose(got, wanted, rtol=1e-4, atol=2e-4)


@pytest.mark.parametrize("size", [(1, 1, 1), (33, 17, 70), (70, 0, 20)])
@pytest.mark.parametrize("name", STEPS[:3])
def test_ragged_sizes(name: str, size: tuple[int, int, int]) -> None:
    launch, got, wanted = step(name, *size)

    right(got, wanted)
    assert launch.findings == ()


@pytest.mark.parametrize("name", STEPS)
def test_memory_is_used_well_on_whole_tiles(name: str) -> None:
    launch, got, wanted = step(name, 64, 64, 128)

    right(got, wanted)
    assert launch.findings == () and judge(launch) == ()


@pytest.mark.parametrize("b_deep", [False, True])
@pytest.mark.parametrize("a_deep", [False, True])
def test_the_last_step_reads_every_layout_well(a_deep: bool, b_deep: bool) -> None:
    launch, got, wanted = served(64, 48, 128, a_deep, b_deep)

    right(got, wanted)
    assert launch.findings == () and judge(launch) == ()


@pytest.mark.parametrize("b_deep", [False, True])
@pytest.mark.parametrize("a_deep", [False, True])
def test_the_large_tile_reads_every_layout_well(a_deep: bool, b_deep: bool) -> None:
    launch, got, wanted = served(128, 24, 128, a_deep, b_deep, large=True)

    right(got, wanted)
    assert launch.findings == () and judge(launch) == ()
    assert launch.loaded_elements == 2 * 128 * 24


@pytest.mark.parametrize("size", [(1, 1, 1), (130, 11, 131), (5, 0, 8), (129, 9, 132)])
@pytest.mark.parametrize("deep", [False, True])
def test_the_large_tile_on_ragged_sizes(size: tuple[int, int, int], deep: bool) -> None:
    launch, got, wanted = served(*size, deep, not deep, large=True)

    right(got, wanted)
    assert launch.findings == ()


def test_many_large_tiles_are_taken_large(launches: list[Launch]) -> None:
    a, b = draw(gemm.MANY, 3, 2), draw(gemm.MANY, 2, 5)
    found = gemm.gemm_cuda(to_device(a), to_device(b))
    gemm.gemm_cuda(to_device(a[1:]), to_device(b[1:]))

    right(found.numpy(), a @ b)
    assert [one.kernel for one in launches] == ["gemm_register_tiled", "gemm_double_buffered"]


def test_each_step_loads_less_and_the_last_waits_less() -> None:
    done = [step(name, 128, 64, 128)[0] for name in STEPS]
    last = served(128, 64, 128)[0]
    loaded = [one.loaded_elements for one in done]
    requests = [sum(c.requests for c in one.counters if c.space != "local") for one in done]

    assert loaded[0] == 2 * 128 * 128 * 64  # two loads a multiply-add
    assert loaded[1] == loaded[0] / 32 and loaded[2] == loaded[0] / 64
    assert loaded[3] == loaded[2] == last.loaded_elements
    assert requests[1] > 2 * requests[2] > 4 * requests[3]
    assert last.barriers < done[3].barriers
