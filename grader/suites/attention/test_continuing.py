"""Hidden checks of the model, of its cache, and of what it writes."""

import numpy as np

from grader.check import check_close, check_equal, check_number, check_raises, fail
from grader.suites.attention.oracles import (
    cast,
    check_values,
    generated,
    gpt,
    gpt_weights,
    part,
    slopes,
)
from grader.suites.attention.programs import APPEND, CACHED, EFFORT, GENERATE, MODEL

TWISTS = {
    "no positions": "the vectors of positions are not added.",
    "not causal": "positions look ahead: the mask is missing.",
    "no last norm": "the last norm is missing before the head.",
}
MODELS = ((6, 4, 2, 2, 9), (5, 6, 1, 3, 7), (3, 6, 2, 1, 8))  # vocab, dim, layers, heads, context


def seed_of(rng):
    return int(rng.integers(1 << 40))


# ---- the model --------------------------------------------------------------------------------------
def test_gpt_values(student, rng):
    """GPT: logits and the gradient of every parameter"""
    for (V, dim, L, heads, context), B, T, dtype in (
        ((4, 3, 2, 1, 5), 2, 3, np.float64),
        ((3, 4, 1, 2, 4), 1, 4, np.float32),
        ((5, 3, 1, 3, 2), 3, 1, np.float64),
    ):
        sizes = (V, dim, L, heads, context)
        p = cast(gpt_weights(V, dim, L, context, rng), dtype)
        exact = cast(p, np.float64)
        ids = rng.integers(0, V, (B, T))
        g = rng.standard_normal((B, T, V)).astype(dtype)
        found = student.probe(MODEL, sizes=sizes, values=p, ids=ids, g=g)
        shown = f"GPT{sizes}"
        check_equal(
            found["count"],
            sum(value.size for value in p.values()),
            what=f"the number of numbers that {shown} learns",
            help="Two tables, the blocks with hidden size 4 dim, a norm, a head without bias.",
        )
        check_values(
            found["logits"],
            gpt(exact, ids, L, heads),
            dtype,
            terms=10**3 * L * L,
            scale=3.0,
            what=f"the logits of {shown} for ids {ids.shape}",
            help="token + position, the blocks with the causal mask, norm, head.",
            diagnoses={words: gpt(exact, ids, L, heads, twist) for twist, words in TWISTS.items()},
        )
        total = slopes(
            lambda v, i=ids, g=g, L=L, heads=heads: (g * gpt(v, i, L, heads)).sum(), exact
        )
        for key, slope in total.items():
            check_values(
                part(found, key, f"the logits of {shown}"),
                slope,
                dtype,
                terms=10**4 * L * L,
                scale=8.0,
                what=f"the gradient of {shown} for {key}",
            )


def test_too_long(student, rng):
    """GPT and generate: more than context positions raise ValueError, and nothing is drawn"""
    for sizes in MODELS:
        V, dim, L, _, context = sizes
        p = gpt_weights(V, dim, L, context, rng)
        ids = rng.integers(0, V, (2, context + 1))
        shown = f"GPT{sizes}"
        full = student.probe(MODEL, sizes=sizes, values=p, ids=ids[:, :context])
        check_equal(
            full["logits"].shape,
            (2, context, V),
            what=f"the logits of {shown} on {context} positions",
        )
        check_raises(
            ValueError, student.probe, MODEL, sizes=sizes, values=p, ids=ids,
            what=f"{shown} on {context + 1} positions",
        )  # fmt: skip
        check_raises(
            ValueError, student.probe, CACHED, sizes=sizes, values=p, ids=ids,
            cuts=(0, context - 1, context + 1), what=f"{shown} on 2 positions after {context - 1}",
            help="The positions in the cache count, too.",
        )  # fmt: skip
        for T, n, held in ((context, 1, None), (2, context - 1, None), (3, context, 2)):
            found = student.probe(
                GENERATE, sizes=sizes, values=p, ids=ids[:, :T], n=n, temperature=1.0,
                seed=seed_of(rng), held=held,
            )  # fmt: skip
            check_equal(
                found["raised"],
                "ValueError",
                what=f"what generate of {T} + {n} positions with context {context} raises",
                help="Look at T + n first: nobody wants half a text.",
            )
            check_equal(
                found["kept"],
                True,
                what="whether the generator is untouched when generate refuses",
            )


