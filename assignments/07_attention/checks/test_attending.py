"""Public checks of masks, attention, norm, heads and blocks, in the order a learner builds."""

import numpy as np

from grader.check import check_close, check_equal, check_raises, fail

ATTEND = """
from reference import Tensor

def probe(module, q, k, v, mask=None):
    given = [Tensor(a, requires_grad=True) for a in (q, k, v)]
    out, probs = module.attention(*given, mask)
    for t in (out, probs):
        if not isinstance(t, Tensor):
            raise TypeError(f"attention of Tensors returned {type(t).__name__}")
    (out * out).sum().backward()
    return {"out": out.data, "probs": probs.data,
            "grads": [None if t.grad is None else t.grad.data for t in given]}
"""

NORM = """
from reference import Tensor

def probe(module, x, weight, bias):
    norm = module.LayerNorm(x.shape[-1])
    fresh = [norm.weight.data.copy(), norm.bias.data.copy()]
    norm.weight.data, norm.bias.data = weight, bias
    return {"y": norm(Tensor(x)).data, "fresh": fresh}
"""

HEADS = """
import numpy as np
from reference import Tensor

def probe(module, dim, heads, x, context=None, mask=None):
    mha = module.MultiHeadAttention(dim, heads, rng=np.random.default_rng(3))
    for p in mha.parameters():
        p.data = p.data.astype(np.float64) + 0.05
    y = mha(Tensor(x), None if context is None else Tensor(context), mask)
    parts = {name: [getattr(mha, name).weight.data, getattr(mha, name).bias.data]
             for name in ("q_proj", "k_proj", "v_proj", "out_proj")}
    return {"y": y.data, "parts": parts, "count": sum(p.data.size for p in mha.parameters())}
"""

BLOCK = """
import numpy as np
from reference import Tensor, ops

def probe(module, x, mask):
    block = module.TransformerBlock(4, 2, 6, rng=np.random.default_rng(3))
    for p in block.parameters():
        p.data = p.data.astype(np.float64) + 0.05
    x = Tensor(x)
    middle = x + block.attn(block.norm1(x), mask=mask)
    want = middle + block.fc2(ops.gelu(block.fc1(block.norm2(middle))))
    return {"y": block(x, mask).data, "parts": want.data,
            "count": sum(p.data.size for p in block.parameters())}
"""


def near(got, want, **fields):
    check_close(got, np.asarray(want, np.float64), rtol=1e-9, atol=1e-9, **fields)


def softmax(z):
    e = np.exp(z - z.max(-1, keepdims=True))
    return e / e.sum(-1, keepdims=True)


def booleans(*rows):
    return np.array([[letter == "x" for letter in row] for row in rows])


def test_causal_mask_small(student):
    """causal_mask lets a query see what came before it"""
    check_close(
        student.causal_mask(3, 3),
        booleans("x..", "xx.", "xxx"),
        what="causal_mask(3, 3)",
        help="Row i is query i, column j is key j; a position sees itself.",
    )
    check_close(
        student.causal_mask(2, 5),
        booleans("xxxx.", "xxxxx"),
        what="causal_mask(2, 5)",
        help="Two queries after three known keys: the last query stands at the last key.",
        diagnoses={"it is aligned at the left": booleans("x....", "xx...")},
    )


def test_local_masks_small(student):
    """local_mask is a band, global_local_mask adds rows and columns"""
    check_close(
        student.local_mask(4, 1),
        booleans("xx..", "xxx.", ".xxx", "..xx"),
        what="local_mask(4, 1)",
        help="|i - j| <= 1, on both sides.",
    )
    check_close(
        student.global_local_mask(5, 0, np.array([1])),
        booleans("xx...", "xxxxx", ".xx..", ".x.x.", ".x..x"),
        what="global_local_mask(5, 0, [1])",
        help="Position 1 sees all: its row. All see position 1: its column.",
    )


def test_attention_small(student):
    """attention mixes values by how well keys fit"""
    q = np.array([[2.0, 0.0], [0.0, 0.0], [1.0, -1.0]])[None, None]
    k = np.array([[1.0, 0.0], [0.0, 1.0]])[None, None]
    v = np.array([[10.0, 0.0], [0.0, 20.0]])[None, None]
    probs = softmax(q @ k.swapaxes(-1, -2) / np.sqrt(2))
    found = student.probe(ATTEND, q=q, k=k, v=v)
    near(
        found["probs"],
        probs,
        what="probs of three queries and two keys",
        help="Scores q k^T / sqrt(D), D = 2; the softmax runs over the keys, the last axis.",
        diagnoses={
            "the scores are not divided by sqrt(D)": softmax(q @ k.swapaxes(-1, -2)),
            "the scores are divided by D": softmax(q @ k.swapaxes(-1, -2) / 2),
        },
    )
    near(
        found["out"], probs @ v, what="out", help="Each row of probs is the weights of the values."
    )
    if found["grads"][0] is None:
        fail(
            "no gradient reaches q.",
            help="Stay with Tensors and `ops` from q to out, without .data.",
        )
    check_close(
        student.attention(q, k, v)[0],
        probs @ v,
        what="out for arrays instead of Tensors",
        help="Wrap them in Tensors, call yourself, and return `.data`.",
    )


