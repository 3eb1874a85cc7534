"""Hidden checks of fresh weights, of learning, of side effects, and of the clock."""

import numpy as np

from grader.check import check_array, check_equal, fail
from grader.suites.attention.oracles import (
    DTYPES,
    attention_weights,
    block,
    block_weights,
    cast,
    causal,
    check_values,
    gpt,
    gpt_weights,
    norm_weights,
    slope_along,
)
from grader.suites.attention.programs import (
    ATTEND,
    CACHED,
    FRESH,
    GENERATE,
    GLOBAL_STATE,
    KEPT,
    LAYER,
    MODEL,
    PARTS,
    TRAIN,
    TURN,
)


def seed_of(rng):
    return int(rng.integers(1 << 40))


# ---- fresh weights ------------------------------------------------------------------------------------
def test_seeds_decide(student, rng):
    """the same seed gives the same weights, another seed others, and no two matrices are alike"""
    one, other = seed_of(rng), seed_of(rng) + (1 << 41)
    for name in ("MultiHeadAttention", "TransformerBlock", "GPT"):
        first, again, third = (student.probe(FRESH, name=name, seed=s) for s in (one, one, other))
        for key, values in first.items():
            shown = f"{key} of a fresh {name}"
            check_array(values, values.shape, np.float32, what=shown)
            if key.endswith("bias") or "norm" in key:
                start = float(key.endswith("weight"))
                if not np.array_equal(values, np.full(values.shape, start)):
                    fail(f"{shown} does not start from {start:g}.")
                continue
            if not np.array_equal(values, again[key]):
                fail(
                    f"{key} of {name} is drawn differently for one seed.",
                    help="One generator for the whole model: hand rng on to every part.",
                )
            if np.array_equal(values, third[key]):
                fail(f"{key} of {name} is the same for two seeds.", help="Draw from rng.")
            wide = 8 / np.sqrt(values.size)
            std = 1.0 if key in ("token.weight", "position.weight") else np.sqrt(2 / len(values))
            if not (abs(values.mean()) < wide * std and abs(values.std() / std - 1) < wide):
                fail(
                    f"{shown} has deviation {values.std():.3f}; that of its layer is {std:.3f}.",
                    help="Leave the weights as Linear and Embedding draw them.",
                )
        pairs = [(k, v) for k, v in first.items() if v.ndim == 2]
        for i, (key, values) in enumerate(pairs):
            for twin, others in pairs[:i]:
                if values.shape == others.shape and np.array_equal(values, others):
                    fail(
                        f"{twin} and {key} of {name} start equal.",
                        help="Every layer draws anew: a new generator for each would repeat itself.",
                    )


# ---- learning: what is right never enters the worker ----------------------------------------------------
def test_learns_to_look_back(student, rng):
    """a GPT learns that the next id hangs on one long before"""
    V, P = 6, 6  # each id of the second half is what a table says of the one P positions before
    table = rng.permutation(V)
    halves = rng.integers(0, V, (32 * 150, P))
    ids = np.concatenate([halves, table[halves]], axis=1)
    unseen = rng.integers(0, V, (150, P))
    found = student.probe(
        TRAIN, sizes=(V, 24, 1, 2, 2 * P), ids=ids, batch=32, lr=0.01, beginnings=unseen, n=P,
        seed=seed_of(rng),
    )  # fmt: skip
    check_array(found["written"], (150, 2 * P), np.int64, what="what a trained GPT writes")
    right = float((found["written"][:, P:] == table[unseen]).mean())
    if not right > 0.85:
        fail(
            f"after 150 steps {right:.0%} of the ids that it writes are right; above 85 % is within "
            "reach.",
            help="Each id that is asked for is told by the one six positions before. Do the vectors of "
            "positions reach the blocks, and the gradient the projections of q and k?",
        )


