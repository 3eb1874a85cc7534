"""Packages whose parts load when they are asked for, so that any single file may be absent."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Any

from . import slots


def lazy_parts(
    package: str, homes: Mapping[str, str], kind: str | None = None
) -> Callable[[str], Any]:
    """The `__getattr__` of a package.

    Args:
        package: its `__name__`.
        homes: for each name that the package exports, the module of the package that holds it.
        kind: makes every part a slot `kind:NAME`; what fills it becomes the package's attribute.

    Returns:
        A function from a name to what it stands for. It raises AttributeError for a name that the
        package does not export, and ImportError for one whose file is hidden in this stage.
    """
    module = sys.modules[package]

    def part(name: str) -> Any:
        if name not in homes:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        try:
            found = getattr(import_module(f"{package}.{homes[name]}"), name)
        except ModuleNotFoundError as error:
            if error.name is None or not error.name.startswith(package.partition(".")[0]):
                raise
            raise ImportError(
                f"{package}.{name} is not here: in this stage it is yours to write."
            ) from None
        setattr(module, name, found)  # from now on the attribute is found without this function
        if kind is not None:
            slots.register(f"{kind}:{name}", found, lambda filling: setattr(module, name, filling))
        return found

    return part


def load_parts(package: str, homes: Mapping[str, str]) -> None:
    """Load every part that is there; those that are hidden are left out."""
    module = sys.modules[package]
    for name in homes:
        try:
            getattr(module, name)
        except ImportError:
            continue
