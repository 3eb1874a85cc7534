"""Explorations of stage 05: what a kernel sees, and what unfolding costs."""

from __future__ import annotations

Points = list[tuple[float, float]]


def sight(stride: int) -> dict[str, Points]:
    """The receptive field by depth for two kernels; every third layer has the stride."""
    found = {}
    for kernel in (3, 5):
        side, jump, points = 1, 1, []
        for layer in range(1, 13):
            side += (kernel - 1) * jump
            jump *= stride if layer % 3 == 0 else 1
            points.append((layer, side))
        found[f"{kernel} x {kernel}"] = points
    return {name: [(float(x), float(y)) for x, y in points] for name, points in found.items()}


def copies(stride: int) -> dict[str, Points]:
    """KiB of the picture and of the matrix of its patches, padded so that its size remains."""
    picture = 32 * 32 * 32 * 4 / 1024
    rows = (32 // stride) ** 2
    sides = range(1, 12, 2)
    return {
        "unfolded": [(k, rows * 32 * k * k * 4 / 1024) for k in sides],
        "picture": [(k, picture) for k in sides],
    }
