"""Convolution and pooling: the laws of their gradients, layouts, memory that is used again."""

from __future__ import annotations

from itertools import product
from typing import Any

import numpy as np
import pytest

from kernels import conv2d_direct, crew, scratch, threads, winograd
from kernels.conv2d import (
    conv2d,
    conv2d_input_grad,
    conv2d_input_grad_oracle,
    conv2d_oracle,
    conv2d_weight_grad,
    conv2d_weight_grad_oracle,
)
from kernels.im2col import col2im, conv2d_im2col, im2col
from kernels.pool import avg_pool2d, avg_pool2d_backward, max_pool2d, max_pool2d_backward

EPS = np.finfo(np.float32).eps
# x, w, stride, padding, dilation, groups
FORMS: list[tuple[tuple[int, ...], tuple[int, ...], int, int, int, int]] = [
    ((2, 9, 5, 6), (10, 9, 3, 3), 1, 1, 1, 1),  # Winograd, odd height, filters between tiles
    ((2, 8, 30, 4), (8, 8, 3, 3), 1, 2, 1, 1),  # rows of tiles narrower than a vector
    ((1, 8, 1, 1), (8, 8, 3, 3), 1, 1, 1, 1),
    ((1, 8, 6, 300), (8, 8, 3, 3), 1, 0, 1, 1),  # a row of tiles in several blocks
    ((2, 1, 28, 28), (6, 1, 5, 5), 1, 2, 1, 1),
    ((2, 3, 11, 9), (5, 3, 2, 4), 1, 0, 1, 1),
    ((2, 6, 10, 12), (9, 2, 3, 3), 2, 1, 2, 3),
    ((2, 5, 9, 9), (5, 1, 3, 3), 1, 1, 1, 5),  # depthwise
    ((2, 4, 7, 7), (8, 1, 3, 3), 2, 3, 1, 4),
    ((3, 4, 6, 6), (5, 4, 1, 1), 1, 0, 1, 1),
    ((2, 3, 7, 8), (4, 3, 1, 2), 3, 0, 1, 1),  # a stride that misses rows
    ((1, 2, 5, 5), (3, 2, 2, 2), 1, 4, 1, 1),  # more padding than the window covers
    ((0, 2, 5, 5), (3, 2, 3, 3), 1, 1, 1, 1),
]


def made(form: Any, dtype: Any = np.float32) -> tuple[Any, ...]:
    x_shape, w_shape, stride, padding, dilation, groups = form
    rng = np.random.default_rng(5)
    x, w = (rng.standard_normal(shape).astype(dtype) for shape in (x_shape, w_shape))
    params = {"stride": stride, "padding": padding, "dilation": dilation, "groups": groups}
    y = conv2d_oracle(x, w, **params)
    return x, w, rng.standard_normal(y.shape).astype(dtype), y, params


def near(actual: Any, expected: Any, ulps: float = 200.0) -> None:
    assert actual.shape == expected.shape
    assert actual.dtype == expected.dtype
    bound = ulps * np.finfo(expected.dtype).eps * np.abs(expected).max(initial=1.0)
    assert np.abs(actual - expected).max(initial=0.0) <= bound


@pytest.mark.parametrize("form", FORMS, ids=str)
def test_all_three_agree_with_the_sum_of_products(form: Any) -> None:
    x, w, g, y, params = made(form)

    near(conv2d(x, w, None, **params), y)
    near(
        conv2d_input_grad(g, w, x.shape, **params),
        conv2d_input_grad_oracle(g, w, x.shape, **params),
    )
    dw, db = conv2d_weight_grad(g, x, w.shape, bias=True, **params)
    near(dw, conv2d_weight_grad_oracle(g, x, w.shape, **params))
    near(db, g.sum(axis=(0, 2, 3)))


