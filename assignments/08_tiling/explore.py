"""Explorations of stage 08: what bounds a kernel."""

from __future__ import annotations

Points = list[tuple[float, float]]
LANES = {"eight lanes": 100.0, "one number at a time": 12.5}  # GFLOP/s


def roof(bandwidth: int) -> dict[str, Points]:
    """GFLOP/s at most, by arithmetic intensity, with and without vectors."""
    return {
        name: [(k / 4, min(peak, bandwidth * 2 ** (k / 4))) for k in range(-16, 33)]
        for name, peak in LANES.items()
    }
