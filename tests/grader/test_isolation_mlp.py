"""The box of stage 04: Tensors, ops and Module are there; layers, optimisers and their kernels not."""

from __future__ import annotations

import numpy as np
import pytest

from assignments import catalog
from grader import sandbox
from grader.solutions import solution_source
from grader.spares import WorkerEnvironment, start_worker
from grader.student import Student

NN = "Linear Sequential Residual Flatten ReLU Dropout BatchNorm1d LayerNorm CrossEntropyLoss MLPResNet"
HIDDEN = [
    *(f"reference.nn.{name}" for name in NN.split()),
    *("reference.ops.layer_norm", "reference.ops.batch_norm", "reference.ops.dropout"),
    *("reference.ops.cross_entropy", "reference.ops.softmax", "reference.ops.log_softmax"),
    *("reference.optim", "reference.init", "reference.data.DataLoader"),
]
MODULES = ["reference.nn.linear", "reference.optim.adam", "reference.init", "reference.data.loader"]
KERNELS = ["softmax", "cross_entropy", "layer_norm", "batch_norm", "adam_step", "sgd_step"]
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
    """The loss of a model before and after a few steps."""
    model = mlp_resnet(X.shape[1], 8, 1, 3, np.random.default_rng(0), 0.0)
    optimiser, loss, seen = Adam(model.parameters(), 0.01), CrossEntropyLoss(), []
    for _ in range(20):
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
    stage = catalog.stage("mlp")
    source = solution_source(stage)
    assert source is not None
    environment = WorkerEnvironment(stage.packages, hides=stage.hides)
    found = Student(start_worker(environment), source + LOOK, "mlp.py", limits=Patience())
    yield found
    found.close()


def test_the_solution_trains_there(student: Student) -> None:
    rng = np.random.default_rng(0)
    X = rng.standard_normal((30, 4)).astype(np.float32)

    seen = student.train(X, rng.integers(0, 3, 30))

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
    assert student.find("/reference/nn/module.py") != [], "the search itself finds nothing"
    words = (
        "nn/linear",
        "nn/batchnorm",
        "nn/mlp",
        "optim/",
        "data/loader",
        "ops/loss",
        "ops/noise",
    )
    for word in (*words, "kernels/softmax", "kernels/optimizers", "suites/", "solutions/"):
        assert [path for path in student.find(word) if "site-packages/numpy" not in path] == [], (
            word
        )
