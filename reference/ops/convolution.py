"""Convolution of images, and the two adjoints that its gradients are.

conv2d is linear in x and in w. Its gradient in x is an op, and so is that in w; the gradients of
these are again the three, in other roles, so that every order of derivative is there.
"""

from __future__ import annotations

from typing import Any

from .. import backend
from ..errors import ShapeError
from ..op import Array, op
from ..tensor import Tensor

Shape = tuple[int, ...]


@op(name="conv2d", needs=True)
def _conv2d(
    x: Array,
    w: Array,
    b: Array | None,
    stride: int,
    padding: int,
    dilation: int,
    groups: int,
    activation: str | None,
) -> Any:
    """Cross-correlation of x with every filter in w."""
    return backend.conv2d(
        x,
        w,
        b,
        stride=stride,
        padding=padding,
        dilation=dilation,
        groups=groups,
        activation=activation,
    )


@_conv2d.vjp
def conv2d_vjp(
    g: Any,
    out: Any,
    x: Any,
    w: Any,
    b: Any,
    stride: int,
    padding: int,
    dilation: int,
    groups: int,
    activation: str | None,
) -> Any:
    if activation:
        g = g * (out > 0)
    form = (stride, padding, dilation, groups)
    return (
        conv2d_input_grad.of(g, w, x.shape, *form),
        conv2d_weight_grad.of(g, x, w.shape, *form),
        None if b is None else g.sum(axis=(0, 2, 3)),
    )


@_conv2d.backward
def conv2d_backward(
    g: Array,
    out: Array,
    x: Array,
    w: Array,
    b: Array | None,
    stride: int,
    padding: int,
    dilation: int,
    groups: int,
    activation: str | None,
    needs: tuple[bool, bool, bool],
) -> Any:
    form: dict[str, Any] = {
        "stride": stride,
        "padding": padding,
        "dilation": dilation,
        "groups": groups,
        "gate": out if activation else None,
    }
    into_x = into_w = into_b = None
    if needs[0]:
        into_x = backend.conv2d_input_grad(g, w, x.shape, **form)
    if needs[1] or needs[2]:
        into_w = backend.conv2d_weight_grad(g, x, w.shape, bias=needs[2], **form)
        if needs[2]:
            into_w, into_b = into_w
    return into_x, into_w, into_b


@op
def conv2d_input_grad(
    g: Array, w: Array, x_shape: Shape, stride: int, padding: int, dilation: int, groups: int
) -> Any:
    """The adjoint of conv2d in x: from the output's gradient to x's."""
    return backend.conv2d_input_grad(
        g, w, x_shape, stride=stride, padding=padding, dilation=dilation, groups=groups
    )


@conv2d_input_grad.vjp
def conv2d_input_grad_vjp(u: Any, out: Any, g: Any, w: Any, x_shape: Shape, *form: Any) -> Any:
    return _conv2d.of(u, w, None, *form, None), conv2d_weight_grad.of(g, u, w.shape, *form)


@op
def conv2d_weight_grad(
    g: Array, x: Array, w_shape: Shape, stride: int, padding: int, dilation: int, groups: int
) -> Any:
    """The adjoint of conv2d in w: from the output's gradient to w's."""
    return backend.conv2d_weight_grad(
        g, x, w_shape, stride=stride, padding=padding, dilation=dilation, groups=groups
    )


@conv2d_weight_grad.vjp
def conv2d_weight_grad_vjp(u: Any, out: Any, g: Any, x: Any, w_shape: Shape, *form: Any) -> Any:
    return _conv2d.of(x, u, None, *form, None), conv2d_input_grad.of(g, u, x.shape, *form)


def conv2d(
    x: Any,
    w: Any,
    b: Any = None,
    stride: int = 1,
    padding: int = 0,
    dilation: int = 1,
    groups: int = 1,
    activation: str | None = None,
) -> Tensor:
    """Cross-correlation (no flip) of x with every filter, plus b.

    Args:
        x: (N, C, H, W).
        w: (O, C / groups, kh, kw).
        b: (O,) or None.
        stride, padding, dilation: ints, the same for both axes; padding is with zeros.
        groups: C and O are cut into so many parts that do not see each other.
        activation: None, or "relu" applied on the way out.

    Returns:
        Tensor (N, O, Ho, Wo), Ho = (H + 2 padding - dilation (kh - 1) - 1) // stride + 1.

    Raises:
        ShapeError: ranks, channels or groups that do not fit, or a kernel larger than the image.
        ValueError: another activation.

    Source: LeCun et al. (1989), "Backpropagation applied to handwritten zip code recognition".
    """
    if activation not in (None, "relu"):
        raise ValueError(f"conv2d: the activation is {activation!r}; it must be None or 'relu'.")
    _check(x.shape, w.shape, None if b is None else b.shape, stride, padding, dilation, groups)
    return _conv2d.apply((x, w, b), (stride, padding, dilation, groups, activation))


def _check(
    x: Shape, w: Shape, b: Shape | None, stride: int, padding: int, dilation: int, groups: int
) -> None:
    seen = f"conv2d: x is {x}, w is {w}" + ("" if b is None else f", b is {b}")
    if len(x) != 4 or len(w) != 4:
        raise ShapeError(f"{seen}; they must be (N, C, H, W) and (O, C / groups, kh, kw).")
    if stride < 1 or padding < 0 or dilation < 1 or groups < 1:
        raise ShapeError(
            f"conv2d: stride is {stride}, padding {padding}, dilation {dilation}, groups {groups}; "
            "padding must be at least 0, the others at least 1."
        )
    if w[1] * groups != x[1] or w[0] % groups:
        raise ShapeError(
            f"{seen}, groups is {groups}; w must be (O, C / groups, kh, kw), and groups must "
            "divide both O and C."
        )
    if b is not None and b != w[:1]:
        raise ShapeError(f"{seen}; b must be (O,).")
    for size, window in zip(x[2:], w[2:], strict=True):
        if window < 1 or size + 2 * padding < dilation * (window - 1) + 1:
            raise ShapeError(
                f"{seen}, padding is {padding}, dilation is {dilation}; the kernel does not fit "
                "into the padded image."
            )
