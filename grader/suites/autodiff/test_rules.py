"""Hidden checks of the rules on arrays."""

import numpy as np

from grader.check import check_raises, fail, kind_of
from grader.suites.autodiff.oracles import (
    BINARY,
    DTYPES,
    UNARY,
    check_entries,
    check_rule,
    check_values,
    domain,
    draw,
    forward,
)
from grader.suites.autodiff.probes import GETITEM

PAIRS = (
    ((), ()),
    ((1,), (1,)),
    ((7,), (7,)),
    ((4, 3), (4, 3)),
    ((4, 3), (3,)),
    ((3,), (4, 3)),
    ((3, 3), (3,)),
    ((4, 3), ()),
    ((2, 1, 3), (4, 1)),
    ((4, 1), (1, 5)),
    ((1, 3), (3, 1, 1)),
)
HELP_PAIR = (
    "g times the derivative, then summed down to the shape of the input if that was broadcast."
)


def test_rules_arithmetic(student, rng):
    """add, sub, mul, div: both entries, broadcast or not"""
    for dtype in DTYPES:
        for a, b in PAIRS:
            for name in BINARY:
                inputs = [draw(rng, a, dtype), draw(rng, b, dtype)]
                check_rule(student, rng, name, inputs, help=HELP_PAIR, dtype=dtype)


def test_rules_of_numbers(student, rng):
    """arithmetic and powers with a Python number: None for it, the other entry right"""
    for name in (*BINARY, "pow"):
        for shape in ((), (4,), (2, 3)):
            x = draw(rng, shape, np.float64, domain(name))
            number = float(rng.uniform(0.5, 2.0))
            for inputs in ([x, number], [number, x], [x, 2]):
                check_rule(
                    student,
                    rng,
                    name,
                    inputs,
                    help="A number has no `.shape`: its entry is None, the other one is as ever.",
                )


def test_rules_of_functions(student, rng):
    """neg, exp, log, sin, cos, tanh, relu, sigmoid: g times the derivative"""
    for dtype in DTYPES:
        for shape in ((), (1,), (5,), (3, 4), (33, 65)):
            for name in UNARY:
                check_rule(
                    student,
                    rng,
                    name,
                    [draw(rng, shape, dtype, domain(name))],
                    help="Entry by entry, g times the derivative at x (or written with out).",
                    dtype=dtype,
                )


def test_rule_of_matmul(student, rng):
    """matmul: matrices, batches, batches that are broadcast"""
    for dtype in DTYPES:
        for a, b in (
            ((2, 3), (3, 4)),
            ((1, 1), (1, 1)),
            ((3, 3), (3, 3)),
            ((5, 1), (1, 2)),
            ((2, 2, 3), (2, 3, 2)),
            ((2, 2, 3), (3, 4)),
            ((2, 3), (4, 3, 2)),
            ((2, 1, 2, 3), (3, 3, 1)),
            ((1, 2, 3), (4, 3, 2)),
        ):
            inputs = [draw(rng, a, dtype), draw(rng, b, dtype)]
            check_rule(
                student,
                rng,
                "matmul",
                inputs,
                dtype=dtype,
                help="g @ b^T and a^T @ g, where ^T exchanges the last two axes; batch axes that were "
                "broadcast are summed.",
            )


def test_rule_of_pow(student, rng):
    """pow: the base's entry and the exponent's"""
    for dtype in DTYPES:
        for a, b in PAIRS:
            inputs = [draw(rng, a, dtype, "positive"), draw(rng, b, dtype)]
            check_rule(
                student,
                rng,
                "pow",
                inputs,
                dtype=dtype,
                help="b a^(b - 1) for the base, a^b log a for the exponent.",
            )


def test_rule_of_pow_edges(student, rng):
    """pow: bases that are negative or 0"""
    g = rng.uniform(0.5, 1.5, 6)
    a = np.array([-1.5, -2.0, -0.5, 0.0, 0.0, 0.0])
    b = np.array([2.0, 3.0, -1.0, 2.0, 1.0, 0.0])
    out = np.array([2.25, -8.0, -2.0, 0.0, 0.0, 1.0])
    into_a = g * np.array([-3.0, 12.0, -4.0, 0.0, 1.0, 0.0])
    into_b = np.array([np.nan] * 3 + [0.0] * 3)
    found = student.pow_vjp(g, out, a, b)
    check_entries(found, [a, b], "pow_vjp")
    check_values(
        found[0],
        into_a,
        what="pow_vjp at bases -1.5, -2, -0.5, 0, 0, 0: the base's entry",
        help="A whole exponent needs no logarithm. With exponent 0 the power is constant: at base 0 "
        "b a^(b - 1) would be 0 times infinity.",
    )
    check_values(
        found[1],
        into_b,
        what="pow_vjp at bases -1.5, -2, -0.5, 0, 0, 0: the exponent's entry",
        help="nan where the base is negative; 0 where it is 0, for a^b log a goes to 0 there.",
    )


