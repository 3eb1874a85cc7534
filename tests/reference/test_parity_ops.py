"""Every op against PyTorch: the value and the gradients, in both precisions."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pytest

from reference import Tensor
from reference.op import OPS

from .op_samples import NAMES, SAMPLES, outputs

TOLERANCE = {np.float32: 2e-5, np.float64: 1e-10}
PEERLESS: set[str] = set()  # ops that PyTorch has no word for


def test_every_op_is_compared():
    compared = {name for name, sample in SAMPLES.items() if sample.peer is not None}

    assert compared | PEERLESS == set(OPS)


@pytest.mark.parametrize("dtype", [np.float32, np.float64], ids=["float32", "float64"])
@pytest.mark.parametrize("name", NAMES)
def test_op_equals_that_of_torch(name: str, dtype: Any, torch: Any) -> None:
    rng = np.random.default_rng(NAMES.index(name))
    sample = SAMPLES[name]
    inputs = [x.astype(dtype) for x in sample.inputs(rng)]
    ours = [Tensor(x, requires_grad=True) for x in inputs]
    theirs = [torch.tensor(x, requires_grad=True) for x in inputs]
    results = outputs(sample.ours(*ours))
    with warnings.catch_warnings():
        # torch warns of its own internals (in-place resizing, deprecated layouts), not of ours.
        warnings.simplefilter("ignore")
        expected = outputs(sample.peer(torch, *theirs))
    weights = [rng.normal(size=out.shape).astype(dtype) for out in results]
    sum((out * w).sum() for out, w in zip(results, weights, strict=True)).backward()
    sum((out * torch.tensor(w)).sum() for out, w in zip(expected, weights, strict=True)).backward()

    near = {"rtol": TOLERANCE[dtype], "atol": TOLERANCE[dtype]}
    for out, wanted in zip(results, expected, strict=True):
        np.testing.assert_allclose(out.data, wanted.detach().numpy(), **near)
    for mine, peer in zip(ours, theirs, strict=True):
        scale = max(1.0, float(peer.grad.abs().max()))
        np.testing.assert_allclose(mine.grad.data / scale, peer.grad.numpy() / scale, **near)
