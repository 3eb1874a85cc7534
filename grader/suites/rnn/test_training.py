"""Hidden checks of fresh weights, of learning, of side effects, and of the clock."""

import math

import numpy as np

from grader.check import check_array, check_equal, fail
from grader.suites.rnn.oracles import DTYPES, check_values, model_weights, slope_along, weights
from grader.suites.rnn.programs import (
    EMBEDDING,
    FRESH,
    GLOBAL_STATE,
    KEPT,
    LAYER,
    MODEL,
    PARTS,
    TRAIN,
)
from grader.suites.rnn.test_layers import drawn, outputs

HIDDEN = 64  # of every fresh layer in FRESH
NAMES = ("RNNCell", "LSTMCell", "GRUCell", "RNN", "LSTM", "Embedding", "LanguageModel")


def seed_of(rng):
    return int(rng.integers(1 << 40))


# ---- fresh weights ------------------------------------------------------------------------------------
def test_weights_drawn(student, rng):
    """fresh weights: U(-1 / sqrt(H), 1 / sqrt(H)) in every recurrent layer, N(0, 1) in a table"""
    bound = 1 / math.sqrt(HIDDEN)
    for name in NAMES:
        found = student.probe(FRESH, name=name, seed=seed_of(rng))
        for key, values in found.items():
            if key.startswith("head."):
                continue  # stage 04's
            shown = f"{key} of a fresh {name}"
            check_array(values, values.shape, np.float32, what=shown)
            z = values.astype(np.float64).ravel()
            if key.endswith("weight"):
                wide = 6 / math.sqrt(z.size)
                if not (abs(z.mean()) < wide and abs(z.std() - 1) < wide):
                    fail(
                        f"{shown} has mean {z.mean():.3f} and deviation {z.std():.3f}; N(0, 1) has "
                        "0 and 1.",
                        help="rng.standard_normal((num, dim)).",
                    )
                continue
            if not np.abs(z).max() <= bound * (1 + 1e-6):
                fail(
                    f"{shown} holds {np.abs(z).max():.4f}, beyond 1 / sqrt({HIDDEN}) = {bound:.4f}.",
                    help="The bound looks at the hidden size, in every weight and bias.",
                )
            if not (abs(z.mean()) < 4 * bound / math.sqrt(z.size) and z.std() > 0.42 * bound):
                fail(
                    f"{shown} has mean {z.mean():.4f} and deviation {z.std():.4f}; "
                    f"U(-{bound:.4f}, {bound:.4f}) has 0 and {bound / math.sqrt(3):.4f}.",
                    help="Biases are drawn, too.",
                )


def test_seeds_decide(student, rng):
    """the same seed gives the same weights, another seed others, and no two matrices are alike"""
    one, other = seed_of(rng), seed_of(rng) + (1 << 41)
    for name in NAMES:
        first, again, third = (student.probe(FRESH, name=name, seed=s) for s in (one, one, other))
        for key in first:
            if key.endswith("bias"):
                continue  # a Linear's starts from zeros
            if not np.array_equal(first[key], again[key]):
                fail(
                    f"{key} of {name} is drawn differently for one seed.",
                    help="One generator for the whole model: hand rng on to every part.",
                )
            if np.array_equal(first[key], third[key]):
                fail(f"{key} of {name} is the same for two seeds.", help="Draw from rng.")
        pairs = [(k, v) for k, v in first.items() if v.size > 60]
        for i, (key, values) in enumerate(pairs):
            for twin, others in pairs[:i]:
                if values.shape == others.shape and np.array_equal(values, others):
                    fail(
                        f"{twin} and {key} of {name} start equal.",
                        help="Every layer draws anew: a new generator for each would repeat itself.",
                    )