def test_rules_of_shapes(student, rng):
    """transpose, reshape, broadcast_to: the way back of a copy"""
    for dtype in DTYPES:
        for name, shape, params in (
            ("transpose", (2, 3), {}),
            ("transpose", (2, 3, 4), {"axes": None}),
            ("transpose", (2, 3, 4), {"axes": (1, 2, 0)}),
            ("transpose", (2, 3, 4), {"axes": (2, 0, 1)}),
            ("transpose", (2, 3, 4), {"axes": (-1, 0, -2)}),
            ("transpose", (3, 3, 3), {"axes": (1, 2, 0)}),
            ("transpose", (2, 1, 3, 2), {"axes": (3, -4, 1, 2)}),
            ("transpose", (5,), {}),
            ("reshape", (2, 6), {"shape": (3, 4)}),
            ("reshape", (2, 6), {"shape": (-1,)}),
            ("reshape", (6,), {"shape": (2, -1)}),
            ("reshape", (1, 1), {"shape": ()}),
            ("broadcast_to", (3,), {"shape": (4, 3)}),
            ("broadcast_to", (4, 1), {"shape": (4, 3)}),
            ("broadcast_to", (1, 3, 1), {"shape": (2, 4, 3, 2)}),
            ("broadcast_to", (), {"shape": (2, 3)}),
            ("broadcast_to", (2, 3), {"shape": (2, 3)}),
        ):
            check_rule(
                student,
                rng,
                name,
                [draw(rng, shape, dtype)],
                params,
                dtype=dtype,
                help="Send every number back to where it came from; what was copied adds up.",
            )


AXES = (
    ((5,), None),
    ((5,), 0),
    ((2, 3), None),
    ((2, 3), 0),
    ((2, 3), 1),
    ((2, 3), -1),
    ((3, 3), 0),
    ((3, 3), -1),
    ((2, 3, 4), (0, 2)),
    ((2, 3, 4), (-1, 0)),
    ((2, 3, 4), (1,)),
    ((1, 3, 1), (0, 1, 2)),
    ((), None),
)


def reductions():
    for shape, axis in AXES:
        for keepdims in (False, True):
            params = {"axis": axis, "keepdims": keepdims}
            yield shape, params


def test_rule_of_sum(student, rng):
    """sum: g goes to everyone who was summed, over any axes"""
    for dtype in DTYPES:
        for shape, params in reductions():
            check_rule(
                student,
                rng,
                "sum",
                [draw(rng, shape, dtype)],
                params,
                dtype=dtype,
                help="Give g its reduced axes back with length 1, then broadcast it to x's shape.",
            )


def test_rule_of_max(student, rng):
    """max: g goes to the largest, over any axes"""
    for dtype in DTYPES:
        for shape, params in reductions():
            check_rule(
                student,
                rng,
                "max",
                [draw(rng, shape, dtype, "distinct")],
                params,
                dtype=dtype,
                help="x equals out (with its axes given back) at the largest: there g goes.",
            )


def test_rule_of_max_ties(student, rng):
    """max: equal maxima share g equally"""
    for shape, params in reductions():
        x = rng.integers(0, 2, shape).astype(np.float64)
        check_rule(
            student,
            rng,
            "max",
            [x],
            params,
            help="Divide by how many are the largest, counted along the reduced axes.",
        )


# ---- indexing and data structures -------------------------------------------------------------------
def words(index):
    """An index in what travels: slices and the ellipsis are lists."""
    if isinstance(index, slice):
        return ["slice", index.start, index.stop, index.step]
    if index is ...:
        return ["all"]
    return tuple(words(part) for part in index) if isinstance(index, tuple) else index


