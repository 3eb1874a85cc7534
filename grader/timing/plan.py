"""What is to be measured: how many pairs, against which tiers."""

from __future__ import annotations

from dataclasses import dataclass

from assignments.catalog import Tier, Timing


@dataclass(frozen=True, slots=True)
class Plan:
    """Pairs of samples to take at least, the tiers to decide between, the least plausible ratio,
    and the threads that may work.
    """

    pairs: int
    tiers: tuple[Tier, ...]
    floor: float
    threads: int = 1

    @classmethod
    def of(cls, timing: Timing) -> Plan:
        """The plan that a manifest asks for."""
        return cls(timing.pairs, timing.tiers, timing.floor, timing.threads)
