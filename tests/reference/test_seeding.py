"""What is random takes `rng=` or `seed=`, and is not repeatable by accident."""

from __future__ import annotations

import inspect
from collections.abc import Callable

import numpy as np
import pytest

from reference import data, init, nn, ops

MAKERS: dict[str, Callable[..., object]] = {
    "Linear": lambda **r: nn.Linear(3, 4, **r).weight.data,
    "Conv2d": lambda **r: nn.Conv2d(2, 3, 3, **r).weight.data,
    "Embedding": lambda **r: nn.Embedding(5, 4, **r).weight.data,
    "LSTM": lambda **r: nn.LSTM(3, 4, **r).cells[0].w_hh.data,
    "GPT": lambda **r: nn.GPT(7, 8, 1, 2, 6, **r).head.weight.data,
    "MLP": lambda **r: nn.MLP([4, 3, 2], **r).parameters()[0].data,
    "kaiming_uniform": lambda **r: init.kaiming_uniform(3, 4, **r),
    "spirals": lambda **r: data.spirals(10, 2, 0.1, **r)[0],
    "copy_task": lambda **r: data.copy_task(4, 5, **r)[0],
    "dropout": lambda **r: ops.dropout(np.ones(64, np.float32), 0.5, **r).numpy(),
}


@pytest.mark.parametrize("name", MAKERS)
def test_a_seed_is_a_generator_of_that_seed(name: str) -> None:
    make = MAKERS[name]
    np.testing.assert_array_equal(make(seed=3), make(rng=np.random.default_rng(3)))
    assert not np.array_equal(make(seed=3), make(seed=4))
    assert not np.array_equal(make(), make())


def test_both_are_refused() -> None:
    with pytest.raises(TypeError, match="give rng or seed, not both"):
        nn.Linear(3, 4, rng=np.random.default_rng(0), seed=0)


def test_every_layer_that_takes_rng_takes_seed() -> None:
    layers = [getattr(nn, name) for name in nn.LAYERS]
    random = [one for one in layers if "rng" in inspect.signature(one).parameters]

    assert len(random) > 15
    assert [one for one in random if "seed" not in inspect.signature(one).parameters] == []
