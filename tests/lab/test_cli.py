"""The commands as people and scripts meet them: output, documents, exit statuses, one clear sentence."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from assignments.catalog import Stage
from grader import keys
from lab.cli import main
from lab.commands import COMMANDS
from lab.workspace import Workspace

from .conftest import solution

Capture = pytest.CaptureFixture[str]


def lab(*arguments: object) -> int:
    return main([str(argument) for argument in arguments])


# ---- the front door ---------------------------------------------------------------------------------
def test_help_names_every_command(capsys: Capture) -> None:
    assert lab("--help") == 0

    said = capsys.readouterr().out
    assert all(f"  {command.name} " in said for command in COMMANDS)


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command.name)
def test_every_command_has_help_that_says_what_it_does(command: object, capsys: Capture) -> None:
    assert lab(command.name, "--help") == 0  # type: ignore[attr-defined]

    assert len(capsys.readouterr().out) > 100


def test_an_unknown_command_suggests_a_near_one(capsys: Capture) -> None:
    assert lab("chek") == 2

    assert capsys.readouterr().err == "lab: there is no command 'chek'; did you mean `lab check`?\n"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["show", "foo"], "there is no stage 'foo'; the stages are 0 warmup, 1 softmax"),
        (["check", "softmax", "--file", "no.py"], "there is no file no.py."),
        (["check", "softmax", "--only", "foo"], "softmax has no public check 'foo'; it has logsumexp_small"),
        (["hint", "softmax", "foo"], "softmax has no public check 'foo'"),
        (["restore", "softmax"], "there is no attempt at softmax yet"),
        (["diff", "softmax", "7"], "there is no attempt at softmax yet"),
        (["reset", "softmax"], "say --yes if you mean it"),
        (["verify", "no.json"], "there is no file no.json."),
        (["verify", "lab.toml"], "lab.toml is no JSON document."),
        (["key", "trust", "xyz"], "'xyz' is no public key"),
        (["key", "show"], "there is no course key yet: make one with `lab key new`."),
        (["grade", "softmax", "no", "--out", "out"], "there is no course key yet"),
        (["export", "csv", "--out", "no"], "no holds no ledger"),
        (["check", "softmax", "--watch", "--json"], "leave --json and --repro away"),
        (["run", "no.py"], "there is no file no.py."),
        (["hint"], "the following arguments are required: STAGE"),
    ],
)  # fmt: skip
def test_bad_input_is_one_sentence_on_standard_error_and_status_2(
    workspace: Workspace, capsys: Capture, arguments: list[str], said: str
) -> None:
    assert lab(*arguments) == 2

    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("lab: ") and said in err and err.count("\n") == 1


def test_without_a_workspace_the_way_to_one_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Capture
) -> None:
    monkeypatch.setenv(keys.HOME_VARIABLE, str(tmp_path / "nobody"))
    monkeypatch.chdir(tmp_path)

    assert lab("check", "softmax") == 2
    assert "make one with `lab init`" in capsys.readouterr().err


# ---- a learner --------------------------------------------------------------------------------------
def test_init_makes_every_starter_and_overwrites_nothing(tmp_path: Path, capsys: Capture) -> None:
    place = tmp_path / "new"
    assert lab("init", place) == 0
    (place / "01_softmax" / "softmax.py").write_text("mine = 1\n")
    (place / "00_warmup" / "warmup.py").unlink()
    capsys.readouterr()

    assert lab("init", place, "--json") == 0

    assert json.loads(capsys.readouterr().out)["created"] == ["00_warmup/warmup.py"]
    assert (place / "01_softmax" / "softmax.py").read_text() == "mine = 1\n"


def test_a_starter_fails_with_one_failure_explained(workspace: Workspace, capsys: Capture) -> None:
    assert lab("check", "softmax") == 1

    said = capsys.readouterr().out
    assert said.count("✗ logsumexp adds up exponentials along each row") == 2
    assert "Think about: logsumexp(Z) is to give" in said
    assert "0/7 public checks; 20 hidden checks decide the rest." in said
    assert "lab hint softmax logsumexp_small" in said


def test_a_solution_passes_and_is_told_what_comes_next(
    workspace: Workspace, softmax: Stage, capsys: Capture
) -> None:
    workspace.file(softmax).write_bytes(solution(softmax))

    assert lab("check", "1") == 0
    said = capsys.readouterr().out
    assert "7/7 public checks; 20 hidden checks decide the rest." in said
    assert "lab submit softmax" in said
    assert lab("list") == 0
    assert "7/7 public checks; 20 hidden" in capsys.readouterr().out


def test_json_is_one_document_and_nothing_else(workspace: Workspace, capsys: Capture) -> None:
    assert lab("check", "softmax", "--json") == 1

    out, err = capsys.readouterr()
    found = json.loads(out)
    assert err == ""
    assert (found["passed"], found["total"], found["hidden_checks"]) == (0, 7, 20)
    assert [check["status"] for check in found["checks"]] == ["failed"] * 7


def test_the_stage_is_known_by_the_folder_one_is_in(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch, capsys: Capture
) -> None:
    monkeypatch.chdir(workspace.root / "01_softmax")

    assert lab("check", "--json") == 1
    assert json.loads(capsys.readouterr().out)["stage"] == "softmax"


def test_hints_come_one_level_at_a_time(workspace: Workspace, capsys: Capture) -> None:
    levels = []
    for _ in range(4):
        assert lab("hint", "softmax", "loss_small", "--json") == 0
        levels.append(json.loads(capsys.readouterr().out)["level"])

    assert levels == [1, 2, 3, 3]


def test_a_whole_attempt_submitted_compared_restored_and_reset(
    workspace: Workspace, warmup: Stage, capsys: Capture
) -> None:
    file = workspace.file(warmup)
    file.write_bytes(solution(warmup))
    assert lab("submit", "warmup", "--json") == 0
    view = json.loads(capsys.readouterr().out)
    assert (view["score"], view["authority"], view["view"]) == (100, "self", "learner")
    assert "Self-graded" in view["output"]

    file.write_text("# broken\n")
    assert lab("diff", "warmup") == 0
    assert "+# broken" in capsys.readouterr().out
    assert lab("submit", "warmup") == 1
    capsys.readouterr()
    assert lab("history", "warmup", "--json") == 0
    assert [run["score"] for run in json.loads(capsys.readouterr().out)] == [100, 0]

    assert lab("restore", "warmup", 1) == 0
    assert file.read_bytes() == solution(warmup)
    assert lab("reset", "warmup", "--yes") == 0
    assert file.read_bytes() == warmup.starter.read_bytes()
    backups = sorted(path.read_bytes() for path in (workspace.store / "backups").iterdir())
    assert backups == sorted([b"# broken\n", solution(warmup)])


def test_a_self_graded_report_convinces_nobody(
    workspace: Workspace, warmup: Stage, capsys: Capture
) -> None:
    workspace.file(warmup).write_bytes(solution(warmup))
    lab("submit", "warmup")
    capsys.readouterr()

    assert lab("verify", workspace.reports / "warmup-1.json") == 1
    assert "it is self-graded" in capsys.readouterr().out


def test_a_bundle_is_written_to_hand_in(workspace: Workspace, capsys: Capture) -> None:
    assert lab("submit", "warmup", "--bundle", "--json") == 0

    bundle = json.loads(Path(json.loads(capsys.readouterr().out)["bundle"]).read_text())
    assert (bundle["schema"], set(bundle["files"])) == ("labbundle/1", {"warmup.py"})


def test_a_failing_check_becomes_a_script_that_runs_in_the_box(
    workspace: Workspace, softmax: Stage, capsys: Capture
) -> None:
    file = workspace.file(softmax)
    file.write_text("import numpy as np\n\n\ndef logsumexp(Z):\n    return np.exp(Z).sum(axis=1)\n")
    assert lab("check", "softmax", "--repro", "logsumexp_small") == 0
    script = file.parent / "repro_logsumexp_small.py"
    assert "softmax.logsumexp(Z)" in script.read_text()
    capsys.readouterr()

    assert lab("run", script) == 0
    assert "logsumexp returns array([ 3.        , 30.19287485])" in capsys.readouterr().out


def test_an_edited_repro_script_is_not_overwritten(workspace: Workspace, softmax: Stage) -> None:
    lab("check", "softmax", "--repro", "logsumexp_small")
    script = workspace.file(softmax).parent / "repro_logsumexp_small.py"
    script.write_text(script.read_text() + "# my notes\n")
    lab("check", "softmax", "--repro", "logsumexp_small")

    assert script.read_text().endswith("# my notes\n")


def test_a_script_that_fails_says_where_and_ends_with_status_1(
    workspace: Workspace, capsys: Capture
) -> None:
    script = workspace.root / "01_softmax" / "try.py"
    script.write_text("import sys\nprint('hello', sys.argv)\nraise KeyError('\\x1b[31mred')\n")

    assert lab("run", script) == 1
    said = capsys.readouterr().out
    assert "hello" in said and "line 3" in said and "\x1b" not in said


def test_doctor_looks_at_everything(workspace: Workspace, capsys: Capture) -> None:
    assert lab("doctor", "--json") == 0  # what works with less is said, and is no failure

    found = json.loads(capsys.readouterr().out)
    assert found["ok"]
    assert [f["name"] for f in found["findings"]] == [
        "Python", "packages", "BLAS", "own parts", "box", "GPU", "hidden checks", "disk", "keys", "terminal", "workspace",
    ]  # fmt: skip


def test_doctor_says_when_a_shell_slows_numpy_down(
    workspace: Workspace, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    def blas() -> dict[str, str]:
        lab("doctor", "--json")
        findings = json.loads(capsys.readouterr().out)["findings"]
        return next(f for f in findings if f["name"] == "BLAS")

    monkeypatch.delenv("OPENBLAS_CORETYPE", raising=False)
    assert blas()["state"] == "good"
    monkeypatch.setenv("OPENBLAS_CORETYPE", "Haswell")
    assert blas()["state"] == "fair"
    assert "unset it" in blas()["advice"]


def test_a_wrong_output_is_not_timed_and_an_untimed_stage_says_so(
    workspace: Workspace, softmax: Stage, warmup: Stage, capsys: Capture
) -> None:
    assert lab("bench", "softmax", "--json") == 1
    (timing,) = json.loads(capsys.readouterr().out)["timings"]
    assert (timing["status"], timing["performance"]) == ("failed", {})

    workspace.file(softmax).write_bytes(solution(softmax))
    assert lab("bench", "softmax") in (0, 1)  # what a busy machine says is no matter here
    assert "x the time of the course's solution" in capsys.readouterr().out
    assert lab("bench", "warmup") == 2
    assert "nothing in stage warmup is timed" in capsys.readouterr().err


# ---- an instructor ----------------------------------------------------------------------------------
def test_an_instructor_grades_verifies_and_exports(
    workspace: Workspace, warmup: Stage, tmp_path: Path, capsys: Capture
) -> None:
    submissions, out = tmp_path / "submissions", tmp_path / "reports"
    for learner, code in (("ann", solution(warmup)), ("bob", warmup.starter.read_bytes())):
        (submissions / learner).mkdir(parents=True)
        (submissions / learner / "warmup.py").write_bytes(code)
    assert lab("key", "new") == 0
    assert lab("grade", "warmup", submissions, "--out", out, "--jobs", 2) == 0
    told = capsys.readouterr()
    assert "Graded 2." in told.out and "bob: 0 of 100" in told.err

    report = out / "ann" / "warmup.json"
    assert lab("verify", report) == (0 if _full() else 1)
    report.write_text(report.read_text().replace('"score": 100.0', '"score": 99.0', 1))
    assert lab("verify", report) == 1
    assert "changed after it was signed" in capsys.readouterr().out

    assert lab("export", "csv", "--out", out) == 0
    assert capsys.readouterr().out.startswith("learner,stage,correctness")
    for form, name in (
        ("html", "warmup.html"),
        ("junit", "warmup.xml"),
        ("gradescope", "warmup.gradescope.json"),
    ):
        assert lab("export", form, "--out", out) == 0
        assert (out / "bob" / name).stat().st_size > 100
    assert lab("regrade", "warmup", "--out", out, "--learner", "ann") == 0


def _full() -> bool:
    from grader import sandbox

    return sandbox.isolation().level == "full"
