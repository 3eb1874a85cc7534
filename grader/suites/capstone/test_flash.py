"""Hidden checks of attention in tiles: values, gradients, sizes, extremes, side effects, the clock."""

import math

import numpy as np

from grader.check import (
    check_array,
    check_close,
    check_equal,
    check_finite,
    check_no_warnings,
    fail,
)
from grader.suites.capstone.oracles import (
    DTYPES,
    LOOSE,
    backward,
    check_grads,
    check_pair,
    draw,
    forward,
    pair,
    saved,
)
from grader.suites.capstone.programs import KEPT, STRIDED

SIZES = ((2, 3, 17, 23, 8), (1, 2, 31, 12, 5), (3, 1, 24, 24, 16))  # B, H, Tq, Tk, D
BLOCKS = ((1, 1), (13, 11), (64, 64), (5, 64), (64, 3), (12, 10))  # of 13 or 9 queries, 11 keys
FORWARD = "flash_attention_forward"
BACKWARD = "flash_attention_backward"


def blocks(rng):
    return int(rng.integers(2, 11)), int(rng.integers(2, 11))


# ---- forward --------------------------------------------------------------------------------------
def test_forward_values(student, rng):
    """o is softmax(q k^T / sqrt(D)) v, in both dtypes"""
    for dtype in DTYPES:
        for sizes in SIZES:
            q, k, v, _ = draw(rng, dtype, *sizes)
            bq, bk = blocks(rng)
            check_pair(
                student.flash_attention_forward(q, k, v, bq, bk, False),
                q, k, v, False,
                what=f"{FORWARD} of q {q.shape}, k {k.shape} in blocks ({bq}, {bk})",
                help="When a later block raises the largest score, what was summed so far shrinks by "
                "exp(old - new): the sum of weights and the sum of values alike.",
                diagnoses={
                    "the scores are not divided by sqrt(D)": lambda q=q, k=k, v=v: forward(
                        q * math.sqrt(q.shape[3]), k, v, False
                    )[0].astype(q.dtype),
                    "the scores are divided by D, it is sqrt(D)": lambda q=q, k=k, v=v: forward(
                        q / math.sqrt(q.shape[3]), k, v, False
                    )[0].astype(q.dtype),
                },
            )  # fmt: skip


def test_forward_causal(student, rng):
    """causal: query i sees the keys j <= i + Tk - Tq, whatever the blocks"""
    for dtype in DTYPES:
        for Tq, Tk in ((19, 19), (7, 20), (1, 13)):
            q, k, v, _ = draw(rng, dtype, 2, 2, Tq, Tk, 8)
            bq, bk = blocks(rng)
            check_pair(
                student.flash_attention_forward(q, k, v, bq, bk, True),
                q, k, v, True,
                what=f"{FORWARD}, causal, of {Tq} queries and {Tk} keys in blocks ({bq}, {bk})",
                help="The last query sees every key. A block that lies across the diagonal is hidden "
                "in part, one beyond it is left out.",
            )  # fmt: skip


def test_forward_blocks(student, rng):
    """blocks of one, blocks that divide nothing, blocks larger than everything: the same result"""
    for causal, Tq in ((False, 13), (True, 9)):
        q, k, v, _ = draw(rng, np.float64, 1, 2, Tq, 11, 4)
        for bq, bk in BLOCKS:
            check_pair(
                student.flash_attention_forward(q, k, v, bq, bk, causal),
                q, k, v, causal,
                what=f"{FORWARD} of {Tq} queries, 11 keys, blocks ({bq}, {bk}), causal={causal}",
                help="The last block of either side may be shorter than the others.",
            )  # fmt: skip


