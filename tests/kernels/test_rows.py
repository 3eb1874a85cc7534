"""Softmax and its like at the ends of the numbers, sums in every order, errors, several threads."""

from __future__ import annotations

import threading
from typing import Any

import numpy as np
import pytest

import kernels
import kernels.gelu
import kernels.softmax
from kernels import crew, loops, memory, threads
from kernels.checked import OutsideError, checked
from kernels.loops import Loop

DTYPES = ("float32", "float64")


def get(name: str) -> Any:
    return kernels.get(name)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("columns", [3, 10, 40])
def test_softmax_of_huge_numbers(dtype: str, columns: int) -> None:
    x = np.full((3, columns), -1e5, dtype)
    x[0, 1] = 1e5
    x[1] = 1e5
    p = get("softmax")(x)

    assert p[0, 1] == 1 and p[0].sum() == 1
    assert np.allclose(p[1:], 1 / columns, rtol=1e-6)
    assert np.array_equal(get("logsumexp")(x)[:1], np.asarray([1e5], dtype))


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("columns", [5, 21])
def test_what_is_masked_has_probability_zero(dtype: str, columns: int) -> None:
    x = np.zeros((3, columns), dtype)
    x[0, 2:] = -np.inf
    x[1] = -np.inf
    p, q, s = get("softmax")(x), get("log_softmax")(x), get("logsumexp")(x)

    assert np.array_equal(p[0, :2], [0.5, 0.5]) and not p[0, 2:].any()
    assert np.array_equal(q[0, 2:], np.full(columns - 2, -np.inf))
    assert np.isnan(p[1]).all() and np.isnan(q[1]).all() and s[1] == -np.inf
    assert np.isfinite(p[2]).all()


@pytest.mark.parametrize("dtype", DTYPES)
def test_a_huge_logit_keeps_the_digits_of_the_loss(dtype: str) -> None:
    x = np.array([[1e5, 1e5 - 1, 1e5 - 2]], dtype)
    x = np.concatenate([x] * 9, axis=1)  # whole vectors and a rest
    loss, _ = get("cross_entropy")(x, np.array([1]))
    logs = get("log_softmax")(x)

    wanted = 1 + np.log(9 * (1 + np.exp(-1.0) + np.exp(-2.0)))
    assert loss == pytest.approx(wanted, rel=4 * np.finfo(dtype).eps)
    assert logs[0, 1::3] == pytest.approx(np.full(9, -wanted), rel=4 * np.finfo(dtype).eps)


def test_nan_is_seen() -> None:
    x = np.zeros((2, 30), np.float32)
    x[0, 17] = np.nan

    for name in ("softmax", "log_softmax", "logsumexp", "max_rows", "sum_rows"):
        got = get(name)(x)
        assert np.isnan(got[0]).all() and not np.isnan(got[1]).any(), name
    for name in ("relu", "gelu", "gelu_tanh", "silu", "sigmoid", "tanh", "exp", "log", "erf"):
        assert np.isnan(get(name)(x)[0, 17]), name


@pytest.mark.parametrize("name", ["cross_entropy", "embedding", "embedding_backward"])
@pytest.mark.parametrize("wrong", [-1, 4])
def test_an_index_outside_is_an_error(name: str, wrong: int) -> None:
    """Machine code checks no index by itself: without this it would write where it likes."""
    x, ids = np.ones((4, 4), np.float32), np.array([0, 1, wrong, 2])
    with pytest.raises(IndexError, match=name):
        get(name)(x, ids, 4) if name == "embedding_backward" else get(name)(x, ids)


def test_labels_must_be_one_integer_a_row() -> None:
    x = np.ones((4, 4), np.float32)
    with pytest.raises(ValueError, match="one label a row"):
        get("cross_entropy")(x, np.array([1, 2]))
    with pytest.raises(TypeError, match="integers"):
        get("cross_entropy")(x, np.ones(4, np.float32))


