"""The stop-watch times a call of an export, or a program that uses it many times."""

from __future__ import annotations

from typing import Any

import numpy as np

from assignments.catalog import Tier, Timing
from grader.student import Invoked
from grader.timing.bench import PROCESSES, Bench

PROGRAM = "def probe(module, arguments): ..."


class Box:
    def freeze(self) -> None: ...
    def thaw(self) -> None: ...
    def cpu_ns(self) -> int:
        return 0


class Worker:
    """Notes what it is asked for."""

    def __init__(self) -> None:
        self.worker, self.asked = self, []  # type: ignore[var-annotated]
        self.box = Box()

    def put(self, value: Any) -> Any:
        return ("kept", value)

    def probe(self, source: str, /, **inputs: Any) -> Any:
        self.asked.append((source, inputs))
        return "told"

    def invoke(self, name: str, args: Any, kwargs: Any, *, read: tuple[int, ...]) -> Invoked:
        self.asked.append((name, args))
        return Invoked("called", (), ())


def stop_watch(student: Worker, baseline: Worker) -> Bench:
    """Each look at its clock finds it 20 ms further."""
    ticks = iter(range(0, 10**12, 20_000_000))
    return Bench(
        student, baseline, Timing("t", "f", (Tier(2.0, 1.0),), 2, 0.1),  # type: ignore[arg-type]
        np.random.default_rng(0), lambda event: None, clock=lambda: next(ticks),
    )  # fmt: skip


def compared(program: str, **more: Any) -> tuple[Worker, list[Any]]:
    student, results = Worker(), []
    bench = stop_watch(student, Worker())
    bench.compare(
        "f",
        staged=(1,),
        release=lambda rng: (2,),
        arguments=lambda staged, released: (*staged, *released),
        check=lambda released, result, read: results.append(result),
        program=program,
        **more,
    )
    student.told = bench.decision.to_json()  # type: ignore[attr-defined,union-attr]
    return student, results


def test_a_program_is_timed_with_the_arguments_of_the_call() -> None:
    student, results = compared(PROGRAM)

    assert student.asked[0] == (PROGRAM, {"arguments": (("kept", 1), 2)})
    assert set(results) == {"told"}


def test_without_a_program_the_export_is_called() -> None:
    student, results = compared("")

    assert student.asked[0] == ("f", (("kept", 1), 2))
    assert set(results) == {"called"}


def test_the_first_call_is_told_apart_where_it_compiles() -> None:
    plain, _ = compared("")
    compiles, results = compared("", compiles=True)

    assert "first_call_s" not in plain.told  # type: ignore[attr-defined]
    assert compiles.told["first_call_s"] == 0.02  # type: ignore[attr-defined]
    assert len(compiles.asked) == len(plain.asked) + 1
    assert set(results) == {"called"}


def test_what_the_machine_can_do_is_seen_on_the_solution() -> None:
    student, baseline = Worker(), Worker()

    bench = stop_watch(student, baseline)

    assert bench.seconds(PROGRAM, threads=2, a=bench.kept(1)) == 0.02
    assert not student.asked
    assert baseline.asked[0] == (PROGRAM, {"threads": 2, "a": ("kept", 1)})


class Clock:
    now = 0

    def __call__(self) -> int:
        return self.now


class Paced(Worker):
    """Needs so many milliseconds for each call."""

    def __init__(self, clock: Clock, ms: float) -> None:
        super().__init__()
        self._clock, self._ms = clock, ms

    def invoke(self, name: str, args: Any, kwargs: Any, *, read: tuple[int, ...]) -> Invoked:
        self._clock.now += int(self._ms * 1e6)
        return super().invoke(name, args, kwargs, read=read)


def looked_at(*students: float) -> tuple[Any, int]:
    """The verdict at tiers 1.25 and 2 on a learner whose processes need so many milliseconds, the
    solution's ten; and how many of them were asked.
    """
    clock = Clock()
    pairs = [(Paced(clock, ms), Paced(clock, 10.0)) for ms in students]
    rest = iter(pairs[1:])
    bench = Bench(
        *pairs[0], Timing("t", "f", (Tier(1.25, 1.0), Tier(2.0, 0.5)), 2, 0.1),  # type: ignore[arg-type]
        np.random.default_rng(0), lambda event: None, again=lambda: next(rest), clock=clock,
    )  # fmt: skip
    found = bench.compare(
        "f",
        staged=(),
        release=lambda rng: (),
        arguments=lambda staged, released: (),
        check=lambda released, result, read: None,
    )
    return found, sum(bool(student.asked) for student, _ in pairs)


def test_full_points_are_given_at_once() -> None:
    found, asked = looked_at(12.0, 12.0, 12.0)

    assert (found.fraction, asked) == (1.0, 1)
    assert "by_process" not in found.to_json()


def test_what_a_process_was_given_denies_no_tier() -> None:
    found, asked = looked_at(14.3, 10.0, 14.3)

    assert (found.decision, found.fraction, asked) == ("pass", 1.0, 2)
    assert found.to_json()["by_process"] == [1.43, 1.0]


def test_what_every_process_denies_is_denied() -> None:
    found, asked = looked_at(*[15.0] * (PROCESSES + 1))

    assert (found.decision, found.fraction, asked) == ("partial", 0.5, PROCESSES)
    assert found.value == 1.5


def test_an_outlier_upwards_in_a_later_process_takes_nothing() -> None:
    found, _ = looked_at(14.0, 90.0, 19.0)

    assert (found.fraction, found.value) == (0.5, 1.4)

    found, asked = looked_at(14.0, 90.0, 10.0)

    assert (found.fraction, asked) == (1.0, 3)


def test_what_no_placement_explains_is_not_looked_at_again() -> None:
    _, near = looked_at(31.0, 31.0, 31.0)
    found, far = looked_at(32.0, 32.0, 32.0)

    assert near == PROCESSES
    assert (found.decision, far) == ("fail", 1)
