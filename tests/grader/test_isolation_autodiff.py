"""The box of stage 03 holds nothing of `reference` and `kernels`, and the stage's solution runs in it."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest

from assignments import catalog
from grader.student import Student

from . import looking

STAGE = catalog.stage("autodiff")
MODULES = ["reference", "reference.engine", "reference.ops", "kernels"]
WORDS = ("elementwise", "reference/", "suites/", "mutants/", "solutions/")


@pytest.fixture(params=looking.LEVELS)
def student(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[Student]:
    looking.isolate(request.param, monkeypatch)
    with looking.solution_in_its_box(STAGE) as found:
        yield found


def test_the_solution_works_there(student: Student) -> None:
    x = np.array([0.5, 2.0])

    np.testing.assert_allclose(student.sin_vjp(2 * x, np.sin(x), x)[0], 2 * x * np.cos(x))


def test_nothing_of_the_framework_can_be_imported(student: Student) -> None:
    assert looking.modules(student, [*MODULES, "numpy"]) == ["numpy"]


@pytest.mark.parametrize("student", ["full"], indirect=True)
def test_nothing_of_the_framework_is_on_the_disk(student: Student) -> None:
    assert looking.files(student, "autodiff.py") != [], "the search itself finds nothing"
    assert {word: found for word in WORDS if (found := looking.files(student, word))} == {}
