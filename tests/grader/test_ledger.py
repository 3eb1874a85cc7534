"""The ledger: attempts are kept, runs are done once, grades are the latest finished runs."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from grader.errors import UsageError
from grader.ledger import Ledger
from grader.submission import Submission


def submission(learner: str = "ann", code: bytes = b"x = 1") -> Submission:
    return Submission(
        learner,
        "softmax",
        {"softmax.py": code},
        "here",
        "2026-01-01T00:00:00Z",
        {"name": "A"},
        (("b", "c"),),
    )


def report(score: float = 50.0) -> dict[str, object]:
    return {
        "status": "graded",
        "score": score,
        "max_score": 100.0,
        "created_at": "2026-01-01T00:00:00Z",
    }


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    with Ledger(tmp_path / "ledger.sqlite") as opened:
        yield opened


def test_a_submission_comes_back_as_it_was(ledger: Ledger) -> None:
    number = ledger.add_submission(submission(code=b"\xff\x00"))

    assert ledger.submission(number) == submission(code=b"\xff\x00")


def test_the_same_files_of_the_same_learner_are_kept_once(ledger: Ledger) -> None:
    first = ledger.add_submission(submission())

    assert ledger.add_submission(submission()) == first
    assert ledger.add_submission(submission("bob")) != first
    assert ledger.add_submission(submission(code=b"y")) != first


def test_attempts_are_numbered_for_each_learner(ledger: Ledger) -> None:
    for learner, expected in (("ann", 1), ("ann", 2), ("bob", 1), ("ann", 3)):
        number = ledger.add_submission(submission(learner))
        run = ledger.new_run(f"{learner}{expected}", number, reason="submit", seed=1)
        assert run is not None and run.attempt == expected


def test_a_batch_runs_a_submission_once_and_a_regrade_once_for_each_parent(ledger: Ledger) -> None:
    number = ledger.add_submission(submission())

    assert ledger.new_run("a", number, reason="batch", seed=1) is not None
    assert ledger.new_run("b", number, reason="batch", seed=1) is None
    assert ledger.new_run("c", number, reason="regrade", seed=1, parent="a") is not None
    assert ledger.new_run("d", number, reason="regrade", seed=1, parent="a") is None
    assert ledger.new_run("e", number, reason="regrade", seed=1, parent="c") is not None


def test_a_run_is_finished_once_and_never_changed_after(ledger: Ledger) -> None:
    number = ledger.add_submission(submission())
    ledger.new_run("a", number, reason="batch", seed=1)

    assert ledger.finish("a", report(50))
    assert not ledger.finish("a", report(100))
    assert ledger.report("a")["score"] == 50


def test_correctness_is_kept_for_a_run_that_goes_on_later(ledger: Ledger) -> None:
    number = ledger.add_submission(submission())
    ledger.new_run("a", number, reason="batch", seed=1)
    ledger.keep_correctness("a", {"stage": "softmax"})

    (run,) = ledger.unfinished("softmax")
    assert (run.state, ledger.correctness("a")) == ("correct", {"stage": "softmax"})


def test_grades_are_the_latest_finished_runs(ledger: Ledger) -> None:
    for place, learner in enumerate(["ann", "ann", "bob"]):
        number = ledger.add_submission(submission(learner, bytes([place])))
        ledger.new_run(str(place), number, reason="batch", seed=1)
        ledger.finish(str(place), report(float(place)))
    number = ledger.add_submission(submission("ann", b"later"))
    ledger.new_run("open", number, reason="batch", seed=1)

    assert [(run.learner, run.score) for run in ledger.grades("softmax")] == [
        ("ann", 1.0),
        ("bob", 2.0),
    ]


def test_dropping_forgets_only_what_is_not_finished(ledger: Ledger) -> None:
    number = ledger.add_submission(submission())
    ledger.new_run("done", number, reason="submit", seed=1)
    ledger.finish("done", report())
    ledger.new_run("open", number, reason="submit", seed=1)
    for run_id in ("done", "open"):
        ledger.drop_run(run_id)

    assert [run.id for run in ledger.history()] == ["done"]
    assert ledger.unfinished("softmax") == []


def test_the_ledger_is_in_wal_mode_and_survives_being_opened_twice(tmp_path: Path) -> None:
    path = tmp_path / "ledger.sqlite"
    with Ledger(path) as one, Ledger(path) as two:
        number = one.add_submission(submission())
        assert two.submission(number).learner == "ann"

    with sqlite3.connect(path) as db:
        assert db.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    db.close()


def test_a_file_that_is_no_ledger_is_refused_in_a_sentence(tmp_path: Path) -> None:
    path = tmp_path / "ledger.sqlite"
    path.write_bytes(b"not a database, not at all" * 100)

    with pytest.raises(UsageError, match="cannot be used as a ledger"):
        Ledger(path)


def test_unknown_runs_are_named(ledger: Ledger) -> None:
    with pytest.raises(UsageError, match="knows no run 'nope'"):
        ledger.run("nope")
    with pytest.raises(UsageError, match="no finished run 'nope'"):
        ledger.report("nope")
