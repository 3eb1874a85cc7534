"""Calls ahead of checks: they stop while a check has the worker, and decide nothing."""

from __future__ import annotations

import threading
from types import SimpleNamespace
from typing import Any

import pytest

from grader.ahead import Ahead
from grader.errors import WorkerCrashed, WorkerError

LONG_S = 20.0  # what never comes is told after that, and only then


class FakeStudent:
    """Notes its calls; each waits until the test lets it end."""

    def __init__(self) -> None:
        self.alive, self.closed = True, False
        self.calls: list[tuple[Any, ...]] = []
        self.began, self.may_end = threading.Semaphore(0), threading.Semaphore(0)
        self.worker = SimpleNamespace(box=SimpleNamespace(end=self.end))

    def call(self, *call: Any) -> None:
        self.calls.append(call)
        self.began.release()
        assert self.may_end.acquire(timeout=LONG_S)
        if not self.alive:
            raise WorkerCrashed("it was ended")
        if call[0] == "broken":
            raise WorkerError("an error of the learner's code")

    def output(self) -> str:
        return ""

    def end(self) -> None:
        self.alive = False
        self.may_end.release()

    def close(self) -> None:
        self.closed = True


@pytest.fixture
def student() -> FakeStudent:
    return FakeStudent()


def ahead_of(student: FakeStudent, *calls: tuple[Any, ...]) -> Ahead:
    return Ahead(lambda: student, calls)  # type: ignore[arg-type,return-value]


def test_an_error_of_one_call_is_no_matter_to_the_next(student: FakeStudent) -> None:
    ahead = ahead_of(student, ("broken", 1), ("f", 2))
    for _ in range(2):
        student.may_end.release()
        assert student.began.acquire(timeout=LONG_S)
    ahead.close()
    assert student.calls == [("broken", 1), ("f", 2)]


def test_a_worker_is_lent_between_two_calls_and_stays_alone(student: FakeStudent) -> None:
    ahead = ahead_of(student, ("f",), ("g",))
    assert student.began.acquire(timeout=LONG_S)
    lent = threading.Event()

    def lend() -> None:
        assert ahead.lend() is student
        lent.set()

    thread = threading.Thread(target=lend)
    thread.start()
    assert not lent.is_set()  # f is still running
    with ahead._turn:
        assert ahead._turn.wait_for(lambda: ahead._lent, LONG_S)
    student.may_end.release()
    assert lent.wait(LONG_S)
    assert student.calls == [("f",)]
    ahead.take_back()
    assert student.began.acquire(timeout=LONG_S)
    assert student.calls == [("f",), ("g",)]
    student.may_end.release()
    thread.join()
    ahead.close()


def test_what_cannot_be_opened_is_left_to_the_check() -> None:
    def fails() -> Any:
        raise WorkerError("the file cannot be imported")

    ahead = Ahead(fails, [("f",)])
    assert ahead.lend() is None
    ahead.close()


def test_closing_ends_a_call_in_its_middle(student: FakeStudent) -> None:
    ahead = ahead_of(student, ("f",), ("g",))
    assert student.began.acquire(timeout=LONG_S)
    ahead.close()
    assert student.closed
    assert student.calls == [("f",)]
