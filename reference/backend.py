"""The only place that meets the kernels: `backend.softmax(x)` runs the kernel called softmax.

A kernel is looked up when it is first used and then is an attribute of this module, so a call costs
no more than a function's. Each is a slot, `kernel:softmax`; filling it replaces the attribute.
Once an array has been moved to the device, each looks at its arguments first.
"""

from __future__ import annotations

from typing import Any

import kernels

from . import plain, slots

# The kernels that the framework runs; a test holds this against the sources.
USED = [
    "gemm",
    "bias_add",
    "bias_relu",
    "bias_gelu",
    "sum_columns",
    "relu",
    "relu_backward",
    "gelu",
    "gelu_backward",
    "sigmoid",
    "silu",
    "silu_backward",
    "erf",
    "softmax",
    "softmax_backward",
    "log_softmax",
    "log_softmax_backward",
    "logsumexp",
    "cross_entropy",
    "cross_entropy_backward",
    "layer_norm",
    "layer_norm_backward",
    "batch_norm",
    "batch_norm_backward",
    "conv2d",
    "conv2d_input_grad",
    "conv2d_weight_grad",
    "max_pool2d",
    "max_pool2d_backward",
    "avg_pool2d",
    "avg_pool2d_backward",
    "attention",
    "attention_backward",
    "lstm_cell",
    "lstm_cell_backward",
    "lstm",
    "lstm_backward",
    "gru_cell",
    "gru_cell_backward",
    "gru",
    "gru_backward",
    "embedding",
    "embedding_backward",
    "sgd_step",
    "adam_step",
]


def __getattr__(name: str) -> Any:
    if name.startswith("__"):
        raise AttributeError(name)
    part: Any
    try:
        part = kernels.get(name)
    except KeyError:
        raise AttributeError(f"reference.backend: there is no kernel {name!r}.") from None
    except ImportError:
        # In a stage that hides the kernel, NumPy serves the ops that the stage leaves visible.
        part = getattr(plain, name, None)
        if part is None:
            raise
    if _devices and name in USED:
        part = _by_place(name, part)
    globals()[name] = part
    return part


_devices = False


def serve_devices() -> None:
    """From now on kernels whose arguments lie on the device run there."""
    global _devices
    if _devices:
        return
    _devices = True
    for name in USED:
        if name in globals():
            globals()[name] = _by_place(name, globals()[name])


def _by_place(name: str, on_cpu: Any) -> Any:
    """`on_cpu`, or the launcher for CUDA where an argument lies there."""
    from kernels import on_cuda
    from kernels.on_cuda.array import CudaArray

    def run(*args: Any, **kwargs: Any) -> Any:
        for value in args:
            if type(value) is CudaArray:
                return on_cuda.launcher(name)(*args, **kwargs)
        return on_cpu(*args, **kwargs)

    run.__name__ = name
    return run


def _slot(name: str) -> None:
    def default(*args: Any, **kwargs: Any) -> Any:
        return kernels.get(name)(*args, **kwargs)

    def install(part: Any) -> None:
        globals().pop(name, None)  # looked up anew
        if part is not default:
            filled = slots.named(f"kernel:{name}", part)
            globals()[name] = _by_place(name, filled) if _devices else filled

    default.__name__ = name
    slots.register(f"kernel:{name}", default, install)


for _name in USED:
    _slot(_name)
