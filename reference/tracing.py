"""A computation written out: each step with its value, its tangents and its adjoint.

Forward mode fills a column of tangents from the top down, one column for each input; reverse mode
fills the one column of adjoints from the bottom up.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from . import engine
from .errors import ShapeError
from .forward import carry
from .gradient import on_arrays
from .tape import recorded
from .tensor import Tensor


@dataclass(frozen=True)
class Step:
    """One line of a trace.

    Attributes:
        name: x1, x2, ... for inputs, v1, v2, ... for results.
        operation: what was computed, by the names of its operands; "" for an input.
        value: the result.
        tangents: d value / d x, for each input x.
        adjoint: d y / d value, where y is the last result.
    """

    name: str
    operation: str
    value: float
    tangents: tuple[float, ...]
    adjoint: float


@dataclass(frozen=True)
class Trace:
    """All steps, in the order in which they were computed; printing it gives a table."""

    steps: tuple[Step, ...]

    @property
    def value(self) -> float:
        """y, the last result."""
        return self.steps[-1].value

    @property
    def gradient(self) -> tuple[float, ...]:
        """d y / d x for each input, by reverse mode."""
        return tuple([step.adjoint for step in self.steps if not step.operation])

    def __str__(self) -> str:
        inputs = [step.name for step in self.steps if not step.operation]
        rows = [("", "operation", "value", *[f"d/d{name}" for name in inputs], "adjoint")]
        for step in self.steps:
            numbers = (step.value, *step.tangents, step.adjoint)
            rows.append((step.name, step.operation, *[f"{number:.3f}" for number in numbers]))
        widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
        lines = []
        for row in rows:
            words = [f"{cell:<{width}}" for cell, width in zip(row[:2], widths[:2], strict=True)]
            words += [f"{cell:>{width}}" for cell, width in zip(row[2:], widths[2:], strict=True)]
            lines.append("  ".join(words).rstrip())
        return "\n".join(lines)


def trace(f: Callable[..., Tensor], *point: float) -> Trace:
    """Run f on numbers, and differentiate it in forward and in reverse mode.

    Args:
        f: takes Tensors () and returns one.
        point: where; one number for each argument of f. Computed in float64.

    Raises:
        ShapeError: a step of f has more than one element.
    """
    inputs = [Tensor(np.float64(x), dtype=np.float64, requires_grad=True) for x in point]
    with recorded(True):
        y = f(*inputs)
        order = engine.topological_order([y])
        order = [*inputs, *[node for node in order if node not in set(inputs)]]
        columns: list[dict[Tensor, Any]] = []
        for one in inputs:
            tangents: dict[Tensor, Any] = {
                x: Tensor(np.float64(x is one), dtype=np.float64) for x in inputs
            }
            carry(order, tangents)
            columns.append(tangents)
    adjoints = engine.accumulate([y], [np.ones(y.shape)], on_arrays)
    names: dict[Tensor, str] = {}
    steps = []
    for node in order:
        if node.size != 1:
            raise ShapeError(f"trace: a step is {node.shape}; trace functions of single numbers.")
        leaf = node._pull is None
        names[node] = f"x{len(names) + 1}" if leaf else f"v{len(names) + 1 - len(inputs)}"
        steps.append(
            Step(
                names[node],
                "" if leaf else _operation(node, names),
                float(node._data),
                tuple([float(tangents[node]) if node in tangents else 0.0 for tangents in columns]),
                float(adjoints.get(node, 0.0)),
            )
        )
    return Trace(tuple(steps))


def _operation(node: Tensor, names: dict[Tensor, str]) -> str:
    assert node._pull is not None
    operands = [
        names[parent] if parent is not None else f"{float(saved):g}"
        for parent, saved in zip(node._inputs, node._saved[1:], strict=False)
    ]
    return f"{node._pull.op.name}({', '.join(operands)})"
