"""The verdict about speed, from stored samples alone: the same samples always give the same verdict.

The value is the median, over blocks of samples taken in one breath, of the learner's time by the mean
of the solution's two: what slows or hastens a whole block cancels, and one odd block moves nothing. A
ratio of minima scatters twice as much where a core has a sibling that falls idle for a moment: one
sample in that moment is a third faster, and decides. A bootstrap over the blocks says how sure the
value is, and the A/A ratio, the solution against itself, whether to believe anything.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from assignments.catalog import Tier

AA_BAND = 0.03  # the solution against itself must come out within this of 1
MARGIN = 1.05  # an interval must lie above the tier by this to be denied: borderline goes upwards
CONFIDENCE = 0.95
RESAMPLES = 1000
# The same machine code took up to 1.43 times as long in another process: where its arrays come to lie
# decides which loads wait for which stores, and which lines share a place in the cache.
PLACEMENT = 1.5
BUSY_FACTOR = 1.2  # CPU time beyond threads x wall time by this is work that was not to be done


@dataclass(frozen=True, slots=True)
class Samples:
    """Times of one timed check, in nanoseconds of the trusted clock.

    `student` and `reference` are pairs taken in turns. `aa` are more samples of the solution, taken
    between the others: with the `reference` ones they are the solution against itself.
    """

    student: tuple[int, ...]
    reference: tuple[int, ...]
    aa: tuple[int, ...] = ()
    student_cpu: tuple[int, ...] = ()
    reference_cpu: tuple[int, ...] = ()
    reruns: int = 0


@dataclass(frozen=True, slots=True)
class Decision:
    """What the samples say.

    `decision` is pass, partial, fail or inconclusive; `fraction` the share of the points.
    """

    decision: str
    fraction: float
    value: float
    interval: tuple[float, float]
    noise: float
    aa_ratio: float
    tiers: tuple[Tier, ...]
    samples: Samples
    needs_review: bool = False
    reason: str = ""
    extra: dict[str, Any] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """The `performance` object of a report."""
        return {
            "metric": "wall_ratio",
            "unit": "times the solution's time",
            "better": "lower",
            "estimator": "median_of_ratios",
            "value": round(self.value, 4),
            "ci": [round(self.interval[0], 4), round(self.interval[1], 4)],
            "ci_level": CONFIDENCE,
            "thresholds": [{"at": t.at, "fraction": round(t.fraction, 4)} for t in self.tiers],
            "pairs": len(self.samples.student),
            "reruns": self.samples.reruns,
            "decision": self.decision,
            "noise": round(self.noise, 4),
            "aa_ratio": round(self.aa_ratio, 4),
            "needs_review": self.needs_review,
            "reason": self.reason,
            **self.extra,
            "samples": {
                "student_ns": list(self.samples.student),
                "reference_ns": list(self.samples.reference),
                "aa_ns": list(self.samples.aa),
                "student_cpu_ns": list(self.samples.student_cpu),
                "reference_cpu_ns": list(self.samples.reference_cpu),
            },
        }


def decide(
    samples: Samples,
    tiers: Sequence[Tier],
    *,
    floor: float,
    threads: int = 1,
    extra: Mapping[str, Any] | None = None,
) -> Decision:
    """The verdict on `samples`.

    Args:
        tiers: ratios with their share of the points, ascending.
        floor: the least plausible ratio; below it a person must look.
        threads: how many may work at a time.
        extra: what else a report is to tell.
    """
    ratios = _ratios(samples)
    value = float(np.median(ratios))
    low, high = _interval(samples)
    reference = np.array(samples.reference)
    noise = float(reference.std() / reference.mean())
    aa_ratio = float(np.median(np.array(samples.aa) / reference)) if samples.aa else 1.0

    def verdict(decision: str, fraction: float, reason: str = "", review: bool = False) -> Decision:
        return Decision(
            decision, fraction, value, (low, high), noise, aa_ratio, tuple(tiers), samples, review,
            reason, dict(extra or {}),
        )  # fmt: skip

    if abs(aa_ratio - 1) > AA_BAND:
        return verdict(
            "inconclusive",
            0.0,
            f"the solution against itself came out at {aa_ratio:.3f}: this machine is too noisy now.",
        )
    fraction = next((tier.fraction for tier in tiers if min(low, value / MARGIN) <= tier.at), 0.0)
    if value < floor:
        return verdict(
            _name(fraction), fraction, f"{value:.3f} is faster than plausible ({floor:g}).", True
        )
    busy = _busy(samples) / threads
    if busy > BUSY_FACTOR:
        return verdict(
            _name(fraction),
            fraction,
            f"CPU time is {busy:.1f} times what {threads} thread{'s' * (threads > 1)} can use.",
            True,
        )
    return verdict(_name(fraction), fraction)


def undecided(samples: Samples, tiers: Sequence[Tier]) -> bool:
    """Whether more pairs could still change the tier: a boundary lies in the interval."""
    low, high = _interval(samples)
    return any(low <= tier.at * MARGIN and high >= tier.at for tier in tiers)


def by_placement(decision: Decision) -> bool:
    """Whether a higher tier is so near that another process could come out in it."""
    return decision.decision in ("partial", "fail") and any(
        decision.value <= tier.at * MARGIN * PLACEMENT
        for tier in decision.tiers
        if tier.fraction > decision.fraction
    )


def kindest(decisions: Sequence[Decision]) -> Decision:
    """The decision of several pairs of processes: a tier is denied only if each of them denies it."""
    if len(decisions) == 1:
        return decisions[0]
    best = max(decisions, key=lambda d: (d.decision != "inconclusive", d.fraction, -d.value))
    values = [round(one.value, 4) for one in decisions]
    return replace(best, extra={**best.extra, "by_process": values})


def _name(fraction: float) -> str:
    return "pass" if fraction >= 1 else "partial" if fraction > 0 else "fail"


def _ratios(samples: Samples) -> np.ndarray:
    """The learner's time by the solution's, block by block."""
    reference = np.array(samples.reference, np.float64)
    if samples.aa:
        reference = (reference + np.array(samples.aa)) / 2
    return np.asarray(np.array(samples.student) / reference)


def _interval(samples: Samples) -> tuple[float, float]:
    """A bootstrap interval of the median ratio, over blocks."""
    # The seed comes from the samples themselves: deciding again is deciding the same.
    rng = np.random.default_rng(
        [sum(samples.student) & 0xFFFFFFFF, sum(samples.reference) & 0xFFFFFFFF]
    )
    ratios = _ratios(samples)
    medians = np.median(ratios[rng.integers(0, len(ratios), (RESAMPLES, len(ratios)))], axis=1)
    tail = (1 - CONFIDENCE) / 2
    low, high = np.quantile(medians, [tail, 1 - tail])
    return float(low), float(high)


def _busy(samples: Samples) -> float:
    """How much more CPU time than wall time the learner's samples took, at the median."""
    if not samples.student_cpu:
        return 0.0
    return float(np.median(np.array(samples.student_cpu) / np.array(samples.student)))
