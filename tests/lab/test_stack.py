"""`lab stack`: whose code fills a slot, what is remembered, and training that names a broken part."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from assignments import catalog
from grader.errors import UsageError
from grader.ledger import Ledger
from grader.report import test_id as id_of_test
from lab.cli import main
from lab.curve import curve
from lab.stack import Attempt, Stack
from lab.workspace import Workspace

from .conftest import solution

Capture = pytest.CaptureFixture[str]


def lab(*arguments: object) -> int:
    return main([str(argument) for argument in arguments])


def put(workspace: Workspace, slug: str, old: bytes = b"", new: bytes = b"") -> None:
    stage = catalog.stage(slug)
    source = solution(stage)
    assert old in source
    workspace.file(stage).write_bytes(source.replace(old, new, 1) if old else source)


def owner(workspace: Workspace, slot: str) -> str:
    return next(one.owner for one in Stack(workspace).fillings() if one.slot == slot)


# ---- whose code runs ----------------------------------------------------------------------------
def test_nothing_of_a_new_workspace_is_plugged_in(workspace: Workspace, capsys: Capture) -> None:
    assert lab("stack") == 0

    said = capsys.readouterr().out
    assert "layer:Linear" in said and "mlp could" in said
    assert "0 of " in said
    assert "kernel:gemm" not in said
    assert lab("stack", "--all") == 0
    assert "kernel:gemm" in capsys.readouterr().out


def test_a_choice_is_remembered_by_slot_kind_stage_or_all(workspace: Workspace) -> None:
    stack = Stack(workspace)
    stack.use("layer:Linear", "mine")
    stack.use("LayerNorm", "mlp")
    stack.use("vjp", "mine")
    assert owner(workspace, "layer:Linear") == "mlp"
    assert owner(workspace, "layer:LayerNorm") == "mlp"
    assert owner(workspace, "vjp:add") == "autodiff"
    assert owner(workspace, "optim:SGD") == "reference"

    Stack(workspace).use("mlp", "mine")
    assert owner(workspace, "optim:SGD") == "mlp"
    Stack(workspace).use("all", "reference")
    assert {one.owner for one in Stack(workspace).fillings()} == {"reference"}
    assert all(one.chosen for one in Stack(workspace).fillings())
    Stack(workspace).use("all", "auto")
    assert not any(one.chosen for one in Stack(workspace).fillings())


@pytest.mark.parametrize(
    ("slot", "whose", "said"),
    [
        ("layer:Linaer", "mine", "Did you mean layer:Linear"),
        (
            "layer:Linear",
            "rnn",
            "'rnn' cannot fill layer:Linear; say mine or reference or auto or mlp",
        ),
    ],
)
def test_what_cannot_be_is_said(workspace: Workspace, slot: str, whose: str, said: str) -> None:
    with pytest.raises(UsageError, match=said):
        Stack(workspace).use(slot, whose)


def test_what_passed_when_it_was_submitted_is_plugged_in_by_itself(workspace: Workspace) -> None:
    put(workspace, "softmax", b"return G / len(y)", b"return G")
    assert lab("submit", "softmax") == 1

    stack = Stack(workspace)
    by_slot = {one.slot: one for one in stack.fillings()}
    assert by_slot["softmax"].owner == "softmax" and not by_slot["softmax"].chosen
    assert by_slot["cross_entropy"].owner == "reference"  # softmax_grad did not pass
    score = stack.attempts["softmax"].score
    assert score is not None and 0 < score < 100
    assert stack.parts().files.keys() == {"softmax"}
    with Ledger(workspace.ledger) as ledger:
        (run,) = ledger.history("softmax")
        ids = {test["id"] for test in ledger.report(run.id)["tests"]}
    assert {
        id_of_test(catalog.stage("softmax"), c.id) for c in catalog.stage("softmax").hidden
    } == ids


# ---- training -----------------------------------------------------------------------------------
def test_what_is_compiled_is_plugged_in_only_where_it_is_asked_for(workspace: Workspace) -> None:
    put(workspace, "tiling")
    stack = Stack(workspace)
    stack.attempts["tiling"] = Attempt(100.0, 100.0, frozenset({"matmul_tiled"}))

    assert {one.slot: one.owner for one in stack.fillings()}["matmul"] == "reference"
    stack.use("tiling", "mine")
    assert {one.slot: one.owner for one in stack.fillings()}["matmul"] == "tiling"


def test_training_on_the_learners_parts_draws_a_curve(
    workspace: Workspace, capsys: Capture
) -> None:
    put(workspace, "mlp")
    lab("stack", "use", "mlp", "mine")
    capsys.readouterr()

    assert lab("stack", "train", "mlp", "--steps", 30, "--json") == 0

    found = json.loads(capsys.readouterr().out)
    assert found["steps"] == 30 and found["odd"] == {} and found["trouble"] == {}
    assert found["curve"][0][0] == 1 and found["curve"][-1][0] == 30
    assert found["curve"][-1][1] < found["curve"][0][1]
    assert found["unseen"]["accuracy"] > 0.5


def test_a_part_that_computes_something_else_is_named(
    workspace: Workspace, capsys: Capture
) -> None:
    put(workspace, "mlp", b"return y if self.bias is None", b"return y * 1.01 if True")
    lab("stack", "use", "mlp", "mine")

    assert lab("stack", "train", "mlp", "--steps", 3) == 1

    said = capsys.readouterr().out
    assert "the slot layer:Linear (mlp.py) does not do what the course's own part does" in said
    assert "`lab stack use layer:Linear reference` takes it out." in said


def test_a_part_that_raises_is_named_with_its_line(workspace: Workspace, capsys: Capture) -> None:
    put(workspace, "mlp", b"        return ops.relu(x)", b"        return ops.relu(x.nonsense)")
    lab("stack", "use", "mlp", "mine")

    assert lab("stack", "train", "mlp", "--steps", 3) == 1

    said = capsys.readouterr().out
    line = workspace.file(catalog.stage("mlp")).read_text().splitlines().index(
        "        return ops.relu(x.nonsense)"
    )  # fmt: skip
    assert "Training broke at step 1: AttributeError" in said
    assert f"[mlp.py, line {line + 1}: return ops.relu(x.nonsense)]" in said
    assert "It happened in the slot layer:ReLU (mlp)." in said


def test_a_starter_that_is_plugged_in_says_so(workspace: Workspace, capsys: Capture) -> None:
    lab("stack", "use", "layer:Linear", "mine")

    assert lab("stack", "train", "mlp", "--steps", 3) == 1

    assert "layer:Linear" in capsys.readouterr().out


# ---- the curve ----------------------------------------------------------------------------------
def test_a_curve_falls_from_its_left_edge_to_its_right() -> None:
    lines = curve([(1, 4.0), (50, 2.0), (100, 1.0)], 20, 5, ascii=True)

    assert lines[0].startswith("  4 |*") or lines[0].startswith("4 |*")
    assert lines[4].split("|")[0].strip() == "1" and lines[4].endswith("*")
    assert lines[5].split() == ["1", "100"]
    assert curve([(1, float("nan"))]) == []
    assert len(curve([(1, 2.0)], 20, 5)) == 6


def test_the_other_stages_files_go_with_a_capstone(workspace: Workspace) -> None:
    beside = [Path(path).name for path in workspace.beside(catalog.stage("capstone"))]

    assert "mlp.py" in beside and "capstone.py" not in beside
    assert workspace.beside(catalog.stage("mlp")) == []