# ---- the cache ------------------------------------------------------------------------------------------
def test_cache_values(student, rng):
    """KVCache: all positions of each layer, and their number"""
    for layers, (B, H, D), steps in (
        (1, (1, 1, 1), (1, 1)),
        (3, (2, 3, 4), (4, 1, 1, 2, 1)),
        (2, (3, 1, 2), (1,) * 9),
    ):
        parts = [tuple(rng.standard_normal((2, B, H, t, D)).astype(np.float32)) for t in steps]
        found = student.probe(APPEND, layers=layers, parts=parts)
        check_equal(
            found["sized"], False, what="whether KVCache has a length for len()",
            help="`if cache:` would be False for an empty one. Call it `length`.",
        )  # fmt: skip
        check_equal(
            found["lengths"],
            [0, *np.cumsum(steps).tolist()],
            what=f"cache.length as {layers} layers take {list(steps)} positions",
            help="Every layer appends every position: count them once.",
        )
        whole = [np.concatenate([part[i] for part in parts], axis=2) for i in range(2)]
        ends = np.repeat(np.cumsum(steps), layers).tolist()
        for when in ("early", "late"):
            for call, (end, got) in enumerate(zip(ends, found[when], strict=True)):
                layer = call % layers
                for i, name in enumerate("kv"):
                    check_close(
                        np.ascontiguousarray(got[i]) if type(got[i]) is np.ndarray else got[i],
                        (layer + 1) * whole[i][:, :, :end],
                        what=f"{name} of layer {layer} after {end} positions"
                        + (", looked at later" if when == "late" else ""),
                        rtol=0.0,
                        help="Each layer has its own keys and values, in the order of the calls.",
                    )


def test_cached_logits(student, rng):
    """GPT: through a cache in any cutting the same logits"""
    for sizes in MODELS:
        V, dim, L, heads, context = sizes
        for dtype, room in ((np.float32, 1e-5), (np.float64, 1e-10)):
            p = cast(gpt_weights(V, dim, L, context, rng), dtype)
            T = context
            ids = rng.integers(0, V, (2, T))
            want = gpt(cast(p, np.float64), ids, L, heads)
            for cuts in (
                (0, T),
                tuple(range(T + 1)),
                (0, 3, 4, T),
                (0, *sorted(rng.choice(np.arange(1, T), 2, replace=False).tolist()), T),
            ):
                found = student.probe(CACHED, sizes=sizes, values=p, ids=ids, cuts=cuts)
                whole = np.concatenate(found["pieces"], axis=1)
                top = max(1.0, float(np.abs(want).max()))
                check_close(
                    whole,
                    want.astype(dtype),
                    rtol=0.0,
                    atol=8 * room * top,
                    what=f"the logits of GPT{sizes}, ids cut at {list(cuts)}",
                    help="New ids stand at positions cache.length and on, see all that the cache "
                    "holds, and each other causally; every layer has its own keys and values.",
                )
                check_equal(
                    found["lengths"],
                    list(cuts),
                    what=f"cache.length as ids are cut at {list(cuts)}",
                )


