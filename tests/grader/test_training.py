"""Training on an own stack as a job: what is told of it, and what a box may not make us believe."""

from __future__ import annotations

import json
import math
from base64 import b64encode
from typing import Any

import numpy as np
import pytest

from assignments import catalog
from grader import events, training
from grader.errors import WorkerError
from grader.models import Trained, document
from grader.session import Session
from grader.solutions import solution_source
from grader.spares import Spares
from reference import slots, wiring


def job(source: bytes, model: str = "mlp") -> dict[str, Any]:
    return {
        "job": "train", "run": "r", "model": model, "seed": 0,
        "files": {"mlp": b64encode(source).decode()},
        "choice": [[slot, "mlp"] for slot in wiring.wired() if slot in wiring.WIRES["mlp"]],
    }  # fmt: skip


def done(job: dict[str, Any]) -> list[events.Event]:
    """The events of a job, as they come out of the other end of a pipe."""
    found: list[events.Event] = []
    spares = Spares()
    try:
        Session(lambda event: found.append(json.loads(json.dumps(event))), spares).do(job)
    finally:
        spares.close()
    return found


def test_a_training_is_told_from_its_first_step_to_its_score() -> None:
    source = solution_source(catalog.stage("mlp"))
    assert source is not None

    first, *points, last = done(job(source))

    assert (first["event"], first["model"], first["steps"]) == ("train_started", "mlp", 400)
    assert {point["event"] for point in points} == {"step"}
    assert [point["step"] for point in points][:: len(points) - 1] == [1, 400]
    assert last["event"] == "trained" and last["run"] == "r"
    found = Trained(**{name: last[name] for name in document(Trained(0))})
    assert found.ok and found.unseen["accuracy"] > 0.9


def test_compiled_products_train_and_a_wrong_one_is_named() -> None:
    source = solution_source(catalog.stage("tiling"))
    assert source is not None
    tiled = {
        "job": "train", "run": "r", "model": "mlp", "seed": 0,
        "choice": [[slot, "tiling"] for slot in wiring.WIRES["tiling"]],
    }  # fmt: skip
    wrong = (
        source
        + b"""

def matmul_tiled(a, b):
    return 1.01 * np.ascontiguousarray(matmul_reordered(a, b))
"""
    )

    *_, right = done(tiled | {"files": {"tiling": b64encode(source).decode()}})
    *_, last = done(tiled | {"files": {"tiling": b64encode(wrong).decode()}})

    assert Trained(**{name: right[name] for name in document(Trained(0))}).ok
    assert right["unseen"]["accuracy"] > 0.9
    assert (last["odd"]["slot"], last["odd"]["stage"]) == ("matmul", "tiling")


def test_a_file_that_cannot_be_loaded_is_the_reason_for_all_its_slots() -> None:
    *_, last = done(job(b"def broken(:\n"))

    assert last["event"] == "trained" and last["loss"] is None
    assert {failure["error"] for failure in last["failures"]} == {"SyntaxError"}
    assert {failure["slot"] for failure in last["failures"]} == set(wiring.WIRES["mlp"])


def test_the_parts_of_the_framework_are_told_by_name() -> None:
    (found,) = done({"job": "slots"})

    assert found == {"event": "slots", "names": slots.names()}


def test_a_model_that_does_not_exist_is_a_problem() -> None:
    *_, last = done(job(b"", "resnet"))

    assert last["event"] == "problem" and "resnet" in last["message"]


# ---- what a box may say -----------------------------------------------------------------------------
def test_only_what_a_curve_can_show_is_heard() -> None:
    heard: list[tuple[int, float]] = []
    hear = training._Hearing(10, lambda step, loss: heard.append((step, loss)))
    for step, loss in [
        (1, 2.0), (1, 1.0), (0, 1.0), (2, math.nan), (3, math.inf), ("4", 1.0), (5, 1), (True, 1.0),
        (6, 0.5), (11, 0.4), (10, 0.3), (10, 0.2),
    ]:  # fmt: skip
        hear(step, loss)

    assert heard == [(1, 2.0), (6, 0.5), (10, 0.3)]


def test_what_is_said_of_a_part_harms_no_terminal() -> None:
    (found,) = training._told([{"slot": "a\x1b[2Jb", "text": "x" * 5000, "more": "z", "line": 7}])

    assert found == {"slot": "ab", "text": "x" * training.MAX_TEXT, "line": "7"}
    for wrong in (None, {}, ["a"], "a"):
        with pytest.raises(WorkerError):
            training._told(wrong)


@pytest.mark.parametrize(
    "answer",
    [
        None,
        {"steps": "3"},
        {"steps": 3, "loss": math.nan, "seconds": 1.0, "logits": np.zeros((2, 3))},
        {"steps": 3, "loss": 1.0, "seconds": None, "logits": np.zeros((2, 3))},
        {"steps": 3, "loss": 1.0, "seconds": 1.0, "logits": np.full((2, 3), np.nan)},
        {"steps": 3, "loss": 1.0, "seconds": 1.0, "logits": np.zeros((3, 3))},
        {"steps": 3, "trouble": "none"},
    ],
)
def test_an_answer_of_another_form_is_the_boxs_fault(answer: Any) -> None:
    with pytest.raises(WorkerError):
        training._ended(answer, {}, np.zeros(2, int), 10, pictures=True)


def test_more_steps_than_were_asked_for_are_not_believed() -> None:
    found = {"steps": 99, "loss": 1.0, "seconds": 1.0, "logits": np.zeros((2, 3))}

    assert training._ended(found, {}, np.zeros(2, int), 10, pictures=True).steps == 10
