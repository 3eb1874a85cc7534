"""Hidden checks of masks, and of attention on Tensors and on arrays."""

import numpy as np

from grader.check import check_array, check_close, check_no_warnings, fail
from grader.suites.attention.oracles import (
    DTYPES,
    attention,
    causal,
    check_values,
    part,
    slopes,
    turned,
)
from grader.suites.attention.programs import ATTEND, PARTS

SIZES = ((1, 1, 1, 1, 1), (2, 3, 4, 4, 5), (1, 2, 3, 6, 4), (3, 1, 5, 2, 2))  # B, H, Tq, Tk, D


# ---- masks ----------------------------------------------------------------------------------------
def test_causal_mask_values(student, rng):
    """causal_mask: right-aligned, for any two lengths"""
    for Tq, Tk in ((4, 4), (1, 1), (1, 7), (3, 8), (5, 2), (6, 1), (33, 40)):
        left = np.arange(Tk) <= np.arange(Tq)[:, None]
        check_close(
            student.causal_mask(Tq, Tk),
            causal(Tq, Tk),
            what=f"causal_mask({Tq}, {Tk})",
            help="j <= i + Tk - Tq: the last query sees every key.",
            diagnoses={
                "it is aligned at the left: the first query at the first key.": left,
                "True and False have changed places.": ~causal(Tq, Tk),
                "a position does not see itself.": np.arange(Tk) < np.arange(Tq)[:, None] + Tk - Tq,
            },
        )


def band(T, window):
    return np.array([[abs(i - j) <= window for j in range(T)] for i in range(T)])


def test_local_mask_values(student, rng):
    """local_mask: |i - j| <= window, window 0 too"""
    for T, window in ((1, 0), (5, 0), (6, 1), (7, 3), (4, 9), (int(rng.integers(9, 20)), 2)):
        check_close(
            student.local_mask(T, window),
            band(T, window),
            what=f"local_mask({T}, {window})",
            help="Both sides, and the distance `window` itself still counts.",
            diagnoses={
                "the distance `window` itself is left out.": band(T, window - 1),
                "it only looks back.": band(T, window) & np.tri(T, dtype=bool),
            },
        )


def test_global_mask_values(student, rng):
    """global_local_mask: the band, and whole rows and columns"""
    for T, window, count in ((1, 0, 1), (6, 1, 2), (9, 2, 1), (8, 0, 3), (7, 1, 0), (12, 3, 4)):
        ids = rng.choice(T, count, replace=False).astype(np.int64)
        rows, columns = band(T, window), band(T, window)
        for i in ids.tolist():
            rows[i] = True
            columns[:, i] = True
        check_close(
            student.global_local_mask(T, window, ids),
            rows | columns,
            what=f"global_local_mask({T}, {window}, {ids.tolist()})",
            help="A global position sees all and is seen by all.",
            diagnoses={
                "global positions see all, and are not seen by all.": rows,
                "global positions are seen by all, and do not see all.": columns,
            },
        )


# ---- attention ---------------------------------------------------------------------------------------
def drawn(sizes, rng, dtype):
    """(q, k, v, g) for sizes (B, H, Tq, Tk, D), with scores of a few units."""
    B, H, Tq, Tk, D = sizes
    shapes = ((B, H, Tq, D), (B, H, Tk, D), (B, H, Tk, D), (B, H, Tq, D))
    return [(1.5 * rng.standard_normal(shape)).astype(dtype) for shape in shapes]


def check_attention(student, sizes, rng, dtype, mask=None, word=""):
    """Values and every gradient of one call on Tensors."""
    q, k, v, g = drawn(sizes, rng, dtype)
    exact = {name: a.astype(np.float64) for name, a in zip("qkv", (q, k, v), strict=True)}
    found = student.probe(ATTEND, q=q, k=k, v=v, mask=mask, g=g)
    shown = f"attention of q {q.shape}, k {k.shape}{word}"
    want, probs = attention(**exact, mask=mask)

    def wrong(place, *twists):
        return {WORDS[twist]: attention(**exact, mask=mask, twist=twist)[place] for twist in twists}

    twists = ("unscaled", "by D", "over queries") + (
        () if mask is None else ("uniform", "inverted")
    )
    for place, (key, right) in enumerate((("probs", probs), ("out", want))):
        check_values(
            found[key],
            right,
            dtype,
            terms=16 * (sizes[3] + sizes[4]),
            scale=2.0,
            what=f"{key} of {shown}",
            help="softmax(q k^T / sqrt(D)) over the keys, hidden ones left out, times v.",
            diagnoses=wrong(1 - place, *twists),
        )
    total = slopes(lambda values: (g * attention(**values, mask=mask)[0]).sum(), exact)
    for name, slope in total.items():
        check_values(
            part(found, name, f"out of {shown}"),
            slope,
            dtype,
            terms=64 * (sizes[2] + sizes[3] + sizes[4]),
            scale=8.0,
            what=f"the gradient of {shown} for {name}",
            help="Let the ops of `reference` build the graph; `.data` on the way cuts it.",
        )
    return found


