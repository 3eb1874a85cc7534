"""The parts of reverse mode in their plainest form, each of them a slot.

`tape.sweep` is these parts in one loop. As soon as a learner's part fills one of the slots
`engine:topological_order` and `engine:accumulate`, gradients go through them instead.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from operator import attrgetter
from typing import TYPE_CHECKING, Any, TypeVar

from . import slots
from .errors import ShapeError

if TYPE_CHECKING:
    from .tensor import Tensor

Adjoint = TypeVar("Adjoint", bound=Any)


def unbroadcast(grad: Adjoint, shape: tuple[int, ...]) -> Adjoint:
    """Sum `grad` over the axes that broadcasting added or stretched, back to `shape`.

    The adjoint of copying is summing. Works on arrays and on Tensors; returns `grad` itself where
    nothing was broadcast.

    Raises:
        ShapeError: `shape` does not broadcast to the shape of `grad`.
    """
    seen: tuple[int, ...] = grad.shape
    if seen == shape:
        return grad
    added = len(seen) - len(shape)
    if added < 0 or any(n not in (1, m) for n, m in zip(shape, seen[added:], strict=True)):
        raise ShapeError(
            f"unbroadcast: the gradient is {seen}, which is not a broadcast of {shape}. "
            "Every axis of the shape must have the gradient's length or length 1."
        )
    stretched = tuple(
        axis for axis, n in enumerate(seen) if axis < added or n != shape[axis - added]
    )
    total: Adjoint = grad.sum(axis=stretched).reshape(shape)
    return total


def topological_order(outputs: Sequence[Tensor]) -> list[Tensor]:
    """Every node that `outputs` depend on, each once, after all of its parents.

    A node is created after its parents, so the order of creation is such an order.
    """
    stack = list(outputs)
    seen = set(stack)
    order = []
    while stack:
        node = stack.pop()
        order.append(node)
        for parent in node.parents:
            if parent not in seen:
                seen.add(parent)
                stack.append(parent)
    # A set drops repeats among the outputs; keys count downwards.
    return sorted(dict.fromkeys(order), key=attrgetter("_key"), reverse=True)


def accumulate(
    outputs: Sequence[Tensor],
    output_grads: Sequence[Any],
    vjp_of: Callable[[Tensor, Any], Sequence[Any]],
) -> dict[Tensor, Any]:
    """The adjoint of every node that a gradient reaches, outputs and leaves included.

    Args:
        outputs: nodes; an output may repeat, or depend on another one.
        output_grads: the gradient of each output.
        vjp_of: `vjp_of(node, g)` gives one partial adjoint, or None, for each of `node.parents`.

    Raises:
        ValueError: the two sequences differ in length.
    """
    if len(outputs) != len(output_grads):
        raise ValueError(
            f"accumulate: {len(outputs)} outputs have {len(output_grads)} gradients; "
            "give one for each."
        )
    adjoints: dict[Tensor, Any] = {}

    def add(node: Tensor, partial: Any) -> None:
        # Out of place: a rule may return the array that it was given.
        adjoints[node] = adjoints[node] + partial if node in adjoints else partial

    for output, grad in zip(outputs, output_grads, strict=True):
        add(output, grad)
    for node in reversed(topological_order(outputs)):
        if node in adjoints and node.parents:
            for parent, partial in zip(node.parents, vjp_of(node, adjoints[node]), strict=True):
                if partial is not None:
                    add(parent, partial)
    return adjoints


class Parts:
    """The gradient of an op with several outputs: one entry for each, None where none arrived."""

    __slots__ = ("entries",)

    def __init__(self, entries: tuple[Any, ...]) -> None:
        self.entries = entries

    def __add__(self, other: Parts) -> Parts:
        return Parts(tuple(map(_add, self.entries, other.entries)))


def _add(a: Any, b: Any) -> Any:
    if a is None:
        return b
    return a if b is None else a + b


# Whether a learner's part stands in for the order or for the accumulation.
filled = False


def _install(name: str) -> Callable[[Any], None]:
    def install(part: Any) -> None:
        global filled
        globals()[name] = part
        filled = any(slot.current is not slot.default for slot in (_ORDER, _ACCUMULATE))

    return install


slots.register("engine:unbroadcast", unbroadcast, _install("unbroadcast"))
_ORDER = slots.register(
    "engine:topological_order", topological_order, _install("topological_order")
)
_ACCUMULATE = slots.register("engine:accumulate", accumulate, _install("accumulate"))
