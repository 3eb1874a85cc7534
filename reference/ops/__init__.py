"""Every op of the framework; each lives in the file of its idea and is loaded when it is used."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..parts import lazy_parts, load_parts

if TYPE_CHECKING:
    from .attention import attention as attention
    from .batch_norm import batch_norm as batch_norm
    from .conv2d import conv2d as conv2d
    from .cross_entropy import cross_entropy as cross_entropy
    from .custom import custom as custom
    from .dropout import dropout as dropout
    from .elementwise import *  # noqa: F403
    from .embedding import embedding as embedding
    from .layer_norm import layer_norm as layer_norm
    from .linalg import *  # noqa: F403
    from .linear import linear as linear
    from .pool import *  # noqa: F403
    from .recurrent import *  # noqa: F403
    from .reduce import *  # noqa: F403
    from .shape import *  # noqa: F403
    from .softmax import *  # noqa: F403

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
    "linear": "linear",
    "softmax": "softmax log_softmax",
    "cross_entropy": "cross_entropy",
    "layer_norm": "layer_norm",
    "batch_norm": "batch_norm",
    "dropout": "dropout",
    "conv2d": "conv2d conv2d_input_grad conv2d_weight_grad",
    "pool": "max_pool2d avg_pool2d avg_pool2d_input_grad",
    "embedding": "embedding",
    "attention": "attention",
    "recurrent": "lstm_cell gru_cell lstm",
    "custom": "custom",
}
HOME = {name: file for file, names in FILES.items() for name in names.split()}

__all__ = sorted(HOME)


__getattr__ = lazy_parts(__name__, HOME)


def __dir__() -> list[str]:
    return sorted({*globals(), *HOME})


def load_all() -> None:
    """Load every op whose file is there, so that it is registered."""
    load_parts(__name__, HOME)
