"""What the stage on recurrent networks hides is the learner's to write, and its solution needs none of it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from assignments import catalog
from grader import mirror
from grader.solutions import solution_source
from grader.spares import WorkerEnvironment, start_worker
from grader.student import Student

STAGE = catalog.stage("rnn")
HIDDEN = {
    "reference.nn": (
        *("Embedding", "RNNCell", "LSTMCell", "GRUCell", "RNN", "LSTM", "GRU", "LanguageModel"),
        *("Seq2Seq", "batchify", "get_batch", "detach", "train_epoch", "sample", "generate"),
    ),
    "reference.ops": ("embedding", "lstm_cell", "lstm", "gru_cell", "gru"),
}
FILES = ("reference.nn.sampling", "reference.ops.recurrent", "kernels.lstm", "kernels.gru_backward")
LOOK = """
from importlib import import_module

def probe(module, names, files):
    found = []
    for place, name in names:
        try:
            getattr(import_module(place), name)
            found.append("there")
        except ImportError as error:
            found.append(str(error))
    for file in files:
        try:
            import_module(file)
            found.append("there")
        except ImportError:
            found.append("yours to write")
    return found
"""
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
    source = solution_source(STAGE)
    assert source is not None
    environment = WorkerEnvironment(STAGE.packages, hides=STAGE.hides)
    found = Student(start_worker(environment), source, "rnn.py", limits=STAGE.limits)
    yield found
    found.close()


def test_every_pattern_hides_a_file() -> None:
    assert mirror.idle(STAGE.hides) == []


def test_what_answers_the_stage_is_not_there(student: Student) -> None:
    names = [(place, name) for place, hidden in HIDDEN.items() for name in hidden]

    found = student.probe(LOOK, names=names, files=list(FILES))

    assert [say for say in found if "yours to write" not in say] == []


def test_the_solution_needs_nothing_that_is_hidden(student: Student) -> None:
    loss, written = student.probe(TRAIN)

    assert 0 < loss < 3
    assert written == 6
