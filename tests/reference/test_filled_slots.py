"""Layers, optimisers and initialisers as slots: copies change nothing, broken copies are noticed.

The tests of the reference are its own judges here: with a copy in every slot they all pass, and for
each slot there is one that fails when what fills it is broken.
"""

from __future__ import annotations

import functools
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from reference import data, nn, optim, slots

from . import test_init, test_optim
from .filling import KINDS, copy_of, fill_all
from .nn import test_layers, test_rules

ROOT = Path(__file__).parents[2]
JUDGES = ("test_init.py", "test_optim.py", "nn/test_layers.py", "nn/test_rules.py")


@pytest.fixture(autouse=True)
def own_parts() -> Iterator[None]:
    yield
    slots.reset()


def names(kind: str) -> list[str]:
    return [name for name in slots.names() if name.startswith(kind + ":")]


def test_every_layer_optimiser_and_initialiser_is_a_slot() -> None:
    assert names("layer") == sorted(f"layer:{name}" for name in nn.LAYERS)
    assert names("optim") == sorted(f"optim:{name}" for name in optim.__all__)
    assert names("init") == [
        "init:kaiming_normal",
        "init:kaiming_uniform",
        "init:xavier_normal",
        "init:xavier_uniform",
    ]


def test_what_fills_a_slot_is_what_the_name_means_also_inside_others() -> None:
    class Mine(nn.Linear):
        pass

    original = nn.Linear
    slots.fill("layer:Linear", Mine)

    assert nn.Linear is Mine and slots.owner("layer:Linear") == Mine.__module__
    assert all(type(part) is Mine for part in nn.MLP([3, 4, 2]).net.layers[::2])
    assert type(nn.MultiHeadAttention(4, 2).q_proj) is Mine

    slots.reset("layer:Linear")
    assert nn.Linear is original and slots.owner("layer:Linear") == "reference"


def test_an_initialiser_that_fills_its_slot_is_used_by_layers() -> None:
    slots.fill("init:kaiming_uniform", lambda i, o, rng=None: np.full((i, o), 0.5, np.float32))

    assert (nn.Linear(3, 2).weight.data == 0.5).all()
    assert (nn.Conv2d(3, 2, 3).weight.data == 0.5).all()


@pytest.mark.slow
def test_the_tests_pass_on_copies_in_every_slot() -> None:
    """Copies are subclasses and wrappers: nothing may depend on an identity.

    NumPy serves for the kernels, which have slots and tests of their own.
    """
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-x", "-p", "tests.reference.filling"]
        + ["-k", "not torch and not contract"]
        + [f"tests/reference/{judge}" for judge in JUDGES],
        cwd=ROOT,
        env={**os.environ, "LAB_FILL_SLOTS": "1", "LAB_KERNELS": "numpy"},
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stdout[-3000:]
    assert " passed" in done.stdout


def scaled(values: Any, factor: float) -> Any:
    if isinstance(values, tuple):
        return tuple(scaled(value, factor) for value in values)
    return values * factor


def broken_layer(layer: Any) -> Any:
    """Computes 1 % too much."""

    class Broken(layer):
        def forward(self, *args: Any, **kwargs: Any) -> Any:
            return scaled(super().forward(*args, **kwargs), 1.01)

    return Broken


def broken_cache(cache: Any) -> Any:
    """Gives back values in the place of keys."""

    class Broken(cache):
        def append(self, layer: int, k: Any, v: Any) -> Any:
            return super().append(layer, k, v)[::-1]

    return Broken


def broken_optimizer(optimizer: Any) -> Any:
    """Steps 1 % too far."""

    class Broken(optimizer):
        def step(self) -> None:
            self.lr *= 1.01
            super().step()
            self.lr /= 1.01

    return Broken


def broken_function(function: Any) -> Any:
    """Returns 5 % too much."""

    @functools.wraps(function)
    def broken(*args: Any, **kwargs: Any) -> Any:
        return function(*args, **kwargs) * 1.05

    return broken


def noticed_by(slot: str) -> tuple[Any, Callable[[], None]]:
    """What breaks the part in `slot`, and the test that must then fail."""
    kind, name = slot.split(":")
    if name == "KVCache":
        return broken_cache, test_rules.test_a_cache_gives_back_what_all_calls_appended
    if kind == "layer":
        return broken_layer, lambda: test_layers.test_values_follow_the_formula(name)
    if kind == "init":
        return broken_function, lambda: test_init.test_weights_have_the_variance_of_their_fan(name)
    return {
        "clip_grad_norm": (
            broken_function,
            test_optim.test_clipping_scales_all_gradients_together,
        ),
        "cosine_schedule": (broken_function, test_optim.test_cosine_schedule),
        "step_schedule": (broken_function, test_optim.test_step_schedule),
    }.get(
        name,
        (
            broken_optimizer,
            lambda: test_optim.test_steps_are_those_of_the_formula(name, np.float64),
        ),
    )


SLOTS = [
    *(f"layer:{name}" for name in nn.LAYERS),
    *(f"optim:{name}" for name in optim.__all__),
    *(f"init:{name}" for name in test_init.FANS),
]


@pytest.mark.parametrize("slot", SLOTS)
def test_a_broken_part_makes_its_test_fail(slot: str) -> None:
    breaker, test = noticed_by(slot)
    test()
    slots.fill(slot, breaker(slots.find(slot).default))

    with pytest.raises(AssertionError):
        test()


def test_a_model_trains_on_copies() -> None:
    fill_all()
    rng = np.random.default_rng(0)
    X, y = data.blobs(60, 3, 0.3, rng)
    model = nn.MLPResNet(2, 8, 1, 3, rng=rng, p_drop=0.0)
    optimizer = optim.Adam(model.parameters(), 0.02)
    losses = []
    for _ in range(30):
        from reference import Tensor

        loss = nn.CrossEntropyLoss()(model(Tensor(X)), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())

    assert losses[-1] < 0.2 * losses[0]
    assert {slots.owner(name) for kind in KINDS for name in names(kind)} == {copy_of.__module__}
