"""Tensors and models on the device compute what they compute on the CPU, and stay there."""

from __future__ import annotations

import subprocess
import sys
from functools import partial
from typing import Any

import numpy as np
import pytest

from reference import DTypeError, Tensor, nn, ops, optim
from reference.nn.generation import generate
from reference.nn.language_model import batchify, sample, train_epoch


def draw(*shape: int, seed: int = 0) -> Any:
    return np.random.default_rng([seed, *shape]).standard_normal(shape).astype(np.float32)


def trained(
    device: str, optimiser: Any, steps: int = 3, **settings: Any
) -> tuple[list[float], Any]:
    """The losses of some steps of an MLP, and the model."""
    rng = np.random.default_rng(0)
    model = nn.MLP([12, 33, 5], rng=np.random.default_rng(1)).to(device)
    steps_of = optimiser(model.parameters(), lr=0.05, **settings)
    losses = []
    for _ in range(steps):
        x = Tensor(rng.standard_normal((20, 12)).astype(np.float32), device=device)
        loss = nn.CrossEntropyLoss()(model(x), rng.integers(0, 5, 20))
        steps_of.zero_grad()
        loss.backward()
        steps_of.step()
        losses.append(loss.item())
    return losses, model


@pytest.mark.parametrize(
    ("optimiser", "settings"),
    [
        (optim.SGD, {}),
        (optim.SGD, {"momentum": 0.9, "nesterov": True, "weight_decay": 0.01}),
        (optim.Adam, {}),
        (optim.AdamW, {}),
    ],
)
def test_an_mlp_learns_the_same_on_the_device(optimiser: Any, settings: Any) -> None:
    losses, model = trained("cuda", optimiser, **settings)
    expected, twin = trained("cpu", optimiser, **settings)

    np.testing.assert_allclose(losses, expected, rtol=1e-5)
    assert losses[-1] < losses[0] or settings or optimiser is not optim.SGD
    for one, other in zip(model.parameters(), twin.parameters(), strict=True):
        assert one.device == "cuda" and one.grad is not None and one.grad.device == "cuda"
        np.testing.assert_allclose(one.numpy(), other.numpy(), rtol=1e-4, atol=1e-6)
        np.testing.assert_allclose(one.grad.numpy(), other.grad.numpy(), rtol=1e-4, atol=1e-6)


def test_a_transformer_and_a_convolutional_net_learn_the_same_on_the_device() -> None:
    def gpt_step(device: str) -> Any:
        model = nn.GPT(7, 8, 1, 2, 5, rng=np.random.default_rng(1)).to(device)
        ids = np.random.default_rng(0).integers(0, 7, (2, 6))
        loss = ops.cross_entropy(model(ids[:, :-1]).reshape(-1, 7), ids[:, 1:].reshape(-1))
        return loss, model

    def net_step(device: str) -> Any:
        rng = np.random.default_rng(1)
        model = nn.Sequential(
            nn.Conv2d(1, 3, 3, padding=1, rng=rng),
            nn.ReLU(),
            nn.MaxPool2d(2),
            nn.Flatten(),
            nn.Linear(27, 4, rng=rng),
        ).to(device)
        return ops.cross_entropy(model(Tensor(draw(3, 1, 6, 6), device=device)), [0, 3, 1]), model

    for step in (gpt_step, net_step):
        (loss, model), (expected, twin) = step("cuda"), step("cpu")
        for value, parameters in ((loss, model.parameters()), (expected, twin.parameters())):
            value.backward()
            assert optim.clip_grad_norm(parameters, 0.05) > 0.05
            optim.AdamW(parameters, lr=0.01).step()

        assert loss.item() == pytest.approx(expected.item(), rel=1e-5)
        for one, other in zip(model.parameters(), twin.parameters(), strict=True):
            assert one.grad is not None and other.grad is not None
            np.testing.assert_allclose(one.grad.numpy(), other.grad.numpy(), rtol=1e-3, atol=1e-6)


