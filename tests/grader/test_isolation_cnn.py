"""The box of stage 05: Linear, optimisers and ops.custom are there; convolution, pooling and batch norm not."""

from __future__ import annotations

import numpy as np
import pytest

from assignments import catalog
from grader import sandbox
from grader.solutions import solution_source
from grader.spares import WorkerEnvironment, start_worker
from grader.student import Student

NN = "Conv2d BatchNorm1d BatchNorm2d MaxPool2d AvgPool2d LeNet ResNet9"
HIDDEN = [
    *(f"reference.nn.{name}" for name in NN.split()),
    *(f"reference.ops.{name}" for name in ("conv2d", "max_pool2d", "avg_pool2d", "batch_norm")),
]
MODULES = ["reference.nn.conv", "reference.ops.pool", "reference.nn.lenet", "kernels.im2col"]
KERNELS = ["conv2d", "conv2d_input_grad", "conv2d_weight_grad", "max_pool2d", "batch_norm"]
LOOK = b'''

def look(path):
    """Ask for the last part of a dotted path."""
    import importlib
    place, _, name = path.rpartition(".")
    return getattr(importlib.import_module(place), name)


def load(name):
    import importlib
    importlib.import_module(name)


def kernel(name):
    import kernels
    return kernels.get(name)


def find(word):
    """Every file in sight whose path holds the word; the interpreter's own are left out."""
    import os
    skip = ("/proc", "/sys", "/usr", "/opt/py")
    return [f"{root}/{name}" for root, _, names in os.walk("/") if not root.startswith(skip)
            for name in names if word in f"{root}/{name}"]


def train(X, y):
    """The loss of a model before and after a few steps, with layers that are not hidden."""
    from reference import optim
    model = nn.Sequential(ResidualBlock(1, 4, 2), nn.Flatten(), nn.Linear(64, 3))
    optimiser, loss, seen = optim.Adam(model.parameters(), 0.01), nn.CrossEntropyLoss(), []
    for _ in range(12):
        optimiser.zero_grad()
        found = loss(model(Tensor(X)), y)
        found.backward()
        optimiser.step()
        seen.append(float(found.item()))
    return seen
'''


class Patience:
    import_s = 30.0
    call_s = 30.0


@pytest.fixture(params=["full", "none"])
def student(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch):
    if request.param == "full" and sandbox.isolation().level != "full":
        pytest.skip("this machine cannot build a full box")
    monkeypatch.setenv("DLSYSLAB_ISOLATION", request.param)
    stage = catalog.stage("cnn")
    source = solution_source(stage)
    assert source is not None
    environment = WorkerEnvironment(stage.packages, hides=stage.hides)
    found = Student(start_worker(environment), source + LOOK, "cnn.py", limits=Patience())
    yield found
    found.close()


def test_the_solution_trains_there(student: Student) -> None:
    rng = np.random.default_rng(0)
    X = rng.standard_normal((12, 1, 8, 8)).astype(np.float32)

    seen = student.train(X, rng.integers(0, 3, 12))

    assert seen[-1] < seen[0]


def test_what_is_hidden_says_whose_it_is(student: Student) -> None:
    for path in HIDDEN:
        with pytest.raises(ImportError, match="yours to write"):
            student.look(path)
    for name in MODULES:
        with pytest.raises(ImportError):
            student.load(name)
    for name in KERNELS:
        with pytest.raises(ImportError):
            student.kernel(name)


@pytest.mark.parametrize("student", ["full"], indirect=True)
def test_what_is_hidden_is_nowhere_on_the_disk(student: Student) -> None:
    assert student.find("/reference/nn/linear.py") != [], "the search itself finds nothing"
    words = ("nn/conv", "nn/batchnorm", "nn/pool", "nn/lenet", "nn/resnet", "ops/conv", "ops/pool")
    for word in (*words, "kernels/conv2d", "kernels/im2col", "kernels/pool", "kernels/winograd"):
        assert student.find(word) == [], word
