"""The desk of one run: hands each check a live worker that holds the learner's file.

One worker serves one suite module, so that state left behind by a check can only spoil answers of
its own file. A worker that died is replaced; a file that cannot be imported is imported once and
its error told to every check.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from assignments.catalog import Stage

from . import source_rule
from .ahead import Ahead, Call
from .errors import InfrastructureError, MachineLacks, WorkerError, WorkerTimeout
from .solutions import solution_source
from .spares import Spares, WorkerEnvironment
from .stack import Parts, Stack
from .student import Student

if TYPE_CHECKING:
    from types import TracebackType

# Room for the last call that began in time to end, before the box itself is closed.
GRACE_S = 5.0
TIMED_WALL_S = 900.0


def environment_of(
    stage: Stage, *, cpus: tuple[int, ...] | None = None, suite: str = "hidden"
) -> WorkerEnvironment:
    """The kind of worker that checks of `stage` run in; `cpus` pins it for timing.

    Public checks of what Numba compiles are small and untimed, so it compiles without optimising.
    """
    return WorkerEnvironment(
        packages=stage.packages,
        data=stage.data,
        hides=stage.hides,
        runs=stage.runs,
        bans=bans_of(stage),
        memory_mib=stage.limits.memory_mib,
        processes=stage.limits.processes,
        log_kib=stage.limits.log_kib,
        cpu_s=stage.limits.cpu_s,
        cpus=cpus,
        threads=stage.limits.threads,
        wall_s=stage.limits.suite_s + stage.limits.import_s + GRACE_S,
        quick=suite == "public" and "numba" in stage.packages and not stage.own_stack,
    )


def bans_of(stage: Stage) -> tuple[str, ...]:
    """What a worker of `stage` must not call: the stage's number, and dotted names."""
    names = tuple(ban for ban in stage.bans if "." in ban and ":" not in ban)
    return (f"{stage.number:02d}", *names) if names else ()


class Desk:
    """Workers for one run of one suite over one file. Use as a context manager.

    Args:
        parts: what of other stages runs around the file, in checks that want the whole stack.
        suite: "public" or "hidden"; see `environment_of`.
    """

    def __init__(
        self,
        stage: Stage,
        source: bytes,
        spares: Spares,
        parts: Parts | None = None,
        suite: str = "hidden",
    ) -> None:
        self._stage = stage
        self._source = source
        self._spares = spares
        self._parts = parts or Parts()
        self._environment = environment_of(stage, suite=suite)
        self._ends_at = time.monotonic() + stage.limits.suite_s
        self._students: dict[str, Student] = {}
        self._stacks: dict[str, Stack] = {}
        self._timed: list[Student] = []
        self._ahead: dict[str, Ahead] = {}
        self._import_error: WorkerError | None = None
        self._reading = threading.Lock()
        self._read = False

    def begin(self, calls: Mapping[str, Sequence[Call]]) -> None:
        """Open the workers of these suite files, all at once, and make these calls in them."""
        for module, wanted in calls.items():
            self._ahead[module] = Ahead(self._open_ahead, wanted)

    def _open_ahead(self) -> Student:
        return self._open(self._source, self._environment, last=True)

    def student(self, module: str) -> Student:
        """The worker of the suite file `module`, started or replaced when needed.

        Raises:
            WorkerError: the learner's file cannot be imported.
            WorkerTimeout: the time of the whole suite is used up.
        """
        if time.monotonic() > self._ends_at:
            limit = self._stage.limits.suite_s
            raise WorkerTimeout(f"the {limit:g} s for the whole suite are used up.")
        self._lend(module)
        student = self._students.get(module)
        if student is None or not student.alive:
            if student is not None:
                student.close()
            student = self._students[module] = self._open(self._source, self._environment)
        return student

    def _lend(self, module: str) -> None:
        """Let the workers of other files go on ahead, and this one wait for the calls of its checks."""
        for other, ahead in self._ahead.items():
            if other != module:
                ahead.take_back()
        if module in self._ahead:
            opened = self._ahead[module].lend()
            if opened is not None:
                self._students.setdefault(module, opened)

    def stack(self, module: str) -> Stack:
        """The worker of the suite file `module` in which the file runs on the learner's own stack.

        Raises:
            WorkerError: as `student`.
        """
        student = self.student(f"{module}:stack")
        stack = self._stacks.get(module)
        if stack is None or stack.student is not student:
            stack = Stack(student, self._parts, self._stage, self._source)
            self._stacks[module] = stack
        return stack

    def timing_pair(self, threads: int = 1) -> tuple[Student, Student]:
        """Two fresh workers pinned to as many processors: the learner's file, and the solution's.

        Raises:
            MachineLacks: there are not so many processors.
        """
        source = solution_source(self._stage)
        if source is None:
            raise InfrastructureError(f"{self._stage.id}: there is no solution to time against.")
        processors = sorted(_processors())[-threads:]
        if len(processors) < threads:
            raise MachineLacks(f"this check needs {threads} processors.")
        # The last processor is the one on which a desktop's own work tends to run least.
        # How long that takes depends on the machine's noise; each call has its own limit all the same.
        pinned = replace(
            self._environment, cpus=tuple(processors), threads=threads, wall_s=TIMED_WALL_S
        )
        pair = (self._open(self._source, pinned), self._open(source, pinned, baseline=True))
        self._timed.extend(pair)
        return pair

    def baseline(self) -> Student:
        """One more worker with the solution, for what a timing compares with itself."""
        return self.timing_pair()[1]

    def _open(
        self,
        source: bytes,
        environment: WorkerEnvironment,
        *,
        baseline: bool = False,
        last: bool = False,
    ) -> Student:
        if self._import_error is not None and not baseline:
            raise self._import_error
        try:
            if not baseline:
                self._read_by_the_rule()
            return Student(
                self._spares.take(environment, last=last),
                source,
                self._stage.file_name,
                limits=self._stage.limits,
            )
        except WorkerError as error:
            if baseline:
                raise InfrastructureError(f"the solution could not be loaded: {error}") from error
            self._import_error = error
            raise

    def _read_by_the_rule(self) -> None:
        """Refuse a file that names what its stage does not allow, before anything of it runs."""
        with self._reading:
            if self._stage.allows and not self._read:
                source_rule.require(self._stage, self._source)
                self._read = True

    def close_timed(self) -> None:
        """End the workers of the timed check that has finished."""
        while self._timed:
            self._timed.pop().close()

    def close(self) -> None:
        """End every worker of this run."""
        self.close_timed()
        for ahead in self._ahead.values():
            ahead.close()
        for student in self._students.values():
            student.close()
        self._students.clear()
        if self._ahead and self._spares.lasting:
            self._spares.warm(self._environment)

    def __enter__(self) -> Desk:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


def _processors() -> set[int]:
    """The processors this process may use (every one, where the system has no affinity)."""
    if hasattr(os, "sched_getaffinity"):
        return set(os.sched_getaffinity(0))
    return set(range(os.cpu_count() or 1))
