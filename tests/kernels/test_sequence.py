"""Attention and recurrent kernels: true gradients, no matrix of scores, blocks that are skipped."""

from __future__ import annotations

import tracemalloc
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import kernels
from kernels.attention import QUERIES, attention, attention_oracle
from kernels.attention_backward import attention_backward_oracle
from kernels.gru import gru_oracle, sample
from kernels.gru_backward import gru_backward_oracle
from kernels.lstm import arrays, lstm_oracle
from kernels.lstm_backward import lstm_backward_oracle


def check_gradients(
    value: Callable[..., Any], given: list[Any], gradients: list[Any], weights: list[Any]
) -> None:
    """The derivative of sum(weights * value(*given)) along a random direction is the gradients'."""
    rng = np.random.default_rng(1)
    along = [rng.standard_normal(one.shape) for one in given]
    step = 1e-6

    def at(t: float) -> float:
        results = value(*[one + t * d for one, d in zip(given, along, strict=True)])
        return float(sum((w * r).sum() for w, r in zip(weights, results, strict=True)))

    numeric = (at(step) - at(-step)) / (2 * step)
    exact = sum((g * d).sum() for g, d in zip(gradients, along, strict=True))

    assert exact == pytest.approx(numeric, rel=1e-6)


@pytest.mark.parametrize("causal", [False, True])
@pytest.mark.parametrize("masked", [False, True])
def test_attention_gradients_are_derivatives(causal: bool, masked: bool) -> None:
    rng = np.random.default_rng(0)
    q, k, v = (rng.standard_normal((2, 2, n, 4)) for n in (5, 7, 7))
    mask = rng.random((1, 2, 5, 7)) < 0.6 if masked else None
    if mask is not None:
        mask[0, 0, 2] = False  # a row that sees nothing
    how: dict[str, Any] = {"mask": mask, "causal": causal}
    weights = rng.standard_normal(q.shape)
    o, lse = attention_oracle(q, k, v, **how)
    gradients = attention_backward_oracle(weights, q, k, v, o, lse, **how)

    check_gradients(
        lambda *given: attention_oracle(*given, **how)[:1], [q, k, v], list(gradients), [weights]
    )


def test_lstm_gradients_are_derivatives() -> None:
    rng = np.random.default_rng(0)
    given = arrays(np.float64, rng, 3, 2, 4, 5, 4)
    out, h, c, saved = lstm_oracle(*given)
    weights = [rng.standard_normal(one.shape) for one in (out, h, c)]

    check_gradients(
        lambda *changed: lstm_oracle(*changed)[:3],
        given,
        list(lstm_backward_oracle(*weights, *saved)),
        weights,
    )


def test_gru_gradients_are_derivatives() -> None:
    rng = np.random.default_rng(0)
    given = sample(np.float64, rng, (3, 2, 4, 5))
    out, h, saved = gru_oracle(*given)
    weights = [rng.standard_normal(one.shape) for one in (out, h)]

    check_gradients(
        lambda *changed: gru_oracle(*changed)[:2],
        given,
        list(gru_backward_oracle(*weights, *saved)),
        weights,
    )


def test_a_sequence_is_its_cells_one_after_another() -> None:
    cell, lstm = kernels.get("lstm_cell"), kernels.get("lstm")
    x, h, c, *weights = arrays(np.float32, np.random.default_rng(0), 2, 3, 5, 19, 4)
    out, last, cells, _ = lstm(x, h, c, *weights)
    for step in x:
        h, c, _ = cell(step, h, c, *weights)

    assert np.array_equal(out[-1], last)
    np.testing.assert_allclose(last, h, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(cells, c, rtol=1e-5, atol=1e-6)


def test_attention_keeps_no_matrix_of_scores() -> None:
    time = 1024
    q = np.zeros((1, 1, time, 8), np.float32)
    attention(q, q, q, causal=True)
    tracemalloc.start()
    o, lse = attention(q, q, q, causal=True)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert peak - o.nbytes - lse.nbytes < 4 * time * time / 16


@pytest.mark.parametrize("how", ["causal", "mask"])
def test_blocks_that_nobody_may_see_are_not_computed(how: str) -> None:
    """What lies there cannot harm: a product with it would be NaN."""
    rng = np.random.default_rng(0)
    q, k, v = rng.standard_normal((3, 1, 1, 2 * QUERIES, 8)).astype(np.float32)
    k[:, :, QUERIES:] = v[:, :, QUERIES:] = np.nan
    mask = np.tri(2 * QUERIES, dtype=bool) if how == "mask" else None
    o, lse = attention(q, k, v, mask=mask, causal=how == "causal")

    assert np.isfinite(o[:, :, :QUERIES]).all() and np.isfinite(lse[:, :, :QUERIES]).all()
    assert np.isnan(o[:, :, QUERIES:]).all()


def test_a_nan_among_the_keys_is_seen() -> None:
    q, k, v = np.random.default_rng(0).standard_normal((3, 1, 1, 9, 8)).astype(np.float32)
    k[0, 0, 4, 3] = np.nan

    assert np.isnan(attention(q, k, v)[0]).all()


def test_heads_that_are_views_come_out_ready_to_be_merged() -> None:
    shape = (2, 13, 2, 32)
    q = np.random.default_rng(0).standard_normal(shape).astype(np.float32).transpose(0, 2, 1, 3)
    o, _ = attention(q, q, q)

    assert o.shape == q.shape
    assert o.transpose(0, 2, 1, 3).flags.c_contiguous


def test_scores_far_apart_neither_overflow_nor_vanish() -> None:
    rng = np.random.default_rng(0)
    q, k, v = rng.standard_normal((3, 1, 2, 70, 8)).astype(np.float32)
    q *= 1000
    o, lse = attention(q, k, v, causal=True)
    expected, sums = attention_oracle(*(one.astype(np.float64) for one in (q, k, v)), causal=True)

    np.testing.assert_allclose(o, expected, atol=2e-3)
    np.testing.assert_allclose(lse, sums, rtol=1e-5)
