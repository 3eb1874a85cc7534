"""Batches: every submission is judged, hostile ones delay nobody, interruptions lose nothing."""

from __future__ import annotations

import csv
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from assignments import catalog
from assignments.catalog import Stage
from grader import batch, keys
from grader.errors import KeyFileError, UsageError
from grader.ledger import Ledger
from grader.outcome import Isolation, Outcome, Status, SuiteRun
from grader.slots import Job, run_jobs


@pytest.fixture(autouse=True)
def course(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> keys.Key:
    monkeypatch.setenv(keys.HOME_VARIABLE, str(tmp_path / "home"))
    return keys.create("course")


@pytest.fixture
def stage() -> Stage:
    return catalog.stage("softmax")


@pytest.fixture
def submissions(tmp_path: Path) -> Path:
    for learner in ("ann", "bob", "cid"):
        folder = tmp_path / "submissions" / learner
        folder.mkdir(parents=True)
        (folder / "softmax.py").write_text(f"name = {learner!r}\n")
    (tmp_path / "submissions" / "dan").mkdir()
    return tmp_path / "submissions"


class Judges:
    """Stands for the slots: passes everything, counts what it was asked, fails on demand."""

    def __init__(self, stage: Stage) -> None:
        self._stage = stage
        self.asked: list[tuple[str, tuple[str, ...]]] = []
        self.undecided = 0
        self.dies_after: int | None = None
        self.broken: set[bytes] = set()

    def __call__(
        self,
        jobs: Sequence[Job],
        count: int,
        found: Callable[[Job, SuiteRun], None],
        failed: Callable[[Job, str], None],
    ) -> None:
        for job in jobs:
            if self.dies_after is not None and len(self.asked) >= self.dies_after:
                raise KeyboardInterrupt
            self.asked.append((job.source.decode().split("'")[1], job.phases))
            if job.source in self.broken:
                failed(job, "it died")
            else:
                found(job, self._run(job))

    def _run(self, job: Job) -> SuiteRun:
        timed = {timing.check for timing in self._stage.timings}
        status = Status.PASSED
        if job.phases == ("performance",) and self.undecided:
            self.undecided -= 1
            status = Status.INCONCLUSIVE
        outcomes = tuple(
            Outcome(check.id, status if check.id in timed else Status.PASSED, seed=job.seed)
            for check in self._stage.hidden
            if (check.id in timed) == (job.phases == ("performance",))
        )
        when = "2026-01-01T00:00:00.000Z"
        return SuiteRun(
            self._stage.id, "hidden", job.seed, outcomes, Isolation("full"), when, when, 0.1
        )


@pytest.fixture
def judges(stage: Stage) -> Judges:
    return Judges(stage)


def rows(out: Path) -> dict[str, dict[str, str]]:
    with (out / "gradebook.csv").open(newline="") as file:
        return {row["learner"]: row for row in csv.DictReader(file)}


def test_every_submission_gets_a_row_and_two_signed_reports(
    stage: Stage, submissions: Path, tmp_path: Path, judges: Judges
) -> None:
    out = tmp_path / "out"
    done = batch.grade(stage, submissions, out, run_jobs=judges)

    assert sorted(done.graded) == ["ann", "bob", "cid"] and done.problems == []
    found = rows(out)
    assert {name: row["score"] for name, row in found.items()} == {
        "ann": "100.0", "bob": "100.0", "cid": "100.0", "dan": "0.0",
    }  # fmt: skip
    assert found["dan"]["note"] == "there is no softmax.py in it: the folder is empty."
    for learner in found:
        full = json.loads((out / learner / "softmax.json").read_text())
        view = json.loads((out / learner / "softmax.learner.json").read_text())
        assert (full["view"], view["view"]) == ("instructor", "learner")
        assert full["authority"] == "course"


def test_correctness_of_all_comes_before_the_timing_of_any(
    stage: Stage, submissions: Path, tmp_path: Path, judges: Judges
) -> None:
    batch.grade(stage, submissions, tmp_path / "out", jobs=2, run_jobs=judges)

    assert [phases[0] for _, phases in judges.asked] == ["correctness"] * 3 + ["performance"] * 3


@pytest.mark.parametrize("struck", range(1, 6))
def test_an_interrupted_batch_goes_on_and_grades_nobody_twice(
    stage: Stage, submissions: Path, tmp_path: Path, judges: Judges, struck: int
) -> None:
    out = tmp_path / "out"
    judges.dies_after = struck
    with pytest.raises(KeyboardInterrupt):
        batch.grade(stage, submissions, out, run_jobs=judges)
    judges.dies_after = None

    batch.grade(stage, submissions, out, resume=True, run_jobs=judges)

    assert len(judges.asked) == len(set(judges.asked)) == 6
    assert len(rows(out)) == 4


def test_a_second_grading_into_the_same_folder_must_be_meant(
    stage: Stage, submissions: Path, tmp_path: Path, judges: Judges
) -> None:
    out = tmp_path / "out"
    batch.grade(stage, submissions, out, run_jobs=judges)
    with pytest.raises(UsageError, match=r"4 of 4 done\): add --resume"):
        batch.grade(stage, submissions, out, run_jobs=judges)

    again = batch.grade(stage, submissions, out, resume=True, run_jobs=judges)

    assert (again.graded, again.already, len(judges.asked)) == ([], 4, 6)


def test_a_changed_file_is_a_new_submission(
    stage: Stage, submissions: Path, tmp_path: Path, judges: Judges
) -> None:
    out = tmp_path / "out"
    batch.grade(stage, submissions, out, run_jobs=judges)
    (submissions / "dan" / "softmax.py").write_text("name = 'dan'\n")
    batch.grade(stage, submissions, out, resume=True, run_jobs=judges)

    assert rows(out)["dan"]["score"] == "100.0"


def test_an_undecided_timing_is_timed_again_after_everybody(
    stage: Stage, submissions: Path, tmp_path: Path, judges: Judges
) -> None:
    judges.undecided = 1
    done = batch.grade(stage, submissions, tmp_path / "out", run_jobs=judges)

    assert done.problems == []
    assert [name for name, phases in judges.asked if phases == ("performance",)] == [
        "ann", "bob", "cid", "ann",
    ]  # fmt: skip


def test_a_timing_that_stays_undecided_is_owed_and_costs_nothing(
    stage: Stage, submissions: Path, tmp_path: Path, judges: Judges
) -> None:
    judges.undecided = 100
    done = batch.grade(stage, submissions, tmp_path / "out", run_jobs=judges)

    assert len(done.problems) == 3
    assert rows(tmp_path / "out")["ann"]["status"] == "infrastructure_error"


def test_what_kills_its_judges_is_reported_and_tried_again(
    stage: Stage, submissions: Path, tmp_path: Path, judges: Judges
) -> None:
    out = tmp_path / "out"
    judges.broken = {b"name = 'bob'\n"}
    done = batch.grade(stage, submissions, out, run_jobs=judges)
    assert done.problems == ["bob: it died"] and set(rows(out)) == {"ann", "cid", "dan"}

    judges.broken = set()
    assert batch.grade(stage, submissions, out, resume=True, run_jobs=judges).graded == ["bob"]


def test_a_regrade_is_a_new_run_with_a_parent(
    stage: Stage, submissions: Path, tmp_path: Path, judges: Judges
) -> None:
    out = tmp_path / "out"
    batch.grade(stage, submissions, out, run_jobs=judges)
    done = batch.regrade(stage, out, learners=("ann",), run_jobs=judges)

    assert done.graded == ["ann"]
    with Ledger(out / batch.LEDGER) as ledger:
        runs = ledger.history(stage.id, "ann")
    assert [(run.attempt, run.reason) for run in runs] == [(1, "batch"), (2, "regrade")]
    assert runs[1].parent == runs[0].id
    assert json.loads((out / "ann" / "softmax.json").read_text())["run"]["parent"] == runs[0].id


def test_two_gradings_do_not_share_a_folder(
    stage: Stage, submissions: Path, tmp_path: Path, judges: Judges
) -> None:
    out = tmp_path / "out"

    def meanwhile(*args: object) -> None:
        batch.grade(stage, submissions, out, resume=True, run_jobs=judges)

    with pytest.raises(UsageError, match="another `lab grade` is working"):
        batch.grade(stage, submissions, out, run_jobs=meanwhile)


def test_without_a_course_key_nothing_is_graded(
    stage: Stage, submissions: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, judges: Judges
) -> None:
    monkeypatch.setenv(keys.HOME_VARIABLE, str(tmp_path / "other"))
    with pytest.raises(KeyFileError, match="lab key new"):
        batch.grade(stage, submissions, tmp_path / "out", run_jobs=judges)


# ---- real slots -------------------------------------------------------------------------------------
WARMUP = catalog.stage("warmup")


def solution_folder(tmp_path: Path, count: int) -> Path:
    from grader.solutions import solution_source

    source = solution_source(WARMUP)
    assert source is not None
    for number in range(count):
        folder = tmp_path / "subs" / f"learner{number}"
        folder.mkdir(parents=True)
        (folder / "warmup.py").write_bytes(source + f"\n# {number}\n".encode())
    return tmp_path / "subs"


def test_a_slot_that_is_killed_costs_nobody_anything(tmp_path: Path) -> None:
    from grader import slots

    submitted = solution_folder(tmp_path, 4)
    victims: list[int] = []

    class Fragile(slots.Slot):
        def judge(self, job: Job) -> SuiteRun:
            if len(victims) < 2:
                victims.append(self.pid)
                os.kill(self.pid, signal.SIGKILL)
            return super().judge(job)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(slots, "Slot", Fragile)
        done = batch.grade(WARMUP, submitted, tmp_path / "out", jobs=2, run_jobs=run_jobs)

    assert len(victims) == 2
    assert sorted(done.graded) == [f"learner{n}" for n in range(4)] and done.problems == []
    assert {row["score"] for row in rows(tmp_path / "out").values()} == {"100.0"}


def test_a_killed_controller_is_resumed_and_grades_nobody_twice(tmp_path: Path) -> None:
    submitted, out = solution_folder(tmp_path, 8), tmp_path / "out"
    command = [sys.executable, "-m", "lab", "grade", "warmup", str(submitted), "--out", str(out)]
    first = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    assert first.stderr is not None
    first.stderr.readline()  # the first learner is graded
    first.kill()
    first.wait()
    first.stderr.close()
    with Ledger(out / batch.LEDGER) as ledger:
        before = {run.learner: run.id for run in ledger.history("warmup")}
    assert 1 <= len(before) < 8

    deadline = time.monotonic() + 30  # the killed one's last slot lets go of nothing that is held
    second = subprocess.run([*command, "--resume"], capture_output=True, text=True, check=False)
    assert time.monotonic() < deadline

    assert second.returncode == 0, second.stderr
    with Ledger(out / batch.LEDGER) as ledger:
        after = {run.learner: run.id for run in ledger.history("warmup")}
        assert len(ledger.history("warmup")) == 8
    assert before.items() <= after.items()
    assert len(rows(out)) == 8
