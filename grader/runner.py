"""Run one suite of one stage over one file: pytest here, in the trusted process; the file in a box.

The learner's bytes are neither parsed nor imported on this side. pytest finds nothing by itself: no
conftest, no configuration, no plugins but ours and pytest-json-report, no cache, no environment.
"""

from __future__ import annotations

import os
import secrets
import sys
import time
import warnings
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from dataclasses import replace
from datetime import UTC, datetime
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from pytest_jsonreport.plugin import JSONReport
from threadpoolctl import threadpool_limits

from assignments.catalog import Check, Stage

from . import adapter, events, sandbox, verdict
from .desk import Desk
from .errors import InfrastructureError
from .machine import environment
from .outcome import Outcome, Status, SuiteRun
from .plugin import GraderPlugin
from .solutions import solution_source
from .spares import Spares
from .stack import Parts
from .suites import suite_folder

PHASES = ("correctness", "performance")
SEED_BITS = 48  # a seed stays exact in any reader of JSON


def run_suite(
    stage: Stage,
    source: bytes,
    suite: str,
    *,
    seed: int | None = None,
    only: Collection[str] | None = None,
    phases: Collection[str] = PHASES,
    earlier: Mapping[str, Status] | None = None,
    emit: events.Emit = events.ignore,
    run: str | None = None,
    spares: Spares | None = None,
    record_calls: bool = False,
    settle: bool = True,
    parts: Parts | None = None,
) -> SuiteRun:
    """Judge `source`, the bytes of the learner's file, by the `suite` of `stage`.

    Args:
        suite: "public" (teaches) or "hidden" (decides).
        seed: from which every input is drawn; None draws one. It never enters the worker.
        only: ids of the checks to run; None runs all of the suite.
        phases: "correctness", "performance" (the timed checks) or both.
        earlier: statuses from an earlier phase, for checks that depend on them.
        emit: hears the events of `events.py` as they happen.
        spares: warm workers to take from; None starts them as needed.
        record_calls: emit the arguments of each call (for a script that repeats it).
        settle: look twice at what may not be the learner's: a body that stumbled, a process that
            ended in the middle of a call (anybody may have killed it).
        parts: of the learner's other stages, for checks of the whole stack.

    Returns:
        One outcome for each expected check, in the manifest's order.

    Raises:
        InfrastructureError: the suite itself cannot be run.
    """
    began, started_at = time.monotonic(), _now()
    emit = _to_these_streams(emit)
    run = run or events.new_run_id()
    seed = secrets.randbits(SEED_BITS) if seed is None else seed
    checks = expected_checks(stage, suite, only=only, phases=phases)
    isolation = sandbox.isolation()
    emit(events.run_started(run, stage.id, suite, seed, isolation, checks))
    warm = spares or Spares(lasting=False)
    try:
        with Desk(stage, source, warm, parts, suite) as desk:
            plugin = GraderPlugin(stage, checks, desk, seed, run, emit, earlier or {}, record_calls)
            # Oracles multiply small matrices: a second BLAS thread gains nothing. On a busy machine
            # the two wait for each other, which made a submission of three seconds last a minute; on
            # an idle one it spins for a while after each product, on the processor of what is timed.
            with threadpool_limits(1, user_api="blas"):
                report = _pytest(suite_folder(stage, suite), plugin)
        found = adapter.outcomes(report, [check.id for check in checks])
        outcomes = found
        if settle and plugin.suspects:
            outcomes = _settled(stage, source, suite, seed, found, plugin, spares, parts)
        for outcome in outcomes:
            if outcome.id in plugin.suspects or outcome.status is Status.NOT_RUN:
                emit(events.check_finished(run, outcome))
    finally:
        if warm is not spares:
            warm.close()
    duration_s = time.monotonic() - began
    emit(events.run_finished(run, outcomes, duration_s))
    return SuiteRun(
        stage=stage.id,
        suite=suite,
        seed=seed,
        outcomes=outcomes,
        isolation=isolation,
        started_at=started_at,
        finished_at=_now(),
        duration_s=duration_s,
        environment=environment(),
    )


def expected_checks(
    stage: Stage,
    suite: str,
    *,
    only: Collection[str] | None = None,
    phases: Collection[str] = PHASES,
) -> tuple[Check, ...]:
    """The checks of the manifest that a run must report on, in its order."""
    timed = {timing.check for timing in stage.timings}
    return tuple(
        check
        for check in (stage.public if suite == "public" else stage.hidden)
        if (only is None or check.id in only)
        and ("performance" if check.id in timed else "correctness") in phases
    )