@pytest.mark.parametrize("form", FORMS[:-1], ids=str)
def test_the_oracles_are_adjoints(form: Any) -> None:
    """<g, conv(x, w)> = <dx, x> = <dw, w>: the oracles hold each other."""
    x, w, g, y, params = made(form, np.float64)
    inner = (g * y).sum()

    dx = conv2d_input_grad_oracle(g, w, x.shape, **params)
    dw = conv2d_weight_grad_oracle(g, x, w.shape, **params)

    assert (dx * x).sum() == pytest.approx(inner, rel=1e-10)
    assert (dw * w).sum() == pytest.approx(inner, rel=1e-10)


def test_relu_and_its_gate_are_the_two_steps() -> None:
    b = np.linspace(-1, 1, 10, dtype=np.float32)
    for groups_form in (FORMS[0], FORMS[5]):
        x, w, g, _, params = made(groups_form)
        bias = b[: w.shape[0]]
        y = conv2d(x, w, bias, activation="relu", **params)
        passed = np.where(y > 0, g, np.float32(0))

        near(y, np.maximum(conv2d(x, w, bias, **params), 0))
        near(
            conv2d_input_grad(g, w, x.shape, gate=y, **params),
            conv2d_input_grad(passed, w, x.shape, **params),
        )
        near(
            conv2d_weight_grad(g, x, w.shape, gate=y, **params),
            conv2d_weight_grad(passed, x, w.shape, **params),
        )


@pytest.mark.parametrize("form", [FORMS[0], FORMS[5]], ids=str)
def test_any_strides_and_memory_that_must_not_be_written(form: Any) -> None:
    x, w, g, y, params = made(form)
    turned = np.asfortranarray(x)[:, :, ::-1][:, :, ::-1]
    locked = w.copy()
    locked.flags.writeable = False
    out = np.empty((*y.shape, 2), np.float32)[..., 0]

    assert conv2d(turned, locked, None, out=out, **params) is out
    near(out, y)
    near(
        conv2d_input_grad(g.transpose(3, 2, 1, 0).copy().transpose(3, 2, 1, 0), locked, x.shape, **params),
        conv2d_input_grad_oracle(g, w, x.shape, **params),
    )  # fmt: skip


@pytest.mark.parametrize("form", FORMS, ids=str)
def test_what_the_last_call_left_behind_does_no_harm(form: Any) -> None:
    """Scratch memory full of NaN gives the same results."""
    x, w, g, _, params = made(form)
    scratch.release()
    calls = (
        lambda: conv2d(x, w, None, **params),
        lambda: conv2d_input_grad(g, w, x.shape, **params),
        lambda: conv2d_weight_grad(g, x, w.shape, **params),
    )
    for run in calls:
        clean = run()
        for buffer in scratch._mine.__dict__.values():
            buffer.fill(np.nan)

        assert np.array_equal(run(), clean)


def test_two_threads_do_the_same_work() -> None:
    for form in (FORMS[0], FORMS[6]):
        x, w, g, _, params = made(form)
        one = [conv2d(x, w, None, **params), conv2d_input_grad(g, w, x.shape, **params)]
        one.append(conv2d_weight_grad(g, x, w.shape, **params))
        with threads.eager(2):
            near(conv2d(x, w, None, **params), one[0], 4)
            near(conv2d_input_grad(g, w, x.shape, **params), one[1], 4)
            near(conv2d_weight_grad(g, x, w.shape, **params), one[2])


def test_parts_cover_the_range_and_faults_come_out() -> None:
    seen: list[tuple[int, int]] = []
    crew.spread(lambda part, start, stop: seen.append((start, stop)), 7, 3)

    assert sorted(seen) == [(0, 2), (2, 4), (4, 7)]

    def fails(part: int, start: int, stop: int) -> None:
        if part == 1:
            raise KeyError(part)

    with pytest.raises(KeyError):
        crew.spread(fails, 4, 2)


