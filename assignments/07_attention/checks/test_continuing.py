"""Public checks of positions, and of a model that continues a text."""

import math
from itertools import pairwise

import numpy as np

from grader.check import check_close, check_equal, check_raises, fail

MODEL = """
import numpy as np

def probe(module, ids, other):
    model = module.GPT(7, 4, 2, 2, 6, rng=np.random.default_rng(1))
    return {"logits": model(ids).data, "other": model(other).data,
            "count": sum(p.data.size for p in model.parameters())}
"""

CACHE = """
import numpy as np
from reference import Tensor, no_grad

def probe(module, parts, ids, cuts):
    cache = module.KVCache()
    lengths, kept = [cache.length], []
    for k, v in parts:
        kept = [t.data for t in cache.append(0, Tensor(k), Tensor(v))]
        lengths.append(cache.length)
    model = module.GPT(7, 4, 2, 2, 6, rng=np.random.default_rng(1))
    cache, pieces, filled = module.KVCache(), [], []
    with no_grad():
        for a, b in zip(cuts, cuts[1:]):
            pieces.append(model(ids[:, a:b], cache).data)
            filled.append(cache.length)
        whole = model(ids).data
    return {"lengths": lengths, "kept": kept, "pieces": pieces, "filled": filled, "whole": whole}
"""

WRITE = """
import numpy as np

def probe(module, ids, n, temperature, seed, bias, cached=False):
    model = module.GPT(len(bias), 2, 1, 1, 8, rng=np.random.default_rng(1))
    model.norm.weight.data = np.zeros(2)
    model.norm.bias.data = np.array([1.0, 0.0])
    model.head.weight.data = np.stack([bias, 0 * bias])
    rng = np.random.default_rng(seed)
    cache = module.KVCache() if cached else None
    return module.generate(model, ids, n, temperature, rng, cache)
"""


def test_positions_small(student):
    """sinusoidal_positions: sines in even columns, cosines in odd ones"""
    angle = np.array([[0.0, 0.0], [1.0, 0.01], [2.0, 0.02]])  # 10000 ** (2 / 4) is 100
    want = np.stack([np.sin(angle), np.cos(angle)], axis=-1).reshape(3, 4)
    check_close(
        student.sinusoidal_positions(3, 4),
        want.astype(np.float32),
        what="sinusoidal_positions(3, 4)",
        atol=1e-6,
        help="Columns 0 and 1 are sin t and cos t, columns 2 and 3 sin and cos of t / 100.",
        diagnoses={
            "first all sines, then all cosines": np.concatenate(
                [np.sin(angle), np.cos(angle)], 1
            ).astype(np.float32)
        },
    )
    check_raises(ValueError, student.sinusoidal_positions, 3, 5, what="sinusoidal_positions(3, 5)")


def test_rope_small(student):
    """rope turns neighbours by the angle of their position"""
    x = np.array([[1.0, 0.0, 0.0, 2.0]] * 3)
    t = np.array([0, 1, 5])
    zero = np.zeros(3)
    want = np.stack([np.cos(t), np.sin(t), -2 * np.sin(t / 100), 2 * np.cos(t / 100)], axis=1)
    check_close(
        student.rope(x, t),
        want,
        what="rope of (1, 0, 0, 2) at positions 0, 1, 5",
        rtol=1e-9,
        atol=1e-9,
        help="Pairs are columns 0 and 1, 2 and 3. (a, b) becomes (a cos - b sin, a sin + b cos); the "
        "second pair turns 100 times slower.",
        diagnoses={
            "it turns clockwise": want * [1, -1, -1, 1],
            "column i is paired with column i + D / 2": np.stack(
                [np.cos(t), -2 * np.sin(t / 100), np.sin(t) + zero, 2 * np.cos(t / 100)], axis=1
            ),
        },
    )
    check_raises(ValueError, student.rope, x[:, :3], t, what="rope of three columns")


