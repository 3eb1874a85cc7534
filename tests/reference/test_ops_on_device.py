"""Every op on the device: its value and its derivatives are those of the CPU, and stay there."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from reference import DTypeError, Tensor, grad, jvp, ops

from .op_samples import NAMES, SAMPLES, outputs

# What the device does not do, and how it says so.
UNWRITTEN = {"astype": r"^astype: .*float32 to float\d+ is not written for CUDA\.$"}
NEAR = 2e-4  # of the largest number of an array; float32, and sums go another way


class Case:
    """One op at one point on a device: the loss is the sum of <u, output> with a random u."""

    def __init__(self, name: str, device: str) -> None:
        self.device = device
        self.rng = np.random.default_rng((11, NAMES.index(name)))
        self.inputs = [self.there(x) for x in SAMPLES[name].inputs(self.rng)]
        self.directions = [self.drawn(x) for x in self.inputs]
        for x in self.inputs:
            x.requires_grad = True
        self.op = SAMPLES[name].ours
        self.results = outputs(self.op(*self.inputs))
        self.upstream = [self.drawn(out) for out in self.results]

    def there(self, values: Any) -> Tensor:
        return Tensor(np.asarray(values, np.float32), device=self.device)

    def drawn(self, like: Tensor) -> Tensor:
        return self.there(self.rng.normal(size=like.shape))

    def loss(self, *inputs: Tensor) -> Any:
        return self.inner(outputs(self.op(*inputs)), self.upstream)

    @staticmethod
    def inner(these: Any, those: Any) -> Any:
        terms = [(a * b).sum() for a, b in zip(these, those, strict=True)]
        return sum(terms[1:], terms[0])


def value_and_gradients(case: Case) -> list[Any]:
    case.inner(case.results, case.upstream).backward()
    return [*case.results, *(x.grad for x in case.inputs)]


def gradients_of_gradients(case: Case) -> list[Any]:
    first = grad(case.loss(*case.inputs), case.inputs, create_graph=True)
    along = case.inner(first, case.directions)
    return [*first, *(grad(along, case.inputs) if along.requires_grad else ())]


def forward_mode(case: Case) -> list[Any]:
    return list(jvp(case.loss, [x.detach() for x in case.inputs], case.directions))


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("of", [value_and_gradients, gradients_of_gradients, forward_mode])
def test_an_op_is_on_the_device_what_it_is_on_the_cpu(
    name: str, of: Callable[[Case], list[Any]]
) -> None:
    if name in UNWRITTEN:
        with pytest.raises(DTypeError, match=UNWRITTEN[name]):
            Case(name, "cuda")
        return
    for got, wanted in zip(of(Case(name, "cuda")), of(Case(name, "cpu")), strict=True):
        assert got.device == "cuda" and wanted.device == "cpu"
        size = max(1.0, float(np.abs(wanted.numpy()).max(initial=0.0)))
        np.testing.assert_allclose(got.numpy() / size, wanted.numpy() / size, rtol=0, atol=NEAR)


def test_comparisons_choose_and_index_where_they_were_made() -> None:
    def found(device: str) -> list[Any]:
        x = Tensor(np.arange(6, dtype=np.float32).reshape(2, 3), True, device=device)
        rows = Tensor([1, 0, 1], dtype=np.int64, device=device)
        chosen = ops.where(x > 2, x * x, 0.5 / (x + 1))
        out = chosen[rows] + ops.where([True, False, True], chosen[0], -1)
        kept = x[x >= 4] ** 2 + ops.where(Tensor([1.0, 0.0], device=device), 3, x[:, 0])
        (out.sum() + (kept * kept).sum()).backward()
        assert (x == x).all() and not (x != x).any() and x[0, 1] > 0
        assert out.device == kept.device == device
        return [out, kept, x.grad]

    for got, wanted in zip(found("cuda"), found("cpu"), strict=True):
        np.testing.assert_allclose(got.numpy(), wanted.numpy(), rtol=1e-5)


def test_labels_ids_and_masks_may_lie_on_the_device() -> None:
    def found(device: str) -> list[Any]:
        x = Tensor(np.arange(12, dtype=np.float32).reshape(3, 4) / 5, device=device)
        ids = Tensor([2, 0, 2], dtype=np.int64, device=device)
        seen = Tensor(np.tri(3, dtype=bool), device=device)
        q = x.reshape(1, 1, 3, 4)
        return [ops.cross_entropy(x, ids), ops.embedding(x, ids), ops.attention(q, q, q, seen)]

    for got, wanted in zip(found("cuda"), found("cpu"), strict=True):
        np.testing.assert_allclose(got.numpy(), wanted.numpy(), rtol=1e-5)
