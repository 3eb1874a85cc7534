"""What the app knows of a training: from events to what the screen says, without a screen."""

from __future__ import annotations

from typing import Any

from lab import render
from lab.training import TrainState, headline

from .recorded import LINEAR, training


def after(events: list[dict[str, Any]]) -> TrainState:
    return TrainState("mlp", plugged=3).started("r").after([{"run": "r", **one} for one in events])


def test_a_curve_grows_point_by_point() -> None:
    state = after(training()[:4])

    assert state.busy and state.steps == 400
    assert [step for step, _ in state.points] == [1, 20, 40]
    assert headline(state) == f"MLP: step 40 of 400, loss {state.points[-1][1]:.4f}"


def test_before_the_first_point_it_says_what_goes_on() -> None:
    assert headline(TrainState().started("r")) == "Opening the box ..."
    assert headline(after(training()[:1])).startswith("Loading your parts and comparing them")


def test_a_training_without_faults_is_complete() -> None:
    state = after(training(loss=0.5))

    assert state.complete and not state.busy and state.failures == ()
    assert headline(state) == "MLP: 400 steps, the last loss 0.500"


def test_an_odd_part_is_named_whatever_the_loss() -> None:
    state = after(training(odd=LINEAR))

    assert not state.complete
    assert state.failures == ("layer:Linear",)
    assert headline(state) == "Broken: layer:Linear"


def test_the_learners_part_that_broke_it_comes_before_the_courses() -> None:
    state = after(
        training(odd=LINEAR, trouble={**LINEAR, "slot": "kernel:gemm", "stage": "", "error": "E"})
    )
    assert state.failures == ("layer:Linear", "kernel:gemm")

    state = after(training(odd=LINEAR, trouble={**LINEAR, "slot": "layer:ReLU", "error": "E"}))
    assert state.failures == ("layer:ReLU", "layer:Linear")
    assert headline(state) == "Broken: layer:ReLU and 1 more"


def test_trouble_outside_the_slots_is_a_failure_too() -> None:
    state = after(training(trouble={"slot": "", "stage": "", "error": "E", "text": "t"}))

    assert state.failures and not state.complete
    assert headline(state) == "Broken outside the slots"


def test_events_of_another_training_change_nothing() -> None:
    state = after(training()[:3])

    assert state.after([{"run": "other", "event": "step", "step": 60, "loss": 1.0}]) == state
    assert state.cancelled().after([{"run": "r", **training()[4]}]).points == state.points


def test_a_cancelled_training_keeps_its_curve() -> None:
    state = after(training()[:4]).cancelled()

    assert not state.busy and len(state.points) == 3
    assert headline(state).startswith("Cancelled at step 40; nothing is left running.")


def test_the_last_event_ends_it_and_a_problem_too() -> None:
    state = after(training()[:2])

    assert state.ends({"step", "trained"}) and state.ends({"problem"})
    assert not state.ends({"step", "run_finished"})
    state = after([{"event": "problem", "message": "Traceback\nbwrap: no such file"}])
    assert headline(state) == "The training could not be run: bwrap: no such file"


def test_parts_that_fail_for_one_reason_are_told_together() -> None:
    failed = {"stage": "mlp", "error": "SyntaxError", "text": "invalid syntax"}
    found = after(
        training(
            loss=None,
            failures=[{**failed, "slot": name} for name in ("layer:Linear", "layer:ReLU", "x")],
        )
    ).found
    assert found is not None

    said = render.trained(found, 3, "take {slot} out")
    assert said == [
        "mlp.py could not be plugged into layer:Linear and 2 more slots: SyntaxError: invalid syntax",
        "take layer:Linear out",
    ]