def test_gpt_small(student):
    """a GPT gives logits for every position and does not look ahead"""
    ids = np.array([[0, 6, 2, 2, 5], [1, 1, 3, 0, 4]])
    other = ids.copy()
    other[:, 3] = 1
    found = student.probe(MODEL, ids=ids, other=other)
    check_equal(found["logits"].shape, (2, 5, 7), what="the shape of the logits (B, T, vocab)")
    check_equal(
        found["count"],
        7 * 4 + 6 * 4 + 2 * (2 * 8 + 4 * 20 + 4 * 16 + 16 + 16 * 4 + 4) + 8 + 4 * 7,
        what="the number of numbers that GPT(7, 4, 2, 2, 6) learns",
        help="28 and 24 in the tables, 244 in each block, 8 in the last norm, 28 in the head.",
    )
    before, after = (found[key] for key in ("logits", "other"))
    if not np.array_equal(before[:, :3], after[:, :3]):
        fail(
            "an id at position 3 changes logits before it.",
            help="Give causal_mask(T, T) to every block.",
        )
    if np.array_equal(before[:, 3:], after[:, 3:]):
        fail("an id at position 3 changes nothing.", help="A position sees itself.")
    check_raises(
        ValueError, student.probe, MODEL, ids=np.zeros((1, 7), np.int64), other=ids,
        what="GPT with context 6 on 7 positions",
    )  # fmt: skip


def test_cache_small(student):
    """a KVCache keeps keys and values, and a GPT goes on with them"""
    rng = np.random.default_rng(4)
    k, v = rng.standard_normal((2, 1, 2, 5, 3))
    cuts = (0, 2, 3, 5)
    parts = [(k[:, :, a:b].copy(), v[:, :, a:b].copy()) for a, b in pairwise(cuts)]
    ids = np.array([[0, 6, 2, 2, 5], [1, 1, 3, 0, 4]])
    found = student.probe(CACHE, parts=parts, ids=ids, cuts=cuts)
    check_equal(found["lengths"], [0, 2, 3, 5], what="cache.length after 2, 1 and 2 positions")
    for got, want, name in zip(found["kept"], (k, v), "kv", strict=True):
        check_close(
            np.ascontiguousarray(got), want, what=f"{name} of append after three parts",
            help="All positions so far, joined along axis 2.",
        )  # fmt: skip
    check_equal(found["filled"], [2, 3, 5], what="cache.length after the model read 2, 1 and 2 ids")
    check_close(
        np.concatenate(found["pieces"], axis=1),
        found["whole"],
        what="the logits through a cache in three parts, beside those of the whole",
        atol=1e-4,
        help="The new ids stand at positions cache.length and on; their mask is causal_mask(t, length "
        "+ t); each layer appends its keys and values before it attends.",
    )


def test_generate_small(student):
    """generate writes on, one draw for each row and id"""
    bias = np.array([0.0, math.log(2.0), math.log(5.0)])  # p = 1/8, 2/8, 5/8
    ids = np.array([[2, 0, 1], [1, 1, 2]])
    u = np.random.default_rng(3).random((4, 2))
    new = np.searchsorted([1 / 8, 3 / 8], u, side="right").T
    for cached in (False, True):
        found = student.probe(
            WRITE, ids=ids, n=4, temperature=1.0, seed=3, bias=bias, cached=cached
        )
        check_close(
            found,
            np.concatenate([ids, new], axis=1),
            what="two rows and four ids more, from p = 1/8, 2/8, 5/8" + cached * ", with a cache",
            help="One u = rng.random() for row 0, one for row 1, then the next id: the first index "
            "whose cumulative sum is above u.",
        )
    found = student.probe(WRITE, ids=ids, n=2, temperature=0, seed=3, bias=bias)
    check_close(found[:, 3:], np.full((2, 2), 2), what="generate at temperature 0")
    check_raises(
        ValueError, student.probe, WRITE, ids=ids, n=6, temperature=1.0, seed=3, bias=bias,
        what="generate of 3 + 6 positions with context 8",
    )  # fmt: skip