# ---- learning: the ids that are scored never enter the worker --------------------------------------------
def sequence(table, N, rng, noise):
    """Each id follows from the two before it, or now and then from none."""
    V = len(table)
    ids = list(rng.integers(0, V, 2))
    for free, fresh in zip(rng.random(N), rng.integers(0, V, N), strict=True):
        ids.append(fresh if free < noise else table[ids[-2], ids[-1]])
    return np.array(ids[2:], np.int64)


def test_learns_history(student, rng):
    """a LanguageModel learns a text whose next id depends on the two before"""
    V = 4
    table = np.stack([rng.permutation(V) for _ in range(V)])
    ids = sequence(table, 16 * 112, rng, 0.2)
    unseen = sequence(table, 300 * 6, rng, 0.2).reshape(300, 6).T
    found = student.probe(
        TRAIN, sizes=(V, 8, 24, 1), ids=ids, batch=16, bptt=16, epochs=5, lr=0.03, unseen=unseen,
        seed=seed_of(rng),
    )  # fmt: skip
    check_array(found["logits"], (6, 300, V), np.float32, what="the logits of unseen ids")
    said = found["logits"][-1].argmax(axis=1)
    right = float((said == table[unseen[-2], unseen[-1]]).mean())
    if not right > 0.85:
        fail(
            f"after 5 epochs {right:.0%} of the unseen ids are foretold; above 85 % is within reach.",
            help="A model that only sees the last id gets a quarter to a half. Does the state reach the "
            "next step, and the gradient the step before?",
        )


# ---- hygiene ----------------------------------------------------------------------------------------------
def test_inputs_unchanged(student, rng):
    """nothing changes what it was given"""
    T, B, D, H = 4, 3, 5, 2
    changed = student.probe(
        KEPT,
        x=rng.standard_normal((T, B, D)).astype(np.float32),
        h=rng.standard_normal((B, H)).astype(np.float32),
        ids=rng.integers(0, 9, 20),
        grad=rng.standard_normal((T, B, H)).astype(np.float32),
    )
    check_equal(
        changed,
        [],
        what="what changed its arguments",
        help="`dh += ...` on a view of an argument writes into the argument.",
    )


def test_dtype_kept(student, rng):
    """everything returns the dtype that it was given"""
    T, B, D, H = 3, 2, 3, 2
    for dtype in DTYPES:
        for kind in ("RNNCell", "LSTMCell", "GRUCell"):
            p = weights(kind, D, H, rng, dtype)
            n = 2 if kind == "LSTMCell" else 1
            x = rng.standard_normal((B, D)).astype(dtype)
            gs = [rng.standard_normal((B, H)).astype(dtype) for _ in range(n)]
            for state in (None, [g.copy() for g in gs]):
                found = student.probe(
                    LAYER, name=kind, args=(D, H), values=p, x=x, state=state, gs=gs
                )
                check_dtypes(found, dtype, kind)
        for kind, n in (("RNN", 1), ("LSTM", 2)):
            p, x, state = drawn(kind, (T, B, D, H, 2), rng, dtype)
            gs = [rng.standard_normal(s).astype(dtype) for s in ((T, B, H), *((2, B, H),) * n)]
            for given in (None, state):
                found = student.probe(
                    LAYER, name=kind, args=(D, H, 2), values=p, x=x, state=given, gs=gs
                )
                check_dtypes(found, dtype, kind)
        table = rng.standard_normal((5, 2)).astype(dtype)
        ids = rng.integers(0, 5, (T, B))
        found = student.probe(
            EMBEDDING, weight=table, ids=ids, g=rng.standard_normal((T, B, 2)).astype(dtype)
        )
        check_dtypes({"outs": [found["y"]], "weight": found.get("weight")}, dtype, "Embedding")
        p = {key: v.astype(dtype) for key, v in model_weights(5, 2, 3, 1, rng).items()}
        found = student.probe(
            MODEL, sizes=(5, 2, 3, 1), values=p, ids=ids, state=None, g=np.ones((T, B, 5), dtype)
        )
        outs = [found.pop("logits"), *found.pop("state")]
        found.pop("count")
        check_dtypes({"outs": outs, **found}, dtype, "LanguageModel")
        args = [
            rng.standard_normal(s).astype(dtype)
            for s in ((T, B, D), (B, H), (D, H), (H, H), (H,), (T, B, H))
        ]
        for got, like in zip(student.rnn_bptt(*args), args, strict=False):
            check_array(got, like.shape, dtype, what="an array of rnn_bptt")