WORDS = {
    "unscaled": "the scores are not divided by sqrt(D).",
    "by D": "the scores are divided by D: it is sqrt(D).",
    "over queries": "the softmax runs over the queries: it runs over the keys, the last axis.",
    "uniform": "a row that may attend to nothing attends to all equally: it must be 0.",
    "inverted": "the mask is read the wrong way round: True = may attend.",
}


def test_attention_values(student, rng):
    """attention: out, probs and every gradient without a mask"""
    for sizes in SIZES:
        for dtype in DTYPES:
            check_attention(student, sizes, rng, dtype)


def seeing(shape, rng, Tk):
    """A random mask in which every row sees something."""
    mask = rng.random(shape) < 0.5
    if shape[-1] == 1:
        return np.ones(shape, bool)
    mask[..., 0] |= ~mask.any(-1)
    return mask


def test_attention_masked(student, rng):
    """attention: masks of every shape that broadcasts, and every gradient"""
    for sizes in SIZES[1:]:
        B, H, Tq, Tk, _ = sizes
        for shape in (
            (Tq, Tk), (B, H, Tq, Tk), (B, 1, Tq, Tk), (1, H, Tq, Tk), (B, 1, 1, Tk), (Tk,),
            (H, 1, Tk), (1, 1, Tq, 1),
        ):  # fmt: skip
            check_attention(
                student, sizes, rng, DTYPES[int(rng.integers(2))], seeing(shape, rng, Tk),
                f" and a mask {shape}",
            )  # fmt: skip


def test_blind_rows(student, rng):
    """attention: a row that may attend to nothing has probs 0, out 0 and no gradient"""
    for sizes in SIZES:
        B, H, Tq, Tk, _ = sizes
        for dtype in DTYPES:
            for kind in ("one row", "all", "a batch row", "causal"):
                mask = seeing((B, H, Tq, Tk), rng, Tk)
                if kind == "one row":
                    mask[:, :, int(rng.integers(Tq))] = False
                elif kind == "all":
                    mask[:] = False
                elif kind == "a batch row":
                    mask = np.ones((B, 1, 1, Tk), bool)
                    mask[int(rng.integers(B))] = False
                else:
                    mask = causal(Tq, Tk)
                found = check_attention(
                    student, sizes, rng, dtype, mask, " where a row sees nothing"
                )
                check_no_warnings(
                    student,
                    what="attention where a row sees nothing",
                    help="-inf minus -inf and 0 / 0 are nan: hide with a low finite number.",
                )
                blind = ~np.broadcast_to(mask, (B, H, Tq, Tk)).any(-1)
                for key in ("probs", "out", "q"):
                    if np.any(found[key][blind] != 0):
                        fail(
                            f"{'the gradient for q' if key == 'q' else key} is "
                            f"{found[key][blind].ravel()[0]:g} in a row that may attend to nothing, "
                            "it should be 0.",
                            help="Equal weights for all that is hidden are not nothing.",
                        )


def test_arrays_too(student, rng):
    """attention and rope: arrays give arrays"""
    for dtype in DTYPES:
        q, k, v, _ = drawn((2, 2, 3, 4, 2), rng, dtype)
        for mask in (None, causal(3, 4)):
            found = student.attention(q, k, v) if mask is None else student.attention(q, k, v, mask)
            if type(found) is not tuple or len(found) != 2:
                fail("attention of arrays returns something else than (out, probs).")
            wide = [a.astype(np.float64) for a in (q, k, v)]
            for got, want, name in zip(
                found, attention(*wide, mask), ("out", "probs"), strict=True
            ):
                check_values(got, want, dtype, terms=64, what=f"{name} of attention of arrays")
        x = rng.standard_normal((3, 5, 4)).astype(dtype)
        places = rng.integers(0, 20, 5)
        check_values(
            student.rope(x, places),
            turned(x.astype(np.float64), places),
            dtype,
            terms=60,
            what="rope of an array",
        )


def test_scores_extreme(student, rng):
    """attention: scores of 10,000 and more are finite, right and without a warning"""
    for dtype in DTYPES:
        for mask in (None, causal(4, 4)):
            for kind in ("low", "high", "mixed"):
                # Integers and sqrt(D) = 2, so that the scores are exact.
                q, k, v, g = (
                    np.rint(4 * a).astype(dtype) for a in drawn((2, 2, 4, 4, 4), rng, dtype)
                )
                q[..., 0] = 1
                k[..., 0] = -40000 if kind == "low" else 40000
                if kind == "mixed":  # what a query may not see fits it best
                    k[..., 0] = rng.permutation(40000 * np.arange(-2, 2)).astype(dtype)
                    k[..., 3, 0] = 80000
                found = student.probe(ATTEND, q=q, k=k, v=v, mask=mask, g=g)
                check_no_warnings(
                    student,
                    what="attention with scores of 20,000",
                    help="Subtract the largest score of each row, or take ops.softmax.",
                )
                out, probs = attention(*(a.astype(np.float64) for a in (q, k, v)), mask)
                for key, want in (("probs", probs), ("out", out)):
                    check_values(
                        found[key],
                        want,
                        dtype,
                        terms=1000,
                        what=f"{key} of attention with scores of 20,000",
                        help="What is hidden must get nothing, however low the others' scores are: "
                        "-10,000 is not low enough.",
                    )


