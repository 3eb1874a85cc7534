"""Taking samples, on a clock of the test's own: turns, freezing, hidden work, wrong outputs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from assignments.catalog import Tier
from grader.timing.plan import Plan
from grader.timing.protocol import TARGET_NS, Side, measure

MS = 1_000_000


class Machine:
    """A processor on which only what is not frozen makes progress."""

    def __init__(self) -> None:
        self.now = 0
        self.log: list[str] = []
        self.boxes: list[Worker] = []


class Worker:
    """A box whose calls take `call_ns`, and which works `idle_ns` after each answer."""

    def __init__(self, machine: Machine, name: str, call_ns: int, idle_ns: int = 0) -> None:
        self.machine, self.name, self.call_ns, self.idle_ns = machine, name, call_ns, idle_ns
        self.cpu, self.frozen = 0, False
        machine.boxes.append(self)

    def freeze(self) -> None:
        self.frozen = True

    def thaw(self) -> None:
        self.frozen = False

    def cpu_ns(self) -> int:
        return self.cpu

    def call(self, released: tuple[Any, ...]) -> tuple[Any, ...]:
        assert [box.name for box in self.machine.boxes if not box.frozen] == [self.name]
        self.machine.log.append(self.name)
        self.machine.now += self.call_ns
        self.cpu += self.call_ns + self.idle_ns
        return released

    def side(self) -> Side:
        return Side(self, self.call)


def measured(
    student: Worker,
    baseline: Worker,
    check: Callable[..., None] | None = None,
    pairs: int = 4,
    threads: int = 1,
) -> Any:
    machine = student.machine
    draws = iter(range(10**6))
    return measure(
        student.side(), baseline.side(), Plan(pairs, (Tier(1.0, 1.0),), 0.2, threads),
        release=lambda: (next(draws),),
        check=check or (lambda released, output: None),
        clock=lambda: machine.now,
        emit=lambda event: machine.log.append("|"),
    )  # fmt: skip


def test_a_sample_is_ten_milliseconds_of_calls_in_turns_and_only_one_worker_runs() -> None:
    machine = Machine()
    student, baseline = Worker(machine, "S", 2 * MS), Worker(machine, "R", MS)
    found = measured(student, baseline)

    turns = "".join(machine.log).split("|")[1:3]
    assert turns == ["R" * 10 + "R" * 10 + "S" * 10, "S" * 10 + "R" * 10 + "R" * 10]
    assert set(found.reference) == set(found.aa) == {TARGET_NS}
    assert set(found.student) == {2 * TARGET_NS}
    assert not (student.frozen or baseline.frozen)


def test_work_between_the_calls_is_added_to_the_sample() -> None:
    machine = Machine()
    found = measured(Worker(machine, "S", MS, idle_ns=3 * MS), Worker(machine, "R", MS))

    assert set(found.student) == {4 * TARGET_NS}
    assert set(found.reference) == {TARGET_NS}


def test_the_time_of_a_second_thread_is_no_work_between_the_calls() -> None:
    machine = Machine()
    student, baseline = Worker(machine, "S", MS, idle_ns=MS), Worker(machine, "R", MS)

    assert set(measured(student, baseline, threads=2).student) == {TARGET_NS}


def test_work_that_the_solution_does_too_is_not_added() -> None:
    machine = Machine()
    found = measured(Worker(machine, "S", MS, MS // 2), Worker(machine, "R", MS, MS // 2))

    assert set(found.student) == {TARGET_NS}


def test_every_input_is_new_and_every_output_is_checked() -> None:
    machine = Machine()
    seen: list[int] = []

    def check(released: tuple[int], output: tuple[int]) -> None:
        assert output == released
        seen.append(released[0])

    measured(Worker(machine, "S", MS), Worker(machine, "R", MS), check)

    assert len(seen) == len(set(seen)) == machine.log.count("S") + machine.log.count("R")


def test_a_wrong_output_ends_the_measurement_with_both_boxes_thawed() -> None:
    machine = Machine()
    student, baseline = Worker(machine, "S", MS), Worker(machine, "R", MS)

    def check(released: tuple[int], output: tuple[int]) -> None:
        if released[0] == 50:
            raise AssertionError("wrong")

    with pytest.raises(AssertionError, match="wrong"):
        measured(student, baseline, check)
    assert not (student.frozen or baseline.frozen)


def test_pairs_are_added_while_a_tier_is_in_doubt() -> None:
    def pairs(call_ns: int) -> int:
        machine = Machine()
        return len(measured(Worker(machine, "S", call_ns), Worker(machine, "R", MS)).student)

    assert pairs(MS) == 12  # exactly at the tier
    assert pairs(2 * MS) == 4
