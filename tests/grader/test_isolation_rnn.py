"""What the stage on recurrent networks hides is the learner's to write, and its solution needs none of it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from assignments import catalog
from grader import mirror
from grader.student import Student

from . import looking

STAGE = catalog.stage("rnn")
NN = "Embedding RNNCell LSTMCell GRUCell RNN LSTM GRU LanguageModel Seq2Seq"
HIDDEN = [
    *(f"reference.nn.{name}" for name in NN.split()),
    *(f"reference.nn.{name}" for name in ("batchify", "get_batch", "detach", "train_epoch")),
    *("reference.nn.sample", "reference.nn.generate", "reference.ops.embedding"),
    *(f"reference.ops.{name}" for name in ("lstm_cell", "lstm", "gru_cell", "gru")),
]
FILES = (
    "reference.nn.sampling",
    "reference.ops.recurrent",
    "kernels.lstm",
    "kernels.gru_backward",
    "kernels.on_cuda.recurrent",
)
TRAIN = """
import numpy as np
from reference.optim import SGD

def probe(module):
    rng = np.random.default_rng(0)
    model = module.LanguageModel(5, 3, 4, 2, rng)
    data = module.batchify(rng.integers(0, 5, 60), 4)
    loss = module.train_epoch(model, data, 5, SGD(model.parameters(), 0.1), 1.0)
    return [loss, len(module.sample(model, 1, 6, 1.0, rng))]
"""


@pytest.fixture
def student() -> Iterator[Student]:
    with looking.solution_in_its_box(STAGE) as found:
        yield found


def test_every_pattern_hides_a_file() -> None:
    assert mirror.idle(STAGE.hides) == []


def test_what_answers_the_stage_is_not_there(student: Student) -> None:
    assert looking.not_refused(student, HIDDEN) == []
    assert looking.modules(student, FILES) == []


def test_the_solution_needs_nothing_that_is_hidden(student: Student) -> None:
    loss, written = student.probe(TRAIN)

    assert 0 < loss < 3
    assert written == 6
