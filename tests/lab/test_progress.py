"""What a workspace remembers besides attempts."""

from __future__ import annotations

from assignments.catalog import Stage
from lab.progress import Progress, next_stage
from lab.workspace import Workspace


def test_a_stage_goes_from_new_to_started_to_ready(workspace: Workspace, softmax: Stage) -> None:
    def state() -> str:
        return Progress(workspace).stages()[softmax.number].state

    assert state() == "new"
    Progress(workspace).keep_checks(softmax, {softmax.public[0].id: "passed"})
    assert state() == "started"
    Progress(workspace).keep_checks(softmax, {check.id: "passed" for check in softmax.public})
    assert state() == "ready"


def test_the_first_prediction_stays(workspace: Workspace, softmax: Stage) -> None:
    Progress(workspace).keep_prediction(softmax, "q", "1")
    Progress(workspace).keep_prediction(softmax, "q", "2")

    assert Progress(workspace).prediction(softmax, "q") == "1"


def test_one_goes_on_where_one_was_else_with_the_first_that_is_new(
    workspace: Workspace, softmax: Stage
) -> None:
    assert next_stage(Progress(workspace).stages()).stage.id == "warmup"
    Progress(workspace).keep_checks(softmax, {softmax.public[0].id: "passed"})
    assert next_stage(Progress(workspace).stages()).stage.id == "softmax"


def test_a_file_that_cannot_be_read_is_put_aside(workspace: Workspace, softmax: Stage) -> None:
    workspace.store.mkdir()
    (workspace.store / "progress.json").write_text("{torn")

    assert Progress(workspace).hint_level(softmax, "loss_small") == 0
    assert (workspace.store / "progress.unreadable").read_text() == "{torn"
