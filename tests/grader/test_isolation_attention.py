"""What the stage on attention hides is the learner's to write, and its solution needs none of it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from assignments import catalog
from grader import mirror
from grader.solutions import solution_source
from grader.spares import WorkerEnvironment, start_worker
from grader.student import Student

STAGE = catalog.stage("attention")
HIDDEN = {
    "reference.nn": (
        *("LayerNorm", "MultiHeadAttention", "TransformerBlock", "TransformerEncoder", "GPT"),
        *("KVCache", "generate", "causal_mask", "Seq2Seq"),
    ),
    "reference.ops": ("attention", "layer_norm"),
}
FILES = (
    "reference.nn.masks",
    "reference.nn.gpt",
    "kernels.attention_backward",
    "kernels.layernorm",
)
GIVEN = {
    "reference.nn": ("Linear", "Embedding", "Module", "GELU", "LSTM", "LanguageModel", "sample"),
    "reference.ops": ("softmax", "where", "gelu", "erf", "stack", "cross_entropy", "lstm"),
    "reference.optim": ("Adam", "SGD"),
}
LOOK = """
from importlib import import_module

def probe(module, names, files=()):
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
from reference import ops
from reference.optim import SGD

def probe(module):
    rng = np.random.default_rng(0)
    model = module.GPT(5, 4, 2, 2, 12, rng)
    ids = rng.integers(0, 5, (3, 8))
    loss = ops.cross_entropy(model(ids[:, :-1]).reshape(21, 5), ids[:, 1:].reshape(21))
    loss.backward()
    SGD(model.parameters(), 0.1).step()
    return [loss.item(), module.generate(model, ids, 4, 1.0, rng, module.KVCache()).shape[1]]
"""


@pytest.fixture
def student() -> Iterator[Student]:
    source = solution_source(STAGE)
    assert source is not None
    environment = WorkerEnvironment(STAGE.packages, hides=STAGE.hides)
    found = Student(start_worker(environment), source, "attention.py", limits=STAGE.limits)
    yield found
    found.close()


def pairs(names: dict[str, tuple[str, ...]]) -> list[tuple[str, str]]:
    return [(place, name) for place, hidden in names.items() for name in hidden]


def test_every_pattern_hides_a_file() -> None:
    assert mirror.idle(STAGE.hides) == []


def test_what_answers_the_stage_is_not_there(student: Student) -> None:
    found = student.probe(LOOK, names=pairs(HIDDEN), files=list(FILES))

    assert [say for say in found if "yours to write" not in say] == []


def test_what_earlier_stages_taught_is_there(student: Student) -> None:
    found = student.probe(LOOK, names=pairs(GIVEN))

    assert [say for say in found if say != "there"] == []


def test_the_solution_needs_nothing_that_is_hidden(student: Student) -> None:
    loss, length = student.probe(TRAIN)

    assert 0 < loss < 10
    assert length == 12
