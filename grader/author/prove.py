"""The proof of a stage: its solution passes, its starter earns nothing, every mutant is caught.

The kill matrix is mutants x hidden checks. Every mutant must fail the checks that name it, at most
half of all checks; every hidden check must be failed by at least one mutant, or it decides nothing.
"""

from __future__ import annotations

import secrets
import time
import zlib
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field

from assignments.catalog import Stage

from ..errors import UsageError
from ..grading import judge
from ..mutants import Mutant, mutants
from ..outcome import Status, SuiteRun
from ..runner import PHASES, SEED_BITS, run_suite
from ..scoring import score
from ..slots import Job, run_jobs
from ..solutions import solution_source
from ..spares import Spares
from . import content

SOLUTION = "the solution"
LOST = (Status.FAILED, Status.PARTIAL, Status.TIMEOUT, Status.MEMORY, Status.CRASHED)


@dataclass
class Proof:
    """What was found about one stage; `problems` is empty when the stage stands."""

    stage: str
    public: int
    hidden: int
    mutants: int = 0
    killed: int = 0  # hidden checks that at least one mutant fails
    solution_score: float = 0.0
    starter_score: float = 0.0
    public_s: float = 0.0
    hidden_s: float = 0.0
    matrix: Mapping[str, tuple[str, ...]] = field(default_factory=dict)  # mutant -> checks it fails
    # mutant, or the solution -> timed check -> what the machine was too busy for
    undecided: dict[str, dict[str, str]] = field(default_factory=dict)
    not_assessed: set[str] = field(default_factory=set)  # timed checks that want another machine
    problems: list[str] = field(default_factory=list)


def prove(
    stage: Stage,
    say: Callable[[str], None] = lambda line: None,
    *,
    timed: bool = True,
    whole: bool = True,
    jobs: int = 1,
    seed: int | None = None,
) -> Proof:
    """Run the proof of `stage`.

    Args:
        say: hears one line a step.
        timed: prove the timed checks too, which wants a quiet machine.
        whole: judge each mutant by the whole suite; otherwise by the checks alone that name it,
            which cannot tell whether it fails more than half.
        jobs: mutants that are judged at the same time, in processes of their own; more than one
            only for a stage of the catalogue. What is timed is always alone.
        seed: the same proof again; by default everything is drawn anew.
    """
    phases = PHASES if timed else ("correctness",)
    proof = Proof(stage.id, len(stage.public), len(stage.hidden))
    proof.problems += content.unreadable(stage)
    if proof.problems:
        return proof
    proof.problems += content.problems(stage)
    for problem in proof.problems:
        say(problem)  # at once: what follows takes minutes
    solution = solution_source(stage)
    if solution is None:
        return proof
    with Spares() as spares:
        _solution(stage, solution, proof, spares, phases, seed)
        say(f"{stage.id}: the solution has {proof.solution_score:g} points")
        for check_id, said in proof.undecided.get(SOLUTION, {}).items():
            say(f"{stage.id}: the solution: {check_id} {said}")
        _starter(stage, proof, spares, phases, seed)
        say(f"{stage.id}: the starter has {proof.starter_score:g} points")
        try:
            bank = mutants(stage, solution)
        except UsageError as error:
            proof.problems.append(str(error))
            return proof
        proof.mutants = len(bank)
        matrix = proof.matrix = _matrix(stage, bank, proof, spares, phases, say, jobs, whole, seed)
    proof.problems += _matrix_problems(
        stage, bank, matrix, proof.not_assessed, proof.undecided, timed=timed
    )
    caught = {check for lost in matrix.values() for check in lost}
    proof.killed = sum(check.id in caught for check in stage.hidden)
    return proof


def _drawn(seed: int | None, name: str) -> int:
    """The seed of one run of the proof."""
    return secrets.randbits(SEED_BITS) if seed is None else zlib.crc32(f"{seed}:{name}".encode())


def _solution(
    stage: Stage,
    source: bytes,
    proof: Proof,
    spares: Spares,
    phases: Collection[str],
    seed: int | None,
) -> None:
    began = time.monotonic()
    public = run_suite(stage, source, "public", seed=_drawn(seed, "public"), spares=spares)
    proof.public_s = time.monotonic() - began
    began = time.monotonic()
    hidden = judge(stage, source, seed=_drawn(seed, "solution"), phases=phases, spares=spares)
    proof.hidden_s = time.monotonic() - began
    proof.solution_score = score(stage, hidden.outcomes).score
    timed = {timing.check for timing in stage.timings}
    for run in (public, hidden):
        for outcome in run.outcomes:
            # A busy machine may cost the solution one tier; that is the machine's, not the suite's.
            near = outcome.id in timed and outcome.status in (Status.PARTIAL, Status.INCONCLUSIVE)
            if near:
                why = outcome.reason or outcome.message
                said = f"is {outcome.status} on this busy machine, prove it again: {why}"
                proof.undecided.setdefault(SOLUTION, {})[outcome.id] = said
            if outcome.id in timed and outcome.status is Status.NOT_ASSESSED:
                proof.not_assessed.add(outcome.id)
                near = True
            if outcome.status is not Status.PASSED and not near:
                why = outcome.message or outcome.reason
                proof.problems.append(
                    f"{stage.id}: the solution: {outcome.id} is {outcome.status}: {why}"
                )


