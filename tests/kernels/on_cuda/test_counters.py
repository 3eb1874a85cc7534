"""How the kernels use memory on whole tiles: coalesced, without bank conflicts, nothing twice."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import kernels
from kernels import on_cuda
from kernels.gpu_engine import Launch
from kernels.gpu_engine.judge import Budget, judge
from kernels.on_cuda.array import to_device

N = 4096
ROWS, COLUMNS = 64, 256


def draw(*shape: int) -> Any:
    return np.random.default_rng(list(shape)).standard_normal(shape).astype(np.float32)


def maps(arrays: int, *more: Any) -> Any:
    return lambda: ([draw(N) for _ in range(arrays)], more)


def rows(arrays: int) -> Any:
    return lambda: ([draw(ROWS, COLUMNS) for _ in range(arrays)], ())


def biased() -> Any:
    return [draw(ROWS, COLUMNS), draw(COLUMNS)], ()


def labelled() -> Any:
    return [draw(ROWS, COLUMNS), np.arange(ROWS) % COLUMNS], ()


def normed() -> Any:
    return [draw(ROWS, COLUMNS), draw(COLUMNS), draw(COLUMNS)], ()


def normed_backward() -> Any:
    x = draw(ROWS, COLUMNS)
    return [x, x, draw(COLUMNS), draw(ROWS), draw(ROWS)], ()


# What each kernel of the family may load of an element, times, per block.
CASES: dict[str, tuple[Any, float]] = {
    **{
        name: (maps(2 if name.endswith("backward") else 1), 1.1)
        for home in ("maps", "activations")
        for name in on_cuda.HOMES[home]
    },
    "bias_add": (biased, 1.1),
    "bias_gelu": (biased, 1.1),
    "bias_relu": (biased, 1.1),
    "sum_rows": (rows(1), 1.1),
    "max_rows": (rows(1), 1.1),
    "sum_columns": (rows(1), 1.1),
    "softmax": (rows(1), 3.1),
    "log_softmax": (rows(1), 3.1),
    "logsumexp": (rows(1), 2.1),
    "softmax_backward": (rows(2), 2.1),
    "log_softmax_backward": (rows(2), 2.1),
    "cross_entropy": (labelled, 3.2),
    "layer_norm": (normed, 3.1),
    "layer_norm_backward": (normed_backward, 2.1),
    "adam_step": (maps(4), 1.1),
    "sgd_step": (maps(3, 0.1, 0.9), 1.1),
}
# A bias, a label and a row's statistics are one element for many threads: cheap, from the cache.
SHARED = {"b", "labels", "means", "scales", "gamma", "beta"}


@pytest.mark.parametrize("name", CASES)
def test_memory_is_used_well(name: str, launches: list[Launch]) -> None:
    make, budget = CASES[name]
    arrays, more = make()
    on_cuda.load(name)
    device = [to_device(one) if one.dtype == np.float32 else one for one in arrays]
    kernels.get(name).devices["cuda"](*device, *more)

    assert launches
    for launch in launches:
        found = [one for one in judge(launch, Budget(budget)) if one.array not in SHARED]
        assert found == [], launch.kernel
        assert launch.divergence > 0.8


def test_a_transposed_copy_goes_through_a_tile(launches: list[Launch]) -> None:
    from kernels.on_cuda.array import contiguous

    x = draw(64, 128)
    there = contiguous(to_device(x).T)

    np.testing.assert_array_equal(there.numpy(), x.T)
    assert [judge(one, Budget(1.1)) for one in launches] == [()]


def on_device(name: str, *arrays: Any, **params: Any) -> Any:
    on_cuda.load(name)
    return kernels.get(name).devices["cuda"](*map(to_device, arrays), **params)


def test_attention_loads_keys_and_values_once_a_block(launches: list[Launch]) -> None:
    heads, time, d = 2, 64, 64
    on_device("attention", *(draw(1, heads, time, d) for _ in range(3)))

    (launch,) = launches
    blocks = -(-time // 32)
    budget = heads * (time * d + 2 * time * d * blocks)  # never a score: those would be time ** 2
    assert judge(launch, Budget(1.1, budget)) == ()
    assert launch.loaded_elements <= budget


def test_the_gradients_of_attention_use_memory_well(launches: list[Launch]) -> None:
    do, q, k, v, o = (draw(1, 1, 64, 32) for _ in range(5))
    on_device("attention_backward", do, q, k, v, o, draw(1, 1, 64) + 6)

    for launch in launches:
        found = judge(launch, Budget(2.1))  # keys_gradient reads the queries twice
        assert [one for one in found if one.array not in ("lse", "delta")] == [], launch.kernel


def test_what_works_on_images_and_tables_uses_memory_well(launches: list[Launch]) -> None:
    x, c = draw(4, 3, 256), draw(3)
    on_device("batch_norm", x, c, c)
    on_device("batch_norm_backward", x, x, c, c, c)
    ids = np.arange(96) * 7 % 50
    on_cuda.load("embedding")
    kernels.get("embedding").devices["cuda"](to_device(draw(50, 64)), ids)
    kernels.get("embedding_backward").devices["cuda"](to_device(draw(96, 64)), ids, 50)
    on_device("max_pool2d", draw(2, 3, 64, 64), k=2, stride=1)

    assert len(launches) >= 5
    for launch in launches:
        assert judge(launch, Budget(None)) == (), launch.kernel


def test_convolutions_use_memory_well(launches: list[Launch]) -> None:
    x, w, g = draw(1, 16, 8, 16), draw(64, 16, 3, 3), draw(1, 64, 8, 16)
    on_device("conv2d", x, w, stride=1, padding=1)
    on_device("conv2d_input_grad", g, w, x_shape=x.shape, stride=1, padding=1)
    on_device("conv2d_weight_grad", g, x, w_shape=w.shape, stride=1, padding=1)

    seen = {launch.kernel: judge(launch, Budget(None)) for launch in launches}
    del seen["gather"]  # turns the weights, which are few
    assert seen == {"forward": (), "input_gradient": (), "weight_gradient": ()}


def test_a_recurrent_layer_uses_memory_well(launches: list[Launch]) -> None:
    time, batch, inputs, size = 2, 4, 16, 32
    for name, gates, biases in (("lstm", 4, [4 * size]), ("gru", 3, [3 * size, size])):
        states = [draw(batch, size) for _ in range(2 if name == "lstm" else 1)]
        weights = draw(inputs, gates * size), draw(size, gates * size)
        given = draw(time, batch, inputs), *states, *weights, *map(draw, biases)
        *_, saved = on_device(name, *given)
        dlast = [None, None] if name == "lstm" else [None]
        backward = kernels.get(f"{name}_backward").devices["cuda"]
        backward(to_device(draw(time, batch, size)), *dlast, *saved)

    steps = [one for one in launches if one.kernel.startswith(("lstm", "gru"))]
    assert len(steps) == 2 * 2 * time
    for launch in steps:
        found = [one for one in judge(launch, Budget(1.1)) if "bias" not in (one.array or "")]
        assert found == [], launch.kernel
