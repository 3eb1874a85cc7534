"""`seed=` in the place of `rng=`: what is random takes either."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from typing import Any, TypeVar

import numpy as np

F = TypeVar("F", bound=Callable[..., Any])


def seeded(function: F) -> F:
    """Let `function`, which has a parameter `rng`, take `seed=` instead.

    Raises:
        TypeError: at a call that gives both.
    """
    signature = inspect.signature(function)

    @functools.wraps(function)
    def wrapped(*args: Any, seed: int | None = None, **kwargs: Any) -> Any:
        if seed is not None:
            if signature.bind_partial(*args, **kwargs).arguments.get("rng") is not None:
                raise TypeError(f"{function.__qualname__}: give rng or seed, not both.")
            kwargs["rng"] = np.random.default_rng(seed)
        return function(*args, **kwargs)

    told = inspect.Parameter("seed", inspect.Parameter.KEYWORD_ONLY, default=None)
    places = list(signature.parameters.values())
    if places and places[-1].kind is inspect.Parameter.VAR_KEYWORD:
        places.insert(-1, told)
    else:
        places.append(told)
    wrapped.__signature__ = signature.replace(parameters=places)  # type: ignore[attr-defined]
    return wrapped  # type: ignore[return-value]
