"""Optimisers against steps written out by hand, and the rules that all of them keep."""

from __future__ import annotations

import gc
import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from reference import Parameter, Tensor, data, live_tensors, nn, optim

Array = np.ndarray
State = dict[str, Any]


def sgd(w: Array, g: Array, s: State, lr: float, m: float, nesterov: bool, wd: float) -> Array:
    g = g + wd * w
    s["u"] = m * s.get("u", 0.0) + g
    return w - lr * (g + m * s["u"] if nesterov else s["u"])


def adam(w: Array, g: Array, s: State, lr: float, decay: float, decoupled: bool) -> Array:
    b1, b2, eps = 0.8, 0.95, 1e-6
    if decoupled:
        w = w - lr * decay * w
    else:
        g = g + decay * w
    s["t"] = s.get("t", 0) + 1
    s["m"] = b1 * s.get("m", 0.0) + (1 - b1) * g
    s["v"] = b2 * s.get("v", 0.0) + (1 - b2) * g * g
    m_hat, v_hat = s["m"] / (1 - b1 ** s["t"]), s["v"] / (1 - b2 ** s["t"])
    return w - lr * m_hat / (np.sqrt(v_hat) + eps)


Make = Callable[[list[Parameter]], Any]
ADAM = {"lr": 0.02, "betas": (0.8, 0.95), "eps": 1e-6}
CASES: dict[str, tuple[Make, Callable[..., Array]]] = {
    "SGD": (lambda p: optim.SGD(p, 0.1), lambda w, g, s: sgd(w, g, s, 0.1, 0, False, 0)),
    "SGD decay": (
        lambda p: optim.SGD(p, 0.1, weight_decay=0.3),
        lambda w, g, s: sgd(w, g, s, 0.1, 0, False, 0.3),
    ),
    "SGD momentum": (
        lambda p: optim.SGD(p, 0.1, momentum=0.9, weight_decay=0.3),
        lambda w, g, s: sgd(w, g, s, 0.1, 0.9, False, 0.3),
    ),
    "SGD nesterov": (
        lambda p: optim.SGD(p, 0.1, momentum=0.9, nesterov=True, weight_decay=0.3),
        lambda w, g, s: sgd(w, g, s, 0.1, 0.9, True, 0.3),
    ),
    "Adam": (lambda p: optim.Adam(p, **ADAM), lambda w, g, s: adam(w, g, s, 0.02, 0, False)),
    "Adam decay": (
        lambda p: optim.Adam(p, **ADAM, weight_decay=0.3),
        lambda w, g, s: adam(w, g, s, 0.02, 0.3, False),
    ),
    "AdamW": (
        lambda p: optim.AdamW(p, **ADAM, weight_decay=0.3),
        lambda w, g, s: adam(w, g, s, 0.02, 0.3, True),
    ),
}
TORCH: dict[str, tuple[str, dict[str, Any]]] = {
    "SGD": ("SGD", {"lr": 0.1}),
    "SGD decay": ("SGD", {"lr": 0.1, "weight_decay": 0.3}),
    "SGD momentum": ("SGD", {"lr": 0.1, "momentum": 0.9, "weight_decay": 0.3}),
    "SGD nesterov": ("SGD", {"lr": 0.1, "momentum": 0.9, "nesterov": True, "weight_decay": 0.3}),
    "Adam": ("Adam", ADAM),
    "Adam decay": ("Adam", {**ADAM, "weight_decay": 0.3}),
    "AdamW": ("AdamW", {**ADAM, "weight_decay": 0.3}),
}


def weights(dtype: Any = np.float64) -> list[Parameter]:
    rng = np.random.default_rng(0)
    return [Parameter(rng.standard_normal(shape).astype(dtype)) for shape in ((3, 4), (5,), ())]


def gradients(dtype: Any = np.float64) -> Callable[[], Array]:
    rng = np.random.default_rng(1)
    return lambda *shape: np.asarray(rng.standard_normal(shape), dtype)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("name", CASES)
