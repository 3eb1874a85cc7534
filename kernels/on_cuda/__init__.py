"""The kernels on CUDA: one file a family, `@cuda.jit` functions and the launchers that call them.

Nothing here is imported before a kernel meets an array that lies on the device. The launchers take
`array.CudaArray` and give it back; `memory` holds what they live in. With a GPU Numba compiles the
kernels, without one our engine interprets the same source, see `kernels.cuda`.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable
from typing import Any

# The kernels of each file; a test holds this table against the files.
HOMES: dict[str, tuple[str, ...]] = {
    "gemm": ("gemm",),
    "compact": ("compact",),
    "maps": ("exp", "exp_backward", "log", "log_backward", "erf", "erf_backward"),
    "activations": (
        "relu",
        "relu_backward",
        "gelu",
        "gelu_backward",
        "gelu_tanh",
        "gelu_tanh_backward",
        "sigmoid",
        "sigmoid_backward",
        "tanh",
        "tanh_backward",
        "silu",
        "silu_backward",
    ),
    "bias": ("bias_add", "bias_relu", "bias_gelu"),
    "reduce": ("sum_rows", "sum_columns", "max_rows"),
    "softmax": (
        "softmax",
        "softmax_backward",
        "log_softmax",
        "log_softmax_backward",
        "logsumexp",
    ),
    "cross_entropy": ("cross_entropy", "cross_entropy_backward"),
    "layernorm": ("layer_norm", "layer_norm_backward"),
    "batchnorm": ("batch_norm", "batch_norm_backward"),
    "pool": ("max_pool2d", "max_pool2d_backward", "avg_pool2d", "avg_pool2d_backward"),
    "embedding": ("embedding", "embedding_backward"),
    "conv2d_launch": ("conv2d", "conv2d_input_grad", "conv2d_weight_grad"),
    "attention_launch": ("attention", "attention_backward"),
    "recurrent_launch": (
        "lstm",
        "lstm_cell",
        "lstm_backward",
        "lstm_cell_backward",
        "gru",
        "gru_cell",
        "gru_backward",
        "gru_cell_backward",
    ),
    "optimizers": ("sgd_step", "adam_step"),
}


def load(name: str) -> None:
    """Import the file that registers the launcher of this kernel.

    Raises:
        NotImplementedError: there is none.
    """
    for home, names in HOMES.items():
        if name in names:
            importlib.import_module(f".{home}", __name__)
            return
    raise NotImplementedError(
        f"{name}: this kernel is not written for CUDA. Bring its arrays to the CPU, x.to('cpu')."
    )


def launcher(name: str) -> Callable[..., Any]:
    """What computes this kernel on the device.

    Raises:
        KeyError: there is no such kernel.
        NotImplementedError: it is not written for CUDA.
    """
    from .. import get

    kernel = get(name)
    if "cuda" not in kernel.devices:
        load(name)
    return kernel.devices["cuda"]