def check_dtypes(found, dtype, name):
    """Outputs and gradients of a program are all of `dtype`."""
    for out in found["outs"]:
        check_array(out, getattr(out, "shape", ()), dtype, what=f"an output of {name}")
    for key, got in found.items():
        if key not in ("outs", "tuple"):
            check_array(
                got, getattr(got, "shape", ()), dtype, what=f"the gradient of {name} for {key}"
            )


def test_random_state_kept(student, rng):
    """nothing touches NumPy's global random state"""
    same = student.probe(GLOBAL_STATE, ids=rng.integers(0, 9, 30), seed=int(rng.integers(1 << 31)))
    if same is not True:
        fail(
            "the state of np.random is another one after building, training and sampling.",
            help="Randomness comes from the generator that is given, or from a fresh default_rng().",
        )


# ---- performance --------------------------------------------------------------------------------------------
BOTH_WAYS = (
    PARTS
    + """
def probe(module, arguments):
    values, sizes, x, g = arguments
    layer = build(module, "LSTM", sizes, values)
    t = Tensor(x, requires_grad=True)
    out, _ = layer(t)
    (tensor(out, "the output of LSTM") * Tensor(g)).sum().backward()
    return {"out": out.data, "x": grad_of(t), **{key: grad_of(at(layer, key)) for key in values}}
"""
)


def test_lstm_speed(bench, rng):
    """LSTM(64, 128, 2) forward and backward over 32 steps takes no longer than the course's own"""
    T, B, D, H, L = 32, 32, 64, 128, 2

    def release(rng):
        p, x, _ = drawn("LSTM", (T, B, D, H, L), rng, np.float32)
        p = {key: 0.2 * value for key, value in p.items()}
        # Few rows of the batch reach the loss, so that the right gradients are cheap to know; the
        # way back takes as long as ever.
        rows = rng.choice(B, 2, replace=False)
        g = np.zeros((T, B, H), np.float32)
        g[:, rows] = rng.standard_normal((T, 2, H))
        return p, x, g, rows, seed_of(rng)

    def arguments(staged, released):
        p, x, g, _, _ = released
        return p, (D, H, L), x, g

    def check(released, result, read):
        p, x, g, rows, seed = released
        fresh = np.random.default_rng(seed)
        given = {"x": x[:, rows], **p}
        ways = {key: fresh.choice([-1.0, 1.0], value.shape) for key, value in given.items()}
        more = {f"state {k}": np.zeros((L, len(rows), H)) for k in range(2)}

        def out(v):
            return outputs("LSTM", {**v, **more}, L, 2)[0]

        want, slope = slope_along(
            out, {key: value.astype(np.float64) for key, value in given.items()}, ways
        )
        check_array(result["out"], (T, B, H), np.float32, what="the timed output of LSTM")
        check_values(
            result["out"][:, rows], want, np.float32, terms=4000, what="the timed output of LSTM"
        )
        slope = float((g[:, rows] * slope).sum())
        got = {**result, "x": result["x"][:, rows]}
        along = sum(float((got[key].astype(np.float64) * way).sum()) for key, way in ways.items())
        if not abs(along - slope) <= 0.01 * (100 + abs(slope)):
            fail(f"the timed gradients promise a slope of {along:.5g}, it is {slope:.5g}.")

    bench.compare(
        "LSTM", staged=(), release=release, arguments=arguments, program=BOTH_WAYS, check=check
    )
