"""A learner's files as parts of the framework: they train, and what goes wrong is named by its slot."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from assignments import catalog
from grader import bundle, ingest, passing, stack
from grader.mutants import mutants
from grader.runner import run_suite
from grader.slots import Job
from grader.solutions import solution_source
from grader.spares import WorkerEnvironment, start_worker
from grader.stack import Parts, parts_of
from grader.student import Student
from reference import slots, wiring

STAGES = {stage.id: stage for stage in catalog.load() if stage.id in wiring.WIRES}
SOURCES = {name: solution_source(stage) or b"" for name, stage in STAGES.items()}
EVERYTHING = {name: {export.name for export in stage.exports} for name, stage in STAGES.items()}
IDS = np.random.default_rng(0).integers(0, 11, 4000)
TEXT = {"ids": IDS, "vocab": 11, "unseen": IDS[:64].reshape(2, 32)}
DIGITS = {
    "X": np.random.default_rng(1).random((200, 64), np.float32),
    "y": np.random.default_rng(2).integers(0, 10, 200),
    "unseen": np.zeros((3, 64), np.float32),
}


class Patience:
    import_s = 30.0
    call_s = 60.0


@pytest.fixture(scope="module")
def box() -> Any:
    environment = WorkerEnvironment(("numpy", "reference", "kernels"))
    found = Student(
        start_worker(environment), stack.program().encode(), "own_stack.py", limits=Patience()
    )
    yield found
    found.close()


def pairs(parts: Parts) -> list[list[str]]:
    return [[slot, stage] for slot, stage in parts.choice]


def test_every_wire_leads_from_an_export_to_a_slot() -> None:
    known = set(slots.names())
    assert set(wiring.wired()) <= known
    for name in STAGES:
        exports = {one for names in wiring.WIRES[name].values() for one in names}
        assert exports <= EVERYTHING[name], name


@pytest.mark.parametrize("kind", ["mlp", "lenet", "lstm", "gpt"])
def test_every_solution_plugged_in_takes_the_steps_of_the_framework(
    box: Student, kind: str
) -> None:
    parts = parts_of(SOURCES, EVERYTHING)
    data = DIGITS if kind in ("mlp", "lenet") else TEXT
    compiled = {slot for stage in wiring.COMPILED for slot in wiring.WIRES[stage]}
    assert len(parts.choice) == len(set(wiring.wired()) - compiled)

    assert box.call("plug", dict(parts.files), pairs(parts)) == []
    assert box.call("audit", kind, data, dict(parts.files), pairs(parts), [], 0) == {}
    curve: list[tuple[int, float]] = []
    found = box.call(
        "train", kind, data, pairs(parts), 4, 60.0, 0, lambda *point: curve.append(point)
    )
    assert found["steps"] == 4 and np.isfinite(found["logits"]).all()
    assert [step for step, _ in curve][:1] == [1] and curve[-1][0] == 4


# slot: the stage, a model that shows it, and the single mistake
MISTAKES = {
    "vjp:matmul": ("autodiff", "gpt", "a.swapaxes(-1, -2) @ g, b)", "-a.swapaxes(-1, -2) @ g, b)"),
    "layer:Linear": ("mlp", "mlp", "return y if self.bias is None", "return y * 1.01 if True"),
    "optim:Adam": ("mlp", "gpt", " / (1 - b2 ** self.t[i])", ""),
    "cross_entropy": ("softmax", "mlp", "return G / len(y)", "return G"),
    "conv2d_backward": ("cnn", "lenet", "dw = (by", "dw = 1.1 * (by"),
}
# Where the learner's own layers go around a slot, or hold the mistake themselves, they stay away.
ALONE = {
    "cross_entropy": {"softmax": EVERYTHING["softmax"], "autodiff": EVERYTHING["autodiff"]},
    "conv2d_backward": {"cnn": EVERYTHING["cnn"] - {"Conv2d", "LeNet"}},
}


def spoiled(stage: str, old: str, new: str) -> dict[str, bytes]:
    source = SOURCES[stage].decode()
    assert old in source, old
    return {**SOURCES, stage: source.replace(old, new, 1).encode()}


@pytest.mark.parametrize("slot", MISTAKES)
def test_one_mistake_in_the_whole_stack_is_named(box: Student, slot: str) -> None:
    stage, kind, old, new = MISTAKES[slot]
    parts = parts_of(spoiled(stage, old, new), ALONE.get(slot, EVERYTHING))
    data = DIGITS if kind in ("mlp", "lenet") else TEXT

    found = box.call("audit", kind, data, dict(parts.files), pairs(parts), [], 0)

    assert (found["slot"], found["stage"]) == (slot, stage)
    assert slot in stack.blame(found)


def test_an_exception_names_the_slot_the_file_and_the_line(box: Student) -> None:
    files = spoiled(
        "autodiff", "    return fit(g, a), fit(g, b)", "    return fit(g, a.nonsense), 1"
    )
    parts = parts_of(files, EVERYTHING)
    box.call("plug", dict(parts.files), pairs(parts))

    found = box.call("train", "gpt", TEXT, pairs(parts), 3, 60.0, 0, lambda *point: None)

    trouble = found["trouble"]
    assert (trouble["slot"], trouble["stage"]) == ("vjp:add", "autodiff")
    number = files["autodiff"].decode().splitlines().index("    return fit(g, a.nonsense), 1") + 1
    assert trouble["line"] == f"autodiff.py, line {number}"
    assert trouble["error"] == "AttributeError"


def test_a_loss_that_is_no_number_ends_the_training(box: Student) -> None:
    parts = parts_of(SOURCES, {"mlp": {"Linear"}})
    poisoned = {**DIGITS, "X": np.full((50, 64), np.nan, np.float32), "y": DIGITS["y"][:50]}
    box.call("plug", dict(parts.files), pairs(parts))

    found = box.call("train", "mlp", poisoned, pairs(parts), 3, 60.0, 0, lambda *point: None)

    assert found["trouble"]["error"] == "FloatingPointError"


def test_a_file_that_cannot_be_loaded_names_all_its_slots(box: Student) -> None:
    parts = parts_of({"mlp": b"import nonsense"}, {"mlp": {"Linear", "ReLU"}})

    failures = box.call("plug", dict(parts.files), pairs(parts))

    assert {failure["slot"] for failure in failures} == {"layer:Linear", "layer:ReLU"}
    assert "nonsense" in failures[0]["text"]


# ---- which exports pass ----------------------------------------------------------------------------
def test_what_does_not_pass_is_left_to_the_framework(
    tmp_path: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(passing, "_folder", lambda: tmp_path)
    stage = STAGES["softmax"]
    wrong = {mutant.name: mutant for mutant in mutants(stage, SOURCES["softmax"])}
    broken = next(one for name, one in wrong.items() if "grad" in name)

    found = passing.passing_parts({"softmax.py": broken.source, "notes.py": b"what"})

    assert ("softmax", "softmax") in found.choice
    assert ("cross_entropy", "softmax") not in found.choice
    assert list(tmp_path.glob("*.json")) != []
    monkeypatch.setattr(passing, "run_suite", None)  # known by now
    assert passing.passing_parts({"softmax.py": broken.source}) == found


# ---- the capstone on the whole stack ---------------------------------------------------------------
def capstone_run(sources: dict[str, bytes], *checks: str) -> dict[str, Any]:
    others = {name: source for name, source in sources.items() if name != "capstone"}
    ran = run_suite(
        STAGES["capstone"],
        SOURCES["capstone"],
        "hidden",
        only=checks,
        parts=parts_of(others, EVERYTHING),
    )
    return {outcome.id: outcome for outcome in ran.outcomes}


@pytest.mark.slow
def test_the_whole_stack_of_solutions_trains_the_model_below_the_bar() -> None:
    (outcome,) = capstone_run(SOURCES, "char_lm_learns").values()

    assert str(outcome.status) == "passed", outcome.message


def test_the_report_of_the_capstone_names_the_slot_of_a_mistake() -> None:
    sources = spoiled("mlp", "y = x @ self.weight  #", "y = x @ self.weight.transpose()  #")

    (outcome,) = capstone_run(sources, "char_lm_causal").values()

    assert str(outcome.status) == "failed"
    assert "the slot layer:Linear (mlp.py)" in outcome.diagnosis
    assert "self.weight.transpose()" in outcome.diagnosis


# ---- how the files come along ----------------------------------------------------------------------
def capstone() -> Any:
    return STAGES["capstone"]


def test_a_folder_and_a_bundle_carry_the_other_stages(tmp_path: Any) -> None:
    for name in ("capstone.py", "mlp.py", "notes.py"):
        (tmp_path / name).write_bytes(b"x = 1\n")

    found = ingest.ingest(tmp_path, capstone())
    (tmp_path / "ann.labbundle.json").write_bytes(bundle.write(found))
    again = ingest.ingest(tmp_path / "ann.labbundle.json", capstone())

    assert set(found.files) == set(again.files) == {"capstone.py", "mlp.py"}
    assert [name for name, _ in found.rejected] == ["notes.py"]
    assert found.beside("capstone.py") == {"mlp.py": b"x = 1\n"}
    assert set(ingest.ingest(tmp_path, STAGES["mlp"]).files) == {"mlp.py"}


def test_a_job_carries_them_too() -> None:
    job = Job("1", "capstone", b"a", 7, ("correctness",), {}, {"mlp.py": b"b"})

    assert job.to_json()["beside"] == {"mlp.py": "Yg=="}
