"""Forward mode: derivatives travel with the values, from the inputs to the output.

A rule g -> (grads) is linear in g, and its transpose is what forward mode needs: from tangents of
the inputs to that of the output. Transposing a linear function is what reverse mode does, so the
rules that the ops have are enough: `push` runs one on a placeholder u and asks for the gradient
in u.

Source: Townsend (2017), "A new trick for calculating Jacobian vector products".
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from . import engine
from .devices import zeros_beside
from .dtypes import array_of
from .engine import Parts
from .errors import ShapeError
from .gradient import grad
from .op import alias
from .tape import recorded
from .tensor import Tensor, constant


def jvp(f: Callable[..., Tensor], primals: Any, tangents: Any) -> tuple[Tensor, Tensor]:
    """f at `primals`, and its derivative along `tangents`.

    Args:
        f: takes Tensors, returns a Tensor.
        primals: a Tensor, array or number; a tuple or list gives f several arguments.
        tangents: directions, in the form and the shapes of `primals`.

    Returns:
        (value, tangent), of one shape. They are recorded where a primal requires a gradient, so
        gradients and further jvps can be taken of them.

    Raises:
        ShapeError: a tangent does not have the shape of its primal.
        GraphError: f goes through an op whose rule cannot be differentiated (`custom`).
    """
    several = isinstance(primals, tuple | list)
    points = [_tensor(p) for p in (primals if several else [primals])]
    directions = [_tensor(t) for t in (tangents if several else [tangents])]
    seen = [p.shape for p in points], [t.shape for t in directions]
    if seen[0] != seen[1]:
        raise ShapeError(
            f"jvp: the primals are {seen[0]}, the tangents are {seen[1]}; they must be equal."
        )
    with recorded(True):
        starts = [alias(point) for point in points]
        value = f(*starts)
        known = dict(zip(starts, directions, strict=True))
        carry(engine.topological_order([value]), known)
    tangent = known.get(value)
    if tangent is None:
        tangent = constant(zeros_beside(value))
    if not any(tensor.requires_grad for tensor in (*points, *directions)):
        value, tangent = value.detach(), tangent.detach()
    return value, tangent


def carry(order: Sequence[Tensor], tangents: dict[Tensor, Any]) -> None:
    """Add the tangent of every node that depends on one whose tangent is known.

    Args:
        order: nodes, parents first.
        tangents: node -> tangent (for the common node of several outputs, a tuple).
    """
    for node in order:
        if node not in tangents and any(parent in tangents for parent in node.parents):
            tangents[node] = push(node, tangents)


def push(node: Tensor, tangents: dict[Tensor, Any]) -> Any:
    """The tangent of one node from those of its parents."""
    pull = node._pull
    assert pull is not None
    if pull.op.name == "part":
        return tangents[node.parents[0]][node._saved[0]]
    several = isinstance(node._data, tuple)
    places = [_placeholder(out) for out in (node._data if several else [node._data])]
    partials = pull.op.on_tensors(node, Parts(tuple(places)) if several else places[0])
    total: Any = None
    for parent, partial in zip(node._inputs, partials, strict=False):
        tangent = None if parent is None else tangents.get(parent)
        if tangent is not None and partial is not None:
            term = _inner(partial, tangent)
            total = term if total is None else total + term
    if total is None or not total.requires_grad:
        zeros = tuple([constant(zeros_beside(p)) for p in places])
        return zeros if several else zeros[0]
    found = grad(total, places, create_graph=True)
    return found if several else found[0]


def _inner(partial: Any, tangent: Any) -> Any:
    if isinstance(partial, Parts):
        terms = [
            (p * t).sum() for p, t in zip(partial.entries, tangent, strict=True) if p is not None
        ]
        return sum(terms[1:], terms[0])
    return (partial * tangent).sum()


def _placeholder(out: Any) -> Tensor:
    place = constant(zeros_beside(out))
    place.requires_grad = True
    return place


def _tensor(value: Any) -> Tensor:
    return value if isinstance(value, Tensor) else Tensor(array_of(value, name="jvp"))
