"""Module: an object that holds weights and other modules, and can be called."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from ..errors import ShapeError
from ..tensor import Parameter

State = dict[str, NDArray[Any]]


class Module:
    """A part of a model. A subclass defines `forward(*args)`; `m(*args)` calls it.

    Whatever is assigned to an attribute is found there: a Parameter, a Module, a list or tuple of
    them, and an ndarray, which is state without gradient (a running mean). `__init__` need not
    call super.
    """

    training: bool = True

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        """What the module computes."""
        raise NotImplementedError(f"{type(self).__name__}: forward is missing")

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return self.forward(*args, **kwargs)

    def modules(self) -> list[Module]:
        """This module and all below it, each once, in order of assignment."""
        return [self, *(part for _, part in _parts(self) if isinstance(part, Module))]

    def named_parameters(self) -> list[tuple[str, Parameter]]:
        """(`path.to.weight`, Parameter) in order of assignment; a shared one has its first name."""
        found: dict[int, tuple[str, Parameter]] = {}
        for name, part in _parts(self):
            if isinstance(part, Parameter):
                found.setdefault(id(part), (name, part))
        return list(found.values())

    def parameters(self) -> list[Parameter]:
        """All Parameters, each once, in order of assignment."""
        return [parameter for _, parameter in self.named_parameters()]

    def zero_grad(self) -> None:
        """Forget all gradients: every `grad` becomes None."""
        for parameter in self.parameters():
            parameter.grad = None

    def train(self, mode: bool = True) -> Self:
        """Behave as in training (dropout drops, norms use the batch); returns the module."""
        for module in self.modules():
            module.training = mode
        return self

    def eval(self) -> Self:
        """Behave as when serving: the same input gives the same output; returns the module."""
        return self.train(False)

    def to(self, device: str) -> Self:
        """Move all Parameters and their gradients; returns the module.

        Arrays that are state without gradient (running means) stay on the CPU.
        """
        for parameter in self.parameters():
            parameter.data = parameter.to(device)
            if parameter.grad is not None:
                parameter.grad = parameter.grad.to(device)
        return self

    def state_dict(self) -> State:
        """Copies of all weights and of all ndarray attributes, by path."""
        state = {name: np.array(parameter.numpy()) for name, parameter in self.named_parameters()}
        state.update({name: values.copy() for name, values in self._buffers().items()})
        return state

    def load_state_dict(self, state: Mapping[str, NDArray[Any]]) -> None:
        """Copy the values of `state` into the weights and ndarrays, which keep their dtypes.

        Raises:
            KeyError: a name is missing in `state`, or is not known here.
            ShapeError: a value has another shape than what it is meant for.
        """
        own = {name: parameter.data for name, parameter in self.named_parameters()}
        own.update(self._buffers())
        if own.keys() != state.keys():
            raise KeyError(
                f"{type(self).__name__}: missing {sorted(own.keys() - state.keys())}, "
                f"unknown {sorted(state.keys() - own.keys())}. "
                "The state must come from a module of the same structure."
            )
        for name, values in own.items():
            if np.shape(state[name]) != values.shape:
                raise ShapeError(
                    f"{type(self).__name__}: {name} is {values.shape}, "
                    f"the state has {np.shape(state[name])}.\nThe shapes must be equal."
                )
        for name, values in own.items():
            values[...] = state[name]

    def _buffers(self) -> dict[str, NDArray[Any]]:
        return {name: part for name, part in _parts(self) if isinstance(part, np.ndarray)}


def _parts(
    module: Module, path: str = "", seen: set[int] | None = None
) -> Iterator[tuple[str, Any]]:
    """(path, attribute) of all attributes below `module`, depth first; each module once."""
    seen = {id(module)} if seen is None else seen
    for name, value in vars(module).items():
        for label, part in _listed(name, value):
            if not isinstance(part, Module):
                yield path + label, part
            elif id(part) not in seen:
                seen.add(id(part))
                yield path + label, part
                yield from _parts(part, f"{path}{label}.", seen)


def _listed(name: str, value: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(value, list | tuple):
        for place, item in enumerate(value):
            if isinstance(item, Module | Parameter):
                yield f"{name}.{place}", item
    else:
        yield name, value