# ---- writing -----------------------------------------------------------------------------------------------
def check_written(student, sizes, p, ids, n, temperature, seed, held=None, word=""):
    """The ids, and how much was drawn for them."""
    _, _, L, heads, _ = sizes
    found = student.probe(
        GENERATE, sizes=sizes, values=p, ids=ids, n=n, temperature=temperature, seed=seed, held=held
    )
    shown = f"generate of {n} ids after {ids.shape} at temperature {temperature}{word}"
    if found["raised"]:
        fail(f"{shown} raises ValueError; the context is {sizes[4]}.")

    def ids_of(twist=""):
        return generated(p, ids, n, temperature, np.random.default_rng(seed), L, heads, twist)

    twists = {"last id only": "only the last id is read at each step."}
    if temperature:
        twists["times"] = "the logits are multiplied with the temperature: divide."
        if len(ids) > 1:
            twists["one draw"] = "one draw serves all rows: each has its own."
    check_close(
        found["ids"],
        ids_of(),
        what=shown,
        help="ids first; then for each step and each row, in this order, one id.",
        diagnoses={words: ids_of(twist) for twist, words in twists.items()},
    )
    fresh = np.random.default_rng(seed)
    if temperature:
        fresh.random(n * len(ids))
    check_number(
        found["next"],
        float(fresh.random()),
        what=f"the draw after those of {shown}",
        help="One rng.random() for each row and new id, none at temperature 0.",
    )


def test_generate_values(student, rng):
    """generate: the weights and the draws decide, rows in order"""
    for sizes in MODELS:
        V, dim, L, _, context = sizes
        p = gpt_weights(V, dim, L, context, rng, sharp=2.0)
        for B, T, temperature in ((1, 1, 1.0), (3, 2, 0.5), (2, 4, 2.0)):
            ids = rng.integers(0, V, (B, T))
            for n in (1, context - T):
                check_written(student, sizes, p, ids, n, temperature, seed_of(rng))


def test_generate_greedy(student, rng):
    """generate at temperature 0: the likeliest, the lowest index of equals, no draw"""
    for sizes in MODELS:
        V, dim, L, _, context = sizes
        p = gpt_weights(V, dim, L, context, rng, sharp=2.0)
        check_written(student, sizes, p, rng.integers(0, V, (2, 3)), context - 3, 0, seed_of(rng))
        low, high = sorted(rng.choice(V, 2, replace=False).tolist())
        p["norm.weight"], p["norm.bias"] = 0 * p["norm.weight"], np.ones(dim)
        p["head.weight"] = np.zeros((dim, V))
        p["head.weight"][:, [low, high]] = 1.0
        check_written(
            student, sizes, p, rng.integers(0, V, (2, 2)), 3, 0.0, seed_of(rng),
            word=f" with equal best logits at {low} and {high}",
        )  # fmt: skip


def test_generate_cached(student, rng):
    """generate: with a cache, empty or holding a beginning of ids, the same ids"""
    for sizes in MODELS:
        V, dim, L, _, context = sizes
        p = gpt_weights(V, dim, L, context, rng, sharp=2.0)
        for B, T, temperature in ((2, 4, 1.0), (1, 1, 0.7), (3, 5, 0)):
            ids = rng.integers(0, V, (B, T))
            for held in sorted({0, T // 2, T - 1}):
                check_written(
                    student, sizes, p, ids, context - T, temperature, seed_of(rng), held,
                    f" with a cache of {held} positions",
                )  # fmt: skip


def test_generate_linear(student, rng):
    """generate with a cache: twice the ids, twice the work"""
    sizes = (5, 4, 2, 2, 40)
    p = gpt_weights(5, 4, 2, 40, rng)
    ns = (8, 16, 32)
    found = student.probe(EFFORT, sizes=sizes, values=p, ids=rng.integers(0, 5, (1, 3)), ns=ns)
    first, second = found[1] - found[0], found[2] - found[1]
    if not second <= 2.5 * first:
        fail(
            f"{ns[0]}, {ns[1]} and {ns[2]} ids send {found[0]:,}, {found[1]:,} and {found[2]:,} rows "
            "through Linear layers: the last 16 cost much more than twice the 8 before them.",
            help="With a cache a step reads only the ids that the cache lacks: "
            "model(found[:, cache.length : end], cache).",
        )
