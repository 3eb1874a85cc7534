"""Every op: its gradient, the gradient of its gradient, and its forward mode, against differences."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from reference import Tensor, grad, jvp
from reference.op import OPS

from .op_samples import NAMES, SAMPLES, outputs

STEP = 1e-5


def test_every_op_has_one_row_of_samples():
    assert set(SAMPLES) == set(OPS)


class Case:
    """One op at one point: L(x) = sum of <u, output> with a random u, and a random direction."""

    def __init__(self, name: str, seed: int) -> None:
        rng = np.random.default_rng((seed, NAMES.index(name)))
        self.sample = SAMPLES[name]
        self.inputs = self.sample.inputs(rng)
        results = outputs(self.sample.ours(*map(Tensor, self.inputs)))
        self.upstream = [rng.normal(size=out.shape) for out in results]
        self.directions = [rng.normal(size=x.shape) for x in self.inputs]
        self.second = [rng.normal(size=x.shape) for x in self.inputs]

    def loss(self, *tensors: Any) -> Any:
        results = outputs(self.sample.ours(*tensors))
        terms = [(out * u).sum() for out, u in zip(results, self.upstream, strict=True)]
        return sum(terms[1:], terms[0])

    def at(self, step: float) -> list[Tensor]:
        return [
            Tensor(x + step * d, requires_grad=True)
            for x, d in zip(self.inputs, self.directions, strict=True)
        ]

    def slope(self, function: Any) -> float:
        """The derivative of a function of tensors along the direction, by central differences."""
        # Two steps: Richardson's extrapolation leaves an error of order STEP^4.
        near, far = (
            (function(self.at(h)) - function(self.at(-h))) / (2 * h) for h in (STEP, 2 * STEP)
        )
        return float((4 * near - far) / 3)

    def gradient_along(self, tensors: list[Tensor]) -> float:
        """<gradient of the loss, second>, without a graph: what the arrays' rules give."""
        found = grad(self.loss(*tensors), tensors)
        return inner(found, self.second)


def inner(tensors: Any, arrays: Any) -> float:
    return float(sum(np.sum(t.data * a) for t, a in zip(tensors, arrays, strict=True)))


@pytest.fixture(params=NAMES)
def case(request: pytest.FixtureRequest) -> Case:
    return Case(request.param, seed=7)


def test_gradient_is_that_of_differences(case):
    tensors = case.at(0)
    case.loss(*tensors).backward()

    assert all(t.grad.shape == t.shape and t.grad.dtype == t.dtype for t in tensors)
    found = inner([t.grad for t in tensors], case.directions)
    assert found == pytest.approx(case.slope(lambda at: case.loss(*at).item()), rel=1e-7, abs=1e-8)


def test_recorded_gradient_equals_that_on_arrays(case):
    tensors = case.at(0)
    recorded = grad(case.loss(*tensors), tensors, create_graph=True)
    plain = grad(case.loss(*tensors), tensors)

    for ours, theirs in zip(recorded, plain, strict=True):
        np.testing.assert_allclose(ours.data, theirs.data, rtol=1e-10, atol=1e-10)


def test_gradient_of_the_gradient_is_that_of_differences(case):
    tensors = case.at(0)
    first = grad(case.loss(*tensors), tensors, create_graph=True)
    total = sum((g * w).sum() for g, w in zip(first, case.second, strict=True))
    second = grad(total, tensors) if total.requires_grad else [t * 0 for t in tensors]

    expected = case.slope(case.gradient_along)
    assert inner(second, case.directions) == pytest.approx(expected, rel=1e-6, abs=1e-7)


def test_forward_mode_agrees_with_reverse_mode(case):
    tensors = case.at(0)
    value, tangent = jvp(case.loss, case.inputs, case.directions)

    assert value.item() == pytest.approx(case.loss(*tensors).item(), rel=1e-12)
    reverse = inner(grad(case.loss(*tensors), tensors), case.directions)
    assert tangent.item() == pytest.approx(reverse, rel=1e-9, abs=1e-10)


@pytest.mark.parametrize("name", NAMES)
def test_float32_stays_float32_and_inputs_stay_as_they_were(name):
    rng = np.random.default_rng(3)
    inputs = [x.astype(np.float32) for x in SAMPLES[name].inputs(rng)]
    before = [x.copy() for x in inputs]
    tensors = [Tensor(x, requires_grad=True) for x in inputs]
    results = outputs(SAMPLES[name].ours(*tensors))
    total = sum(out.sum() for out in results)
    total.backward()

    wanted = np.float64 if name == "astype" else np.float32
    assert all(out.dtype == wanted for out in results)
    assert all(t.grad.dtype == np.float32 for t in tensors)
    for x, was, t in zip(inputs, before, tensors, strict=True):
        np.testing.assert_array_equal(x, was)
        assert not np.shares_memory(t.grad.data, x)


@pytest.mark.parametrize("name", NAMES)
def test_a_constant_input_gets_no_gradient_and_changes_no_other(name):
    rng = np.random.default_rng(4)
    inputs = SAMPLES[name].inputs(rng)
    everything = [Tensor(x, requires_grad=True) for x in inputs]
    sum(out.sum() for out in outputs(SAMPLES[name].ours(*everything))).backward()
    for place in range(len(inputs)):
        tensors = [Tensor(x, requires_grad=i == place) for i, x in enumerate(inputs)]
        sum(out.sum() for out in outputs(SAMPLES[name].ours(*tensors))).backward()

        grads = [t.grad for t in tensors]
        assert [g is not None for g in grads] == [i == place for i in range(len(inputs))]
        np.testing.assert_allclose(
            grads[place].data, everything[place].grad.data, rtol=1e-12, atol=1e-12
        )
