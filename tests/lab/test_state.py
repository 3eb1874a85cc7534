"""The reducer: from events to what the screens show, without a screen."""

from __future__ import annotations

from typing import Any

from lab.state import RunState, headline, reduce_all

CHECKS = [{"id": name, "title": f"title of {name}"} for name in ("a", "b", "c")]


def events(*more: dict[str, Any]) -> list[dict[str, Any]]:
    first = {"event": "run_started", "checks": CHECKS, "isolation": "full"}
    return [{"run": "r", **event} for event in (first, *more)]


def finished(name: str, status: str) -> dict[str, Any]:
    return {"event": "check_finished", "id": name, "status": status, "message": "m"}


def begun() -> RunState:
    return RunState("softmax").started("r")


def test_a_run_fills_check_by_check() -> None:
    state = reduce_all(begun(), events({"event": "check_started", "id": "a"}))
    assert [check.status for check in state.checks] == ["running", "waiting", "waiting"]

    state = reduce_all(
        state, [{"run": "r", **finished("a", "passed")}, {"run": "r", **finished("b", "failed")}]
    )

    assert (state.passed, [check.id for check in state.failures], state.busy) == (1, ["b"], True)


def test_events_of_another_run_change_nothing() -> None:
    state = reduce_all(begun(), events())

    assert reduce_all(state, [{"run": "old", **finished("a", "failed")}]) is state


def test_a_single_failure_is_in_the_headline() -> None:
    done = [finished("a", "passed"), finished("b", "failed"), finished("c", "passed")]
    state = reduce_all(begun(), events(*done, {"event": "run_finished", "duration_s": 1.0}))

    assert headline(state, 9) == "2/3 public checks, failing: title of b"


def test_the_headline_never_says_all_while_hidden_checks_remain() -> None:
    done = [finished(name, "passed") for name in "abc"]
    state = reduce_all(begun(), events(*done, {"event": "run_finished", "duration_s": 1.0}))

    assert headline(state, 9) == "3/3 public checks; 9 hidden checks decide the rest"


def test_cancelling_leaves_no_check_running() -> None:
    state = reduce_all(begun(), events({"event": "check_started", "id": "a"})).cancelled()

    assert state.phase == "cancelled"
    assert {check.status for check in state.checks} == {"waiting"}
    assert reduce_all(state, [{"run": "r", **finished("a", "passed")}]) is state


def test_a_problem_is_said() -> None:
    state = reduce_all(begun(), [{"run": "r", "event": "problem", "message": "no\nbox"}])

    assert headline(state, 9) == "The checks could not be run: box"