# ---- hygiene ----------------------------------------------------------------------------------------------
def test_inputs_unchanged(student, rng):
    """nothing changes what it was given"""
    T = 5
    mask = causal(T, T)
    mask[int(rng.integers(T))] = False  # a row that somebody may want to mend
    changed = student.probe(
        KEPT,
        q=rng.standard_normal((2, 2, T, 3)).astype(np.float32),
        x=rng.standard_normal((2, T, 4)).astype(np.float32),
        mask=mask,
        ids=rng.integers(0, 9, (2, 4)),
    )
    check_equal(
        changed,
        [],
        what="what changed its arguments",
        help="`mask |= ...` and `x[...] = ...` write into an argument: copy first.",
    )


def test_dtype_kept(student, rng):
    """everything returns the dtype that it was given"""
    T = 4
    for name, args in (
        ("causal_mask", (3, T)),
        ("local_mask", (T, 1)),
        ("global_local_mask", (T, 1, np.array([2]))),
    ):
        check_array(
            student.call(name, *args), (args[0], T), np.bool_, what=name, help="Masks are booleans."
        )
    for dtype in DTYPES:
        q, x = (rng.standard_normal(s).astype(dtype) for s in ((2, 2, T, 3), (2, T, 4)))
        mask = causal(T, T)
        for given in (None, mask):
            found = student.probe(ATTEND, q=q, k=q, v=q, mask=given, g=q)
            check_dtypes(found, dtype, "attention")
        for got in student.attention(q, q, q, mask):
            check_array(got, got.shape, dtype, what="attention of arrays")
        check_dtypes(student.probe(TURN, x=x, positions=np.arange(T), g=x), dtype, "rope")
        for name, args, p in (
            ("LayerNorm", (4,), norm_weights(4, rng)),
            ("MultiHeadAttention", (4, 2), attention_weights(4, rng)),
            ("TransformerBlock", (4, 2, 8), block_weights(4, 8, rng)),
        ):
            more = {} if name == "LayerNorm" else {"mask": mask}
            found = student.probe(
                LAYER, name=name, args=args, values=cast(p, dtype), x=x, g=x, more=more
            )
            check_dtypes(found, dtype, name)
        sizes, ids = (5, 4, 1, 2, 6), rng.integers(0, 5, (2, T))
        p = cast(gpt_weights(5, 4, 1, 6, rng), dtype)
        found = student.probe(MODEL, sizes=sizes, values=p, ids=ids, g=np.ones((2, T, 5), dtype))
        check_dtypes(found, dtype, "GPT")
        found = student.probe(CACHED, sizes=sizes, values=p, ids=ids, cuts=(0, 1, T))
        for piece in found["pieces"]:
            check_array(piece, piece.shape, dtype, what="logits through a cache")
        found = student.probe(
            GENERATE, sizes=sizes, values=p, ids=ids, n=2, temperature=1.0, seed=seed_of(rng)
        )
        check_array(found["ids"], (2, T + 2), np.int64, what="what generate returns")


def check_dtypes(found, dtype, name):
    """Outputs and gradients of a program are all of `dtype`."""
    for key, got in found.items():
        if key != "count":
            check_array(got, getattr(got, "shape", ()), dtype, what=f"{key} of {name}")


def test_random_state_kept(student, rng):
    """nothing touches NumPy's global random state"""
    same = student.probe(
        GLOBAL_STATE, ids=rng.integers(0, 9, (2, 3)), seed=int(rng.integers(1 << 31))
    )
    if same is not True:
        fail(
            "the state of np.random is another one after building and generating.",
            help="Randomness comes from the generator that is given, or from a fresh default_rng().",
        )


# ---- performance --------------------------------------------------------------------------------------------
BOTH_WAYS = (
    PARTS
    + """
def probe(module, arguments):
    values, sizes, x, g = arguments
    layer = build(module, "TransformerBlock", sizes, values)
    t = Tensor(x, requires_grad=True)
    y = tensor(layer(t), "TransformerBlock.forward")
    (y * Tensor(g)).sum().backward()
    return {"y": y.data, "x": grad_of(t), **{key: grad_of(at(layer, key)) for key in values}}
"""
)


