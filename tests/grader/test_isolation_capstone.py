"""What the capstone hides is the learner's to write; nn.GPT is there and attends by the learner's pair."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from assignments import catalog
from grader import mirror
from grader.solutions import solution_source
from grader.stack import Parts, Stack, parts_of
from grader.student import Student, StudentError

from . import looking

STAGE = catalog.stage("capstone")
SOURCE = solution_source(STAGE) or b""
FILES = ("reference.ops.dot_product_attention", "kernels.attention", "kernels.attention_backward")
ATTEND = """
import numpy as np

def probe(module, ids):
    from reference import nn
    model = nn.GPT(7, 8, 1, 2, 16, rng=np.random.default_rng(0))
    logits = model(ids)
    (logits * logits).sum().backward()
    return [logits.data, model.blocks[0].attn.q_proj.weight.grad.data]
"""
TRAIN = """
import numpy as np

def probe(module, ids):
    model = module.train_char_lm(ids, 7, 0.3, np.random.default_rng(0))
    return list(model(ids[:6].reshape(1, 6)).shape)
"""


@pytest.fixture
def student() -> Iterator[Student]:
    with looking.solution_in_its_box(STAGE) as found:
        yield found


def gradients(student: Student) -> Any:
    return student.probe(ATTEND, ids=np.arange(10).reshape(2, 5) % 7)


def test_every_pattern_hides_a_file() -> None:
    assert mirror.idle(STAGE.hides) == []


def test_what_answers_the_stage_is_not_there(student: Student) -> None:
    assert looking.not_refused(student, ["reference.ops.attention"]) == []
    assert looking.modules(student, FILES) == []
    with pytest.raises(StudentError, match="yours to write"):
        gradients(student)  # the model is there, its attention is not


def test_the_learners_pair_is_what_the_model_attends_with(student: Student) -> None:
    from reference import nn

    Stack(student, Parts(), STAGE, SOURCE)
    logits, slope = gradients(student)
    model = nn.GPT(7, 8, 1, 2, 16, rng=np.random.default_rng(0))
    ours = model(np.arange(10).reshape(2, 5) % 7)
    (ours * ours).sum().backward()

    np.testing.assert_allclose(logits, ours.data, rtol=2e-5, atol=1e-5)
    np.testing.assert_allclose(
        slope, model.blocks[0].attn.q_proj.weight.grad.data, rtol=1e-3, atol=1e-4
    )


def test_the_solution_trains_with_what_is_there(student: Student) -> None:
    Stack(student, Parts(), STAGE, SOURCE)

    assert student.probe(TRAIN, ids=np.random.default_rng(0).integers(0, 7, 500)) == [1, 6, 7]


def test_the_stages_before_run_around_it_and_a_mistake_is_named(student: Student) -> None:
    others = [stage for stage in catalog.load() if stage.id != "capstone"]
    exports = {stage.id: {export.name for export in stage.exports} for stage in others}
    sources = {stage.id: solution_source(stage) or b"" for stage in others}
    data = {"ids": np.random.default_rng(0).integers(0, 7, 2000), "vocab": 7, "unseen": None}

    right = Stack(student, parts_of(sources, exports), STAGE, SOURCE)
    assert len(right.parts.choice) > 50
    assert right.audit("gpt", data, 0) == {}

    wrong = sources["mlp"].replace(b"return y if self.bias", b"return y * 1.01 if self.bias")
    assert wrong != sources["mlp"]
    spoiled = Stack(student, parts_of({**sources, "mlp": wrong}, exports), STAGE, SOURCE)
    assert spoiled.audit("gpt", data, 0)["slot"] == "layer:Linear"
