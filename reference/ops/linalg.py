"""Products of matrices, alone and fused with what a layer does next."""

from __future__ import annotations

from typing import Any

from .. import backend
from ..errors import ShapeError
from ..op import Array, fit, op
from ..tensor import Tensor


@op(name="matmul", needs=True)
def _matmul(a: Array, b: Array) -> Any:
    """a (..., M, K) times b (..., K, N); the leading axes broadcast."""
    return backend.gemm(a, b)


@_matmul.vjp
def matmul_vjp(g: Any, out: Any, a: Any, b: Any) -> Any:
    return g @ b.swapaxes(-1, -2), a.swapaxes(-1, -2) @ g


@_matmul.backward
def matmul_backward(g: Array, out: Array, a: Array, b: Array, needs: tuple[bool, bool]) -> Any:
    into_a = into_b = None
    if needs[0]:
        into_a = _summed(backend.gemm(g, b.swapaxes(-1, -2)), a)
    if needs[1]:
        if b.ndim == 2 and a.ndim > 2:
            # One product over all batches instead of a batch of products that is summed.
            g = g.reshape(-1, g.shape[-1])
            into_b = backend.gemm(a.reshape(-1, a.shape[-1]).T, g)
        else:
            into_b = _summed(backend.gemm(a.swapaxes(-1, -2), g), b)
    return into_a, into_b


def _summed(grad: Array, x: Array) -> Any:
    result: Array = fit(grad, x)
    return result


def matmul(a: Any, b: Any) -> Tensor:
    """a (..., M, K) @ b (..., K, N) -> (..., M, N); vectors as in NumPy.

    Raises:
        ShapeError: the inner lengths differ, the batch axes do not broadcast, or one is a number.
    """
    try:
        x, y = a.shape, b.shape
    except AttributeError:
        a = a if isinstance(a, Tensor) else Tensor(a)
        b = b if isinstance(b, Tensor) else Tensor(b)
        x, y = a.shape, b.shape
    if len(x) < 2 or len(y) < 2:
        return _with_vectors(a, b, x, y)
    if x[-1] != y[-2]:
        raise ShapeError(
            f"matmul: inner sizes differ: a is {x}, b is {y}. "
            "The last axis of a must equal the second-last axis of b."
        )
    return _matmul.apply((a, b), ())


def _with_vectors(a: Any, b: Any, x: tuple[int, ...], y: tuple[int, ...]) -> Tensor:
    if not x or not y:
        raise ShapeError(
            f"matmul: a is {x}, b is {y}; both need at least one axis. Multiply numbers with *."
        )
    from .shape import reshape

    row = reshape(a, (1, *x)) if len(x) == 1 else a
    column = reshape(b, (*y, 1)) if len(y) == 1 else b
    if row.shape[-1] != column.shape[-2]:
        raise ShapeError(
            f"matmul: inner sizes differ: a is {x}, b is {y}. "
            "The last axis of a must equal the second-last axis of b (or its only one)."
        )
    result = matmul(row, column)
    shape = result.shape[:-2]
    shape += result.shape[-2:-1] if len(x) > 1 else ()
    shape += result.shape[-1:] if len(y) > 1 else ()
    return reshape(result, shape)


Tensor.__matmul__ = matmul  # type: ignore[method-assign]
