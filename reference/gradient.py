"""Asking for gradients: `backward` leaves them at the leaves, `grad` returns them."""

from __future__ import annotations

import functools
import sys
from collections.abc import Sequence
from typing import Any

import numpy as np

from . import engine
from .devices import moved, zeros_beside
from .dtypes import array_of
from .errors import GraphError, ShapeError
from .tape import BEFORE_EVERYTHING, FREED, recorded, sweep
from .tensor import Tensor, constant


def seed(name: str, output: Tensor, grad: Any) -> Any:
    """The gradient that enters at `output`, as an array (or the Tensor that was given)."""
    shape = output.shape
    if grad is None:
        if output._data.size != 1:
            raise ShapeError(
                f"{name}: the output is {shape}, so it has no single gradient. "
                "Pass one of that shape, or reduce the output to one element."
            )
        one: Any = np.ones(shape, output.dtype) if shape else _one(output.dtype)
        return one if output.device == "cpu" else moved(one, output.device)
    array = grad.data if isinstance(grad, Tensor) else array_of(grad, output.dtype, name)
    if array.shape != shape:
        raise ShapeError(
            f"{name}: the gradient given is {array.shape}, the output is {shape}; "
            "both must have the same shape."
        )
    return array.astype(output.dtype, copy=False)


@functools.cache
def _one(dtype: np.dtype[Any]) -> Any:
    one = np.ones((), dtype)
    one.flags.writeable = False
    return one


def deposit(output: Tensor, grad: Any, free: bool) -> None:
    """Walk back from `output` and add what arrives to the `grad` of each leaf."""
    if engine.filled:
        adjoints = engine.accumulate([output], [grad], on_arrays)
        adjoints = {node: g for node, g in adjoints.items() if node._pull is None}
        if free:
            _free(output)
    else:
        adjoints = {output: grad}
        sweep(adjoints, free=free)
    del grad
    while adjoints:
        leaf, arrived = adjoints.popitem()
        before = leaf._grad
        if before is None:
            leaf._grad = arrived if _alone(arrived) else _copied(arrived)
        else:
            leaf._grad = (before.data if isinstance(before, Tensor) else before) + arrived


def grad(
    outputs: Tensor | Sequence[Tensor],
    inputs: Tensor | Sequence[Tensor],
    grad_outputs: Any = None,
    create_graph: bool = False,
) -> tuple[Tensor, ...]:
    """The gradient of sum_i <grad_outputs[i], outputs[i]> for each of `inputs`.

    Nothing is added to any `grad`, and the graph stays.

    Args:
        outputs: one Tensor or several.
        inputs: Tensors, leaves or not; one that the outputs do not depend on gets zeros.
        grad_outputs: one gradient per output (None: 1, for outputs with one element).
        create_graph: record the computation of the gradient, so that it has gradients itself.

    Raises:
        GraphError: an output or input does not require a gradient, or the graph has been freed.
        ShapeError: a gradient is missing or has another shape than its output.
    """
    outputs = (outputs,) if isinstance(outputs, Tensor) else tuple(outputs)
    inputs = (inputs,) if isinstance(inputs, Tensor) else tuple(inputs)
    if grad_outputs is None or isinstance(grad_outputs, Tensor | np.ndarray | int | float):
        grad_outputs = (grad_outputs,) * (1 if grad_outputs is not None else len(outputs))
    if len(grad_outputs) != len(outputs):
        raise ShapeError(
            f"grad: {len(outputs)} outputs have {len(grad_outputs)} gradients; give one for each."
        )
    for what, tensors in (("output", outputs), ("input", inputs)):
        for place, tensor in enumerate(tensors):
            if not tensor.requires_grad:
                raise GraphError(f"grad: {what} number {place} does not require a gradient.")
    seeds = []
    for output, given in zip(outputs, grad_outputs, strict=True):
        array = seed("grad", output, given)
        if create_graph:
            same = isinstance(given, Tensor) and given.dtype == output.dtype
            array = given if same else constant(array)
        seeds.append(array)
    with recorded(create_graph):
        found = _adjoints(outputs, seeds, inputs, create_graph)
    return tuple(_wrap(found.get(tensor), tensor) for tensor in inputs)


def _adjoints(
    outputs: tuple[Tensor, ...], seeds: list[Any], inputs: tuple[Tensor, ...], tensors: bool
) -> dict[Tensor, Any]:
    if engine.filled:
        return engine.accumulate(outputs, seeds, _tensors if tensors else on_arrays)
    wanted = set(inputs)
    found: dict[Tensor, Any] = {}

    def rule(node: Tensor, g: Any) -> Any:
        if node in wanted:
            found[node] = g
        assert node._pull is not None
        if tensors:
            return node._pull.op.on_tensors(node, g)
        return node._pull.run(g, *node._saved)

    adjoints: dict[Tensor, Any] = {}
    for output, g in zip(outputs, seeds, strict=True):
        adjoints[output] = adjoints[output] + g if output in adjoints else g
    # What was recorded before the first of the inputs cannot depend on any of them.
    oldest = max((tensor._key for tensor in inputs), default=BEFORE_EVERYTHING)
    sweep(adjoints, rule, oldest)
    adjoints.update(found)
    return adjoints


def on_arrays(node: Tensor, g: Any) -> list[Any]:
    """The partial adjoints of `node.parents`, in the form that `engine.accumulate` asks for."""
    assert node._pull is not None
    return _of_parents(node, node._pull.run(g, *node._saved))


def _tensors(node: Tensor, g: Any) -> list[Any]:
    assert node._pull is not None
    return _of_parents(node, node._pull.op.on_tensors(node, g))


def _of_parents(node: Tensor, grads: Sequence[Any]) -> list[Any]:
    return [g for parent, g in zip(node._inputs, grads, strict=False) if parent is not None]


def _free(output: Tensor) -> None:
    stack = [output]
    while stack:
        node = stack.pop()
        stack.extend(node.parents)
        if node._pull is not None:
            node._pull, node._inputs, node._saved = FREED, (), ()


def _copied(array: Any) -> Any:
    """A copy; on the device a gradient that has arrived is not changed any more, and is shared."""
    return np.array(array) if array.device == "cpu" else array


def _references(array: Any) -> int:
    return sys.getrefcount(array)


def _of_a_sole_array() -> int:
    """What `_references` counts for an array that only the caller's variable names."""
    adjoints = {0: np.empty(1)}
    _, arrived = adjoints.popitem()
    return _references(arrived)


_SOLE = _of_a_sole_array()


def _alone(array: Any) -> bool:
    """Whether nobody else can see this array, so that a leaf may keep it as its gradient.

    Large gradients are kept instead of copied; one that another node, leaf or user also holds is
    not. Kernels give views into rooms of their own, so the owner of the memory is asked too.
    """
    # One more than in _references: this function names the array as well.
    if type(array) is not np.ndarray or _references(array) > _SOLE + 1:
        return False
    room = array.base
    if room is None:
        return True
    return (
        type(room) is np.ndarray
        and room.base is None
        and array.flags.writeable
        and _references(room) <= _SOLE + 1
    )


def _wrap(found: Any, like: Tensor) -> Tensor:
    if isinstance(found, Tensor):
        return found
    return constant(zeros_beside(like._data) if found is None else _copied(found))
