"""The verdict about speed from stored samples: the same samples, the same verdict."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import jsonschema
import numpy as np
import pytest

from assignments.catalog import Tier
from grader.timing import decision
from grader.timing.decision import AA_BAND, Samples, decide, kindest, undecided

TIERS = (Tier(1.25, 1.0), Tier(2.0, 0.5))
MS = 1_000_000
SCHEMA = Path(decision.__file__).parents[1] / "schema" / "grade-report.schema.json"


def samples(ratio: float, *, noise: float = 0.01, pairs: int = 15, **more: Any) -> Samples:
    """Samples of a learner who needs `ratio` times the solution's time."""
    rng = np.random.default_rng(0)

    def times(scale: float) -> tuple[int, ...]:
        return tuple(int(10 * MS * scale * (1 + abs(x))) for x in rng.normal(0, noise, pairs))

    return Samples(times(ratio), times(1.0), times(1.0), **more)


@pytest.mark.parametrize(
    ("ratio", "decision", "fraction"),
    [(0.9, "pass", 1.0), (1.2, "pass", 1.0), (1.6, "partial", 0.5), (2.6, "fail", 0.0)],
)
def test_tiers(ratio: float, decision: str, fraction: float) -> None:
    found = decide(samples(ratio), TIERS, floor=0.2)

    assert (found.decision, found.fraction) == (decision, fraction)
    assert found.value == pytest.approx(ratio, rel=0.02)


def test_borderline_goes_to_the_learner_and_no_further() -> None:
    assert decide(samples(1.30), TIERS, floor=0.2).fraction == 1.0
    assert decide(samples(1.38), TIERS, floor=0.2).fraction == 0.5


def test_the_same_samples_decide_the_same() -> None:
    once = decide(samples(1.24, noise=0.2), TIERS, floor=0.2)

    assert decide(samples(1.24, noise=0.2), TIERS, floor=0.2) == once


def spoiled(times: Sequence[int], places: Sequence[int], factor: float) -> tuple[int, ...]:
    return tuple(int(t * factor) if n in places else t for n, t in enumerate(times))


@pytest.mark.parametrize("factor", [0.5, 8.0])
def test_a_few_odd_samples_move_nothing(factor: float) -> None:
    """Half the time: the core's sibling fell idle. Eight times: something else ran."""
    plain = samples(1.0)
    odd = Samples(spoiled(plain.student, (2, 7, 11), factor), plain.reference, plain.aa)

    assert decide(odd, TIERS, floor=0.2).value == pytest.approx(1.0, abs=0.02)


def test_a_machine_that_slows_down_in_the_middle_moves_nothing() -> None:
    plain, late = samples(1.0), range(8, 15)
    slowed = Samples(
        *(spoiled(times, late, 2.3) for times in (plain.student, plain.reference, plain.aa))
    )

    assert decide(slowed, TIERS, floor=0.2).value == pytest.approx(1.0, abs=0.02)


@pytest.mark.parametrize("apart", [1 + 2 * AA_BAND, 1 - 2 * AA_BAND])
def test_a_solution_unlike_itself_decides_nothing(apart: float) -> None:
    plain = samples(0.9)
    uneven = Samples(plain.student, plain.reference, spoiled(plain.aa, range(15), apart))

    found = decide(uneven, TIERS, floor=0.2)

    assert (found.decision, found.fraction) == ("inconclusive", 0.0)
    assert "too noisy" in found.reason


def test_faster_than_plausible_is_looked_at() -> None:
    assert decide(samples(0.1), TIERS, floor=0.2).needs_review
    assert not decide(samples(0.3), TIERS, floor=0.2).needs_review


def test_more_than_one_processor_is_looked_at() -> None:
    plain = samples(0.9)
    busy = Samples(plain.student, plain.reference, plain.aa, spoiled(plain.student, range(15), 1.9))

    assert decide(busy, TIERS, floor=0.2).needs_review


def test_more_pairs_are_taken_only_near_a_tier() -> None:
    assert undecided(samples(1.25, noise=0.05), TIERS)
    assert not undecided(samples(0.8), TIERS)
    assert not undecided(samples(1.6), TIERS)


def test_what_two_threads_can_use_is_no_work_beside() -> None:
    busy = samples(1.0, student_cpu=(18 * MS,) * 15, reference_cpu=(18 * MS,) * 15)

    assert decide(busy, TIERS, floor=0.2).needs_review
    assert not decide(busy, TIERS, floor=0.2, threads=2).needs_review


def test_what_else_is_told_stands_in_the_report() -> None:
    found = decide(samples(1.0), TIERS, floor=0.2, extra={"first_call_s": 1.5})

    assert found.to_json()["first_call_s"] == 1.5
    schema = json.loads(SCHEMA.read_text(encoding="utf-8"))
    jsonschema.validate(found.to_json(), schema["$defs"]["perf"])
    assert "first_call_s" not in decide(samples(1.0), TIERS, floor=0.2).to_json()


def test_the_kindest_of_several_processes_decides_and_the_report_tells_all() -> None:
    noisy = samples(1.0)
    noisy = Samples(noisy.student, noisy.reference, tuple(2 * t for t in noisy.aa))
    found = kindest([decide(s, TIERS, floor=0.2) for s in (samples(1.6), samples(1.4), noisy)])

    assert found.value == pytest.approx(1.4, rel=0.02)
    assert len(found.to_json()["by_process"]) == 3
    schema = json.loads(SCHEMA.read_text(encoding="utf-8"))
    jsonschema.validate(found.to_json(), schema["$defs"]["perf"])