def test_models_on_the_device_write_the_same_text() -> None:
    def written(device: str) -> list[list[int]]:
        letters = nn.LanguageModel(7, 6, 9, rng=np.random.default_rng(1)).to(device)
        gpt = nn.GPT(7, 8, 1, 2, 9, rng=np.random.default_rng(1)).to(device)
        text = sample(letters, [3, 1], 8, 0.8, np.random.default_rng(2))
        start = np.array([[3, 1], [0, 5]])
        more = [
            generate(gpt, start, 6, 0.8, np.random.default_rng(2), cache)
            for cache in (None, nn.KVCache())
        ]
        return [text.tolist(), *(one.tolist() for one in more)]

    assert written("cuda") == written("cpu")


def test_recurrent_models_learn_the_same_on_the_device() -> None:
    """Truncated backpropagation of two layers, the gradients clipped, dropout between."""
    data = batchify(np.arange(40) % 7, 3)

    def text(device: str) -> Any:
        model = nn.LanguageModel(7, 6, 9, num_layers=2, rng=np.random.default_rng(1)).to(device)
        return train_epoch(model, data, 5, optim.Adam(model.parameters(), lr=0.01), 0.3), model

    def layer(kind: Any, device: str) -> Any:
        model = kind(4, 5, 2, rng=np.random.default_rng(1)).to(device)
        out, last = model(Tensor(draw(3, 2, 4), device=device))
        noisy = ops.dropout(out, 0.4, np.random.default_rng(2))
        loss = (noisy * noisy).sum() + (last[0] if kind is nn.LSTM else last).sum()
        loss.backward()
        norm = optim.clip_grad_norm(model.parameters(), 0.1)
        assert norm > 0.1
        optim.SGD(model.parameters(), lr=0.1).step()
        return loss.item(), model

    for train in (text, *(partial(layer, one) for one in (nn.LSTM, nn.GRU, nn.RNN))):
        (loss, model), (expected, twin) = train("cuda"), train("cpu")

        assert loss == pytest.approx(expected, rel=1e-5)
        for one, other in zip(model.parameters(), twin.parameters(), strict=True):
            assert one.device == "cuda" and one.grad.device == "cuda"
            np.testing.assert_allclose(one.numpy(), other.numpy(), rtol=1e-4, atol=1e-6)
            np.testing.assert_allclose(one.grad.numpy(), other.grad.numpy(), rtol=1e-3, atol=1e-6)


def gradients(f: Any, arrays: list[Any], device: str) -> list[Any]:
    """f's value and the gradients of its arguments."""
    inputs = [Tensor(one, requires_grad=True, device=device) for one in arrays]
    out = f(*inputs)
    assert out.device == device
    (out * out).sum().backward()
    return [out.numpy(), *(one.grad.numpy() for one in inputs if one.grad is not None)]


OPS = {
    "arithmetic": (lambda a, b: (a * 2 - b / 3 + 1) * -a, [(4, 5), (4, 5)]),
    "broadcasting": (lambda a, b: a * b + b, [(3, 4, 5), (4, 1)]),
    "functions": (lambda a: (a * a + 1).log().tanh() + a.exp().sqrt(), [(6, 7)]),
    "activations": (lambda a: ops.gelu(a) + a.relu() + a.sigmoid() + ops.silu(a), [(9, 5)]),
    "waves": (lambda a: a.sin() * a + (a * 3).cos(), [(4, 7)]),
    "choices": (
        lambda a, b: ops.maximum(a, b) * 2 + ops.minimum(a, b[0]) + ops.abs(a) * b,
        [(5, 6), (5, 6)],
    ),
    "sums": (lambda a: a.sum(axis=0) + a.mean(axis=1).sum(), [(7, 7)]),
    "matmul": (lambda a, b: a @ b, [(2, 5, 6), (6, 4)]),
    "transposed": (lambda a, b: a.T @ b.T, [(6, 5), (4, 6)]),
    "softmax": (lambda a: ops.softmax(a) + ops.log_softmax(a), [(5, 11)]),
    "layer norm": (lambda x, g, b: ops.layer_norm(x, g, b), [(6, 10), (10,), (10,)]),
    "attention": (
        lambda q, k, v: ops.attention(q, k, v, causal=True),
        [(1, 2, 9, 8), (1, 2, 9, 8), (1, 2, 9, 8)],
    ),
    "parts and joins": (
        lambda a, b: ops.stack([ops.concat([a, b[1:]])[::-1], ops.concat([b[:2], a])], 1)[..., 1:],
        [(4, 5), (3, 5)],
    ),
    "maxima": (lambda a: a.max(axis=(1, 2)) + a.reshape(-1, 12).max(axis=0).sum(), [(5, 3, 4)]),
    "convolution": (
        lambda x, w, b: ops.conv2d(x, w, b, stride=2, padding=1),
        [(2, 3, 7, 6), (4, 3, 3, 3), (4,)],
    ),
}


