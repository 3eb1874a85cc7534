"""Operators and methods for the steps that small graphs consist of.

`Op.apply` serves every op and every kind of operand. For an operand or two that are recorded Tensors
most of what it asks is known, and asking costs more than the arithmetic on a few numbers.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .op import Op
from .tape import mode, next_key
from .tensor import Parameter, Tensor

_new = Tensor.__new__


def shortcut(operation: Op, forward: Callable[..., Any]) -> Callable[[Any, Any], Tensor]:
    """An operator for Tensors that skips what the common cases do not need.

    These are two recorded operands of one shape and type, and a recorded operand with a number.

    Args:
        operation: an elementwise op of two inputs.
        forward: its forward, as NumPy has it.
    """
    exact = operation.exact
    number = operation.number
    general = operation.apply

    def operator(a: Any, b: Any) -> Tensor:
        kind = type(b)
        if kind is Tensor or kind is Parameter:
            x = a._data
            y = b._data
            if not (
                a.requires_grad
                and b.requires_grad
                and mode.recording
                and x.dtype is y.dtype
                and x.shape == y.shape
            ):
                return general((a, b), ())
            inputs: Any = (a, b)
            pull = exact
        elif (kind is float or kind is int) and a.requires_grad and mode.recording:
            x = a._data
            y = b
            inputs = (a, None)
            pull = number
        else:
            return general((a, b), ())
        z = forward(x, y)
        out = _new(Tensor)
        out._data = z
        out._grad = None
        out._inputs = inputs
        out._key = next_key()
        out._pull = pull
        out._saved = (z, x, y)
        out.requires_grad = True
        return out

    return operator


def method(operation: Op, forward: Callable[[Any], Any]) -> Callable[[Any], Tensor]:
    """A method of Tensors without arguments, in the same spirit."""
    exact = operation.exact
    general = operation.apply

    def unary(self: Any) -> Tensor:
        if not (mode.recording and self.requires_grad):
            return general((self,), ())
        x = self._data
        z = forward(x)
        out = _new(Tensor)
        out._data = z
        out._grad = None
        out._inputs = (self,)
        out._key = next_key()
        out._pull = exact
        out._saved = (z, x)
        out.requires_grad = True
        return out

    return unary