def test_lse_values(student, rng):
    """lse is the natural logarithm of each row's sum of exponentials"""
    for dtype in DTYPES:
        for scale in (1.0, 4.0):
            q, k, v, _ = draw(rng, dtype, 2, 1, 9, 21, 8, scale)
            _, want, _ = forward(q, k, v, False)
            _, got = pair(student.flash_attention_forward(q, k, v, 4, 5, False), 2, FORWARD)
            check_close(
                got, want.astype(dtype), what="lse", rtol=LOOSE[dtype],
                atol=LOOSE[dtype] * float(np.abs(want).max()),
                help="The largest score of a row, plus the logarithm of the sum of exp(score - largest).",
                diagnoses={
                    "this is the sum of exp(score - largest), not its logarithm with the largest": (
                        np.exp(want - largest(q, k)).astype(dtype)
                    ),
                    "the largest score is left out": (want - largest(q, k)).astype(dtype),
                    "this is a logarithm to base 2": (want / math.log(2)).astype(dtype),
                },
            )  # fmt: skip


def largest(q, k):
    s = np.einsum("bhid,bhjd->bhij", q.astype(np.float64), k.astype(np.float64))
    return s.max(axis=-1) / math.sqrt(q.shape[3])


def test_unseen_rows(student, rng):
    """a query that sees nothing: o = 0, lse = -inf, no gradient, and no warning"""
    for dtype in DTYPES:
        q, k, v, do = draw(rng, dtype, 2, 2, 14, 6, 4)  # the first 8 queries come before all keys
        for bq, bk in ((4, 4), (16, 16), (1, 3)):
            what = f"{FORWARD}, causal, 14 queries and 6 keys in blocks ({bq}, {bk})"
            found = student.flash_attention_forward(q, k, v, bq, bk, True)
            check_no_warnings(student, what=what)
            check_pair(
                found, q, k, v, True, what=what,
                help="Where the largest score is -inf, subtract 0 in its place: -inf - -inf is NaN.",
            )  # fmt: skip
            o, lse = saved(q, k, v, True)
            what = what.replace("forward", "backward")
            grads = student.flash_attention_backward(do, q, k, v, o, lse, bq, bk, True)
            check_no_warnings(student, what=what)
            check_grads(
                grads, backward(do, q, k, v, True), dtype, what=what,
                help="Where lse is -inf, every probability is 0: exp(s - lse) is not.",
            )  # fmt: skip


# ---- backward -------------------------------------------------------------------------------------
def grads_of(student, rng, dtype, sizes, causal, bq, bk, **help):
    q, k, v, do = draw(rng, dtype, *sizes)
    o, lse = saved(q, k, v, causal)
    wanted = backward(do, q, k, v, causal)
    root = math.sqrt(q.shape[3])
    check_grads(
        student.flash_attention_backward(do, q, k, v, o, lse, bq, bk, causal),
        wanted, dtype,
        what=f"{BACKWARD} of q {q.shape}, k {k.shape} in blocks ({bq}, {bk}), causal={causal}",
        diagnoses={
            "dq": {"dq is sqrt(D) times too large: the scores were divided by it": (wanted[0] * root).astype(dtype)},
            "dk": {"dk is sqrt(D) times too large: the scores were divided by it": (wanted[1] * root).astype(dtype)},
        },
        **help,
    )  # fmt: skip


def test_backward_values(student, rng):
    """dq, dk and dv, in both dtypes"""
    for dtype in DTYPES:
        for sizes in SIZES:
            grads_of(
                student, rng, dtype, sizes, False, *blocks(rng),
                help="dv = p^T do; dp = do v^T; ds = p (dp - rowsum(do o)) / sqrt(D); dq = ds k, "
                "dk = ds^T q, where p = exp(s - lse). Every block of the other side adds its share.",
            )  # fmt: skip


def test_backward_causal(student, rng):
    """causal gradients: nothing flows between a query and a later key"""
    for dtype in DTYPES:
        for Tq, Tk in ((19, 19), (7, 20), (1, 13)):
            grads_of(
                student, rng, dtype, (2, 2, Tq, Tk, 8), True, *blocks(rng),
                help="Hide the same pairs as on the way forward.",
            )  # fmt: skip


def test_backward_blocks(student, rng):
    """gradients in blocks of one, ragged blocks, blocks larger than everything"""
    for causal in (False, True):
        for bq, bk in BLOCKS:
            grads_of(
                student, rng, np.float64, (1, 2, 9 if causal else 13, 11, 4), causal, bq, bk,
                help="The last block of either side may be shorter than the others.",
            )  # fmt: skip


