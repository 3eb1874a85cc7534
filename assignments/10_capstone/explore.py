"""Explorations of stage 10: what attention in tiles keeps."""

from __future__ import annotations

Points = list[tuple[float, float]]


def tiles(block: int) -> dict[str, Points]:
    """KiB of float32 beside the result, by length."""
    lengths = range(6, 18)
    return {
        "all scores": [(k, 4.0**k * 4 / 1024) for k in lengths],
        "in tiles": [(k, (min(block, 2**k) ** 2 + 2 * 2**k) * 4 / 1024) for k in lengths],
    }