# ---- properties: bit by bit, and under permutations ----------------------------------------------------
PAST = (
    PARTS
    + """
def outputs(module, name, layer, data, mask, change=None, t=0):
    data = [a.copy() for a in data]
    if change is not None:
        for a in data:
            if name == "attention":
                a[:, :, t:] += change
            elif name == "GPT":
                a[:, t:] = (a[:, t:] + 1) % 9
            else:
                a[:, t:] += change
    with no_grad():
        if name == "attention":
            return module.attention(*data, mask)[0]
        if name == "GPT":
            return layer(data[0]).data
        return layer(Tensor(data[0]), mask=mask).data

def probe(module, name, data, changes, mask, seed):
    rng = np.random.default_rng(seed)
    layer = None
    if name == "GPT":
        layer = module.GPT(9, 8, 2, 2, 12, rng=rng)
    elif name == "MultiHeadAttention":
        layer = module.MultiHeadAttention(8, 2, rng=rng)
    elif name == "TransformerBlock":
        layer = module.TransformerBlock(8, 2, 16, rng=rng)
    before = outputs(module, name, layer, data, mask)
    after = [outputs(module, name, layer, data, mask, change, t) for t, change in changes]
    return {"before": before, "after": after}
"""
)


def test_past_only(student, rng):
    """what comes later changes nothing before it by a single bit"""
    B, H, T, D = 2, 2, 10, 4
    mask = causal(T, T)
    for name in ("attention", "MultiHeadAttention", "TransformerBlock", "GPT"):
        for dtype in DTYPES:
            shape = (B, H, T, D) if name == "attention" else (B, T, H * D)
            data = [rng.standard_normal(shape).astype(dtype) for _ in range(3)]
            data = data if name == "attention" else data[:1]
            if name == "GPT":
                data = [rng.integers(0, 9, (B, T))]
            changes = [(t, dtype(c)) for t in (1, 4, T - 1) for c in (0.3, 30.0, -1000.0)]
            found = student.probe(
                PAST, name=name, data=data, changes=changes, mask=mask,
                seed=int(rng.integers(1 << 40)),
            )  # fmt: skip
            for (t, _), after in zip(changes, found["after"], strict=True):
                early = (slice(None), slice(None), slice(0, t))
                early = early if name == "attention" else (slice(None), slice(0, t))
                if not np.array_equal(found["before"][early], after[early]):
                    fail(
                        f"what changes from position {t} on changes the output of {name} before it.",
                        help="A hidden score must leave no trace, not even in the maximum that is "
                        "subtracted; and nothing but attention may mix positions.",
                    )
                if np.array_equal(found["before"], after):
                    fail(f"what changes from position {t} on changes nothing in {name}.")


PERMUTED = (
    PARTS
    + """
def probe(module, x, order, seed, qkv, keys):
    report = {}
    for name, args in (("MultiHeadAttention", (8, 2)), ("TransformerBlock", (8, 2, 16))):
        layer = getattr(module, name)(*args, rng=np.random.default_rng(seed))
        for p in layer.parameters():
            p.data = p.data.astype(x.dtype)
        with no_grad():
            report[name] = [layer(Tensor(x)).data, layer(Tensor(x[:, order].copy())).data]
    q, k, v = qkv
    report["attention"] = [module.attention(q, k, v)[0],
                           module.attention(q, k[:, :, keys].copy(), v[:, :, keys].copy())[0]]
    return report
"""
)


def test_permutations(student, rng):
    """without a mask, permuted positions give permuted outputs"""
    for T in (5, 9):
        x = rng.standard_normal((2, T, 8))
        order = rng.permutation(T)
        qkv = drawn((2, 2, 3, T, 4), rng, np.float64)[:3]
        found = student.probe(
            PERMUTED, x=x, order=order, seed=int(rng.integers(1 << 40)), qkv=qkv, keys=order
        )
        for name, (plain, moved) in found.items():
            want = plain if name == "attention" else plain[:, order]
            what = "keys and values" if name == "attention" else "positions"
            check_values(
                moved,
                want,
                np.float64,
                terms=1000,
                what=f"{name} of permuted {what}",
                help="Attention knows a set of keys; order enters through the vectors of positions "
                "and through masks only.",
            )
        check_array(found["attention"][0], (2, 2, 3, 4), np.float64, what="out of attention")