def test_rule_of_getitem(student, rng):
    """getitem: numbers, slices, lists with repeats, masks, and tuples of them"""
    for dtype in DTYPES:
        for shape, index in (
            ((5,), 2),
            ((5,), -1),
            ((5,), slice(1, 4)),
            ((6,), slice(None, None, -2)),
            ((4, 3), 1),
            ((4, 3), (slice(None), 2)),
            ((4, 3), (slice(1, 3), slice(0, 2))),
            ((5,), rng.integers(0, 5, 9)),
            ((5,), rng.integers(-5, 5, (3, 4))),
            ((4, 3), rng.integers(0, 4, 7)),
            ((4, 3), (rng.integers(0, 4, 8), rng.integers(0, 3, 8))),
            ((4, 3), (slice(None), rng.integers(0, 3, 6))),
            ((4, 3), (..., rng.integers(0, 3, 6))),
            ((4, 3), rng.random((4, 3)) < 0.5),
        ):
            x = draw(rng, shape, dtype)
            out = np.asarray(x[index])
            g = draw(rng, out.shape, dtype)
            # Who was picked where, counted one by one.
            picked = np.arange(x.size).reshape(shape)[index]
            want = np.zeros(x.size)
            for place, amount in zip(np.ravel(picked), np.ravel(g), strict=True):
                want[place] += float(amount)
            once = np.zeros(shape, dtype)
            once[index] = g
            found = student.probe(GETITEM, g=g, out=out, x=x, words=words(index))
            what = f"getitem_vjp of shape {shape}, index {index}"
            check_entries(found, [x], what)
            check_values(
                found[0],
                want.reshape(shape),
                dtype,
                scale=4.0,
                terms=g.size,
                what=what,
                help="Zeros of x's shape, and g added where the index points; a place that is named "
                "twice gets both.",
                diagnoses={
                    "a place that the index names twice keeps only the last gradient": once,
                },
            )


def test_dict_rule(student, rng):
    """dict_get_vjp: the adjoint of a dictionary is a dictionary"""
    names = [f"w{number}" for number in rng.permutation(20)[:5].tolist()]
    d = {name: float(rng.standard_normal()) for name in (*names, 3, ("b", 0))}
    for key in d:
        g = float(rng.uniform(0.5, 2.0))
        found = student.dict_get_vjp(g, d[key], d, key)
        if type(found) is not dict or set(found) != set(d):
            fail(
                f"dict_get_vjp returns {kind_of(found)}, it should be a dict with the keys of d.",
                help="Every key of d, and no tuple around it.",
            )
        for name, entry in found.items():
            check_values(
                entry,
                g if name == key else 0.0,
                what=f"the adjoint at {name!r} after d[{key!r}]",
                help="g at the key that was asked for, 0.0 at all others.",
            )
    check_raises(
        KeyError,
        student.dict_get_vjp,
        1.0,
        0.0,
        d,
        "nowhere",
        what="dict_get_vjp at a key that d lacks",
        help="Look the key up before you build the adjoint.",
    )


# ---- what all rules have in common ---------------------------------------------------------------------
LINEAR = (
    ("neg", (17, 9), {}),
    ("transpose", (6, 7, 8), {"axes": (2, -3, 1)}),
    ("reshape", (6, 35), {"shape": (7, -1, 3)}),
    ("broadcast_to", (9, 1, 5), {"shape": (4, 9, 6, 5)}),
    ("sum", (8, 9, 10), {"axis": (0, -1)}),
    ("sum", (31, 17), {"axis": 1, "keepdims": True}),
)


def test_linear_rules_are_adjoint(student, rng):
    """<rule(g), x> = <g, op(x)> for every linear op, at sizes nobody checks entry by entry"""
    for name, shape, params in LINEAR:
        x = rng.standard_normal(shape)
        out = forward(name, [x], params)
        g = rng.standard_normal(out.shape)
        found = student.call(f"{name}_vjp", g, out, x, **params)
        check_entries(found, [x], f"{name}_vjp")
        if type(found[0]) is not np.ndarray or found[0].shape != shape:
            fail(
                f"{name}_vjp gives {kind_of(found[0])}, it should be an array of shape {shape}.",
                help="An adjoint has the shape of what it belongs to.",
            )
        check_values(
            float((found[0] * x).sum()),
            float((g * out).sum()),
            what=f"<{name}_vjp(g), x>",
            scale=float(np.abs(g).sum()),
            help="The adjoint of a linear map A is its transpose: <A^T g, x> = <g, A x>.",
        )
