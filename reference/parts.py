"""Packages whose parts load when they are asked for, so that any single file may be absent."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Any


def lazy_parts(package: str, homes: Mapping[str, str]) -> Callable[[str], Any]:
    """The `__getattr__` of a package.

    Args:
        package: its `__name__`.
        homes: for each name that the package exports, the module of the package that holds it.

    Returns:
        A function from a name to what it stands for. It raises AttributeError for a name that the
        package does not export, and ImportError for one whose file is hidden in this stage.
    """

    def part(name: str) -> Any:
        if name not in homes:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        module = f"{package}.{homes[name]}"
        try:
            return getattr(import_module(module), name)
        except ModuleNotFoundError as error:
            if error.name is None or not error.name.startswith(package.split(".")[0]):
                raise
            raise ImportError(
                f"{package}.{name} is not here: in this stage it is yours to write."
            ) from None

    return part
