"""The box of stage 04: Tensors, ops and Module are there; layers, optimisers and their kernels not."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest

from assignments import catalog
from grader.student import Student

from . import looking

STAGE = catalog.stage("mlp")
NN = "Linear Sequential Residual Flatten ReLU Dropout BatchNorm1d LayerNorm CrossEntropyLoss MLPResNet"
HIDDEN = [
    *(f"reference.nn.{name}" for name in NN.split()),
    *("reference.ops.layer_norm", "reference.ops.batch_norm", "reference.ops.dropout"),
    *("reference.ops.cross_entropy", "reference.ops.softmax", "reference.ops.log_softmax"),
    *("reference.optim", "reference.init", "reference.data.DataLoader"),
]
MODULES = ["reference.nn.linear", "reference.optim.adam", "reference.init", "reference.data.loader"]
KERNELS = ["softmax", "cross_entropy", "layer_norm", "batch_norm", "adam_step", "sgd_step"]
WORDS = (
    *("nn/linear", "nn/batchnorm", "nn/mlp", "optim/", "data/loader", "ops/loss", "ops/noise"),
    *("kernels/softmax", "kernels/optimizers", "suites/", "solutions/"),
)
TRAIN = """
import numpy as np
from reference import Tensor

def probe(module, X, y):
    rng = np.random.default_rng(0)
    model = module.mlp_resnet(X.shape[1], 8, 1, 3, rng, 0.0)
    optimiser, loss = module.Adam(model.parameters(), 0.01), module.CrossEntropyLoss()
    seen = []
    for _ in range(20):
        optimiser.zero_grad()
        found = loss(model(Tensor(X)), y)
        found.backward()
        optimiser.step()
        seen.append(float(found.item()))
    return seen
"""


@pytest.fixture(params=looking.LEVELS)
def student(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[Student]:
    looking.isolate(request.param, monkeypatch)
    with looking.solution_in_its_box(STAGE) as found:
        yield found


def test_the_solution_trains_there(student: Student) -> None:
    rng = np.random.default_rng(0)
    X = rng.standard_normal((30, 4)).astype(np.float32)

    seen = student.probe(TRAIN, X=X, y=rng.integers(0, 3, 30))

    assert seen[-1] < seen[0]


def test_what_is_hidden_says_whose_it_is(student: Student) -> None:
    assert looking.not_refused(student, HIDDEN) == []
    assert looking.modules(student, MODULES) == []
    assert looking.kernels(student, KERNELS) == []


@pytest.mark.parametrize("student", ["full"], indirect=True)
def test_what_is_hidden_is_nowhere_on_the_disk(student: Student) -> None:
    assert looking.files(student, "/reference/nn/module.py") != [], (
        "the search itself finds nothing"
    )
    assert {word: found for word in WORDS if (found := looking.files(student, word))} == {}
