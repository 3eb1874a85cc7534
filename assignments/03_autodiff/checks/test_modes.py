"""Public checks of both modes: small inputs that a person can follow, in the order a learner builds."""

import math

import numpy as np

from grader.check import check_close, fail, kind_of

X1, X2 = 2.0, 5.0
Y = math.log(X1) + X1 * X2 - math.sin(X2)  # 11.652
DY1, DY2 = 1 / X1 + X2, X1 - math.cos(X2)  # 5.5 and 1.716


def near(got, want, what, help="", **wrong):
    """A number (or an array) that a learner's object holds."""
    if isinstance(got, (float, int, np.floating)) and not isinstance(got, bool):
        got = np.asarray(got, np.float64)
    diagnoses = {sentence: np.asarray(value, np.float64) for sentence, value in wrong.items()}
    want = np.asarray(want, np.float64)
    check_close(got, want, what=what, rtol=1e-7, atol=1e-9, help=help, diagnoses=diagnoses)


# ---- forward mode -----------------------------------------------------------------------------------
def test_dual_product(student):
    """a Dual carries its tangent through + - * / **"""
    a, b = student.Dual(3.0, 1.0), student.Dual(2.0, 10.0)
    for out, value, tangent, what, help in (
        (a + b, 5.0, 11.0, "a + b", "Both tangents add."),
        (a - b, 1.0, -9.0, "a - b", "The tangent of b is subtracted."),
        (a * b, 6.0, 32.0, "a * b", "da b + a db: 1 * 2 + 3 * 10."),
        (a / b, 1.5, -7.0, "a / b", "(da - (a / b) db) / b."),
        (-a, -3.0, -1.0, "-a", "The tangent changes its sign, too."),
        (a**2, 9.0, 6.0, "a ** 2", "b a^(b - 1) da."),
        (a + 1, 4.0, 1.0, "a + 1", "A number does not move."),
        (1 - a, -2.0, -1.0, "1 - a", "`__rsub__` gets the operands the other way round."),
        (6 / a, 2.0, -2.0 / 3.0, "6 / a", "`__rtruediv__`: a number over a Dual."),
        (2**a, 8.0, 8.0 * math.log(2.0), "2 ** a", "`__rpow__`: 2^a log 2 da."),
    ):
        near(student.fetch(out.value), value, f"the value of {what}")
        near(student.fetch(out.tangent), tangent, f"the tangent of {what}", help)


def test_dual_chain(student):
    """dual_exp and its sisters apply the chain rule"""
    x = 0.5
    for name, value, slope in (
        ("exp", math.exp(x), math.exp(x)),
        ("log", math.log(x), 1 / x),
        ("sin", math.sin(x), math.cos(x)),
        ("cos", math.cos(x), -math.sin(x)),
        ("tanh", math.tanh(x), 1 - math.tanh(x) ** 2),
    ):
        out = student.call(f"dual_{name}", student.Dual(x, 3.0))
        near(student.fetch(out.value), value, f"dual_{name}(Dual(0.5, 3)).value")
        near(
            student.fetch(out.tangent),
            3 * slope,
            f"dual_{name}(Dual(0.5, 3)).tangent",
            "The derivative at the value, times the tangent that came in.",
            **{"the tangent that came in is missing": slope},
        )
        plain = student.call(f"dual_{name}", x)
        near(
            student.fetch(plain.tangent),
            0.0,
            f"dual_{name}(0.5).tangent",
            "A number does not move.",
        )


