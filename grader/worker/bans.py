"""Names that a stage bans raise BannedError in its workers, from before the learner's file is loaded.

That is a help for whoever reaches for them without thinking, and no wall: code in one's own process
can undo whatever was done there. The rule on the source (`rule.py`) comes first.
"""

from __future__ import annotations

import gc
import importlib
import operator
import sys
from typing import Any, NoReturn


class BannedError(Exception):
    """A function that the stage bans was called."""


class Banned:
    """Stands where something banned stood: calling it and asking for its parts raise."""

    def __init__(self, name: str, stage: str) -> None:
        self.__dict__["_said"] = f"{name} is banned in stage {stage}"

    def __call__(self, *args: Any, **kwargs: Any) -> NoReturn:
        raise BannedError(self._said)

    def __getattr__(self, name: str) -> NoReturn:
        if name.startswith("__"):  # what inspection asks of any object
            raise AttributeError(name)
        raise BannedError(self._said)


def install(stage: str, *names: str) -> None:
    """Put a `Banned` in the place of each dotted name, "ndarray.dot" among them."""
    _finish_loading()
    for name in names:
        owner, _, last = name.rpartition(".")
        banned = Banned(name, stage)
        if owner == "ndarray":
            _ban_method(last, banned)
            continue
        setattr(operator if owner == "operator" else importlib.import_module(owner), last, banned)
        if name in sys.modules:
            sys.modules[name] = banned  # type: ignore[assignment]


def _finish_loading() -> None:
    """Let Numba read all of NumPy that it wants to know: it looks for the names at its first work."""
    if "numba" in sys.modules:
        import numba

        numba.njit(lambda x: x + 1)(1)


def _ban_method(name: str, banned: Banned) -> None:
    """Replace a method of ndarray, whose type cannot be assigned to."""
    import ctypes

    import numpy as np

    def method(self: Any, *args: Any, **kwargs: Any) -> NoReturn:
        banned()

    (methods,) = (found for found in gc.get_referents(np.ndarray.__dict__) if type(found) is dict)
    methods[name] = method
    ctypes.pythonapi.PyType_Modified(ctypes.py_object(np.ndarray))