def test_strips_of_a_high_image_meet(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(conv2d_direct, "NEAR", 4096)
    from kernels import conv2d as file
    from kernels import conv2d_weight

    monkeypatch.setattr(conv2d_weight, "NEAR", 4096)
    for cache in (file._plan, file._input_plans, file._weight_plan):
        cache.cache_clear()
    for form in (
        ((1, 3, 40, 13), (5, 3, 3, 3), 1, 1, 1, 1),
        ((1, 3, 41, 12), (5, 3, 3, 3), 2, 1, 1, 1),
    ):
        test_all_three_agree_with_the_sum_of_products(form)
    for cache in (file._plan, file._input_plans, file._weight_plan):
        cache.cache_clear()


def test_a_window_that_does_not_fit_is_refused() -> None:
    with pytest.raises(ValueError, match="does not fit into 2 elements with padding 0"):
        conv2d(np.ones((1, 1, 2, 2), np.float32), np.ones((1, 1, 3, 3), np.float32), None)


def test_the_tile_of_the_paper_is_a_convolution() -> None:
    rng = np.random.default_rng(2)
    d, w = rng.standard_normal((4, 4)), rng.standard_normal((3, 3))
    expected = conv2d_oracle(d[None, None], w[None, None])[0, 0]

    assert np.allclose(winograd.tile_outputs(d, w), expected, atol=1e-12)


@pytest.mark.parametrize(("stride", "padding", "dilation"), [(1, 1, 1), (2, 0, 2), (3, 2, 1)])
def test_columns_and_their_adjoint(stride: int, padding: int, dilation: int) -> None:
    rng = np.random.default_rng(3)
    x, w = rng.standard_normal((2, 3, 8, 9)), rng.standard_normal((4, 3, 3, 2))
    form = (stride, padding, dilation)
    columns = im2col(x, 3, 2, *form)
    weights = rng.standard_normal(columns.shape)

    assert np.allclose(conv2d_im2col(x, w, None, *form), conv2d_oracle(x, w, None, *form))
    back = col2im(weights, x.shape, 3, 2, *form)
    assert (columns * weights).sum() == pytest.approx((x * back).sum(), rel=1e-10)


def test_the_first_of_equal_maxima_counts_and_a_nan_is_the_largest() -> None:
    x = np.zeros((1, 1, 4, 32), np.float32)
    x[0, 0, 1, 1] = x[0, 0, 3, 4] = np.nan
    y, index = max_pool2d(x, 2)
    dx = max_pool2d_backward(np.ones_like(y), index, x.shape, 2)

    assert index.dtype == np.uint8
    assert index[0, 0, 0, 0] == 3 and index[0, 0, 1, 2] == 2 and index.sum() == 5
    assert np.isnan(y).sum() == 2
    assert dx.sum() == y.size and dx[0, 0, 0, 2] == 1


@pytest.mark.parametrize(("k", "stride"), [(2, 2), (3, 2), (2, 3)])
def test_pooling_spreads_what_it_gathered(k: int, stride: int) -> None:
    """<g, avg(x)> = <adjoint(g), x>; a maximum hands its gradient to where it was found."""
    rng = np.random.default_rng(4)
    x = rng.standard_normal((2, 3, 9, 21))
    y, index = max_pool2d(x, k, stride)
    mean = avg_pool2d(x, k, stride)
    g = rng.standard_normal(y.shape)

    spread = max_pool2d_backward(g, index, x.shape, k, stride)
    assert (spread * x).sum() == pytest.approx((g * y).sum(), rel=1e-10)
    spread = avg_pool2d_backward(g, x.shape, k, stride)
    assert (spread * x).sum() == pytest.approx((g * mean).sum(), rel=1e-10)
    for n, c, i, j in product(range(2), range(3), range(y.shape[2]), range(y.shape[3])):
        window = x[n, c, i * stride : i * stride + k, j * stride : j * stride + k]
        assert y[n, c, i, j] == window.max() and index[n, c, i, j] == window.argmax()


def test_a_window_too_large_for_bytes_goes_to_numpy() -> None:
    x = np.random.default_rng(6).standard_normal((1, 1, 20, 20)).astype(np.float32)
    y, index = max_pool2d(x, 20)
    dx = max_pool2d_backward(np.ones_like(y), index, x.shape, 20)

    assert y[0, 0, 0, 0] == x.max() and index[0, 0, 0, 0] == x.argmax()
    assert dx.sum() == 1 and dx.reshape(-1)[x.argmax()] == 1