def test_any_strides(student, rng):
    """arrays of any strides: transposed, with gaps, backwards"""
    for way in range(3):
        for dtype in DTYPES:
            q, k, v, do = draw(rng, dtype, 2, 3, 11, 14, 4)
            o, lse = saved(q, k, v, True)
            out, grads = student.probe(
                STRIDED, q=q, k=k, v=v, do=do, o=o, lse=lse, way=way, causal=True
            )
            help = "Index by axis; do not reshape memory that may jump."
            check_pair(out, q, k, v, True, what=f"{FORWARD} of strided arrays", help=help)
            check_grads(
                grads, backward(do, q, k, v, True), dtype,
                what=f"{BACKWARD} of strided arrays", help=help,
            )  # fmt: skip


# ---- properties -------------------------------------------------------------------------------------
def test_extreme_scores(student, rng):
    """scores of thousands, and rows that rise or fall from block to block: finite, right, no warning"""
    for order in (1, -1):
        for dtype in DTYPES:
            q, k, v, do = draw(rng, dtype, 1, 2, 6, 20, 4)
            q, k = np.abs(q) + 1, np.abs(k)
            # Sorted keys: the largest score comes last, or first. Far apart: one key takes all.
            k = np.sort(k, axis=2)[:, :, ::order] * np.array(60, dtype)
            k = np.ascontiguousarray(k)
            found = student.flash_attention_forward(q, k, v, 4, 3, False)
            check_no_warnings(student, what=FORWARD)
            o, lse, _ = forward(q, k, v, False)
            got_o, got_lse = pair(found, 2, FORWARD)
            check_finite(got_o, what="o of large scores")
            loose = {np.float32: 2e-3, np.float64: 1e-9}[dtype]
            check_close(
                got_o, o.astype(dtype), what="o of large scores", rtol=loose, atol=loose,
                help="Subtract the largest score seen so far before taking exponentials.",
            )  # fmt: skip
            check_close(got_lse, lse.astype(dtype), what="lse of large scores", rtol=loose)
            grads = student.flash_attention_backward(
                do, q, k, v, o.astype(dtype), lse.astype(dtype), 4, 3, False
            )
            check_no_warnings(student, what=BACKWARD)
            for name, got in zip(("dq", "dk", "dv"), pair(grads, 3, BACKWARD), strict=True):
                check_finite(got, what=f"{name} of large scores")


def test_sizes_of_one(student, rng):
    """one query, one key, one feature, one head"""
    for sizes in ((1, 1, 1, 1, 1), (1, 1, 5, 1, 3), (2, 1, 1, 5, 1), (1, 3, 1, 1, 4)):
        for causal in (False, True):
            q, k, v, do = draw(rng, np.float64, *sizes)
            what = f"{FORWARD} of q {q.shape}, k {k.shape}, causal={causal}"
            check_pair(
                student.flash_attention_forward(q, k, v, 2, 2, causal), q, k, v, causal, what=what
            )
            o, lse = saved(q, k, v, causal)
            check_grads(
                student.flash_attention_backward(do, q, k, v, o, lse, 2, 2, causal),
                backward(do, q, k, v, causal), np.float64, what=what.replace("forward", "backward"),
            )  # fmt: skip


def test_slopes(student, rng):
    """the gradients promise the slope that the outputs have"""
    q, k, v, do = draw(rng, np.float64, 1, 2, 10, 15, 6)
    ways = [rng.standard_normal(x.shape) for x in (q, k, v)]
    o, lse = pair(student.flash_attention_forward(q, k, v, 4, 7, True), 2, FORWARD)
    check_array(o, q.shape, np.float64, what="o")
    eps = 1e-5

    def moved(sign):
        shifted = [x + sign * eps * way for x, way in zip((q, k, v), ways, strict=True)]
        return (forward(*shifted, True)[0] * do).sum()

    slope = (moved(1) - moved(-1)) / (2 * eps)
    grads = pair(student.flash_attention_backward(do, q, k, v, o, lse, 4, 7, True), 3, BACKWARD)
    promised = 0.0
    for x, g, way in zip((q, k, v), grads, ways, strict=True):
        check_array(g, x.shape, np.float64, what="a gradient")
        promised += float((g * way).sum())
    if not abs(promised - slope) <= 1e-6 * (1 + abs(slope)):
        fail(
            f"along a random direction the gradients promise a slope of {promised:.8g}, the output "
            f"has {slope:.8g}.",
            help="This uses your own o and lse: is lse what the backward pass takes it for?",
        )


