"""The distribution function that the specifications use agrees with the C library's."""

from __future__ import annotations

import math

import numpy as np

from kernels.normal import BLOCK, normal_cdf


def truth(x: np.ndarray) -> np.ndarray:
    return np.array([0.5 * math.erfc(-v / math.sqrt(2)) for v in x.ravel()]).reshape(x.shape)


def test_it_keeps_its_digits_in_both_tails() -> None:
    # A reference in double loses digits itself where it rounds v / sqrt(2), hence the bound there.
    x = np.concatenate(
        [np.linspace(-37.5, 9, 3 * BLOCK + 5), np.random.default_rng(0).normal(size=999)]
    )

    error = np.abs(normal_cdf(x) / truth(x) - 1)

    assert error.max() <= 8 * np.finfo(float).eps * max(1.0, 37.5**2 / 4)
    assert error[np.abs(x) < 3].max() <= 16 * np.finfo(float).eps


def test_single_precision_is_taken_as_it_is() -> None:
    x = np.linspace(-14, 6, 5001, dtype=np.float32)

    np.testing.assert_allclose(normal_cdf(x), normal_cdf(x.astype(np.float64)), rtol=1e-15)


def test_ends_and_shapes() -> None:
    x = np.array([[-np.inf, np.inf, np.nan], [0.0, -0.0, 40.0]])

    np.testing.assert_array_equal(normal_cdf(x), [[0, 1, np.nan], [0.5, 0.5, 1]])
    assert normal_cdf(np.float32(1)).shape == () and normal_cdf(x.T).shape == (3, 2)
    assert normal_cdf(np.ones((0, 3))).shape == (0, 3)
    np.testing.assert_array_equal(normal_cdf(x.T), normal_cdf(x).T)
