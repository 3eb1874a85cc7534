"""Every layer against its formula, its derivative, its dtype and its state."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from reference import Tensor, nn

from .samples import SAMPLES, build, flat, given

Array = np.ndarray


def arrays(values: Any) -> list[Array]:
    return [leaf.data if isinstance(leaf, Tensor) else leaf for leaf in flat(values)]


def weights_of(module: nn.Module) -> dict[str, Array]:
    return {name: parameter.data for name, parameter in module.named_parameters()}


def test_every_layer_has_a_sample() -> None:
    assert SAMPLES.keys() == nn.LAYERS.keys() - {"KVCache"}


@pytest.mark.parametrize("name", SAMPLES)
def test_values_follow_the_formula(name: str) -> None:
    module, inputs = build(name)

    outputs = arrays(module(*given(inputs)))

    expected = flat(SAMPLES[name].oracle(weights_of(module), *inputs))
    assert len(outputs) == len(expected)
    for one, other in zip(outputs, expected, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-9, atol=1e-10)


@pytest.mark.parametrize("name", [name for name in SAMPLES if not SAMPLES[name].kinks])
def test_gradients_agree_with_differences(name: str) -> None:
    """Along one random direction of all weights and float inputs together, in float64."""
    module, inputs = build(name)
    tensors = given(inputs, requires_grad=True)
    rng = np.random.default_rng(1)
    outputs = flat(module(*tensors))
    upstream = [rng.standard_normal(out.shape) for out in outputs]

    def objective(results: list[Tensor]) -> Tensor:
        total = sum((out * up).sum() for out, up in zip(results, upstream, strict=True))
        assert isinstance(total, Tensor)
        return total

    leaves = [leaf for leaf in flat(tensors) if isinstance(leaf, Tensor)] + module.parameters()
    if not leaves:
        pytest.skip(f"{name} has nothing to differentiate")
    objective(outputs).backward()
    direction = [rng.standard_normal(leaf.shape) for leaf in leaves]
    claimed = sum(
        float((leaf.grad.data * step).sum())
        for leaf, step in zip(leaves, direction, strict=True)
        if leaf.grad is not None
    )

    def value(eps: float) -> float:
        for leaf, step in zip(leaves, direction, strict=True):
            leaf.data = leaf.data + eps * step
        result = objective(flat(module(*tensors))).item()
        for leaf, step in zip(leaves, direction, strict=True):
            leaf.data = leaf.data - eps * step
        return result

    numeric = (value(1e-6) - value(-1e-6)) / 2e-6
    assert abs(claimed - numeric) <= 1e-6 * max(1.0, abs(numeric))


@pytest.mark.parametrize("name", SAMPLES)
def test_every_weight_receives_a_gradient(name: str) -> None:
    module, inputs = build(name)
    outputs = [out for out in flat(module(*given(inputs))) if out.requires_grad]

    rng = np.random.default_rng(2)
    for out in outputs:
        out.backward(rng.standard_normal(out.shape), retain_graph=True)

    for path, parameter in module.named_parameters():
        assert parameter.grad is not None, path
        assert parameter.grad.shape == parameter.shape, path
        assert np.any(parameter.grad.data), path


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("name", SAMPLES)
def test_the_dtype_of_the_input_is_kept(name: str, dtype: Any) -> None:
    for mode in (True, False):
        module, inputs = build(name, dtype)
        module.train(mode)
        tensors = given(inputs, requires_grad=True)

        outputs = flat(module(*tensors))

        assert {out.dtype for out in outputs} == {np.dtype(dtype)}
        for out in outputs:
            if out.requires_grad:
                out.backward(np.ones(out.shape, dtype), retain_graph=True)
        leaves = [leaf for leaf in flat(tensors) if isinstance(leaf, Tensor)]
        for leaf in [*leaves, *module.parameters()]:
            assert leaf.grad is None or leaf.grad.dtype == dtype


@pytest.mark.parametrize("name", SAMPLES)
def test_inputs_stay_as_they_are(name: str) -> None:
    module, inputs = build(name, np.float32)
    before = [leaf.copy() for leaf in flat(inputs)]

    outputs = flat(module(*given(inputs, requires_grad=True)))
    for out in outputs:
        if out.requires_grad:
            out.backward(np.ones(out.shape, np.float32), retain_graph=True)

    for one, other in zip(before, flat(inputs), strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("name", SAMPLES)
def test_state_travels_to_another_seed(name: str) -> None:
    one, inputs = build(name, np.float32, seed=0)
    other, _ = build(name, np.float32, seed=1)
    one(*given(inputs))  # running statistics move
    one.eval()
    other.eval()

    other.load_state_dict(one.state_dict())

    for first, second in zip(
        arrays(one(*given(inputs))), arrays(other(*given(inputs))), strict=True
    ):
        np.testing.assert_array_equal(first, second)


@pytest.mark.parametrize("name", SAMPLES)
def test_the_seed_decides_the_weights(name: str) -> None:
    one, same, other = (SAMPLES[name].make(np.random.default_rng(seed)) for seed in (1, 1, 2))

    for first, second in zip(one.parameters(), same.parameters(), strict=True):
        assert first.dtype == np.float32
        np.testing.assert_array_equal(first.data, second.data)
    drawn = [
        not np.array_equal(first.data, second.data)
        for first, second in zip(one.parameters(), other.parameters(), strict=True)
    ]
    assert any(drawn) or not drawn or all(p.ndim == 1 for p in one.parameters())


@pytest.mark.parametrize("name", SAMPLES)
def test_evaluation_repeats_itself(name: str) -> None:
    module, inputs = build(name, np.float32)
    module.eval()
    state = module.state_dict()

    first, second = (arrays(module(*given(inputs))) for _ in range(2))

    for one, other in zip(first, second, strict=True):
        np.testing.assert_array_equal(one, other)
    for key, value in module.state_dict().items():
        np.testing.assert_array_equal(value, state[key])