# ---- hygiene ----------------------------------------------------------------------------------------
def test_inputs_unchanged(student, rng):
    """neither pass changes what it was given"""
    q, k, v, do = draw(rng, np.float32, 2, 2, 9, 7, 4)
    o, lse = saved(q, k, v, True)
    check_equal(
        student.probe(KEPT, q=q, k=k, v=v, do=do, o=o, lse=lse),
        [],
        what="what was changed",
        help="A slice is a view: `q[...] *= scale` writes into the argument.",
    )


def test_dtype_kept(student, rng):
    """results have the dtype and the shapes that were given"""
    for dtype in DTYPES:
        q, k, v, do = draw(rng, dtype, 1, 2, 5, 8, 4)
        o, lse = pair(student.flash_attention_forward(q, k, v, 2, 3, True), 2, FORWARD)
        check_array(o, q.shape, dtype, what="o")
        check_array(lse, q.shape[:3], dtype, what="lse")
        o, lse = saved(q, k, v, True)
        grads = student.flash_attention_backward(do, q, k, v, o, lse, 2, 3, True)
        for name, got, like in zip(
            ("dq", "dk", "dv"), pair(grads, 3, BACKWARD), (q, k, v), strict=True
        ):
            check_array(got, like.shape, dtype, what=name)


# ---- performance ------------------------------------------------------------------------------------
B, H, T, D, BLOCK = 2, 4, 512, 64, 128


def test_forward_speed(bench, rng):
    """forward at (2, 4, 512, 64) takes no longer than the course's own"""

    def release(rng):
        return draw(rng, np.float32, B, H, T, T, D)[:3]

    def check(released, result, read):
        q, k, v = (x[:1, :1] for x in released)
        o, lse = pair(result, 2, FORWARD)
        check_array(o, (B, H, T, D), np.float32, what="the timed o")
        check_array(lse, (B, H, T), np.float32, what="the timed lse")
        check_pair((o[:1, :1], lse[:1, :1]), q, k, v, True, what=f"the timed {FORWARD}")

    bench.compare(
        FORWARD, staged=(), release=release, check=check,
        arguments=lambda staged, released: (*released, BLOCK, BLOCK, True),
    )  # fmt: skip


def test_backward_speed(bench, rng):
    """backward at (2, 4, 512, 64) takes no longer than the course's own"""

    def release(rng):
        q, k, v, do = draw(rng, np.float32, B, H, T, T, D)
        # One head is checked, and has its own o and lse; the others are only work.
        o, lse = do.copy(), np.full((B, H, T), 7, np.float32)
        o[:1, :1], lse[:1, :1] = saved(q[:1, :1], k[:1, :1], v[:1, :1], True)
        return do, q, k, v, o, lse

    def check(released, result, read):
        do, q, k, v = (x[:1, :1] for x in released[:4])
        grads = pair(result, 3, BACKWARD)
        for name, got in zip(("dq", "dk", "dv"), grads, strict=True):
            check_array(got, (B, H, T, D), np.float32, what=f"the timed {name}")
        check_grads(
            [g[:1, :1] for g in grads], backward(do, q, k, v, True), np.float32,
            what=f"the timed {BACKWARD}",
        )  # fmt: skip

    bench.compare(
        BACKWARD, staged=(), release=release, check=check,
        arguments=lambda staged, released: (*released, BLOCK, BLOCK, True),
    )  # fmt: skip