@pytest.mark.parametrize("name", OPS)
def test_ops_and_their_gradients_agree_with_the_cpu(name: str) -> None:
    f, shapes = OPS[name]
    arrays = [draw(*shape, seed=place) for place, shape in enumerate(shapes)]

    for got, wanted in zip(gradients(f, arrays, "cuda"), gradients(f, arrays, "cpu"), strict=True):
        np.testing.assert_allclose(got, wanted, rtol=2e-4, atol=2e-4)


@pytest.mark.parametrize("shape", [(6, 3), (2, 3, 4, 5)])
def test_batch_normalisation_learns_and_serves_the_same(shape: tuple[int, ...]) -> None:
    def passed(device: str) -> list[Any]:
        layer = (nn.BatchNorm1d if len(shape) == 2 else nn.BatchNorm2d)(3).to(device)
        for seed in range(2):
            y = layer(Tensor(draw(*shape, seed=seed) + 2, device=device))
        (y * y * y).sum().backward()
        layer.train(False)
        served = layer(Tensor(draw(*shape, seed=9), device=device))
        assert y.device == served.device == device
        assert layer.weight.grad is not None
        grad = layer.weight.grad.numpy()
        return [y.numpy(), grad, layer.running_mean, layer.running_var, served.numpy()]

    for one, other in zip(passed("cuda"), passed("cpu"), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-5)


def test_a_tensor_goes_there_and_comes_back() -> None:
    x = Tensor(draw(3, 4), requires_grad=True)
    there = x.to("cuda")

    assert x.device == "cpu" and there.device == "cuda" and there.requires_grad
    assert there.to("cuda") is there and there.to("cpu").device == "cpu"
    np.testing.assert_array_equal(there.numpy(), x.data)
    assert repr(there) == repr(x)
    assert Tensor([2.5], device="cuda").item() == 2.5


def test_a_state_goes_from_one_device_to_the_other() -> None:
    model = nn.MLP([3, 4, 2], rng=np.random.default_rng(0))
    twin = nn.MLP([3, 4, 2], rng=np.random.default_rng(1)).to("cuda")
    twin.load_state_dict(model.state_dict())

    assert twin.parameters()[0].device == "cuda"
    for name, values in twin.state_dict().items():
        np.testing.assert_array_equal(values, model.state_dict()[name])


def test_what_the_device_cannot_do_says_so() -> None:
    x = Tensor(draw(2, 3), device="cuda")
    with pytest.raises(ValueError, match="no device 'tpu'"):
        x.to("tpu")
    with pytest.raises(DTypeError, match="float64"):
        Tensor(np.zeros(3), device="cuda")
    with pytest.raises(DTypeError, match="one place"):
        x + Tensor(draw(2, 3))
    with pytest.raises(TypeError, match="not written for CUDA"):
        x.astype(np.float64)


def test_nothing_of_cuda_is_loaded_for_the_cpu() -> None:
    code = (
        "import sys, numpy as np; from reference import Tensor, nn, optim;"
        "m = nn.MLP([3, 2]); o = optim.Adam(m.parameters());"
        "nn.CrossEntropyLoss()(m(Tensor(np.ones((2, 3), 'f'))), np.array([0, 1])).backward();"
        "o.step(); print([one for one in sys.modules if 'cuda' in one])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert done.stdout.strip() == "[]"
