"""Hidden checks of layers: LayerNorm, heads, blocks, and the two kinds of positions."""

import numpy as np

from grader.check import check_close, check_equal, check_raises
from grader.suites.attention.oracles import (
    DTYPES,
    attention_weights,
    block,
    block_weights,
    cast,
    causal,
    check_values,
    layer_norm,
    multi_head,
    norm_weights,
    part,
    slopes,
    turned,
)
from grader.suites.attention.programs import LAYER, TURN


def check_layer(student, name, args, p, x, rng, forward, *, more=None, twists=None, terms=64):
    """Values and every gradient. `forward(p, x, more, twist)` is the right answer, twist "" or not."""
    dtype = x.dtype.type
    more = more or {}
    given = {
        "x": x,
        **{key: a for key, a in more.items() if a is not None and a.dtype != bool},
        **p,
    }
    exact = cast(given, np.float64)
    masks = {key: a for key, a in more.items() if key not in given}

    def run(values, twist=""):
        return forward(values, values["x"], {**masks, **values}, twist)

    want = run(exact)
    g = rng.standard_normal(want.shape).astype(dtype)
    found = student.probe(LAYER, name=name, args=args, values=p, x=x, g=g, more=more)
    shown = f"{name}{args} of x {x.shape}"
    check_equal(
        found["count"],
        sum(value.size for value in p.values()),
        what=f"the number of numbers that {name}{args} learns",
        help="Exactly the attributes that the starter names.",
    )
    check_values(
        found["y"],
        want,
        dtype,
        terms=16 * terms,
        scale=2.0,
        what=shown,
        help="Compare with the formula in the starter, step by step.",
        diagnoses={words: run(exact, twist) for twist, words in (twists or {}).items()},
    )
    for key, slope in slopes(lambda values: (g * run(values)).sum(), exact).items():
        check_values(
            part(found, key, shown),
            slope,
            dtype,
            terms=64 * terms,
            scale=8.0,
            what=f"the gradient of {shown} for {key}",
            help="Let the ops of `reference` build the graph; `.data` in a forward cuts it.",
        )


# ---- LayerNorm --------------------------------------------------------------------------------------
def test_layer_norm_values(student, rng):
    """LayerNorm: any leading shape, eps inside the root, and every gradient"""
    for shape, eps in (((2, 3, 4), 1e-5), ((3, 2), 0.1), ((1, 1, 5), 1e-5), ((2, 1, 2, 3), 1e-2)):
        for dtype in DTYPES:
            dim = shape[-1]
            # Rows of variance 1 at least, so that eps is no matter of rounding.
            x = (np.linspace(-2, 2, dim) + rng.standard_normal(shape)).astype(dtype)
            check_layer(
                student,
                "LayerNorm",
                (dim, eps),
                cast(norm_weights(dim, rng), dtype),
                x,
                rng,
                lambda p, x, more, twist, eps=eps: layer_norm(p, x, "", eps, twist),
                twists={
                    "unbiased": "the variance is divided by C - 1: it is the biased one.",
                    "eps outside": "eps is added to the root: it belongs inside.",
                },
                terms=16 * dim,
            )


def test_layer_norm_offset(student, rng):
    """LayerNorm: a large mean costs no digits"""
    dim = 16
    for dtype, offset in ((np.float32, 1000.0), (np.float64, 1e7)):
        p = cast(norm_weights(dim, rng), dtype)
        x = (offset + np.rint(64 * rng.standard_normal((4, dim))) / 64).astype(dtype)
        found = student.probe(
            LAYER, name="LayerNorm", args=(dim,), values=p, x=x, g=np.ones((4, dim), dtype)
        )
        check_values(
            found["y"],
            layer_norm(cast(p, np.float64), x.astype(np.float64), ""),
            dtype,
            # The mean itself may be off by a rounding of its own size.
            terms=int(offset),
            scale=3.0,
            what=f"LayerNorm({dim}) of rows around {offset:g}",
            help="The mean of squares minus the square of the mean cancels: subtract the mean first.",
        )


# ---- heads ----------------------------------------------------------------------------------------------
HEAD_TWISTS = {
    "interleaved": "heads take every heads-th column: head h owns h D to (h + 1) D.",
    "no transpose": "(B, T, dim) is cut into heads by reshape alone, which mixes positions.",
    "unscaled": "the scores are not divided by sqrt(D).",
}