def test_attention_masked_small(student):
    """attention gives hidden keys nothing, and a blind query zeros"""
    rng = np.random.default_rng(5)
    q, k, v = rng.standard_normal((3, 1, 2, 3, 4))
    mask = booleans("x..", "xx.", "...")
    scores = q @ k.swapaxes(-1, -2) / 2
    probs = np.zeros((1, 2, 3, 3))
    probs[:, :, 0, :1] = softmax(scores[:, :, 0, :1])
    probs[:, :, 1, :2] = softmax(scores[:, :, 1, :2])
    found = student.probe(ATTEND, q=q, k=k, v=v, mask=mask)
    near(
        found["probs"],
        probs,
        what="probs where query 0 sees one key, query 1 two, query 2 none",
        help="Hide before the softmax, so that the rest sums to 1. A row of nothing but -inf gives "
        "nan: use a very low finite number, and set such a row to 0 afterwards.",
    )
    near(found["out"], probs @ v, what="out with the mask")
    for grad, name in zip(found["grads"], "qkv", strict=True):
        if grad is None or not np.isfinite(grad).all():
            fail(f"the gradient for {name} is missing or not finite.", help="nan times 0 is nan.")
    near(
        found["grads"][0][:, :, 2],
        np.zeros((1, 2, 4)),
        what="the gradient of the query that sees nothing",
    )


def test_layer_norm_small(student):
    """LayerNorm brings every row to mean 0 and variance 1"""
    x = np.array([[[1.0, 2.0, 3.0, 6.0]], [[0.0, 0.0, 0.0, 8.0]]])
    weight, bias = np.array([1.0, 2.0, 1.0, 1.0]), np.array([0.0, 0.0, 5.0, 0.0])
    found = student.probe(NORM, x=x, weight=weight, bias=bias)
    check_close(found["fresh"][0], np.ones(4, np.float32), what="a fresh weight")
    check_close(found["fresh"][1], np.zeros(4, np.float32), what="a fresh bias")
    mean, var = x.mean(-1, keepdims=True), x.var(-1, keepdims=True)
    near(
        found["y"],
        (x - mean) / np.sqrt(var + 1e-5) * weight + bias,
        what="LayerNorm(4) of two rows",
        help="Mean and variance of each row by itself, over the last axis; eps is inside the root.",
        diagnoses={
            "the variance is divided by C - 1": (x - mean)
            / np.sqrt(x.var(-1, ddof=1, keepdims=True) + 1e-5)
            * weight
            + bias
        },
    )


def heads_by_hand(parts, x, source, heads, mask=True):
    """One head after the other, on its own columns."""
    q, k, v = (
        a @ parts[n][0] + parts[n][1]
        for n, a in zip(("q_proj", "k_proj", "v_proj"), (x, source, source), strict=True)
    )
    D = x.shape[-1] // heads
    outs = []
    for h in range(heads):
        own = slice(h * D, (h + 1) * D)
        scores = q[..., own] @ k[..., own].swapaxes(-1, -2) / np.sqrt(D)
        outs.append(softmax(np.where(mask, scores, -np.inf)) @ v[..., own])
    return np.concatenate(outs, -1) @ parts["out_proj"][0] + parts["out_proj"][1]


def test_heads_small(student):
    """MultiHeadAttention cuts the columns into heads and back"""
    x = np.random.default_rng(7).standard_normal((2, 3, 6))
    for heads, mask in ((1, None), (3, None), (2, booleans("x..", "xx.", "xxx"))):
        found = student.probe(HEADS, dim=6, heads=heads, x=x, mask=mask)
        check_equal(
            found["count"],
            4 * (36 + 6),
            what=f"the number of numbers that MultiHeadAttention(6, {heads}) learns",
            help="Four Linear(6, 6) with a bias, whatever the number of heads.",
        )
        near(
            found["y"],
            heads_by_hand(found["parts"], x, x, heads, True if mask is None else mask),
            what=f"MultiHeadAttention(6, {heads})"
            + ("" if mask is None else " with a causal mask"),
            help="(B, T, dim) -> reshape (B, T, heads, D) -> transpose (B, heads, T, D); after "
            "attention the same way back, then out_proj.",
        )
    check_raises(
        ValueError, student.MultiHeadAttention, 6, 4, what="MultiHeadAttention(6, 4)",
        help="4 does not divide 6.",
    )  # fmt: skip


def test_cross_small(student):
    """MultiHeadAttention takes keys and values from a context"""
    rng = np.random.default_rng(8)
    x, context = rng.standard_normal((2, 3, 4)), rng.standard_normal((2, 5, 4))
    found = student.probe(HEADS, dim=4, heads=2, x=x, context=context)
    near(
        found["y"],
        heads_by_hand(found["parts"], x, context, 2),
        what="MultiHeadAttention(4, 2) of x (2, 3, 4) and context (2, 5, 4)",
        help="Queries from x; keys and values, both, from the context.",
    )


def test_block_small(student):
    """a TransformerBlock adds to what comes in, twice"""
    x = np.random.default_rng(9).standard_normal((2, 3, 4))
    for mask in (None, booleans("x..", "xx.", "xxx")):
        found = student.probe(BLOCK, x=x, mask=mask)
        check_equal(
            found["count"],
            2 * 8 + 4 * 20 + 30 + 28,
            what="the number of numbers that TransformerBlock(4, 2, 6) learns",
            help="Two norms of 8, four Linear of 20, fc1 with 30, fc2 with 28.",
        )
        near(
            found["y"],
            found["parts"],
            what="TransformerBlock(4, 2, 6) beside its parts",
            help="x + attn(norm1(x), mask=mask), and to that fc2(gelu(fc1(norm2(...)))).",
        )