def test_jvp_trace(student):
    """jvp differentiates ln(x1) + x1 x2 - sin(x2) at (2, 5)"""

    def f(a, b):
        return student.dual_log(a) + a * b - student.dual_sin(b)

    for v, slope in (((1.0, 0.0), DY1), ((0.0, 1.0), DY2), ((2.0, -1.0), 2 * DY1 - DY2)):
        found = student.jvp(f, (X1, X2), v)
        if type(found) not in (tuple, list) or len(found) != 2:
            fail(f"jvp returns {kind_of(found)}, it should return (value, tangent).")
        near(found[0], Y, f"the value along {v}")
        near(found[1], slope, f"the tangent along {v}", "f(Dual(x1, v1), Dual(x2, v2)).")
    value, tangent = student.jvp(lambda a: a * a, np.array([1.0, 2.0]), np.array([1.0, 0.5]))
    near(value, [1.0, 4.0], "the value of x * x at [1, 2]")
    near(
        tangent, [2.0, 2.0], "the tangent of x * x at [1, 2] along [1, 0.5]", "One Dual of arrays."
    )


# ---- scalars ------------------------------------------------------------------------------------------
def test_value_small(student):
    """a Value computes like a number and remembers its parents"""
    a, b = student.Value(3.0), student.Value(2.0)
    for out, want, what in (
        (a + b, 5.0, "a + b"),
        (a - 1, 2.0, "a - 1"),
        (1 - a, -2.0, "1 - a"),
        (a * b, 6.0, "a * b"),
        (a / b, 1.5, "a / b"),
        (6 / a, 2.0, "6 / a"),
        (a**2, 9.0, "a ** 2"),
        (a**b, 9.0, "a ** b"),
        (2**a, 8.0, "2 ** a"),
        (-a, -3.0, "-a"),
        (a.exp(), math.exp(3.0), "a.exp()"),
        (a.tanh(), math.tanh(3.0), "a.tanh()"),
        ((-a).relu(), 0.0, "(-a).relu()"),
    ):
        near(student.fetch(out.data), want, f"the data of {what}")
    near(student.fetch(a.grad), 0.0, "a.grad before any backward", "0.0 at first.")
    if student.len(a.parents) != 0 or student.len((a * b).parents) != 2:
        fail(
            "a leaf should have no parents, and a * b two.",
            help="`self.parents = ()` for a leaf, `(self, other)` for a product.",
        )


def test_value_trace(student):
    """backward finds 5.5 and 1.716 in one pass"""
    a, b = student.Value(X1), student.Value(X2)
    y = a.log() + a * b - b.sin()
    near(student.fetch(y.data), Y, "ln(x1) + x1 x2 - sin(x2) at (2, 5)")
    y.backward()
    help = "Each use hands a share on: 1 / x1 and x2 for x1; x1 and -cos(x2) for x2."
    near(student.fetch(a.grad), DY1, "dy/dx1", help, **{"only one of its two uses counts": X2})
    near(student.fetch(b.grad), DY2, "dy/dx2", help, **{"only one of its two uses counts": X1})


def test_value_diamond(student):
    """a Value that is used twice collects from both uses"""
    a = student.Value(1.0)
    b = a + a
    c = b + b
    c.backward()
    near(student.fetch(b.grad), 2.0, "dc/db for c = b + b", "Two uses, two shares: `+=`, not `=`.")
    near(student.fetch(a.grad), 4.0, "dc/da for b = a + a, c = b + b", "2 uses of 2 each.")
    x = student.Value(3.0)
    square = x * x
    y = square * x + square
    y.backward()
    near(
        student.fetch(x.grad),
        33.0,
        "dy/dx of x^3 + x^2 at 3",
        "x^2 is used twice: it may hand its gradient on only when both shares have come. Walk backwards "
        "through an order in which every node stands after its parents.",
    )


def test_value_again(student):
    """a second backward adds the same once more"""
    x = student.Value(3.0)
    square = x * x
    y = square * 2
    y.backward()
    y.backward()
    near(
        student.fetch(x.grad),
        24.0,
        "x.grad after two calls of backward on 2 x^2 at 3",
        "Collect the adjoints of one call by themselves, and add them to `.grad` at the end.",
        **{
            "the second call went on from what `.grad` of inner nodes already held": 36.0,
            "the second call replaced the first: `.grad` adds up": 12.0,
        },
    )
