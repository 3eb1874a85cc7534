"""Each way in which a check can end has its verdict, and the blame lies where it belongs."""

from __future__ import annotations

import pytest

from grader import adapter, errors, verdict
from grader.check import CheckFailure
from grader.outcome import Outcome, Status
from grader.student import StudentError
from grader.verdict import DependencyNotPassed


def student_error(kind: str, text: str = "") -> StudentError:
    error = StudentError(text)
    error.type_name, error.text, error.traceback = kind, text, "line 3"
    return error


@pytest.mark.parametrize(
    ("error", "status", "doubted"),
    [
        (CheckFailure("no"), Status.FAILED, False),
        (student_error("ValueError", "no"), Status.FAILED, False),
        (student_error("AssertionError"), Status.FAILED, False),
        (errors.WorkerTimeout("late"), Status.TIMEOUT, False),
        (errors.WorkerMemory("much"), Status.MEMORY, False),
        (errors.WorkerCrashed("gone"), Status.CRASHED, False),
        (errors.ProtocolError("odd"), Status.FAILED, False),
        (errors.WorkerError("else"), Status.FAILED, False),
        (DependencyNotPassed("a check before it"), Status.SKIPPED, False),
        (errors.NotAssessed("no GPU"), Status.NOT_ASSESSED, False),
        (errors.InfrastructureError("ours"), Status.ERROR, False),
        (errors.SandboxError("ours"), Status.ERROR, False),
        (AssertionError("bare"), Status.FAILED, False),
        (TypeError("of the suite, or of a value"), Status.ERROR, True),
        (KeyboardInterrupt(), Status.ERROR, True),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, BaseException) else None,
)
def test_every_end_has_its_verdict(error: BaseException, status: Status, doubted: bool) -> None:
    outcome, second_opinion = verdict.of_exception("a", error)
    assert (outcome.status, second_opinion) == (status, doubted)
    assert outcome.message or outcome.reason
    assert outcome.status is not Status.PASSED


def test_what_a_failure_says_arrives_whole() -> None:
    error = CheckFailure(
        "m", help="h", diagnosis="d", expected="e", actual="a", diff={"shape": [[1], [2]]}
    )
    found, _ = verdict.of_exception("a", error)
    assert (found.message, found.help, found.diagnosis) == ("m", "h", "d")
    assert (found.expected, found.actual, found.diff) == ("e", "a", {"shape": [[1], [2]]})


def test_what_the_machine_lacks_is_told_and_what_a_check_found_is_not() -> None:
    lacks, _ = verdict.of_exception("a", errors.MachineLacks("one processor is too few."))
    found, _ = verdict.of_exception("a", errors.NotAssessed("x is 3.5 at row 7"))
    assert (lacks.status, lacks.diagnosis) == (Status.NOT_ASSESSED, "one processor is too few.")
    assert (found.status, found.diagnosis) == (Status.NOT_ASSESSED, "")


def test_who_has_not_begun_is_told_the_task() -> None:
    error = student_error("NotImplementedError", "softmax is yours to write")
    begun, _ = verdict.of_exception("a", error, task="Turn each row into probabilities.")
    assert begun.message == "softmax is yours to write."
    assert begun.help == "Turn each row into probabilities."
    assert begun.traceback == ""


def test_an_exception_of_the_learner_has_its_traceback() -> None:
    found, _ = verdict.of_exception("a", student_error("IndexError", "out of range"))
    assert found.message == "your code raised IndexError: out of range"
    assert found.traceback == "line 3"
    silent, _ = verdict.of_exception("a", student_error("ValueError"))
    assert silent.message == "your code raised ValueError"


def test_a_value_the_suite_stumbled_over_is_the_learners_once_the_solution_passed() -> None:
    doubtful, _ = verdict.of_exception("a", TypeError("x"))
    blamed = verdict.blamed_on_learner(doubtful)
    assert blamed.status is Status.FAILED
    assert "could not even be compared" in blamed.message


# ---- reading pytest's report --------------------------------------------------------------------
def entry(outcome: Outcome) -> dict[str, object]:
    return {"metadata": {adapter.METADATA_KEY: outcome.to_json()}}


def test_only_expected_checks_count_and_missing_ones_are_said() -> None:
    report = {
        "exitcode": 0,
        "summary": {"passed": 99},
        "tests": [
            entry(Outcome("b", Status.PASSED)),
            entry(Outcome("invented", Status.PASSED)),
            {"outcome": "passed", "nodeid": "test_a"},
        ],
    }
    first, second = adapter.outcomes(report, ["a", "b"])
    assert (first.id, first.status) == ("a", Status.NOT_RUN)
    assert "status 0" in first.reason
    assert (second.id, second.status) == ("b", Status.PASSED)


def test_an_empty_report_passes_nothing() -> None:
    assert [o.status for o in adapter.outcomes({}, ["a"])] == [Status.NOT_RUN]


@pytest.mark.parametrize("status", list(Status))
def test_outcomes_survive_the_way_through_pytests_report(status: Status) -> None:
    before = Outcome("a", status, message="m", fraction=0.0, diff={"x": [1]}, attempts=2, seed=7)
    assert adapter.outcomes({"tests": [entry(before)]}, ["a"]) == (before,)
