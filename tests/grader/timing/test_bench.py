"""The stop-watch times a call of an export, or a program that uses it many times."""

from __future__ import annotations

from typing import Any

import numpy as np

from assignments.catalog import Tier, Timing
from grader.student import Invoked
from grader.timing.bench import Bench

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

    assert stop_watch(student, baseline).seconds(PROGRAM, threads=2) == 0.02
    assert not student.asked
    assert baseline.asked[0] == (PROGRAM, {"threads": 2})
