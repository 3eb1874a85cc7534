"""The proof of a stage: what stands, stands; what is planted, is named."""

from __future__ import annotations

from pathlib import Path

import pytest

from assignments import catalog
from assignments.catalog import Stage
from grader import mutants, solutions, suites
from grader.author import prove as module
from grader.author.new import new_stage
from grader.author.prove import prove
from grader.errors import UsageError


@pytest.fixture
def stage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Stage:
    """A new stage in a checkout of its own."""
    new_stage("triple", tmp_path)
    for owner, folder in ((suites, "suites"), (solutions, "solutions"), (mutants, "mutants")):
        monkeypatch.setattr(owner, "FOLDER", tmp_path / "grader" / folder)
    monkeypatch.setattr("grader.author.content.SOLUTIONS", tmp_path / "grader" / "solutions")
    (folder,) = (tmp_path / "assignments").iterdir()
    return catalog.read(folder)


def edit(path: Path, old: str, new: str) -> None:
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


def test_a_new_stage_stands_at_once(stage: Stage) -> None:
    proof = prove(stage)

    assert proof.problems == []
    assert (proof.solution_score, proof.starter_score, proof.mutants, proof.killed) == (
        100,
        0,
        3,
        3,
    )


def test_a_solution_that_fails_is_named(stage: Stage, tmp_path: Path) -> None:
    edit(tmp_path / "grader/solutions/triple.py", "np.add(x, x)", "np.add(x, x, out=x)")

    problems = prove(stage).problems

    assert any(
        p.startswith("triple: the solution: double_pure is failed: x was changed") for p in problems
    ), problems


def test_a_starter_that_earns_points_is_named(stage: Stage) -> None:
    edit(stage.starter, 'raise NotImplementedError("double is yours to write")', "return x + x")

    assert "triple: the starter earns 100 points." in prove(stage).problems


def test_a_mutant_that_survives_is_named(stage: Stage, tmp_path: Path) -> None:
    edit(tmp_path / "grader/mutants/triple.toml", "3 * x", "2 * x")

    problems = prove(stage).problems

    assert "triple: mutant tripled survives double_random." in problems
    assert "triple: no mutant fails double_random: it decides nothing yet." in problems


def test_a_mutant_that_breaks_the_import_is_no_mutant(stage: Stage, tmp_path: Path) -> None:
    edit(tmp_path / "grader/mutants/triple.toml", "3 * x", "(")

    assert any("should fail at most half" in problem for problem in prove(stage).problems)


def test_mutants_that_are_no_toml_are_named(stage: Stage, tmp_path: Path) -> None:
    edit(tmp_path / "grader/mutants/triple.toml", 'name = "tripled"', "name = 'trip'led'")

    assert any("triple.toml is no TOML" in problem for problem in prove(stage).problems)


def test_an_edit_that_does_not_fit_is_named(stage: Stage, tmp_path: Path) -> None:
    edit(tmp_path / "grader/solutions/triple.py", "np.add(x, x)", "2 * x")

    assert any("occurs 0 times" in problem for problem in prove(stage).problems)


@pytest.mark.parametrize(
    ("path", "said"),
    [
        ("lesson.md", "lesson.md is missing"),
        ("hints.toml", "hints.toml is missing"),
        ("checks/test_triple.py", "has no function test_double_small"),
    ],
)
def test_a_missing_file_is_named(stage: Stage, path: str, said: str) -> None:
    (stage.folder / path).unlink()

    assert any(said in problem for problem in module.content.problems(stage))


def test_stray_files_hints_and_signatures_are_named(stage: Stage) -> None:
    (stage.folder / "notes.txt").write_text("x")
    edit(stage.folder / "hints.toml", "[double_small]", "[other]")
    edit(stage.starter, "def double(x):", "def double(x, y=1):")

    problems = list(module.content.problems(stage))

    assert any("notes.txt is a stray file" in problem for problem in problems)
    assert any("there is no public check 'other'" in problem for problem in problems)
    assert any("double(x, y=1) should take (x)" in problem for problem in problems)


def test_a_slug_that_is_taken_or_none_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="there is a stage 'softmax' already"):
        new_stage("softmax", tmp_path)
    with pytest.raises(UsageError, match="is no slug"):
        new_stage("Über", tmp_path)
    new_stage("triple", tmp_path)
    with pytest.raises(UsageError, match="is there already"):
        new_stage("triple", tmp_path)


def test_a_check_that_this_machine_cannot_assess_is_not_held_against_its_mutants() -> None:
    stage = catalog.stage("tiling")
    lost = {m.name: m.caught_by for m in mutants.mutants(stage, solutions.solution_source(stage))}  # type: ignore[arg-type]
    bank = mutants.mutants(stage, solutions.solution_source(stage))  # type: ignore[arg-type]
    lost["parallel_on_one_thread"] = ()

    def problems(not_assessed: set[str]) -> list[str]:
        found = module._matrix_problems(stage, bank, lost, not_assessed, timed=True)
        return [problem for problem in found if "parallel_speed" in problem]

    assert len(problems(set())) == 2
    assert problems({"parallel_speed"}) == []


@pytest.mark.parametrize("stage_id", [stage.id for stage in catalog.load()])
def test_the_content_of_every_stage_is_complete(stage_id: str) -> None:
    assert list(module.content.problems(catalog.stage(stage_id))) == []


LONG = ("attention", "tiling", "gpu", "capstone")


@pytest.mark.slow
@pytest.mark.parametrize("stage_id", [stage.id for stage in catalog.load()])
def test_every_stage_stands(stage_id: str) -> None:
    """Every mutant is caught by the check that names it; every untimed hidden check is needed."""
    # The clock is the benchmark's affair: a busy machine must not fail a test. And a check that
    # compiles takes long: those stages' mutants are held against all checks by `lab author check`.
    proof = prove(catalog.stage(stage_id), timed=False, whole=stage_id not in LONG, jobs=2)

    assert proof.problems == []
    assert proof.starter_score == 0


def test_a_mutant_may_be_judged_by_the_checks_alone_that_name_it(stage: Stage) -> None:
    proof = prove(stage, whole=False)

    assert proof.problems == []
    assert (proof.mutants, proof.killed) == (3, 3)
    assert all(len(lost) == 1 for lost in proof.matrix.values())
