"""The box of stage 03 holds nothing of `reference` and `kernels`, and the stage's solution runs in it."""

from __future__ import annotations

import numpy as np
import pytest

from assignments import catalog
from grader import sandbox
from grader.solutions import solution_source
from grader.spares import WorkerEnvironment, start_worker
from grader.student import Student

LOOK = b'''

def look(name):
    """Import a part of the framework."""
    return __import__(name)


def find(word):
    """Every file in sight whose path holds the word; the interpreter's own are left out."""
    import os

    skip = ("/proc", "/sys", "/usr", "/opt/py")
    return [
        f"{root}/{name}"
        for root, _, names in os.walk("/")
        if not root.startswith(skip)
        for name in names
        if word in f"{root}/{name}"
    ]
'''


class Patience:
    import_s = 30.0
    call_s = 30.0


@pytest.fixture(params=["full", "none"])
def student(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch):
    if request.param == "full" and sandbox.isolation().level != "full":
        pytest.skip("this machine cannot build a full box")
    monkeypatch.setenv("DLSYSLAB_ISOLATION", request.param)
    stage = catalog.stage("autodiff")
    source = solution_source(stage)
    assert source is not None
    environment = WorkerEnvironment(stage.packages, hides=stage.hides)
    found = Student(start_worker(environment), source + LOOK, "autodiff.py", limits=Patience())
    yield found
    found.close()


def test_the_solution_works_there(student: Student) -> None:
    x = np.array([0.5, 2.0])

    np.testing.assert_allclose(student.sin_vjp(2 * x, np.sin(x), x)[0], 2 * x * np.cos(x))


@pytest.mark.parametrize("name", ["reference", "reference.engine", "reference.ops", "kernels"])
def test_nothing_of_the_framework_can_be_imported(student: Student, name: str) -> None:
    with pytest.raises(ImportError):
        student.look(name)


@pytest.mark.parametrize("student", ["full"], indirect=True)
def test_nothing_of_the_framework_is_on_the_disk(student: Student) -> None:
    assert student.find("autodiff.py") != [], "the search itself finds nothing"
    for word in ("elementwise", "reference/", "suites/", "mutants/", "solutions/"):
        assert [path for path in student.find(word) if "site-packages/numpy" not in path] == [], (
            word
        )
