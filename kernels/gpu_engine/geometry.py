"""Grids and blocks: what a launch may ask for."""

from __future__ import annotations

from typing import Any

from .errors import LaunchError
from .findings import Finding

Geometry = int | tuple[int, ...]
MOST_THREADS = 1024
LARGEST_BLOCK = (1024, 1024, 64)
LARGEST_GRID = ((1 << 31) - 1, 65535, 65535)


def extents(given: Geometry, what: str) -> tuple[int, int, int]:
    """Three extents from an int or a tuple of one to three.

    Raises:
        LaunchError: no GPU accepts it.
    """
    wrong = fault(given, what)
    if wrong:
        raise LaunchError(None, f"{what} {given!r}", wrong)
    parts = (given,) if isinstance(given, int) else tuple(given)
    x, y, z = (*parts, 1, 1)[:3]
    return x, y, z


def fault(given: Any, what: str) -> str:
    """What is wrong with a grid or a block; empty where nothing is."""
    parts = (given,) if type(given) is int else given
    if not isinstance(parts, tuple) or not 1 <= len(parts) <= 3:
        return "is not an int or a tuple of one to three ints"
    if any(type(one) is not int for one in parts):
        return "is made of something else than ints: use // and not /"
    if any(one < 1 for one in parts):
        return "has an extent below 1"
    limits = LARGEST_BLOCK if what == "block" else LARGEST_GRID
    if any(one > most for one, most in zip(parts, limits, strict=False)):
        return f"is larger than {limits}"
    threads = 1
    for one in parts:
        threads *= one
    if what == "block" and threads > MOST_THREADS:
        return f"has {threads} threads, more than {MOST_THREADS}"
    return ""


def check(found: Any, line: int | None) -> tuple[Geometry, Geometry] | Finding:
    """Grid and block of a `launch` function, or the finding that they are wrong.

    The block must be whole warps: a multiple of 32 threads.
    """
    if not isinstance(found, tuple) or len(found) != 2:
        return Finding(
            "launch-geometry", line, f"launch returns {found!r}. Return a pair: (grid, block)."
        )
    for what, given in zip(("grid", "block"), found, strict=True):
        wrong = fault(given, what)
        if wrong:
            return Finding("launch-geometry", line, f"the {what} {given!r} {wrong}.")
    x, y, z = extents(found[1], "block")
    if x * y * z % 32:
        return Finding(
            "launch-geometry",
            line,
            f"the block {found[1]!r} has {x * y * z} threads. Use a multiple of 32, whole warps.",
        )
    return found[0], found[1]
