"""Public checks of attention in tiles, in the order to build."""

import math

import numpy as np

from grader.check import check_close, check_equal, fail

F64 = np.float64


def small(rng, Tq, Tk, D=4):
    return [rng.standard_normal((1, 1, T, D)) for T in (Tq, Tk, Tk, Tq)]


def plain(q, k, v, causal=False):
    """Attention with the whole matrix of scores: (o, lse)."""
    s = q @ k.swapaxes(-1, -2) / math.sqrt(q.shape[-1])
    if causal:
        Tq, Tk = s.shape[2:]
        s = np.where(np.tri(Tq, Tk, Tk - Tq, dtype=bool), s, -np.inf)
    top = s.max(axis=-1, keepdims=True)
    total = np.exp(s - top).sum(axis=-1, keepdims=True)
    return (np.exp(s - top) / total) @ v, (top + np.log(total))[..., 0]


def compare(found, want, what, help=""):
    if type(found) not in (tuple, list) or len(found) != len(want):
        fail(f"{what} should return a tuple of {len(want)} arrays.")
    for name, got, right in zip(("o", "lse"), found, want, strict=True):
        check_close(got, right, what=f"{name} of {what}", rtol=1e-9, atol=1e-9, help=help)


def test_forward_small(student, rng):
    """two queries, three keys, one key a block"""
    q, k, v, _ = small(rng, 2, 3)
    compare(
        student.flash_attention_forward(q, k, v, 2, 1, False),
        plain(q, k, v),
        "flash_attention_forward(q, k, v, 2, 1, False)",
        "For each block of keys: scores = q k^T / sqrt(D), their exponentials, and two sums: of the "
        "exponentials, and of the exponentials times v. At the end the one divides the other.",
    )


def test_rescale_small(student, rng):
    """a larger score in a later block shrinks what was summed"""
    q, v = np.ones((1, 1, 1, 1)), np.array([1.0, 10.0, 100.0]).reshape(1, 1, 3, 1)
    for scores in ([0.0, 1.0, 2.0], [2.0, 1.0, 0.0], [0.0, 800.0, 1.0]):
        k = np.array(scores).reshape(1, 1, 3, 1)
        compare(
            student.flash_attention_forward(q, k, v, 1, 1, False),
            plain(q, k, v),
            f"flash_attention_forward with the scores {scores}, one a block",
            "Keep the largest score so far. When it rises from a to b, both sums so far are "
            "multiplied by exp(a - b).",
        )


def test_causal_small(student, rng):
    """the last query sees every key, each one before it one less"""
    q, k, v, _ = small(rng, 3, 5)
    compare(
        student.flash_attention_forward(q, k, v, 2, 2, True),
        plain(q, k, v, True),
        "flash_attention_forward of 3 queries and 5 keys, causal",
        "Query i sees key j if j <= i + Tk - Tq; here the first query sees three keys. i and j count "
        "from the start of the whole, not of the block.",
    )


def test_unseen_small(student, rng):
    """a query that sees nothing: o = 0 and lse = -inf"""
    q, k, v, _ = small(rng, 3, 1)
    o, lse = student.flash_attention_forward(q, k, v, 2, 2, True)
    want, want_lse = plain(q[:, :, 2:], k, v)
    compare(
        (o, lse),
        (
            np.concatenate([np.zeros((1, 1, 2, 4)), want], axis=2),
            np.concatenate([np.full((1, 1, 2), -np.inf), want_lse], axis=2),
        ),
        "flash_attention_forward of 3 queries and 1 key, causal",
        "Where every score is -inf, so is the largest one: subtract 0 instead, and do not divide by 0.",
    )
    check_equal([text for _, text in student.warnings], [], what="the warnings of that call")


def grads(student, q, k, v, do, causal, bq, bk):
    o, lse = plain(q, k, v, causal)
    found = student.flash_attention_backward(do, q, k, v, o, lse, bq, bk, causal)
    if type(found) not in (tuple, list) or len(found) != 3:
        fail("flash_attention_backward should return (dq, dk, dv).")
    return found


def differences(q, k, v, do, causal):
    """The gradients by differences of the plain formula."""
    wanted = []
    for x in (q, k, v):
        g = np.zeros(x.shape)
        for place in np.ndindex(x.shape):
            kept, sides = x[place], []
            for step in (1e-5, -1e-5):
                x[place] = kept + step
                sides.append((plain(q, k, v, causal)[0] * do).sum())
            x[place] = kept
            g[place] = (sides[0] - sides[1]) / 2e-5
        wanted.append(g)
    return wanted


def test_backward_small(student, rng):
    """dq, dk and dv agree with differences"""
    q, k, v, do = small(rng, 3, 4, 2)
    wanted = differences(q, k, v, do, False)
    found = grads(student, q, k, v, do, False, 2, 3)
    for name, got, want in zip(("dq", "dk", "dv"), found, wanted, strict=True):
        check_close(
            got, want, what=name, rtol=1e-6, atol=1e-7,
            help="p = exp(s - lse) is the probability itself. dv = p^T do; dp = do v^T; "
            "ds = p (dp - rowsum(do o)); then through s = q k^T / sqrt(D).",
        )  # fmt: skip


def test_backward_causal_small(student, rng):
    """hidden pairs pass no gradient, a lone query neither"""
    q, k, v, do = small(rng, 3, 4, 2)
    wanted = differences(q, k, v, do, True)
    found = grads(student, q, k, v, do, True, 2, 3)
    for name, got, want in zip(("dq", "dk", "dv"), found, wanted, strict=True):
        check_close(
            got, want, what=f"{name}, causal", rtol=1e-6, atol=1e-7,
            help="Hide the same pairs as on the way forward, before the exponential.",
        )  # fmt: skip


COUNT = """
import tracemalloc
import numpy as np

def probe(module, T, way):
    rng = np.random.default_rng(0)
    q, k, v, do = (rng.standard_normal((1, 1, T, 8)).astype(np.float32) for _ in range(4))
    lse = np.full((1, 1, T), 5.0, np.float32)
    if way == "forward":
        call = lambda: module.flash_attention_forward(q, k, v, 32, 32, False)
    else:
        call = lambda: module.flash_attention_backward(do, q, k, v, do, lse, 32, 32, False)
    call()
    tracemalloc.start()
    before = tracemalloc.get_traced_memory()[0]
    tracemalloc.reset_peak()
    found = call()
    beyond = tracemalloc.get_traced_memory()[1] - before - sum(x.nbytes for x in found)
    tracemalloc.stop()
    return beyond
"""


def test_memory_small(student, rng):
    """twice the queries and keys take no larger temporaries"""
    for way in ("forward", "backward"):
        once, twice = (student.probe(COUNT, T=T, way=way) for T in (256, 512))
        if twice - once > 16_000:
            fail(
                f"flash_attention_{way} takes {once:,} bytes of temporary arrays for 256 queries and "
                f"keys, and {twice:,} for 512.",
                help="Only tiles and sums of a block's rows may exist besides the results.",
            )