def _settled(
    stage: Stage,
    source: bytes,
    suite: str,
    seed: int,
    found: tuple[Outcome, ...],
    plugin: GraderPlugin,
    spares: Spares | None,
    parts: Parts | None,
) -> tuple[Outcome, ...]:
    """`found`, with every suspect judged once more: a crash must come twice to count."""

    def once_more(file: bytes, statuses: Collection[Status]) -> dict[str, Outcome]:
        ids = {o.id for o in found if o.id in plugin.suspects and o.status in statuses}
        if not ids:
            return {}
        earlier = {**plugin.earlier, **{o.id: o.status for o in found if o.id not in ids}}
        again = run_suite(
            stage,
            file,
            suite,
            seed=seed,
            only=ids,
            earlier=earlier,
            spares=spares,
            settle=False,
            parts=parts if file is source else None,
        )
        return {outcome.id: outcome for outcome in again.outcomes}

    crashes = once_more(source, (Status.CRASHED,))
    solution = solution_source(stage)
    opinions = once_more(solution, (Status.ERROR,)) if solution is not None else {}

    def settle(outcome: Outcome) -> Outcome:
        if outcome.id not in plugin.suspects:
            return outcome
        if outcome.id in crashes:
            return replace(crashes[outcome.id], attempts=2)
        opinion = opinions.get(outcome.id)
        if opinion is None or opinion.status in (Status.PASSED, Status.PARTIAL):
            return verdict.blamed_on_learner(outcome)
        return replace(outcome, reason=f"the stage's own solution fails here too: {outcome.reason}")

    return tuple(settle(outcome) for outcome in found)


def _pytest(folder: Path, plugin: GraderPlugin) -> Mapping[str, Any]:
    """Run pytest over `folder` with nothing of the surroundings, and return its JSON report."""
    collector = JSONReport()
    arguments = [
        str(folder),
        f"--rootdir={folder}",
        f"-c={os.devnull}",
        "--noconftest",
        "--disable-plugin-autoload",
        "--import-mode=importlib",
        "--capture=no",
        "--tb=no",
        "--assert=plain",  # suites speak through grader.check; rewriting would compile them each time
        "-q",
        "-pno:cacheprovider",
        "-ppytest_jsonreport.plugin",
        "-pno:logging",
        "-pno:doctest",
        "-pno:unittest",
        # They collect garbage five times at the end of a run, for warnings that nobody would read.
        "-pno:unraisableexception",
        "-pno:threadexception",
        "-pno:faulthandler",
        "-pno:junitxml",
        "-pno:pastebin",
        "-pno:setuponly",
        "-pno:setupplan",
        "-pno:stepwise",
        "-pno:tmpdir",
        "-pno:monkeypatch",
        "-pno:recwarn",
        "-pno:debugging",
        "-pno:subtests",
        "-pno:terminalprogress",
        "--json-report-file=none",
        "--json-report-omit=log",
        "--json-report-omit=streams",
    ]
    said = StringIO()
    with _quiet_environment(), warnings.catch_warnings():
        warnings.simplefilter("ignore", pytest.PytestWarning)
        try:
            with redirect_stdout(said), redirect_stderr(said):
                pytest.main(arguments, plugins=[collector, plugin])
        finally:
            _forget(folder)
    if collector.report is None:
        raise InfrastructureError(f"pytest could not run {folder.name}: {said.getvalue()[-2000:]}")
    return dict(collector.report)


def _to_these_streams(emit: events.Emit) -> events.Emit:
    """An `emit` that prints where its caller prints, though pytest's own words are caught."""
    stdout, stderr = sys.stdout, sys.stderr

    def told(event: events.Event) -> None:
        with redirect_stdout(stdout), redirect_stderr(stderr):
            emit(event)

    return told


def _forget(folder: Path) -> None:
    """Let go of a suite's modules: the next suite may have a file of the same name."""
    for name, module in list(sys.modules.items()):
        if str(getattr(module, "__file__", None) or "").startswith(f"{folder}{os.sep}"):
            del sys.modules[name]


@contextmanager
def _quiet_environment() -> Iterator[None]:
    """Hide the variables by which a shell could change what pytest does."""
    hidden = {key: os.environ.pop(key) for key in list(os.environ) if key.startswith("PYTEST_")}
    try:
        yield
    finally:
        for key in [key for key in os.environ if key.startswith("PYTEST_")]:
            del os.environ[key]
        os.environ.update(hidden)


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
