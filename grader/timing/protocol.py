"""Taking samples: closed intervals by the trusted clock, in turns, the other worker frozen.

A sample is as many calls, each with a fresh input that is released when the interval begins, as last
ten milliseconds. Nothing of it can be known before; every output is checked after. Work that a worker
does outside its intervals shows in the CPU time of its box and is added to its samples.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Protocol

from .decision import Samples, undecided
from .plan import Plan

TARGET_NS = 10_000_000  # a sample lasts this long: pipe and clock are then below a percent
MAX_CALLS = 200
CALIBRATING = 5
MORE_PAIRS = 3.0  # up to this many times the pairs asked for, while a tier is undecided


class Box(Protocol):
    """What timing asks of a worker's box."""

    def freeze(self) -> None: ...
    def thaw(self) -> None: ...
    def cpu_ns(self) -> int: ...


@dataclass
class Side:
    """One worker: how to call it, and what its box costs.

    `call` makes one timed call with freshly released inputs and returns what must be checked.
    """

    box: Box
    call: Callable[[tuple[Any, ...]], Any]
    outside_ns: int = 0  # CPU time outside the intervals so far


def measure(
    student: Side,
    baseline: Side,
    plan: Plan,
    *,
    release: Callable[[], tuple[Any, ...]],
    check: Callable[[tuple[Any, ...], Any], None],
    clock: Callable[[], int],
    emit: Callable[[dict[str, Any]], None],
    reruns: int = 0,
) -> Samples:
    """Samples of both sides, in ABBA order, with the solution's second sample of a block for A/A.

    Args:
        release: draws the inputs of one call; never the same twice.
        check: raises if an output of a timed call is wrong.
        clock: nanoseconds, monotonic.
        emit: hears `{"pair", "of", "student_ns", "reference_ns"}` after each pair.
    """
    student.box.freeze()
    baseline.box.freeze()
    try:
        taker = _Taker(release, check, clock, plan.threads)
        calls = taker.calibrate(baseline)
        taker.sample(student, calls)  # a first pair for caches and lazy set-up, not counted
        taker.sample(baseline, calls)
        student.outside_ns = baseline.outside_ns = 0
        times: dict[str, list[int]] = {"student": [], "reference": [], "aa": []}
        cpu: dict[str, list[int]] = {"student": [], "reference": []}
        limit = int(plan.pairs * MORE_PAIRS)
        while len(times["student"]) < limit:
            place = len(times["student"])
            order = (
                ("student", "reference", "aa") if place % 2 == 0 else ("aa", "reference", "student")
            )
            for name in order:
                side = student if name == "student" else baseline
                wall, used = taker.sample(side, calls)
                times[name].append(wall)
                if name in cpu:
                    cpu[name].append(used)
            # What the learner's box burned beyond what the solution's does in the same places.
            extra = max(0, student.outside_ns - baseline.outside_ns // 2)
            times["student"][-1] += extra
            student.outside_ns = baseline.outside_ns = 0
            emit(
                {
                    "pair": place + 1,
                    "of": plan.pairs,
                    "student_ns": times["student"][-1],
                    "reference_ns": times["reference"][-1],
                }
            )
            samples = Samples(
                tuple(times["student"]),
                tuple(times["reference"]),
                tuple(times["aa"]),
                tuple(cpu["student"]),
                tuple(cpu["reference"]),
                reruns,
            )
            if place + 1 >= plan.pairs and not undecided(samples, plan.tiers):
                break
        return samples
    finally:
        student.box.thaw()
        baseline.box.thaw()


class _Taker:
    """Takes single samples of either side."""

    def __init__(
        self,
        release: Callable[[], tuple[Any, ...]],
        check: Callable[[tuple[Any, ...], Any], None],
        clock: Callable[[], int],
        threads: int,
    ) -> None:
        self._release, self._check, self._clock = release, check, clock
        self._threads = threads

    def calibrate(self, side: Side) -> int:
        """How many calls of the solution last as long as a sample must."""
        self.sample(side, 1)
        # The least of a few: one that was interrupted would make every sample too short.
        once = min(self.sample(side, 1)[0] for _ in range(CALIBRATING))
        return max(1, min(MAX_CALLS, -(-TARGET_NS // max(1, once))))

    def sample(self, side: Side, calls: int) -> tuple[int, int]:
        """Wall and CPU nanoseconds of `calls` calls; every output is checked after the clock."""
        inputs = [self._release() for _ in range(calls)]
        outputs = []
        wall = 0
        with _thawed(side.box):
            before = side.box.cpu_ns()
            for released in inputs:
                began = self._clock()
                outputs.append(side.call(released))
                wall += self._clock() - began
            used = side.box.cpu_ns() - before
        side.outside_ns += max(0, used - self._threads * wall)
        for released, output in zip(inputs, outputs, strict=True):
            self._check(released, output)
        return wall, used


@contextmanager
def _thawed(box: Box) -> Iterator[None]:
    box.thaw()
    try:
        yield
    finally:
        box.freeze()
