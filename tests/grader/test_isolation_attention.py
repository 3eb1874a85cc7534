"""What the stage on attention hides is the learner's to write, and its solution needs none of it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from assignments import catalog
from grader import mirror
from grader.student import Student

from . import looking

STAGE = catalog.stage("attention")
NN = "LayerNorm MultiHeadAttention TransformerBlock TransformerEncoder GPT KVCache Seq2Seq"
HIDDEN = [
    *(f"reference.nn.{name}" for name in (*NN.split(), "generate", "causal_mask")),
    *("reference.ops.attention", "reference.ops.layer_norm"),
]
FILES = (
    "reference.nn.masks",
    "reference.nn.gpt",
    "kernels.attention_backward",
    "kernels.layernorm",
)
LAYERS = "Linear Embedding Module GELU LSTM LanguageModel sample"
OPS = "softmax where gelu erf stack cross_entropy lstm"
GIVEN = [
    *(f"reference.nn.{name}" for name in LAYERS.split()),
    *(f"reference.ops.{name}" for name in OPS.split()),
    *("reference.optim.Adam", "reference.optim.SGD"),
]
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
    with looking.solution_in_its_box(STAGE) as found:
        yield found


def test_every_pattern_hides_a_file() -> None:
    assert mirror.idle(STAGE.hides) == []


def test_what_answers_the_stage_is_not_there(student: Student) -> None:
    assert looking.not_refused(student, HIDDEN) == []
    assert looking.modules(student, FILES) == []


def test_what_earlier_stages_taught_is_there(student: Student) -> None:
    assert looking.not_there(student, GIVEN) == []


def test_the_solution_needs_nothing_that_is_hidden(student: Student) -> None:
    loss, length = student.probe(TRAIN)

    assert 0 < loss < 10
    assert length == 12
