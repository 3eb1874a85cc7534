"""Explorations of stage 09: sectors and banks."""

from __future__ import annotations

from collections import Counter

Points = list[tuple[float, float]]


def stride(offset: int) -> dict[str, Points]:
    """Sectors and turns of the fullest bank for one request of a warp, by its stride."""
    sectors, turns = [], []
    for step in range(1, 34):
        places = [offset + thread * step for thread in range(32)]
        sectors.append((float(step), float(len({place // 8 for place in places}))))
        banks = Counter(place % 32 for place in dict.fromkeys(places))
        turns.append((float(step), float(max(banks.values()))))
    return {"sectors of global memory": sectors, "turns of a bank": turns}