def heads_forward(heads):
    def forward(p, x, more, twist):
        return multi_head(p, x, more.get("context"), more.get("mask"), heads, twist=twist)

    return forward


def test_heads_values(student, rng):
    """MultiHeadAttention: values and every gradient, with masks"""
    for B, T, dim, heads in ((1, 1, 1, 1), (2, 3, 4, 2), (2, 4, 6, 3), (1, 5, 3, 1), (2, 3, 4, 4)):
        for dtype in DTYPES:
            mask = [
                None,
                causal(T, T),
                rng.random((B, 1, T, T)) < 0.6,
                rng.random((B, 1, 1, T)) < 0.6,
            ]
            mask = mask[int(rng.integers(4))] if T > 1 else None
            if dim == 4:
                mask = rng.random((1, heads, T, T)) < 0.6
            twists = dict(HEAD_TWISTS)
            if dim // heads == 1 or heads == 1 or T == 1:
                twists = {}
            check_layer(
                student,
                "MultiHeadAttention",
                (dim, heads),
                cast(attention_weights(dim, rng), dtype),
                rng.standard_normal((B, T, dim)).astype(dtype),
                rng,
                heads_forward(heads),
                more={"mask": mask},
                twists=twists,
                terms=8 * (dim + T),
            )


def test_cross_values(student, rng):
    """MultiHeadAttention: keys and values from a context of another length"""
    for B, Tq, Tk, dim, heads in (
        (2, 3, 5, 4, 2),
        (1, 4, 1, 3, 1),
        (2, 1, 3, 6, 3),
        (1, 3, 3, 4, 2),
    ):
        for dtype in DTYPES:
            mask = rng.random((B, 1, 1, Tk)) < 0.7 if int(rng.integers(2)) else None
            twists = {"values of x": "the values come from x: keys and values come from context."}
            check_layer(
                student,
                "MultiHeadAttention",
                (dim, heads),
                cast(attention_weights(dim, rng), dtype),
                rng.standard_normal((B, Tq, dim)).astype(dtype),
                rng,
                heads_forward(heads),
                more={"context": rng.standard_normal((B, Tk, dim)).astype(dtype), "mask": mask},
                twists=twists if Tq == Tk else {},
                terms=8 * (dim + Tk),
            )


def test_heads_divide(student, rng):
    """MultiHeadAttention: heads that do not divide dim raise ValueError"""
    for dim, heads in ((6, 4), (5, 2), (3, 6)):
        check_raises(
            ValueError,
            student.MultiHeadAttention,
            dim,
            heads,
            what=f"MultiHeadAttention({dim}, {heads})",
            help="Say it when it is built: every head has dim / heads columns.",
        )


# ---- blocks -------------------------------------------------------------------------------------------------
def test_block_values(student, rng):
    """TransformerBlock: norms first, exact gelu, and every gradient"""
    for B, T, dim, heads, hidden in ((2, 3, 4, 2, 6), (1, 1, 3, 1, 1), (1, 4, 3, 3, 5)):
        for dtype in DTYPES:
            mask = [None, causal(T, T), rng.random((B, 1, 1, T)) < 0.7][int(rng.integers(3))]
            check_layer(
                student,
                "TransformerBlock",
                (dim, heads, hidden),
                cast(block_weights(dim, hidden, rng), dtype),
                rng.standard_normal((B, T, dim)).astype(dtype),
                rng,
                lambda p, x, more, twist, heads=heads: block(
                    p, x, more.get("mask"), heads, twist=twist
                ),
                more={"mask": mask},
                twists={
                    "norm last": "the norms come after the sums: they come first.",
                    "no residual": "x is not added to what attention gives.",
                    "tanh": "gelu is the approximation by tanh: it is the exact one, by erf.",
                    "relu": "relu stands in the place of gelu.",
                },
                terms=16 * (dim + T + hidden),
            )
    # On gelu alone hangs little: here its argument lies where the two forms differ most.
    p = cast(block_weights(8, 64, rng), np.float64)
    p["norm2.weight"], p["norm2.bias"] = 0 * p["norm2.weight"], 0 * p["norm2.bias"]
    p["fc1.bias"] = rng.choice([-1.0, 1.0], 64) * rng.uniform(1.8, 2.6, 64)
    x = rng.standard_normal((1, 2, 8))
    found = student.probe(
        LAYER, name="TransformerBlock", args=(8, 2, 64), values=p, x=x, g=x, more={}
    )
    check_values(
        found["y"],
        block(p, x, None, 2),
        np.float64,
        terms=10**4,
        what="TransformerBlock(8, 2, 64) with gelu's arguments around 2",
        help="gelu(z) = z Phi(z) with the distribution function Phi of the normal: ops.gelu.",
    )


