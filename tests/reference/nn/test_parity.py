"""Every layer and model against PyTorch with the same weights: values and all gradients."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from reference import Tensor

from .samples import SAMPLES, build, flat, given

PEERS = [name for name, sample in SAMPLES.items() if sample.peer]


def offered(torch: Any, values: Any) -> Any:
    """The inputs as PyTorch's tensors; floats want gradients."""
    if isinstance(values, tuple):
        return tuple(offered(torch, value) for value in values)
    tensor = torch.from_numpy(values.copy())
    return tensor.requires_grad_() if values.dtype.kind == "f" else tensor


@pytest.mark.parametrize("name", PEERS)
def test_layer_agrees_with_torch(name: str, torch: Any) -> None:
    module, inputs = build(name)
    weights = {path: parameter.data for path, parameter in module.named_parameters()}
    peer = SAMPLES[name].peer(torch, weights)
    ours, theirs = given(inputs, requires_grad=True), offered(torch, inputs)
    rng = np.random.default_rng(3)

    outputs, expected = flat(module(*ours)), flat(peer(*theirs))

    assert len(outputs) == len(expected)
    for one, other in zip(outputs, expected, strict=True):
        np.testing.assert_allclose(one.data, other.detach().numpy(), rtol=1e-8, atol=1e-9)

    upstream = [rng.standard_normal(out.shape) for out in outputs]
    for one, other, up in zip(outputs, expected, upstream, strict=True):
        one.backward(up, retain_graph=True)
        other.backward(torch.from_numpy(np.asarray(up)), retain_graph=True)
    for one, other in zip(flat(ours), flat(theirs), strict=True):
        if isinstance(one, Tensor) and other.grad is not None:
            assert one.grad is not None
            np.testing.assert_allclose(one.grad.data, other.grad.numpy(), rtol=1e-7, atol=1e-9)
    if isinstance(peer, torch.nn.Module):
        norms = sorted(
            float(np.linalg.norm(parameter.grad.data))
            for path, parameter in module.named_parameters()
            if parameter.ndim > 1 and "_proj" not in path
        )
        torch_norms = sorted(
            float(parameter.grad.norm())
            for path, parameter in peer.named_parameters()
            if parameter.ndim > 1 and "_proj" not in path
        )
        np.testing.assert_allclose(norms, torch_norms, rtol=1e-7)
