"""The public check of the model of letters: a text that repeats itself, and a moment to learn it."""

import math

import numpy as np

from grader.check import fail

LEARN = """
import numpy as np
from reference import Tensor, no_grad

def probe(module, ids, vocab, seconds, asked):
    model = module.train_char_lm(ids, vocab, seconds, np.random.default_rng(0))
    with no_grad():
        logits = model(asked)
    logits = logits.data if isinstance(logits, Tensor) else logits
    return np.ascontiguousarray(logits)
"""


def test_char_lm_small(stack, rng):
    """a short text that repeats itself is learnt within seconds"""
    word = rng.permutation(6)
    ids = np.tile(word, 400)
    asked = np.stack([ids[start : start + 16] for start in range(3)])
    logits = stack.student.probe(LEARN, ids=ids, vocab=6, seconds=2.0, asked=asked)
    if logits.shape != (3, 16, 6):
        fail(f"model(ids (3, 16)) has the shape {logits.shape}, it should be (3, 16, 6).")
    z = logits.astype(np.float64)
    z -= z.max(axis=-1, keepdims=True)
    right = np.stack([ids[start + 1 : start + 17] for start in range(3)])
    losses = np.log(np.exp(z).sum(axis=-1)) - np.take_along_axis(z, right[..., None], 2)[..., 0]
    if not losses.mean() < 0.6 * math.log(6):
        fail(
            f"after two seconds the loss on a text of 6 letters in a fixed order is "
            f"{losses.mean():.3f}; guessing costs {math.log(6):.3f}.",
            help="Windows of ids are the inputs, the same windows one step later the targets; "
            "zero_grad, backward, step.",
        )
