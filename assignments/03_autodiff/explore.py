"""Explorations of stage 03: the price of a Jacobian."""

from __future__ import annotations

Points = list[tuple[float, float]]


def modes(outputs: int) -> dict[str, Points]:
    """Passes of each mode by the number of inputs."""
    sizes = range(21)
    return {
        "forward mode": [(k, 2.0**k) for k in sizes],
        "reverse mode": [(k, float(outputs)) for k in sizes],
    }
