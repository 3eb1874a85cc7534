"""The box of stage 05: Linear, optimisers and ops.custom are there; convolution, pooling and batch norm not."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest

from assignments import catalog
from grader.student import Student

from . import looking

STAGE = catalog.stage("cnn")
NN = "Conv2d BatchNorm1d BatchNorm2d MaxPool2d AvgPool2d LeNet ResNet9"
HIDDEN = [
    *(f"reference.nn.{name}" for name in NN.split()),
    *(f"reference.ops.{name}" for name in ("conv2d", "max_pool2d", "avg_pool2d", "batch_norm")),
]
MODULES = ["reference.nn.conv", "reference.ops.pool", "reference.nn.lenet", "kernels.im2col"]
KERNELS = ["conv2d", "conv2d_input_grad", "conv2d_weight_grad", "max_pool2d", "batch_norm"]
WORDS = (
    *("nn/conv", "nn/batchnorm", "nn/pool", "nn/lenet", "nn/resnet", "ops/conv", "ops/pool"),
    *("kernels/conv2d", "kernels/im2col", "kernels/pool", "kernels/winograd"),
)
TRAIN = """
from reference import Tensor, nn, optim

def probe(module, X, y):
    model = nn.Sequential(module.ResidualBlock(1, 4, 2), nn.Flatten(), nn.Linear(64, 3))
    optimiser, loss = optim.Adam(model.parameters(), 0.01), nn.CrossEntropyLoss()
    seen = []
    for _ in range(12):
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
    X = rng.standard_normal((12, 1, 8, 8)).astype(np.float32)

    seen = student.probe(TRAIN, X=X, y=rng.integers(0, 3, 12))

    assert seen[-1] < seen[0]


def test_what_is_hidden_says_whose_it_is(student: Student) -> None:
    assert looking.not_refused(student, HIDDEN) == []
    assert looking.modules(student, MODULES) == []
    assert looking.kernels(student, KERNELS) == []


@pytest.mark.parametrize("student", ["full"], indirect=True)
def test_what_is_hidden_is_nowhere_on_the_disk(student: Student) -> None:
    assert looking.files(student, "/reference/nn/linear.py") != [], (
        "the search itself finds nothing"
    )
    assert {word: found for word in WORDS if (found := looking.files(student, word))} == {}
