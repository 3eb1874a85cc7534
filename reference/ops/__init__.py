"""Every op of the framework; each lives in the file of its idea and is loaded when it is used."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..parts import lazy_parts, load_parts

if TYPE_CHECKING:
    from .affine import linear as linear
    from .batchnorm import batch_norm as batch_norm
    from .convolution import conv2d as conv2d
    from .custom_op import custom as custom
    from .dot_product_attention import attention as attention
    from .elementwise import *  # noqa: F403
    from .layernorm import layer_norm as layer_norm
    from .linalg import *  # noqa: F403
    from .lookup import embedding as embedding
    from .loss import cross_entropy as cross_entropy
    from .noise import dropout as dropout
    from .pool import *  # noqa: F403
    from .recurrent import *  # noqa: F403
    from .reduce import *  # noqa: F403
    from .shape import *  # noqa: F403
    from .softmaxes import *  # noqa: F403

FILES = {
    "elementwise": (
        "add sub mul div pow neg exp log sqrt sin cos tanh sigmoid relu gelu silu abs erf maximum "
        "minimum where clip astype"
    ),
    "reduce": "sum mean max logsumexp",
    "shape": (
        "reshape transpose swapaxes broadcast_to flatten squeeze unsqueeze concat stack split pad "
        "flip getitem scatter_add"
    ),
    "linalg": "matmul",
    "affine": "linear",
    "softmaxes": "softmax log_softmax",
    "loss": "cross_entropy",
    "layernorm": "layer_norm",
    "batchnorm": "batch_norm",
    "noise": "dropout",
    "convolution": "conv2d conv2d_input_grad conv2d_weight_grad",
    "pool": "max_pool2d avg_pool2d avg_pool2d_input_grad",
    "lookup": "embedding",
    "dot_product_attention": "attention",
    "recurrent": "lstm_cell lstm gru_cell gru",
    "custom_op": "custom",
}
HOME = {name: file for file, names in FILES.items() for name in names.split()}

__all__ = sorted(HOME)


__getattr__ = lazy_parts(__name__, HOME)


def __dir__() -> list[str]:
    return sorted({*globals(), *HOME})


def load_all() -> None:
    """Load every op whose file is there, so that it is registered."""
    load_parts(__name__, HOME)