def test_steps_are_those_of_the_formula(name: str, dtype: Any) -> None:
    make, formula = CASES[name]
    params = weights(dtype)
    expected = [p.data.astype(np.float64) for p in params]
    states: list[State] = [{} for _ in params]
    arrays = [p.data for p in params]
    optimizer = make(params)
    draw = gradients(dtype)

    for _ in range(6):
        for place, p in enumerate(params):
            g = draw(*p.shape)
            p.grad = Tensor(g)
            expected[place] = formula(expected[place], g.astype(np.float64), states[place])
        optimizer.step()

    for p, array, right in zip(params, arrays, expected, strict=True):
        assert p.data is array and array.dtype == dtype
        rtol = 2e-5 if dtype == np.float32 else 1e-12
        np.testing.assert_allclose(array, right, rtol=rtol, atol=rtol)


@pytest.mark.parametrize("name", CASES)
def test_steps_agree_with_torch(name: str, torch: Any) -> None:
    params = weights()
    theirs = [torch.from_numpy(p.data.copy()).requires_grad_() for p in params]
    kind, options = TORCH[name]
    optimizer, peer = CASES[name][0](params), getattr(torch.optim, kind)(theirs, **options)
    draw = gradients()

    for _ in range(6):
        for p, other in zip(params, theirs, strict=True):
            g = draw(*p.shape)
            p.grad, other.grad = Tensor(g), torch.from_numpy(g)
        optimizer.step()
        peer.step()

    for p, other in zip(params, theirs, strict=True):
        np.testing.assert_allclose(p.data, other.detach().numpy(), rtol=1e-10)


@pytest.mark.parametrize("name", CASES)
def test_defaults_are_those_of_the_contract(name: str, torch: Any) -> None:
    kind = TORCH[name][0]
    params = weights()
    optimizer = getattr(optim, kind)(params, 0.01)
    theirs = [torch.from_numpy(p.data.copy()).requires_grad_() for p in params]
    peer = getattr(torch.optim, kind)(theirs, 0.01)
    for p, other in zip(params, theirs, strict=True):
        p.grad, other.grad = Tensor(np.ones(p.shape)), torch.ones(p.shape).double()
    optimizer.step()
    peer.step()

    for p, other in zip(params, theirs, strict=True):
        np.testing.assert_allclose(p.data, other.detach().numpy(), rtol=1e-10)


@pytest.mark.parametrize("name", CASES)
def test_a_parameter_without_gradient_is_skipped_and_does_not_age(name: str) -> None:
    make, formula = CASES[name]
    late, always = Parameter(np.ones(3)), Parameter(np.ones(3))
    optimizer = make([late, always])
    for _ in range(3):
        always.grad = Tensor(np.full(3, 0.5))
        optimizer.step()

    assert late.data.tolist() == [1, 1, 1]
    late.grad = Tensor(np.full(3, 0.25))
    optimizer.step()
    np.testing.assert_allclose(late.data, formula(np.ones(3), np.full(3, 0.25), {}), rtol=1e-12)


@pytest.mark.parametrize("name", CASES)
def test_parameters_are_read_once_from_any_iterable(name: str) -> None:
    params = weights()
    optimizer = CASES[name][0](p for p in params)
    for _ in range(2):
        before = params[0].data.copy()
        params[0].grad = Tensor(np.ones((3, 4)))
        optimizer.step()
        assert not np.array_equal(params[0].data, before)


@pytest.mark.parametrize("name", CASES)
def test_zero_grad_leaves_none(name: str) -> None:
    params = weights()
    params[1].grad = Tensor(np.ones(5))
    CASES[name][0](params).zero_grad()

    assert all(p.grad is None for p in params)


@pytest.mark.parametrize("name", CASES)
def test_lr_may_be_changed_between_steps(name: str) -> None:
    params = weights()
    optimizer = CASES[name][0](params)
    optimizer.lr = 0.0
    before = params[0].data.copy()
    params[0].grad = Tensor(np.ones((3, 4)))
    optimizer.step()

    np.testing.assert_array_equal(params[0].data, before)


@pytest.mark.parametrize("name", CASES)
def test_weights_of_any_strides_are_stepped_in_place(name: str) -> None:
    """A transposed view is no contiguous array; its base must change."""
    make, formula = CASES[name]
    base = np.random.default_rng(0).standard_normal((4, 3))
    right = base.T.copy()
    p = Parameter(np.zeros((3, 4)))
    p.data = base.T
    optimizer = make([p])
    state: State = {}
    for _ in range(2):
        g = np.random.default_rng(2).standard_normal((4, 3)).T
        p.grad = Tensor(g)
        right = formula(right, g, state)
        optimizer.step()

    np.testing.assert_allclose(base.T, right, rtol=1e-12)


