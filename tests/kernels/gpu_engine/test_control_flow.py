"""Masks against threads: random kernels give what a thread-by-thread run gives."""

from __future__ import annotations

import numpy as np
import pytest

from kernels.gpu_engine import Engine

from .programs import Writer, by_thread, inputs


@pytest.mark.parametrize("seed", range(40))
def test_random_kernel(seed: int) -> None:
    source = Writer(seed).source()
    expected, found = np.zeros(96, np.int64), np.zeros(96, np.int64)
    by_thread(source, 3, 32, inputs(), expected)

    launch = Engine(source).launch("kernel", 3, 32, inputs(), found)

    np.testing.assert_array_equal(found, expected, source)
    assert not launch.findings, source
