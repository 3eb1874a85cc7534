"""Memory of the device is lent and comes back; copies and views are what they say."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from kernels.cuda import cuda
from kernels.on_cuda import memory
from kernels.on_cuda.array import contiguous, empty, to_device
from kernels.on_cuda.copies import expanded, strided
from kernels.on_cuda.indexing import ALIGNED, put


def draw(*shape: int) -> Any:
    return np.random.default_rng(list(shape)).standard_normal(shape).astype(np.float32)


@pytest.fixture
def pool(monkeypatch: pytest.MonkeyPatch) -> memory.Pool:
    fresh = memory.Pool()
    monkeypatch.setattr("kernels.on_cuda.array.pool", fresh)
    return fresh


def test_a_piece_is_lent_again(pool: memory.Pool) -> None:
    first = empty((100, 100))
    assert (pool.asked, pool.lent, pool.held) == (1, 65536, 65536)
    view = first.reshape(10000)
    del first
    assert pool.lent == 65536, "a view keeps the memory"
    del view
    assert pool.lent == 0
    again = empty(9999)
    assert (pool.asked, pool.held) == (1, 65536)
    del again
    assert pool.release() == 65536 and pool.held == 0


def test_sizes_are_few() -> None:
    sizes = {memory.rounded(n) for n in range(1, 1 << 20, 777)}

    assert sizes <= {512 << k for k in range(12)}
    assert memory.rounded(3 << 20) == 3 << 20
    assert all(memory.rounded(n) >= n for n in (1, 512, 513, (1 << 20) + 1, 10**7))


def test_a_piece_is_for_the_stream_that_it_was_taken_in(pool: memory.Pool) -> None:
    one = empty(1000)
    del one
    with memory.working_in(cuda.stream()) as stream:
        assert memory.stream() is stream
        other = empty(1000)
        assert pool.asked == 2
        del other
        empty(1000)
        assert pool.asked == 2
    assert memory.stream() is memory.DEFAULT


def test_copies_of_arguments_live_until_the_launch(pool: memory.Pool) -> None:
    """Two turned arguments of one launch must not get the same memory for their plain copies."""
    x, y = draw(4, 6), draw(4, 6)[::-1].copy()
    total = to_device(x).T + to_device(y).T

    np.testing.assert_array_equal(total.numpy(), (x + y).T)


def test_views_and_copies() -> None:
    x = draw(2, 3, 5)
    there = to_device(x)

    np.testing.assert_array_equal(there.swapaxes(1, 2).numpy(), x.swapaxes(1, 2))
    np.testing.assert_array_equal(contiguous(there.swapaxes(1, 2)).numpy(), x.swapaxes(1, 2))
    np.testing.assert_array_equal(there.reshape(5, -1).numpy(), x.reshape(5, -1))
    np.testing.assert_array_equal(there.transpose(2, 0, 1).numpy(), x.transpose(2, 0, 1))
    np.testing.assert_array_equal(
        expanded(to_device(x[:, :1]), (4, 2, 3, 5)).numpy(), np.broadcast_to(x[:, :1], (4, 2, 3, 5))
    )
    np.testing.assert_array_equal(strided(there, (3, 2), (5, 15)).numpy(), x[:, :, 0].T)
    there[...] = 2 * x
    np.testing.assert_array_equal(there.numpy(), 2 * x)


def test_arithmetic_in_place_changes_the_array_itself() -> None:
    x = draw(3, 4)
    there = to_device(x)
    same = there
    there += to_device(x)
    there *= 0.5

    assert there is same
    np.testing.assert_array_equal(same.numpy(), x)


def test_an_array_of_the_device_is_none_of_the_host() -> None:
    there = to_device(draw(3))
    with pytest.raises(TypeError, match=r"\.numpy\(\)"):
        np.asarray(there)
    with pytest.raises(TypeError, match="float32"):
        to_device(np.zeros(3))
    with pytest.raises(TypeError, match="not written for CUDA"):
        np.sort(there)


INDICES = [
    ((4, 2, 8), np.s_[1:]),
    ((4, 2, 8), np.s_[:-1]),
    ((4, 2, 8), np.s_[-1]),
    ((4, 3, 5), np.s_[2]),
    ((4, 3, 5), np.s_[1:3, ..., 2]),
    ((4, 3, 5), np.s_[::-1, None, :, 3:0:-2]),
    ((4, 3, 5), np.s_[3, -1, 2]),
    ((4, 3, 5), np.s_[2:1]),
    ((2, 3, 2, 3, 2, 3), np.s_[:, 1:, :, :, :, 1]),
    ((3,), np.s_[0:9]),
    ((2, 0), np.s_[1]),
]


@pytest.mark.parametrize(("shape", "index"), INDICES)
def test_parts_and_the_way_back(shape: tuple[int, ...], index: Any, launches: Any) -> None:
    x = draw(*shape)
    part = to_device(x)[index]
    back = np.zeros(shape, np.float32)
    back[index] = x[index]

    assert part.shape == x[index].shape
    np.testing.assert_array_equal(part.numpy(), x[index])
    np.testing.assert_array_equal(put(part, index, shape).numpy(), back)
    assert not part.size or np.asarray(part.memory).ctypes.data % ALIGNED == 0
    assert [one for launch in launches for one in launch.findings] == []


@pytest.mark.parametrize("axis", [0, 1, -1])
def test_joins(axis: int, launches: Any) -> None:
    x, y = draw(2, 3, 4), draw(2, 3, 4) + 1
    there = [to_device(x), to_device(y), to_device(np.swapaxes(x, 1, 2).copy()).swapaxes(1, 2)]

    for join in (np.concatenate, np.stack):
        found: Any = join(there, axis)  # type: ignore[operator]
        np.testing.assert_array_equal(found.numpy(), join([x, y, x], axis))  # type: ignore[operator]
    with pytest.raises(ValueError, match="only axis 0 may differ"):
        np.concatenate([there[0], there[0][:, 1:]])
    with pytest.raises(ValueError, match="on the host"):
        np.concatenate([there[0], x])
    assert [one for launch in launches for one in launch.findings] == []


def test_a_view_begins_where_four_elements_can_be_loaded_and_keeps_the_memory(
    pool: memory.Pool,
) -> None:
    x = empty((4, 8))
    view, lent = x[1:], pool.lent
    del x
    assert pool.lent == lent and pool.asked == 1
    view.memory[...] = 3
    assert view[2:].numpy().tolist() == [[3] * 8]

    odd = empty((4, 3))
    odd[...] = 1
    copy = odd[1]
    odd[...] = 2
    assert copy.numpy().tolist() == [1, 1, 1]


def test_other_indices_are_refused() -> None:
    there = to_device(draw(3, 4))
    for index in ([0, 1], there, "a"):
        with pytest.raises(TypeError, match="integers, slices and arrays"):
            there[index]
    for index in (3, (0, 4), (0, 0, 0)):
        with pytest.raises(IndexError, match="getitem"):
            there[index]