def _starter(
    stage: Stage, proof: Proof, spares: Spares, phases: Collection[str], seed: int | None
) -> None:
    source = stage.starter.read_bytes()
    run = judge(stage, source, seed=_drawn(seed, "starter"), phases=phases, spares=spares)
    proof.starter_score = score(stage, run.outcomes).score
    if proof.starter_score:
        proof.problems.append(f"{stage.id}: the starter earns {proof.starter_score:g} points.")


def _matrix(
    stage: Stage,
    bank: tuple[Mutant, ...],
    proof: Proof,
    spares: Spares,
    phases: Collection[str],
    say: Callable[[str], None],
    jobs: int,
    whole: bool,
    seed: int | None,
) -> dict[str, tuple[str, ...]]:
    """The hidden checks that each mutant fails; a slow mutant is timed, others are not."""
    timed = {timing.check for timing in stage.timings}
    matrix: dict[str, tuple[str, ...]] = {}

    def keep(name: str, run: SuiteRun) -> None:
        matrix[name] = tuple(outcome.id for outcome in run.outcomes if outcome.status in LOST)
        for outcome in run.outcomes:
            if outcome.status is Status.INCONCLUSIVE:
                why = outcome.message or outcome.reason
                proof.undecided.setdefault(name, {})[outcome.id] = why
        say(f"{stage.id}: mutant {name} fails {', '.join(matrix[name]) or 'nothing'}")

    def unable(name: str, why: str) -> None:
        matrix[name] = ()
        proof.problems.append(f"{stage.id}: mutant {name} could not be judged: {why}")

    slow = [mutant for mutant in bank if timed & set(mutant.caught_by)]
    others = [mutant for mutant in bank if mutant not in slow]

    def only(mutant: Mutant) -> tuple[str, ...] | None:
        return None if whole else tuple(mutant.caught_by)

    def judged(mutant: Mutant, phases: Collection[str]) -> SuiteRun:
        draw = _drawn(seed, mutant.name)
        return judge(
            stage, mutant.source, seed=draw, only=only(mutant), phases=phases, spares=spares
        )

    if jobs > 1:
        untimed = ("correctness",)
        run_jobs(
            [
                Job(
                    one.name,
                    stage.id,
                    one.source,
                    _drawn(seed, one.name),
                    untimed,
                    only=only(one),
                )
                for one in others
            ],
            jobs,
            lambda job, run: keep(job.run, run),
            lambda job, why: unable(job.run, why),
        )
    else:
        for mutant in others:
            keep(mutant.name, judged(mutant, ("correctness",)))
    for mutant in slow:
        keep(mutant.name, judged(mutant, phases))
    return matrix


def _matrix_problems(
    stage: Stage,
    bank: tuple[Mutant, ...],
    matrix: Mapping[str, tuple[str, ...]],
    not_assessed: set[str],
    undecided: Mapping[str, Mapping[str, str]],
    *,
    timed: bool,
) -> Iterator[str]:
    hidden = [check.id for check in stage.hidden]
    unproved = not_assessed if timed else {timing.check for timing in stage.timings}
    for mutant in bank:
        lost = matrix[mutant.name]
        for check_id in mutant.caught_by:
            if check_id not in hidden:
                yield f"{stage.id}: mutant {mutant.name}: there is no hidden check {check_id!r}."
            elif check_id in undecided.get(mutant.name, ()):
                yield (
                    f"{stage.id}: mutant {mutant.name}: {check_id} is inconclusive on this busy "
                    f"machine, prove it again: {undecided[mutant.name][check_id]}"
                )
            elif check_id not in lost and check_id not in unproved:
                fails = ", ".join(lost) or "nothing"
                yield f"{stage.id}: mutant {mutant.name} survives {check_id}; it fails {fails}."
        if not mutant.caught_by:
            yield f"{stage.id}: mutant {mutant.name} names no check that catches it."
        if len(lost) > len(hidden) / 2:
            yield (
                f"{stage.id}: mutant {mutant.name} fails {len(lost)} of {len(hidden)} checks; "
                "a single mistake should fail at most half."
            )
    left = {name: open_ for name, open_ in undecided.items() if name in matrix}
    caught = {check for found in (matrix, left) for lost in found.values() for check in lost}
    for check_id in hidden:
        if check_id not in caught and check_id not in unproved:
            yield (
                f"{stage.id}: no mutant fails {check_id}: it decides nothing yet. "
                f"Add a mistake that it alone catches to grader/mutants/{stage.id}.toml."
            )
