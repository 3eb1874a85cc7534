"""Slots for what learners export under signatures that are not those of the kernels.

    softmax, logsumexp                 stage 01: rows of a matrix
    cross_entropy                      stage 01: the pair (softmax_loss, softmax_grad)
    activation                         stage 02: the pair (activation, activation_grad), by name
    conv2d, conv2d_backward            stage 05, arrays
    max_pool2d, max_pool2d_backward    stage 05, arrays
    avg_pool2d, avg_pool2d_backward    stage 05, arrays
    attention                          stage 07: gives (out, probs)
    matmul, softmax_fused              stage 08: float32, matrices and rows
    layernorm_fused, conv2d_direct     stage 08: float32, forward only
    flash                              stage 10: the pair (forward, backward)

Each fills the kernel slots that it stands for with its function in the kernel's signature, so the
ops know nothing of it, and nothing is paid where nothing is filled.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from . import slots
from .dtypes import Array

Function = Callable[..., Any]
Kernels = dict[str, Function]

BLOCK = 64  # queries and keys that a learner's flash attention takes at a time


def softmax(function: Function) -> Kernels:
    """`softmax(Z)` of each row."""
    return {"softmax": lambda x, out=None: function(x)}


def logsumexp(function: Function) -> Kernels:
    """`logsumexp(Z)` of each row."""
    return {"logsumexp": function}


def cross_entropy(pair: tuple[Function, Function]) -> Kernels:
    """`softmax_loss(Z, y)` and `softmax_grad(Z, y)`; the forward kernel saves Z, not its softmax."""
    loss, grad = pair

    def forward(logits: Array, labels: Array) -> tuple[Array, Array]:
        return np.asarray(loss(logits, labels), logits.dtype), logits

    def backward(g: Array, logits: Array, labels: Array) -> Array:
        return np.asarray(g * grad(logits, labels), logits.dtype)

    return {"cross_entropy": forward, "cross_entropy_backward": backward}


def activation(pair: tuple[Function, Function]) -> Kernels:
    """`activation(name, z)` and `activation_grad(name, z)`, where the kernels are relu and sigmoid."""
    value, slope = pair

    def relu_backward(g: Array, out: Array) -> Array:
        # What relu let through is above 0 after it, too.
        return np.asarray(g * slope("relu", out), out.dtype)

    return {
        "relu": lambda x, out=None: value("relu", x),
        "relu_backward": relu_backward,
        "sigmoid": lambda x: value("sigmoid", x),
    }


def conv2d(function: Function) -> Kernels:
    """`conv2d(x, w, b, stride, padding, dilation, groups)`; an activation is applied here."""

    def kernel(x: Array, w: Array, b: Array | None, activation: Any = None, **form: int) -> Array:
        y: Array = function(x, w, b, **form)
        return np.maximum(y, 0) if activation else y

    return {"conv2d": kernel}


def conv2d_backward(function: Function) -> Kernels:
    """`conv2d_backward(g, x, w, stride, padding, dilation, groups) -> (dx, dw, db)`."""

    def gated(g: Array, gate: Array | None) -> Array:
        return g if gate is None else g * (gate > 0)

    def input_grad(g: Array, w: Array, x_shape: Any, gate: Any = None, **form: int) -> Any:
        return function(gated(g, gate), np.zeros(x_shape, g.dtype), w, **form)[0]

    def weight_grad(
        g: Array, x: Array, w_shape: Any, gate: Any = None, bias: bool = False, **form: int
    ) -> Any:
        _, dw, db = function(gated(g, gate), x, np.zeros(w_shape, g.dtype), **form)
        return (dw, db) if bias else dw

    return {"conv2d_input_grad": input_grad, "conv2d_weight_grad": weight_grad}


def max_pool2d(function: Function) -> Kernels:
    """`max_pool2d(x, k, stride)`, without the places of the maxima; those come from the kernel."""

    def kernel(x: Array, k: int, stride: int) -> tuple[Array, Array]:
        return function(x, k, stride), _own("max_pool2d")(x, k, stride)[1]

    return {"max_pool2d": kernel}


def max_pool2d_backward(function: Function) -> Kernels:
    """`max_pool2d_backward(g, x, k, stride)`: the forward kernel saves x in place of its index."""
    forward = slots.find("kernel:max_pool2d")

    def saving(x: Array, k: int, stride: int) -> tuple[Array, Array]:
        learner = slots.find("max_pool2d")
        if learner.current is not learner.default:
            return learner.current(x, k, stride), x
        return forward.default(x, k, stride)[0], x

    def backward(g: Array, x: Array, x_shape: Any, k: int, stride: int) -> Any:
        return function(g, x, k, stride)

    return {"max_pool2d": saving, "max_pool2d_backward": backward}


def avg_pool2d(function: Function) -> Kernels:
    """`avg_pool2d(x, k, stride)`."""
    return {"avg_pool2d": function}


def avg_pool2d_backward(function: Function) -> Kernels:
    """`avg_pool2d_backward(g, x, k, stride)`; x matters by its shape alone."""

    def backward(g: Array, x_shape: Any, k: int, stride: int) -> Any:
        return function(g, np.zeros(x_shape, g.dtype), k, stride)

    return {"avg_pool2d_backward": backward}


def attention(function: Function) -> Kernels:
    """`attention(q, k, v, mask) -> (out, probs)` on arrays; causal becomes a mask."""

    def kernel(q: Array, k: Array, v: Array, mask: Any = None, causal: bool = False) -> Any:
        if causal:
            below = np.tri(q.shape[2], k.shape[2], k.shape[2] - q.shape[2], dtype=bool)
            mask = below if mask is None else mask & below
        out, _ = function(q, k, v, mask)
        lse = _own("attention")(q, k, v, mask=mask)[1]
        return out, lse

    return {"attention": kernel}


def flash(pair: tuple[Function, Function]) -> Kernels:
    """The pair of stage 10; what has a mask beyond the causal one stays with the kernels."""
    ours = [_own(name) for name in ("attention", "attention_backward")]
    forward, backward = pair

    def attend(q: Array, k: Array, v: Array, mask: Any = None, causal: bool = False) -> Any:
        if mask is not None:
            return ours[0](q, k, v, mask=mask, causal=causal)
        return forward(q, k, v, BLOCK, BLOCK, causal)

    def attend_backward(
        g: Array,
        q: Array,
        k: Array,
        v: Array,
        out: Array,
        lse: Array,
        mask: Any = None,
        causal: bool = False,
    ) -> Any:
        if mask is not None:
            return ours[1](g, q, k, v, out, lse, mask=mask, causal=causal)
        return backward(g, q, k, v, out, lse, BLOCK, BLOCK, causal)

    return {"attention": attend, "attention_backward": attend_backward}


# Stage 08 speaks float32 alone: wider numbers are rounded on their way in, results widened again.
def _single(x: Any) -> Any:
    return np.asarray(x, np.float32)


def matmul(function: Function) -> Kernels:
    """`matmul_tiled(a, b)` of two matrices; a batch takes it product by product."""

    def kernel(a: Array, b: Array, out: Any = None) -> Array:
        batch = np.broadcast_shapes(a.shape[:-2], b.shape[:-2])
        shape = (*batch, a.shape[-2], b.shape[-1])
        c: Array = np.empty(shape, np.result_type(a, b)) if out is None else out
        left = np.broadcast_to(_single(a), (*batch, *a.shape[-2:]))
        right = np.broadcast_to(_single(b), (*batch, *b.shape[-2:]))
        for place in np.ndindex(batch):
            c[place] = function(left[place], right[place])
        return c

    return {"gemm": kernel}


def softmax_fused(function: Function) -> Kernels:
    """`softmax_fused(x)` of each row."""
    return {"softmax": lambda x, out=None: np.asarray(function(_single(x)), x.dtype)}


def layernorm_fused(function: Function) -> Kernels:
    """`layernorm_fused(x, gamma, beta, eps)`; what the gradient needs of the rows is taken here."""

    def kernel(x: Array, gamma: Array, beta: Array, eps: float) -> tuple[Array, Array, Array]:
        y = np.asarray(function(_single(x), _single(gamma), _single(beta), eps), x.dtype)
        return y, x.mean(1), 1 / np.sqrt(x.var(1) + x.dtype.type(eps))

    return {"layer_norm": kernel}


def conv2d_direct(function: Function) -> Kernels:
    """`conv2d_direct(x, w, padding)`; other strides, dilations and groups stay with what runs else."""

    def kernel(
        x: Array,
        w: Array,
        b: Array | None,
        activation: Any = None,
        stride: int = 1,
        padding: int = 0,
        dilation: int = 1,
        groups: int = 1,
    ) -> Any:
        if (stride, dilation, groups) != (1, 1, 1):
            learner = slots.find("conv2d")
            filled = learner.current is not learner.default
            other = conv2d(learner.current)["conv2d"] if filled else _own("conv2d")
            form = {"stride": stride, "padding": padding, "dilation": dilation, "groups": groups}
            return other(x, w, b, activation=activation, **form)
        y = np.asarray(function(_single(x), _single(w), padding), x.dtype)
        if b is not None:
            y += b[:, None, None]
        return np.maximum(y, 0) if activation else y

    return {"conv2d": kernel}


def _own(kernel: str) -> Any:
    """The framework's own kernel, whatever runs in its slot."""
    return slots.find(f"kernel:{kernel}").default


ADAPTERS = (
    softmax,
    logsumexp,
    cross_entropy,
    activation,
    conv2d,
    conv2d_backward,
    max_pool2d,
    max_pool2d_backward,
    avg_pool2d,
    avg_pool2d_backward,
    attention,
    matmul,
    softmax_fused,
    layernorm_fused,
    conv2d_direct,
    flash,
)


def _register(adapter: Callable[[Any], Kernels]) -> None:
    name = adapter.__name__

    def default(*args: Any, **kwargs: Any) -> Any:
        raise NotImplementedError(f"slot {name}: it is empty; the kernels of the framework run.")

    slots.register(name, default, lambda part: _refill())


def _refill() -> None:
    """Fill the kernels anew from all exports; where two stand for one kernel, the later wins."""
    while _filled:
        slots.reset(f"kernel:{_filled.pop()}")
    for adapter in ADAPTERS:
        slot = slots.find(adapter.__name__)
        if slot.current is not slot.default:
            for kernel, function in adapter(slot.current).items():
                slots.fill(f"kernel:{kernel}", function, owner=slot.owner)
                _filled.add(kernel)


_filled: set[str] = set()  # the kernels that exports stand in for now

for _adapter in ADAPTERS:
    _register(_adapter)