def test_block_speed(bench, rng):
    """TransformerBlock(128, 4, 512) forward and backward at (8, 64, 128)"""
    B, T, dim, heads, hidden = 8, 64, 128, 4, 512

    def release(rng):
        p = cast({key: 0.7 * a for key, a in block_weights(dim, hidden, rng).items()}, np.float32)
        # One row of the batch reaches the loss, so that the right gradients are cheap to know; the
        # way back takes as long as ever.
        row = int(rng.integers(B))
        g = np.zeros((B, T, dim), np.float32)
        g[row] = rng.standard_normal((T, dim))
        return p, rng.standard_normal((B, T, dim)).astype(np.float32), g, row, seed_of(rng)

    def arguments(staged, released):
        p, x, g, _, _ = released
        return p, (dim, heads, hidden), x, g

    def check(released, result, read):
        p, x, g, row, seed = released
        fresh = np.random.default_rng(seed)
        given = {"x": x[row : row + 1], **p}
        ways = {key: fresh.choice([-1.0, 1.0], value.shape) for key, value in given.items()}
        want, slope = slope_along(
            lambda v: block(v, v["x"], None, heads), cast(given, np.float64), ways
        )
        check_array(result["y"], (B, T, dim), np.float32, what="the timed output")
        check_values(
            result["y"][row : row + 1], want, np.float32, terms=4000, what="the timed output"
        )
        slope = float((g[row] * slope).sum())
        got = {**result, "x": result["x"][row : row + 1]}
        along = sum(float((got[key].astype(np.float64) * way).sum()) for key, way in ways.items())
        if not abs(along - slope) <= 0.01 * (100 + abs(slope)):
            fail(f"the timed gradients promise a slope of {along:.5g}, it is {slope:.5g}.")

    bench.compare(
        "TransformerBlock",
        staged=(),
        release=release,
        arguments=arguments,
        program=BOTH_WAYS,
        check=check,
    )


WRITING = (
    PARTS
    + """
def probe(module, arguments):
    values, sizes, ids, n, seed = arguments
    model = build(module, "GPT", sizes, values)
    return module.generate(model, ids, n, 1.0, np.random.default_rng(seed), module.KVCache())
"""
)


def test_generate_speed(bench, rng):
    """generating 64 ids with a cache takes no longer than the course's own"""
    V, dim, L, heads, context = 32, 64, 2, 4, 80
    B, T, n = 4, 16, 64

    def release(rng):
        p = cast(gpt_weights(V, dim, L, context, rng), np.float32)
        return p, rng.integers(0, V, (B, T)), seed_of(rng)

    def arguments(staged, released):
        p, ids, seed = released
        return p, (V, dim, L, heads, context), ids, n, seed

    def check(released, result, read):
        p, ids, seed = released
        check_array(result, (B, T + n), np.int64, what="what the timed generate returns")
        if not np.array_equal(result[:, :T], ids) or result.min() < 0 or result.max() >= V:
            fail("the timed generate returns other ids than the prompt and the model's.")
        # All positions at once: the ids after each are known. A draw may fall within the rounding of
        # a border between two ids, so each u is held against its id's interval, made a little wider.
        z = gpt(cast(p, np.float64), result[:, :-1], L, heads)[:, T - 1 :]
        q = np.exp(z - z.max(-1, keepdims=True))
        above = np.cumsum(q / q.sum(-1, keepdims=True), axis=-1)
        below = np.concatenate([np.zeros((B, n, 1)), above[..., :-1]], axis=-1)
        us = np.random.default_rng(seed).random((n, B)).T
        new = result[:, T:, None]
        low, high = (np.take_along_axis(a, new, -1)[..., 0] for a in (below, above))
        if not ((low - 1e-3 <= us) & (us <= high + 1e-3)).all():
            fail("the timed generate takes other ids than its draws say.")

    bench.compare(
        "generate",
        staged=(),
        release=release,
        arguments=arguments,
        program=WRITING,
        check=check,
    )
