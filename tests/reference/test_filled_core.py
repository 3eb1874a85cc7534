"""Rules, kernels and parts of the engine as slots: copies change nothing, broken ones are noticed.

The other tests are the judges: each slot has one that passes with a copy and fails with a part that
computes one per cent too much.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from reference import Parameter, Tensor, backend, grad, ops, optim, slots
from reference.op import OPS

from . import test_ops, test_parity_ops
from .op_samples import NAMES, SAMPLES

ROOT = Path(__file__).parents[2]


@pytest.fixture(autouse=True)
def own_parts() -> Iterator[None]:
    yield
    slots.reset()


def copy_of(part: Callable[..., Any]) -> Callable[..., Any]:
    return lambda *args, **kwargs: part(*args, **kwargs)


def broken_rule(rule: Callable[..., Any]) -> Callable[..., Any]:
    """Every gradient is one per cent too large."""
    return lambda *args, **kwargs: tuple(
        None if grad is None else grad * 1.01 for grad in rule(*args, **kwargs)
    )


def broken_kernel(kernel: Callable[..., Any]) -> Callable[..., Any]:
    """The first result is one per cent too large; what a backward pass needs stays."""

    def broken(*args: Any, **kwargs: Any) -> Any:
        result = kernel(*args, **kwargs)
        if isinstance(result, tuple):
            return (result[0] * 1.01, *result[1:])
        return result * 1.01

    return broken


def kind(name: str) -> list[str]:
    return [slot for slot in slots.names() if slot.startswith(f"{name}:")]


def test_there_is_a_slot_for_every_rule_kernel_and_part_of_the_engine() -> None:
    assert kind("vjp") == sorted(f"vjp:{name}" for name in OPS)
    assert kind("kernel") == sorted(f"kernel:{name}" for name in backend.USED)
    assert kind("engine") == [
        "engine:accumulate",
        "engine:topological_order",
        "engine:unbroadcast",
    ]


def test_the_kernels_that_run_are_those_of_the_list() -> None:
    sources = [*(ROOT / "reference" / "ops").glob("*.py"), *(ROOT / "reference").glob("optim/*.py")]
    called = {
        name
        for path in sources
        for name in re.findall(r"\bbackend\.(\w+)", path.read_text(encoding="utf-8"))
    }

    assert called == set(backend.USED)


def test_filling_and_resetting_by_name() -> None:
    calls = []

    def mine(g: Any, out: Any, x: Any) -> Any:
        calls.append(x)
        return (g * out,)

    x = Tensor([1.0], requires_grad=True)
    slots.fill("vjp:exp", mine, owner="the learner")
    assert slots.owner("vjp:exp") == "the learner"
    x.exp().backward()
    assert len(calls) == 1
    slots.reset("vjp:exp")
    x.exp().backward()
    assert len(calls) == 1
    assert slots.owner("vjp:exp") == "reference"

    with pytest.raises(KeyError, match="vjp:mul"):
        slots.fill("vjp:mull", mine)
    with pytest.raises(TypeError, match="vjp:exp"):
        slots.fill("vjp:exp", 3)


def test_an_error_says_in_which_slot_it_happened() -> None:
    def wrong(*args: Any) -> Any:
        raise ZeroDivisionError("mine")

    slots.fill("vjp:tanh", wrong)
    with pytest.raises(ZeroDivisionError) as caught:
        Tensor([1.0], requires_grad=True).tanh().backward()

    assert caught.value.__notes__ == ["in slot vjp:tanh"]


@pytest.mark.parametrize("name", NAMES)
def test_a_copy_of_a_rule_changes_nothing_and_a_broken_one_is_noticed(name: str) -> None:
    slot = f"vjp:{name}"
    slots.fill(slot, copy_of(slots.find(slot).default))
    test_ops.test_gradient_is_that_of_differences(test_ops.Case(name, 7))
    test_ops.test_gradient_of_the_gradient_is_that_of_differences(test_ops.Case(name, 7))

    slots.fill(slot, broken_rule(slots.find(slot).default))
    with pytest.raises(AssertionError):
        test_ops.test_gradient_is_that_of_differences(test_ops.Case(name, 7))


def op_of(kernel: str) -> str:
    """The op whose comparison with PyTorch runs the kernel."""
    special = {"gemm": "matmul", "sum_columns": "linear"}
    if kernel.startswith("bias_"):
        return "linear"
    return special.get(kernel, kernel.removesuffix("_backward"))


FUSED = {
    "bias_add": None,
    "bias_relu": "relu",
    "bias_gelu": "gelu",
    "sum_columns": None,
}


@pytest.mark.parametrize("name", [n for n in backend.USED if not n.endswith("_step")])
def test_a_copy_of_a_kernel_changes_nothing_and_a_broken_one_is_noticed(
    name: str, torch: Any
) -> None:
    def judge() -> None:
        if name in FUSED:
            check_linear(FUSED[name], torch)
        else:
            test_parity_ops.test_op_equals_that_of_torch(op_of(name), np.float64, torch)

    slot = f"kernel:{name}"
    slots.fill(slot, copy_of(slots.find(slot).default))
    judge()

    slots.fill(slot, broken_kernel(slots.find(slot).default))
    with pytest.raises(AssertionError):
        judge()


def check_linear(activation: str | None, torch: Any) -> None:
    rng = np.random.default_rng(0)
    arrays = [rng.normal(size=shape) for shape in ((5, 3), (3, 4), (4,))]
    x, w, b = (Tensor(a, requires_grad=True) for a in arrays)
    y = ops.linear(x, w, b, activation)
    y.sum().backward()
    peers = [torch.tensor(a, requires_grad=True) for a in arrays]
    expected = peers[0] @ peers[1] + peers[2]
    if activation:
        expected = getattr(torch.nn.functional, activation)(expected)
    expected.sum().backward()

    np.testing.assert_allclose(y.data, expected.detach().numpy(), rtol=1e-10)
    for ours, theirs in zip((x, w, b), peers, strict=True):
        np.testing.assert_allclose(ours.grad.data, theirs.grad.numpy(), rtol=1e-10)


@pytest.mark.parametrize(
    ("name", "make"), [("sgd_step", optim.SGD), ("adam_step", optim.Adam)], ids=["sgd", "adam"]
)
def test_the_kernel_of_an_optimiser_is_the_one_in_its_slot(name: str, make: Any) -> None:
    calls = []
    slot = f"kernel:{name}"
    whole = slots.find(slot).default

    def mine(*args: Any, **kwargs: Any) -> Any:
        calls.append(len(args))
        return whole(*args, **kwargs)

    slots.fill(slot, mine)
    weight = Parameter([1.0])
    weight.grad = Tensor([1.0])
    make([weight], 0.1).step()

    assert len(calls) == 1
    assert weight.data[0] < 1


def depth_first(outputs: Any) -> list[Any]:
    """Another right order: a depth-first one, as a learner would write it."""
    order: list[Any] = []
    seen: set[Any] = set()
    stack = [(node, False) for node in outputs]
    while stack:
        node, done = stack.pop()
        if done:
            order.append(node)
        elif node not in seen:
            seen.add(node)
            stack.append((node, True))
            stack.extend((parent, False) for parent in node.parents)
    return order


def accumulated(outputs: Any, output_grads: Any, vjp_of: Any) -> dict[Any, Any]:
    """Reverse mode as a learner would write it."""
    if len(outputs) != len(output_grads):
        raise ValueError("lengths")
    found: dict[Any, Any] = {}
    for node, g in zip(outputs, output_grads, strict=True):
        found[node] = found[node] + g if node in found else g
    for node in reversed(depth_first(outputs)):
        if node in found and node.parents:
            for parent, g in zip(node.parents, vjp_of(node, found[node]), strict=True):
                if g is not None:
                    found[parent] = found[parent] + g if parent in found else g
    return found


def unbroadcasted(g: Any, shape: Any) -> Any:
    while g.ndim > len(shape):
        g = g.sum(axis=0)
    for axis, n in enumerate(shape):
        if n == 1 and g.shape[axis] != 1:
            g = g.sum(axis=axis, keepdims=True)
    return g


ENGINE = {
    "engine:topological_order": (depth_first, lambda order: order[::-1]),
    "engine:accumulate": (accumulated, lambda found: {k: v * 1.01 for k, v in found.items()}),
    "engine:unbroadcast": (unbroadcasted, lambda g: g * 1.01),
}


@pytest.mark.parametrize("slot", ENGINE)
def test_parts_of_the_engine_can_be_anothers(slot: str) -> None:
    mine, spoil = ENGINE[slot]

    def judge() -> None:
        for name in ("mul", "split", "lstm_cell", "attention", "add"):
            case = test_ops.Case(name, 7)
            test_ops.test_gradient_is_that_of_differences(case)
            test_ops.test_gradient_of_the_gradient_is_that_of_differences(case)
            test_ops.test_forward_mode_agrees_with_reverse_mode(case)

    slots.fill(slot, mine)
    judge()

    slots.fill(slot, lambda *args: spoil(mine(*args)))
    with pytest.raises((AssertionError, AttributeError, KeyError)):
        judge()


def test_the_graph_is_freed_and_kept_as_usual_by_anothers_engine() -> None:
    slots.fill("engine:accumulate", accumulated)
    x = Tensor(np.ones(3), requires_grad=True)
    y = (x.exp() * x).sum()
    y.backward(retain_graph=True)
    y.backward()
    (g,) = grad((x * x).sum(), x)

    np.testing.assert_allclose(x.grad.data, 4 * np.e)
    np.testing.assert_allclose(g.data, 2)
    assert y.parents == ()


def test_samples_cover_what_is_filled() -> None:
    assert {op_of(name) for name in backend.USED if not name.endswith("_step")} <= set(SAMPLES)
