"""Memory of the device is lent and comes back; copies and views are what they say."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from kernels.cuda import cuda
from kernels.on_cuda import memory
from kernels.on_cuda.array import ALIGNED, contiguous, empty, to_device
from kernels.on_cuda.copies import expanded, strided


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


@pytest.mark.parametrize("shape", [(4, 2, 8), (4, 3, 5), (3,), (2, 0)])
def test_some_of_the_first_axis_is_a_view(shape: tuple[int, ...]) -> None:
    x = draw(*shape)
    there = to_device(x)
    parts = [slice(1, None), slice(None, -1), slice(-1, None), slice(2, 1), slice(0, 9), 1, -1]

    for place in parts:
        assert there[place].shape == x[place].shape
        np.testing.assert_array_equal(there[place].numpy(), x[place])
    for view in (there[1:], there[1]):
        assert not view.size or np.asarray(view.memory).ctypes.data % ALIGNED == 0


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
    for place in (slice(None, None, 2), (0, 1), None, [0, 1], Ellipsis):
        with pytest.raises(TypeError, match="first axis"):
            there[place]
    with pytest.raises(IndexError, match="first axis has 3"):
        there[3]
