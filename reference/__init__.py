"""The reference framework: Tensors with gradients, ops, layers, optimisers and data.

Its parts are loaded when they are used.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from . import data as data
    from . import init as init
    from . import nn as nn
    from . import ops as ops
    from . import optim as optim
    from . import slots as slots
    from .errors import DTypeError as DTypeError
    from .errors import GraphError as GraphError
    from .errors import ShapeError as ShapeError
    from .forward import jvp as jvp
    from .gradient import grad as grad
    from .tape import no_grad as no_grad
    from .tensor import Parameter as Parameter
    from .tensor import Tensor as Tensor
    from .tensor import live_tensors as live_tensors
    from .tracing import trace as trace

PACKAGES = ("data", "init", "nn", "ops", "optim", "slots")
HOME = {
    "Tensor": "tensor",
    "Parameter": "tensor",
    "live_tensors": "tensor",
    "ShapeError": "errors",
    "DTypeError": "errors",
    "GraphError": "errors",
    "no_grad": "tape",
    "grad": "gradient",
    "jvp": "forward",
    "trace": "tracing",
}

__all__ = sorted((*PACKAGES, *HOME))


def __getattr__(name: str) -> Any:
    file = name if name in PACKAGES else HOME.get(name)
    if file is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    try:
        module = importlib.import_module(f".{file}", __name__)
    except ModuleNotFoundError as error:
        if error.name != f"{__name__}.{file}":
            raise
        raise ImportError(f"{__name__}.{name} is not here: it is yours to write.") from None
    found = module if name in PACKAGES else getattr(module, name)
    globals()[name] = found
    return found


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