def test_a_negative_lr_is_refused() -> None:
    with pytest.raises(ValueError, match="SGD: lr is -1"):
        optim.SGD(weights(), -1)


def with_gradients(*values: Any) -> list[Parameter]:
    params = []
    for value in values:
        p = Parameter(np.zeros(np.shape(value), np.float32))
        p.grad = None if value is None else Tensor(np.asarray(value, np.float32))
        params.append(p)
    return params


def test_clipping_scales_all_gradients_together() -> None:
    params = with_gradients([3.0, 0.0], None, [[4.0]])

    norm = optim.clip_grad_norm(iter(params), 1.0)

    assert norm == 5.0 and type(norm) is float
    np.testing.assert_allclose(params[0].grad.data, [0.6, 0.0], rtol=1e-6)
    np.testing.assert_allclose(params[2].grad.data, [[0.8]], rtol=1e-6)
    assert params[0].grad.dtype == np.float32 and params[1].grad is None


def test_short_gradients_keep_every_bit() -> None:
    params = with_gradients([3.0, 0.1], [4.0])
    before = [p.grad.data.copy() for p in params]

    assert optim.clip_grad_norm(params, 5.1) == pytest.approx(math.hypot(5, np.float32(0.1)))
    for p, old in zip(params, before, strict=True):
        np.testing.assert_array_equal(p.grad.data, old)


def test_the_norm_is_summed_in_float64() -> None:
    params = with_gradients(np.full(1000, 1e25))

    assert optim.clip_grad_norm(params, 1.0) == pytest.approx(1e25 * math.sqrt(1000), rel=1e-6)
    np.testing.assert_allclose(params[0].grad.data, 1 / math.sqrt(1000), rtol=1e-5)


def test_clipping_nothing_gives_zero() -> None:
    assert optim.clip_grad_norm([], 1.0) == 0.0
    assert optim.clip_grad_norm(with_gradients(None), 1.0) == 0.0


def test_clipping_leaves_memory_that_others_share() -> None:
    shared = np.full(3, 4.0, np.float32)
    params = with_gradients(None, None)
    for p in params:
        p.data = np.zeros(3, np.float32)
        p.grad = Tensor(shared)

    optim.clip_grad_norm(params, 1.0)

    assert shared.tolist() == [4, 4, 4]
    np.testing.assert_allclose(params[0].grad.data, params[1].grad.data)


def test_cosine_schedule() -> None:
    rates = [optim.cosine_schedule(step, 10, 2.0, warmup=4) for step in range(12)]

    assert rates[:4] == [0.5, 1.0, 1.5, 2.0]
    expected = [1 + math.cos(math.pi * k / 6) for k in range(6)]
    np.testing.assert_allclose(rates[4:10], expected, rtol=1e-12)
    assert rates[10:] == [0.0, 0.0]
    assert optim.cosine_schedule(0, 10, 2.0) == 2.0
    assert optim.cosine_schedule(5, 10, 2.0) == pytest.approx(1.0)


def test_step_schedule() -> None:
    rates = [optim.step_schedule(step, 3, 8.0, 0.5) for step in range(9)]

    assert rates == [8, 8, 8, 4, 4, 4, 2, 2, 2]


def test_live_tensors_do_not_grow() -> None:
    """Nothing of step 5 is alive at step 20: state holds arrays, graphs are freed."""
    rng = np.random.default_rng(0)
    X, y = data.blobs(32, 3, 0.5, rng)
    for make in (
        lambda p: optim.SGD(p, 0.01, momentum=0.9),
        lambda p: optim.Adam(p, 0.01),
    ):
        model = nn.MLPResNet(2, 8, 2, 3, rng=rng)
        optimizer = make(model.parameters())
        alive = {}
        for step in range(1, 21):
            optimizer.zero_grad()
            loss = nn.CrossEntropyLoss()(model(Tensor(X)), y)
            loss.backward()
            optim.clip_grad_norm(model.parameters(), 1.0)
            optimizer.step()
            if step in (5, 20):
                gc.collect()
                alive[step] = live_tensors()
        assert alive[5] == alive[20]
