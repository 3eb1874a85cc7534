"""A right solution passes whatever is drawn: the hidden suite, again from one seed after another.

Every check draws its inputs, so one run shows little. A check that fails a right solution once in
two hundred draws takes points from one learner in two hundred.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable
from dataclasses import dataclass

from assignments.catalog import Stage

from ..outcome import Status, SuiteRun
from ..runner import SEED_BITS
from ..slots import Job, run_jobs
from ..solutions import solution_source


@dataclass(frozen=True, slots=True)
class Unlucky:
    """A seed from which a check did not pass the stage's own solution."""

    seed: int
    check: str
    why: str


def unlucky(
    stage: Stage,
    draws: int,
    *,
    jobs: int = 1,
    say: Callable[[str], None] = lambda line: None,
) -> list[Unlucky]:
    """Judge the solution of `stage` from `draws` new seeds; what is timed is left out.

    Args:
        jobs: runs at the same time, each in a process of its own.
        say: hears one line for each seed that fails something.
    """
    source = solution_source(stage)
    if source is None:
        return []
    timed = {timing.check for timing in stage.timings}
    found: list[Unlucky] = []

    def keep(seed: int, check: str, why: str) -> None:
        found.append(Unlucky(seed, check, why))
        say(f"{stage.id}: from seed {seed} the solution fails {check}: {why.splitlines()[0]}")

    def done(job: Job, run: SuiteRun) -> None:
        for outcome in run.outcomes:
            if outcome.status is not Status.PASSED and outcome.id not in timed:
                keep(job.seed, outcome.id, outcome.message or outcome.reason or outcome.status)

    run_jobs(
        [
            Job(f"draw-{turn}", stage.id, source, secrets.randbits(SEED_BITS), ("correctness",))
            for turn in range(draws)
        ],
        jobs,
        done,
        lambda job, why: keep(job.seed, "the suite", why),
    )
    return found
