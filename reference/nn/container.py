"""Modules made of modules, and those that only pass on."""

from __future__ import annotations

from typing import Any

from ..errors import ShapeError
from ..tensor import Tensor
from .module import Module


class Sequential(Module):
    """One module after another.

    A layer that can apply an activation itself (Linear, Conv2d) is given the one that follows it:
    the same values in one pass over memory less.

    Attributes:
        layers: the modules, a list.
    """

    def __init__(self, *modules: Module) -> None:
        self.layers = list(modules)

    def forward(self, x: Any) -> Any:
        """Whatever the first module takes; what the last one gives."""
        layers = self.layers
        place = 0
        while place < len(layers):
            layer = layers[place]
            place += 1
            # Only a class's own word counts: a subclass may have changed what it computes.
            able = vars(type(layer)).get("fuses")
            if able and place < len(layers):
                activation = vars(type(layers[place])).get("fused")
                if activation in able:
                    x = layer(x, activation=activation)
                    place += 1
                    continue
            x = layer(x)
        return x


class Residual(Module):
    """x + module(x).

    Source: He, Zhang, Ren & Sun (2016), "Deep residual learning for image recognition".

    Attributes:
        module: what is added to its input.
    """

    def __init__(self, module: Module) -> None:
        self.module = module

    def forward(self, x: Tensor) -> Tensor:
        """The shape of x; ShapeError if the module changes it (broadcasting would hide a mistake)."""
        y: Tensor = self.module(x)
        if y.shape != x.shape:
            raise ShapeError(
                f"Residual: the module makes {y.shape} of {x.shape}.\nIt must keep the shape."
            )
        return x + y


class Flatten(Module):
    """(N, ...) -> (N, rest)."""

    def forward(self, x: Tensor) -> Tensor:
        """One row per example."""
        size = 1
        for length in x.shape[1:]:
            size *= length
        return x.reshape(x.shape[0], size)  # not -1: an empty batch leaves that open


class Identity(Module):
    """x."""

    def forward(self, x: Any) -> Any:
        """The argument itself."""
        return x
