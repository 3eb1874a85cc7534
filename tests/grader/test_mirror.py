"""What a stage hides of `reference` and `kernels` is not there; the rest works."""

from __future__ import annotations

from pathlib import PurePath

import pytest

from assignments import catalog
from assignments.catalog import Stage
from grader import mirror, sandbox
from grader.spares import WorkerEnvironment, start_worker
from grader.student import Student

LEVELS = ("full", "none")
HIDES = (
    "reference/nn/linear.py",
    "reference/optim/*.py",
    "reference/ops/softmaxes.py",
    "kernels/softmax.py",
)
PROBE = b'''
import os
import numpy as np


def find(word):
    """Every file that this process can list whose path ends so."""
    found = []
    for root, _, files in os.walk("/"):
        if root.startswith(("/proc", "/sys", "/usr", "/opt/py")):  # the interpreter's own
            continue
        found += [f"{root}/{name}" for name in files if f"{root}/{name}".endswith(word)]
    return found


def hidden_layer():
    from reference import nn
    return nn.Linear(2, 3)


def hidden_file():
    import reference.nn.linear


def gradient(x):
    from reference import Tensor
    t = Tensor(x, requires_grad=True)
    (t * t).sum().backward()
    return t.grad.numpy()


def test_labels():
    from reference import data
    return data.digits()
'''


class Patience:
    import_s = 30.0
    call_s = 30.0


@pytest.fixture(params=LEVELS)
def student(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch):
    if request.param == "full" and sandbox.isolation().level != "full":
        pytest.skip("this machine cannot build a full box")
    monkeypatch.setenv("DLSYSLAB_ISOLATION", request.param)
    environment = WorkerEnvironment(("numpy", "reference", "kernels"), hides=HIDES)
    found = Student(start_worker(environment), PROBE, "probe.py", limits=Patience())
    yield found
    found.close()


def test_what_remains_works(student: Student) -> None:
    import numpy as np

    x = np.array([[1.0, 2.0], [3.0, 4.0]])

    np.testing.assert_allclose(student.gradient(x), 2 * x, atol=1e-12)


def test_what_is_hidden_says_whose_it_is(student: Student) -> None:
    with pytest.raises(ImportError, match="yours to write"):
        student.hidden_layer()
    with pytest.raises(ImportError):
        student.hidden_file()


@pytest.mark.parametrize("student", ["full"], indirect=True)
def test_what_is_hidden_is_nowhere_on_the_disk(student: Student) -> None:
    assert student.find("/reference/nn/module.py") != [], "the search itself finds nothing"
    for word in ("nn/linear.py", "/linear.cpython-311.pyc", "kernels/softmax.py", "optim/adam.py"):
        found = [path for path in student.find(word) if "/ops/" not in path]
        assert found == [], word


def test_labels_of_the_test_set_are_not_there(student: Student) -> None:
    with pytest.raises((OSError, ImportError)):
        student.test_labels()


def test_a_pattern_without_a_file_is_noticed() -> None:
    assert mirror.idle(HIDES) == []
    assert mirror.idle(("reference/nn/gone.py",)) == ["reference/nn/gone.py"]


def test_a_mirror_is_named_by_its_content() -> None:
    one, same, other = (
        mirror.mounts(("reference",), hides) for hides in ((), (), ("reference/nn/linear.py",))
    )
    assert one == same != other


@pytest.mark.parametrize("stage", catalog.load(), ids=lambda stage: stage.id)
def test_a_kernel_that_is_hidden_is_hidden_on_the_device_too(stage: Stage) -> None:
    seen = mirror.visible(stage.packages, stage.hides)
    whole = mirror.visible(stage.packages, ())
    hidden = {PurePath(path).stem for path in set(whole) - set(seen) if path.startswith("kernels/")}

    told = [path for path in seen if path.startswith("kernels/on_cuda/")]
    assert [path for path in told if PurePath(path).stem.removesuffix("_launch") in hidden] == []
