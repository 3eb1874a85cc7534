"""Numerical kernels: one file a kernel family, the NumPy oracle on top.

`import kernels` loads nothing. `kernels.get("softmax")` is the kernel, `kernels.softmax` the file
with the whole story. A file may be absent where its content is the learner's to write.
"""

from __future__ import annotations

import importlib
import importlib.util
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .kernel import Kernel

# Which kernels live in which file; a test holds this table against the files.
HOMES: dict[str, tuple[str, ...]] = {
    "gemm": ("gemm",),
    "compact": ("compact",),
    "maps": ("exp", "exp_backward", "log", "log_backward", "erf", "erf_backward"),
    "relu": ("relu", "relu_backward"),
    "gelu": ("gelu", "gelu_backward", "gelu_tanh", "gelu_tanh_backward"),
    "activations": (
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
    "conv2d": ("conv2d", "conv2d_input_grad", "conv2d_weight_grad"),
    "winograd": (),
    "im2col": (),
    "pool": ("max_pool2d", "max_pool2d_backward", "avg_pool2d", "avg_pool2d_backward"),
    "attention": ("attention",),
    "attention_backward": ("attention_backward",),
    "lstm": ("lstm", "lstm_cell"),
    "lstm_backward": ("lstm_backward", "lstm_cell_backward"),
    "gru": ("gru", "gru_cell"),
    "gru_backward": ("gru_backward", "gru_cell_backward"),
    "embedding": ("embedding", "embedding_backward"),
    "optimizers": ("sgd_step", "adam_step"),
}
_HOME_OF: dict[str, str] = {}


class HiddenKernelError(ImportError):
    """The file is not there: in this stage it is the learner's to write."""


def get(name: str) -> Kernel:
    """The kernel of this name; its file is imported at the first call.

    Raises:
        KeyError: there is no such kernel.
        HiddenKernelError: its file is not there.
    """
    if not _HOME_OF:
        _HOME_OF.update({one: home for home, names in HOMES.items() for one in names})
    if name not in _HOME_OF:
        raise KeyError(f"kernels: there is no kernel {name!r}; there are {', '.join(_HOME_OF)}.")
    load(_HOME_OF[name])
    from .kernel import KERNELS

    return KERNELS[name]


def load(home: str) -> Any:
    """The module kernels/`home`.py.

    Raises:
        HiddenKernelError: its file is not there.
    """
    if importlib.util.find_spec(f"{__name__}.{home}") is None:
        raise HiddenKernelError(f"kernels.{home} is not here: it is yours to write in this stage.")
    return importlib.import_module(f".{home}", __name__)


def load_all() -> dict[str, Kernel]:
    """Every kernel whose file is here, by name."""
    from .kernel import KERNELS

    for home in HOMES:
        if importlib.util.find_spec(f"{__name__}.{home}") is not None:
            load(home)
    return KERNELS


def __getattr__(name: str) -> Any:
    if name in HOMES:
        return load(name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
