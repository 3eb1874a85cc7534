"""The pytest plugin of a grading run: fixtures, order, dependencies, and a verdict for each check.

It is registered as an object by `runner.py`, never discovered. Suites see three fixtures: `student`
(the learner's module in its worker), `rng` (a generator whose seed exists only on this side) and
`bench` (timed checks). What a suite's test is called ties it to the manifest: `test_ID` is check ID.
"""

from __future__ import annotations

import time
import zlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pytest

from assignments.catalog import Check, Stage

from . import events, verdict
from .adapter import METADATA_KEY
from .ahead import Call
from .desk import Desk
from .errors import InfrastructureError
from .outcome import Outcome, Status
from .stack import Stack
from .student import Student
from .timing.bench import Bench

_BENCH = pytest.StashKey[Bench]()


@dataclass(eq=False)  # pytest keeps plugins in sets
class GraderPlugin:
    """One run of one suite: what is expected, with whose file, and what was found so far."""

    stage: Stage
    checks: tuple[Check, ...]
    desk: Desk
    seed: int
    run: str
    emit: events.Emit
    earlier: Mapping[str, Status] = field(default_factory=dict)
    record_calls: bool = False
    suspects: set[str] = field(default_factory=set)
    found: dict[str, Outcome] = field(default_factory=dict)
    _began: float = 0.0
    _cpu_ns: int = 0
    _current: Student | None = None

    # ---- fixtures -----------------------------------------------------------------------------
    @pytest.fixture
    def student(self, request: pytest.FixtureRequest) -> Iterator[Student]:
        """The learner's module, behind the wire."""
        student = self.desk.student(str(request.path))
        self._current = student
        self._cpu_ns = student.worker.box.cpu_ns()
        if self.record_calls:
            student.on_call = self._on_call(check_id(request.node))
        yield student
        student.on_call = None  # calls ahead of the next check are no calls of a check

    @pytest.fixture
    def stack(self, request: pytest.FixtureRequest) -> Stack:
        """The learner's module on the learner's own stack, in a worker of its own."""
        stack = self.desk.stack(str(request.path))
        self._current = stack.student
        self._cpu_ns = stack.student.worker.box.cpu_ns()
        return stack

    @pytest.fixture
    def rng(self, request: pytest.FixtureRequest) -> np.random.Generator:
        """A generator of its own for each check, so that checks do not depend on their order."""
        return np.random.default_rng([self.seed, zlib.crc32(check_id(request.node).encode())])

    @pytest.fixture
    def bench(self, request: pytest.FixtureRequest, rng: np.random.Generator) -> Iterator[Bench]:
        """The stop-watch: the learner's worker and the solution's, taking turns on one processor."""
        name = check_id(request.node)
        timing = next(timing for timing in self.stage.timings if timing.check == name)
        student, baseline = self.desk.timing_pair(timing.threads)

        def emit(event: events.Event) -> None:
            self.emit({**event, "event": "sample", "run": self.run, "id": name})

        def again() -> tuple[Student, Student]:
            self.desk.close_timed()
            return self.desk.timing_pair(timing.threads)

        bench = Bench(student, baseline, timing, rng, emit, again=again)
        request.node.stash[_BENCH] = bench
        yield bench
        self.desk.close_timed()

    # ---- order and dependencies ---------------------------------------------------------------
    @pytest.hookimpl(tryfirst=True)
    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        """Keep the expected checks, in the manifest's order, marked with what the manifest says."""
        order = {check.id: (place, check) for place, check in enumerate(self.checks)}
        items[:] = [item for item in items if check_id(item) in order]
        items.sort(key=lambda item: order[check_id(item)][0])
        for item in items:
            check = order[check_id(item)][1]
            item.add_marker(pytest.mark.points(check.points))
            item.add_marker(pytest.mark.visibility(check.visibility))
            item.add_marker(pytest.mark.tags(*check.tags))
            item.add_marker(pytest.mark.depends_on(*check.depends_on))

    def pytest_collection_finish(self, session: pytest.Session) -> None:
        """Let the workers of suite files that ask for it begin before their checks."""
        calls: dict[str, list[Call]] = {}
        exports = {check.id: check.exports for check in self.checks}
        for item in session.items:
            if "student" not in getattr(item, "fixturenames", ()):
                continue
            asked = getattr(item.getparent(pytest.Module).obj, "AHEAD", ())  # type: ignore[union-attr]
            wanted = [call for call in asked if call[0] in exports[check_id(item)]]
            found = calls.setdefault(str(item.path), [])
            found += [call for call in wanted if not any(call is other for other in found)]
        if len(calls) > 1 and any(calls.values()):  # with one file there is nothing to be ahead of
            self.desk.begin(calls)

    def pytest_configure(self, config: pytest.Config) -> None:
        for line in (
            "points(n): what the check is worth",
            "visibility(level): who sees it",
            "tags(*names): what it is about",
            "depends_on(*ids): checks that must pass first",
        ):
            config.addinivalue_line("markers", line)

    def pytest_runtest_setup(self, item: pytest.Item) -> None:
        name = check_id(item)
        self.emit(events.check_started(self.run, name))
        self._began, self._cpu_ns, self._current = time.monotonic(), 0, None
        for needed in next(item.iter_markers("depends_on")).args:
            status = self._status(needed)
            if status is not None and status is not Status.PASSED:
                raise verdict.DependencyNotPassed(f"it builds on {needed}, which did not pass.")

    def _status(self, name: str) -> Status | None:
        outcome = self.found.get(name)
        return outcome.status if outcome is not None else self.earlier.get(name)

    # ---- verdicts -----------------------------------------------------------------------------
    def pytest_json_runtest_metadata(
        self, item: pytest.Item, call: pytest.CallInfo[None]
    ) -> dict[str, Any]:
        """File the verdict of a check in pytest-json-report's metadata of the test."""
        outcome = self._judge(item, call)
        if outcome is None:
            return {}
        return {METADATA_KEY: outcome.to_json()}

    def _judge(self, item: pytest.Item, call: pytest.CallInfo[None]) -> Outcome | None:
        name = check_id(item)
        if call.when == "teardown":
            if call.excinfo is None:
                return None
            outcome, suspect = verdict.of_exception(
                name,
                InfrastructureError(f"cleaning up after the check failed: {call.excinfo.value}"),
            )
        elif call.excinfo is not None:
            outcome, suspect = verdict.of_exception(name, call.excinfo.value, task=self._task(name))
        elif call.when == "setup":
            return None
        elif (bench := item.stash.get(_BENCH, None)) is not None:
            outcome, suspect = verdict.of_decision(name, bench.decision), False
        else:
            outcome, suspect = Outcome(name, Status.PASSED), False
        outcome = replace(outcome, seed=self.seed, **self._costs())
        self.found[name] = outcome
        if suspect or outcome.status is Status.CRASHED:
            self.suspects.add(name)  # told when the runner has looked twice
        else:
            self.emit(events.check_finished(self.run, outcome))
        return outcome

    def _task(self, name: str) -> str:
        """What the first function of a check is to do, in the manifest's words."""
        wanted = next(check for check in self.checks if check.id == name).exports[0]
        export = next(export for export in self.stage.exports if export.name == wanted)
        return (
            f"{export.name}{export.signature} is to give: {export.summary}. Its docstring says more, "
            f"the lesson says why, and `lab hint {self.stage.id}` asks the first question."
        )

    def _costs(self) -> dict[str, Any]:
        costs: dict[str, Any] = {"duration_s": round(time.monotonic() - self._began, 6)}
        student = self._current
        if student is None:
            return costs
        box = student.worker.box
        if student.alive:
            costs["cpu_s"] = round(max(0, box.cpu_ns() - self._cpu_ns) / 1e9, 6)
            costs["peak_rss_bytes"] = box.peak_memory_bytes()
        costs["output"] = student.output()
        return costs

    def _on_call(self, name: str) -> Callable[[str, tuple[Any, ...], dict[str, Any]], None]:
        def record(export: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
            self.emit(
                {
                    "event": "call",
                    "run": self.run,
                    "id": name,
                    "export": export,
                    "args": [plain(value) for value in args],
                    "kwargs": {key: plain(value) for key, value in kwargs.items()},
                }
            )

        return record


def check_id(item: pytest.Item) -> str:
    """The id of the check that a collected test is: its name without `test_`."""
    return item.name.removeprefix("test_")


def plain(value: Any) -> Any:
    """`value` of a recorded call as JSON: arrays as `{"dtype", "shape", "data"}`, others by text."""
    if isinstance(value, np.ndarray):
        return {"dtype": str(value.dtype), "shape": list(value.shape), "data": value.tolist()}
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if isinstance(value, list | tuple):
        return [plain(part) for part in value]
    return {"text": repr(value)}