# ---- positions ----------------------------------------------------------------------------------------------
def test_positions_values(student, rng):
    """sinusoidal_positions: every column, float32"""
    for T, dim in ((1, 2), (5, 4), (50, 6), (3, 16), (int(rng.integers(20, 60)), 10)):
        want = np.empty((T, dim))
        for t in range(T):
            for i in range(dim // 2):
                angle = t / 10000 ** (2 * i / dim)
                want[t, 2 * i], want[t, 2 * i + 1] = np.sin(angle), np.cos(angle)
        halves = np.concatenate([want[:, 0::2], want[:, 1::2]], axis=1)
        check_close(
            student.sinusoidal_positions(T, dim),
            want.astype(np.float32),
            what=f"sinusoidal_positions({T}, {dim})",
            rtol=0.0,
            atol=3e-5,
            help="[t, 2i] and [t, 2i + 1] are sine and cosine of the one angle t / 10000^(2i / dim).",
            diagnoses={
                "first all sines, then all cosines: they alternate.": halves.astype(np.float32)
            },
        )


def test_rope_values(student, rng):
    """rope: pairs of neighbours, any leading shape, and the gradient"""
    for shape in ((4, 2), (2, 3, 5, 4), (3, 1, 6), (2, 7, 8)):
        for dtype in DTYPES:
            positions = rng.integers(0, 50, shape[-2])
            x = rng.standard_normal(shape).astype(dtype)
            g = rng.standard_normal(shape).astype(dtype)
            found = student.probe(TURN, x=x, positions=positions, g=g)
            wide = x.astype(np.float64)
            shown = f"rope of {shape} at positions {positions.tolist()[:4]} ..."
            check_values(
                found["y"],
                turned(wide, positions),
                dtype,
                terms=200,
                what=shown,
                help="(a, b) becomes (a cos - b sin, a sin + b cos), with the angle of its position.",
                diagnoses={
                    "the pairs turn clockwise.": turned(wide, positions, "clockwise"),
                    "column i is paired with i + D / 2: pairs are neighbours.": turned(
                        wide, positions, "halves"
                    ),
                    "positions are taken as 0, 1, 2, ...": turned(wide, np.arange(shape[-2])),
                },
            )
            check_values(
                part(found, "x", shown),
                turned(g.astype(np.float64), -positions),
                dtype,
                terms=200,
                what=f"the gradient of {shown}",
                help="The way back turns the gradient back. Use the ops of Tensors.",
            )


def test_odd_columns(student, rng):
    """sinusoidal_positions and rope: an odd number of columns raises ValueError"""
    for dim in (1, 3, 7):
        check_raises(
            ValueError, student.sinusoidal_positions, 4, dim, what=f"sinusoidal_positions(4, {dim})"
        )
        check_raises(
            ValueError,
            student.rope,
            rng.standard_normal((2, 4, dim)),
            np.arange(4),
            what=f"rope of {dim} columns",
        )


def test_rope_relative(student, rng):
    """rope: lengths are kept, and products depend on the distance only"""
    for D in (2, 6, 16):
        x = rng.standard_normal((2, D))
        i, j, shift = rng.integers(1, 40, 3)
        near, far = (np.array([i + s, j + s]) for s in (0, shift))
        y, z = student.rope(x, near), student.rope(x, far)
        help = "Each pair is turned as a whole, by an angle proportional to the position."
        lengths = np.linalg.norm(x, axis=1)
        for found in (y, z):
            check_values(found, found, np.float64, what="rope of an array")
            check_values(
                np.linalg.norm(found, axis=1),
                lengths,
                np.float64,
                terms=1000,
                what="the length of turned vectors",
                help=help,
            )
        check_values(
            np.array([y[0] @ y[1]]),
            np.array([z[0] @ z[1]]),
            np.float64,
            terms=10**4,
            scale=float(D),
            what=f"the product of vectors at {near.tolist()}, beside that at {far.tolist()}",
            help=help,
        )
