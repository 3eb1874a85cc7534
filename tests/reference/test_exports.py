"""What learners export runs in the framework: same results, and it is really called."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

import kernels
from reference import Tensor, grad, ops, slots
from reference.exports import ADAPTERS


@pytest.fixture(autouse=True)
def own_parts() -> Iterator[None]:
    yield
    slots.reset()


calls: list[str] = []


def oracle(name: str) -> Any:
    return kernels.get(name).oracle


def conv2d(x, w, b=None, stride=1, padding=0, dilation=1, groups=1):
    calls.append("conv2d")
    return oracle("conv2d")(x, w, b, stride, padding, dilation, groups)


def conv2d_backward(g, x, w, stride=1, padding=0, dilation=1, groups=1):
    calls.append("conv2d_backward")
    form = (stride, padding, dilation, groups)
    dw = oracle("conv2d_weight_grad")(g, x, w.shape, *form)
    return oracle("conv2d_input_grad")(g, w, x.shape, *form), dw, g.sum((0, 2, 3))


def max_pool2d(x, k, stride=None):
    calls.append("max_pool2d")
    return oracle("max_pool2d")(x, k, stride)[0]


def max_pool2d_backward(g, x, k, stride=None):
    calls.append("max_pool2d_backward")
    return oracle("max_pool2d_backward")(
        g, oracle("max_pool2d")(x, k, stride)[1], x.shape, k, stride
    )


def avg_pool2d(x, k, stride=None):
    calls.append("avg_pool2d")
    return oracle("avg_pool2d")(x, k, stride)


def avg_pool2d_backward(g, x, k, stride=None):
    calls.append("avg_pool2d_backward")
    return oracle("avg_pool2d_backward")(g, x.shape, k, stride)


def attention(q, k, v, mask=None):
    calls.append("attention")
    return oracle("attention")(q, k, v, mask=mask)[0], None


def softmax(Z):
    calls.append("softmax")
    return oracle("softmax")(Z)


def logsumexp(Z):
    calls.append("logsumexp")
    return oracle("logsumexp")(Z)


def softmax_loss(Z, y):
    return float(oracle("cross_entropy")(Z, y)[0])


def softmax_grad(Z, y):
    calls.append("cross_entropy")
    return oracle("cross_entropy_backward")(np.ones((), Z.dtype), oracle("softmax")(Z), y)


def activation(name, z):
    return oracle(name)(z)


def activation_grad(name, z):
    calls.append("activation")
    return (z > 0).astype(z.dtype)


def flash_forward(q, k, v, block_q, block_k, causal):
    calls.append("flash")
    return oracle("attention")(q, k, v, causal=causal)


def flash_backward(do, q, k, v, o, lse, block_q, block_k, causal):
    calls.append("flash backward")
    return oracle("attention_backward")(do, q, k, v, o, lse, causal=causal)


def single(*arrays):
    assert all(x.dtype == np.float32 for x in arrays)


def matmul(a, b):
    calls.append("matmul")
    single(a, b)
    assert a.ndim == b.ndim == 2
    return oracle("gemm")(a, b)


def softmax_fused(x):
    calls.append("softmax_fused")
    single(x)
    return oracle("softmax")(x)


def layernorm_fused(x, gamma, beta, eps):
    calls.append("layernorm_fused")
    single(x, gamma, beta)
    return oracle("layer_norm")(x, gamma, beta, eps)[0]


def conv2d_direct(x, w, padding):
    calls.append("conv2d_direct")
    single(x, w)
    return oracle("conv2d")(x, w, None, 1, padding, 1, 1)


TILED = {one.__name__: one for one in (matmul, softmax_fused, layernorm_fused, conv2d_direct)}
LEARNERS = {
    "softmax": softmax,
    "logsumexp": logsumexp,
    "cross_entropy": (softmax_loss, softmax_grad),
    "activation": (activation, activation_grad),
    "conv2d": conv2d,
    "conv2d_backward": conv2d_backward,
    "max_pool2d": max_pool2d,
    "max_pool2d_backward": max_pool2d_backward,
    "avg_pool2d": avg_pool2d,
    "avg_pool2d_backward": avg_pool2d_backward,
    "attention": attention,
    "flash": (flash_forward, flash_backward),
}


def results() -> list[Any]:
    """Values and gradients of everything that the exports stand for."""
    rng = np.random.default_rng(0)
    x = Tensor(rng.normal(size=(2, 4, 6, 6)), requires_grad=True)
    w = Tensor(rng.normal(size=(4, 2, 3, 3)), requires_grad=True)
    b = Tensor(rng.normal(size=4), requires_grad=True)
    q, k, v = (Tensor(rng.normal(size=(2, 2, 5, 4)), requires_grad=True) for _ in range(3))
    y = ops.conv2d(x, w, b, padding=1, groups=2, activation="relu")
    pooled = ops.max_pool2d(y, 3, 1) + ops.avg_pool2d(y, 3, 1)
    seen = rng.random((5, 5)) < 0.7
    out = ops.attention(q, k, v, causal=True) + ops.attention(q, k, v, seen)
    z = x.reshape(16, 18)
    loss = ops.cross_entropy(z, np.arange(16)) + (ops.softmax(z, 1) * ops.sigmoid(z)).sum()
    loss = loss + (ops.relu(z) * ops.relu(z)).sum() + ops.logsumexp(z, 1).sum()
    total = (pooled * pooled).sum() + (out * out).sum() + loss
    return [total.data, *[g.data for g in grad(total, [x, w, b, q, k, v])]]


def test_every_adapter_is_a_slot_and_is_tried():
    assert {adapter.__name__ for adapter in ADAPTERS} == set(LEARNERS) | set(TILED)
    assert set(LEARNERS) | set(TILED) <= set(slots.names())


@pytest.mark.parametrize("name", [*LEARNERS, "all"])
def test_an_export_runs_and_leaves_no_trace(name):
    wanted = results()
    chosen = [n for n in LEARNERS if n != "attention"] if name == "all" else [name]
    calls.clear()
    for one in chosen:
        slots.fill(one, LEARNERS[one], owner="the learner")
        assert slots.owner(one) == "the learner"
    for mine, theirs in zip(results(), wanted, strict=True):
        np.testing.assert_allclose(mine, theirs, rtol=1e-10, atol=1e-12)
    called = set(calls)
    assert {"flash backward" if one == "flash" else one for one in chosen} <= called

    for one in chosen:
        slots.reset(one)
    calls.clear()
    results()
    assert calls == []


def tiled_results(dtype: type) -> list[Any]:
    """Values and gradients of everything that stage 08 stands for."""
    rng = np.random.default_rng(1)

    def drawn(*shape: int) -> Tensor:
        return Tensor(rng.normal(size=shape).astype(dtype), requires_grad=True)

    a, b, gamma, beta, x, w = drawn(2, 3, 4, 5), drawn(2, 1, 5, 6), drawn(6), drawn(6), *(
        drawn(2, 2, 5, 5), drawn(3, 2, 3, 3)
    )  # fmt: skip
    rows = ops.layer_norm(ops.softmax(a @ b, -1), gamma, beta)
    pictures = ops.conv2d(x, w, drawn(3), padding=1, activation="relu")
    strided = ops.conv2d(x, w, stride=2)
    total = (rows * rows * rows).sum() + (pictures * pictures).sum() + (strided * strided).sum()
    parts = [a, b, gamma, beta, x, w]
    assert all(part.data.dtype == dtype for part in (rows, pictures, strided))
    return [total.data, *[g.data for g in grad(total, parts)]]


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("name", [*TILED, "all"])
def test_what_speaks_single_precision_serves_both(name, dtype):
    wanted = tiled_results(dtype)
    calls.clear()
    for one in TILED if name == "all" else [name]:
        slots.fill(one, TILED[one])

    for mine, theirs in zip(tiled_results(dtype), wanted, strict=True):
        np.testing.assert_allclose(mine, theirs, rtol=2e-3, atol=2e-4)

    assert set(calls) == set(TILED if name == "all" else [name])


def test_a_strided_convolution_goes_to_the_learners_other_one():
    slots.fill("conv2d", conv2d)
    slots.fill("conv2d_direct", conv2d_direct)
    calls.clear()

    tiled_results(np.float32)

    assert {"conv2d", "conv2d_direct"} <= set(calls)


def test_the_order_of_filling_and_resetting_does_not_matter():
    wanted = results()
    for name in ("max_pool2d_backward", "max_pool2d", "flash", "attention"):
        slots.fill(name, LEARNERS[name])
    for mine, theirs in zip(results(), wanted, strict=True):
        np.testing.assert_allclose(mine, theirs, rtol=1e-10, atol=1e-12)
    for name in ("max_pool2d", "flash"):
        slots.reset(name)
    calls.clear()
    for mine, theirs in zip(results(), wanted, strict=True):
        np.testing.assert_allclose(mine, theirs, rtol=1e-10, atol=1e-12)

    assert set(calls) == {"max_pool2d_backward", "attention"}


def test_an_empty_slot_says_so():
    with pytest.raises(NotImplementedError, match="flash"):
        slots.find("flash").current()