def test_vectors_of_another_length_are_refused() -> None:
    x, short = np.ones((4, 4), np.float32), np.ones(3, np.float32)
    for name, arguments in {
        "layer_norm": (x, short, short),
        "bias_add": (x, short),
        "bias_relu": (x, short),
        "bias_gelu": (x, short),
        "batch_norm": (x[:, :, None], short, short),
    }.items():
        with pytest.raises(ValueError):
            get(name)(*arguments)


@pytest.mark.parametrize("columns", [5, 16, 37])
@pytest.mark.parametrize("rows", [1, 2, 7])
def test_rows_in_place(rows: int, columns: int) -> None:
    """Several rows are under way at a time: none may be written before it has been read."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=(rows, columns))
    gamma, beta = rng.normal(size=(2, columns))
    one, other = x.copy(), x.copy()

    get("softmax")(one, out=one)
    get("layer_norm")(other, gamma, beta, eps=1e-5, out=other)
    assert np.allclose(one, get("softmax").oracle(x), rtol=1e-12)
    assert np.allclose(other, get("layer_norm").oracle(x, gamma, beta, 1e-5)[0], rtol=1e-9)


@pytest.fixture
def everything_is_large(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "STREAM", 1)
    monkeypatch.setattr(loops, "SMALL", 0)
    monkeypatch.setattr(memory, "SMALL", 0)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.usefixtures("everything_is_large")
def test_what_goes_past_the_cache_is_the_same(dtype: str) -> None:
    """Bit for bit, in one thread and in two, from every place within a line."""
    rng = np.random.default_rng(0)
    for name in ("gelu", "gelu_tanh"):
        loop = getattr(kernels.gelu, f"{name}_loop")
        for size in (1, 7, 64, 301):
            room = np.full(size + 64, np.nan, dtype)
            x = rng.normal(size=size).astype(dtype)
            for offset in (0, 1, 5, 16):
                past, plain = room[offset : offset + size], np.empty(size, dtype)
                loop(0, size, x, plain, False)
                loop(0, size, x, past, True)
                assert np.array_equal(past, plain)
                assert np.isnan(room[:offset]).all() and np.isnan(room[offset + size :]).all()
                room.fill(np.nan)
    for shape in ((1, 16), (9, 64), (9, 37)):
        x, gamma = rng.normal(size=shape).astype(dtype), rng.normal(size=shape[1]).astype(dtype)
        for workers in (1, 2):
            with threads.eager(workers):
                p = get("softmax")(x)
                y, _, _ = get("layer_norm")(x, gamma, gamma, eps=1e-5)
            assert memory.past_cache(memory.empty(shape, dtype)) == (shape[1] != 37)
            eps = 16 * np.finfo(dtype).eps
            assert np.allclose(p, get("softmax").oracle(x), rtol=0, atol=eps)
            wanted = get("layer_norm").oracle(x, gamma, gamma, 1e-5)[0]
            assert np.allclose(y, wanted, rtol=0, atol=8 * eps)


@pytest.mark.usefixtures("everything_is_large")
def test_the_checked_twin_sees_where_it_streams_to() -> None:
    x = np.random.default_rng(0).normal(size=(5, 32)).astype(np.float32)
    with np.errstate(all="ignore"), checked(256):
        for name in ("softmax", "gelu", "gelu_tanh"):
            kernel = get(name)
            assert np.allclose(kernel.devices["cpu"](x), kernel.oracle(x), rtol=0, atol=1e-5)
        out = memory.empty((x.size + 8,), np.float32)
        with pytest.raises(OutsideError, match="no whole vector"):
            kernels.softmax.softmax_loop(0, 5, x, out[1:161].reshape(5, 32), True)


def test_bias_in_place() -> None:
    x, b = np.random.default_rng(0).normal(size=(40, 33)), np.linspace(-1, 1, 33)
    wanted = np.maximum(x + b, 0)
    same = get("bias_relu")(x, b, out=x)

    assert same is x
    assert np.array_equal(x, wanted)


@pytest.mark.parametrize("name", ["layer_norm_backward", "sum_columns", "embedding_backward"])
def test_sums_do_not_depend_on_the_number_of_threads(name: str) -> None:
    """To the last bit: a run can be repeated on another machine."""
    rng = np.random.default_rng(0)
    x, g = rng.normal(size=(2, 500, 24)).astype(np.float32)
    arguments = {
        "layer_norm_backward": (g, x, x[0], x[:, 0].copy(), x[:, 1].copy()),
        "sum_columns": (x,),
        "embedding_backward": (g, rng.integers(0, 9, 500), 9),
    }[name]
    results = []
    for workers in (1, 2):
        with threads.eager(workers):
            found = get(name)(*arguments)
            results.append(found if isinstance(found, tuple) else (found,))

    for one, other in zip(*results, strict=True):
        assert np.array_equal(one, other)


def test_a_constant_row_and_a_far_mean_keep_their_variance() -> None:
    """The naive E[x*x] - E[x]**2 would be all rounding here."""
    rng = np.random.default_rng(0)
    x = (rng.normal(size=(4, 256)) + 3e3).astype(np.float32)
    ones, zeros = np.ones(256, np.float32), np.zeros(256, np.float32)
    exact = 1 / np.sqrt(x.astype(np.float64).var(axis=1) + 1e-5)

    assert np.allclose(get("layer_norm")(x, ones, zeros, eps=1e-5)[2], exact, rtol=1e-4)
    many = x.reshape(4, 4, 64)
    exact = 1 / np.sqrt(many.astype(np.float64).var(axis=(0, 2)) + 1e-5)
    assert np.allclose(get("batch_norm")(many, ones[:4], zeros[:4], eps=1e-5)[2], exact, rtol=1e-4)
    assert np.allclose(get("layer_norm")(np.full_like(x, 7), ones, zeros, eps=1e-5)[0], 0)


class TestCrew:
    """Threads that share one loop."""

    def test_parts_cover_the_range_once(self) -> None:
        seen = np.zeros(1000, np.int64)
        names: set[str] = set()

        def work(start: int, stop: int, into: Any) -> int:
            into[start:stop] += 1
            names.add(threading.current_thread().name)
            return start

        assert crew.run(work, 3, 998, 3, seen) == 3
        assert seen[3:998].all() and seen.sum() == 995
        assert len(names) == 3 or names == {threading.current_thread().name, "kernels"}

    def test_a_fault_in_any_part_is_raised_after_all_have_ended(self) -> None:
        ended: list[int] = []

        def work(start: int, stop: int) -> None:
            ended.append(start)
            if start:
                raise ArithmeticError("part")

        with pytest.raises(ArithmeticError, match="part"):
            crew.run(work, 0, 2, 2)
        assert sorted(ended) == [0, 1]

    def test_two_callers_at_a_time_get_their_own_answers(self) -> None:
        x = np.random.default_rng(0).normal(size=(600, 40))
        wanted = get("sum_rows").oracle(x)
        found: list[Any] = []

        def call(scale: float) -> None:
            for _ in range(50):
                found.append(np.allclose(get("sum_rows")(x * scale), wanted * scale))

        get("sum_rows")(x)
        with threads.eager(2):
            callers = [threading.Thread(target=call, args=(s,)) for s in (1.0, 2.0, 3.0)]
            for one in callers:
                one.start()
            for one in callers:
                one.join()

        assert found == [True] * 150

    def test_large_work_is_shared(self, monkeypatch: pytest.MonkeyPatch) -> None:
        calls: list[int] = []
        monkeypatch.setattr(crew, "run", lambda *a: calls.append(a[3]))
        monkeypatch.setattr(threads, "_count", 2)
        loop = Loop(lambda start, stop, x: None)
        loop.alone = lambda *a: calls.append(1)
        loop(0, 10, np.zeros(10))
        loop(0, 10**6, np.zeros(10**6))

        assert calls == [1, 2]
