"""Hidden checks of forward mode: Dual, its functions, jvp."""

import numpy as np

from grader.check import CheckFailure, fail, kind_of
from grader.suites.autodiff.oracles import H, check_values
from grader.suites.autodiff.probes import DUALS, JVP
from grader.suites.autodiff.programs import ARITHMETIC, FUNCTIONS, Program, draw_program

SMOOTH = [name for name in FUNCTIONS if name != "relu"]
HELP = "Each operation computes its value and, by its own derivative, its tangent."


def follow(student, program, direction):
    """Values and tangents of every step, from the learner's Duals."""
    return student.probe(
        DUALS, leaves=program.leaves, direction=direction, steps=[list(s) for s in program.steps]
    )


def check_steps(student, rng, program):
    """Every step's value and tangent; the first that is wrong is named."""
    direction = [float(v) for v in rng.standard_normal(len(program.leaves))]
    found = follow(student, program, direction)
    moved = [x + 1j * H * v for x, v in zip(program.leaves, direction, strict=True)]
    right = program.run(leaves=moved)
    names = ["a leaf"] * len(program.leaves) + [str(step[0]) for step in program.steps]
    for (value, tangent), want, name in zip(found, right, names, strict=True):
        what = f"of {name} with Duals"
        check_values(value, want.real, what=f"the value {what}", rtol=1e-9, atol=1e-9, help=HELP)
        slope = want.imag / H
        check_values(tangent, slope, what=f"the tangent {what}", rtol=1e-7, atol=1e-9, help=HELP)


def test_dual_arithmetic(student, rng):
    """Dual: + - * / and minus, with numbers and Duals on either side"""
    sides = ([0, 1], [0, 1.75], [1.75, 0])
    every = [[name, *operands] for name in ARITHMETIC if name != "neg" for operands in sides]
    leaves = [float(x) for x in rng.uniform(0.5, 1.5, 2)]
    check_steps(student, rng, Program(leaves, [*every, ["neg", 0]]))
    for _ in range(6):
        check_steps(student, rng, draw_program(rng, 3, 12, list(ARITHMETIC), constants=0.5))


def test_dual_power(student, rng):
    """Dual: powers with the Dual below, above, and in both places"""
    leaves = [float(x) for x in rng.uniform(0.5, 1.5, 2)]
    check_steps(student, rng, Program(leaves, [["pow", 0, 1], ["pow", 0, 1.75], ["pow", 1.75, 0]]))
    for _ in range(6):
        check_steps(student, rng, draw_program(rng, 3, 6, ["pow", "mul"], constants=0.5))
    for exponent in (2, 3, -1, -2):
        a, v = -float(rng.uniform(0.5, 2.0)), float(rng.standard_normal())
        d = student.Dual(a, v) ** exponent
        what = f"of Dual(a, v) ** {exponent} with a negative a"
        help = "A constant exponent needs no logarithm: b a^(b - 1) is right for negative a, too."
        check_values(student.fetch(d.value), a**exponent, what=f"the value {what}", help=help)
        right = exponent * a ** (exponent - 1) * v
        check_values(
            student.fetch(d.tangent),
            right,
            what=f"the tangent {what}",
            help=help,
            diagnoses={"the tangent of the base is missing": np.array(right / v)},
        )


def test_dual_functions(student, rng):
    """dual_exp and its four sisters: the chain rule, and plain numbers"""
    for name in SMOOTH:
        program = draw_program(rng, 2, 1, ["mul"])
        program.steps.append([name, 2])
        program.steps.append([str(rng.choice([n for n in SMOOTH if n != "log"])), 3])
        program.steps.append(["mul", 4, 0])
        check_steps(student, rng, program)
        x = float(rng.uniform(0.4, 2.0))
        d = student.call(f"dual_{name}", x)
        if not student.isinstance(d, "Dual"):
            fail(
                f"dual_{name} of a plain number is {kind_of(d)}, it should be a Dual.",
                help="A number does not move: wrap it in a Dual with tangent 0 first.",
            )
        what = f"dual_{name}(number)"
        check_values(student.fetch(d.value), FUNCTIONS[name](x), what=f"{what}.value", help=HELP)
        check_values(
            student.fetch(d.tangent),
            0.0,
            what=f"{what}.tangent",
            help="A plain number does not move.",
        )


def test_dual_arrays(student, rng):
    """Dual: arrays inside, and arrays on either side"""
    pairs = [("add", 0, 1), ("sub", 0, 1), ("mul", 0, 1), ("truediv", 0, 1), ("pow", 0, 1)]
    for shape in ((1,), (7,), (3, 4)):
        x, v, c = (rng.uniform(0.5, 1.8, shape) for _ in range(3))
        for name, *_ in pairs:
            for left in (True, False):
                d = student.Dual(x, v)
                apply = ARITHMETIC.get(name) or pow
                out = apply(c, d) if left else apply(d, c)
                moved = x + 1j * H * v
                right = complex_power(name, c, moved) if left else complex_power(name, moved, c)
                side = "array on the left of" if left else "array on the right of"
                if not student.isinstance(out, "Dual"):
                    fail(
                        f"{name} with an {side} a Dual gives {kind_of(out)}, it should be a Dual.",
                        help="`__array_ufunc__ = None` in the class keeps NumPy from taking the "
                        "Dual apart; then `__radd__` and its sisters are asked.",
                    )
                what = f"of {name}, an {side} a Dual"
                check_values(
                    student.fetch(out.value), right.real, what=f"the value {what}", terms=9
                )
                check_values(
                    student.fetch(out.tangent), right.imag / H, what=f"the tangent {what}", terms=9
                )


def complex_power(name, a, b):
    return np.exp(b * np.log(a)) if name == "pow" else ARITHMETIC[name](a, b)


def jvp(student, x, v, steps):
    """`module.jvp` of a program, and that f is called once with as many arguments as there are."""
    value, tangent, calls = student.probe(JVP, x=x, v=v, steps=[list(s) for s in steps])
    count = len(x) if type(x) is tuple else 1
    if calls != [count]:
        fail(
            f"jvp called f {len(calls)} times, with {calls} arguments; it should call it once "
            f"with {count}.",
            help="One pass: f(Dual(x, v)), and for a tuple x one Dual for each entry.",
        )
    return value, tangent


def test_jvp_values(student, rng):
    """jvp: numbers, arrays and tuples, along any direction"""
    names = [*ARITHMETIC, "pow", *SMOOTH]
    for leaves in (1, 2, 3):
        program = draw_program(rng, leaves, 12, names)
        v = [float(d) for d in rng.standard_normal(leaves)]
        x = tuple(program.leaves)
        shapes = [(x, tuple(v)), (x[0], v[0])] if leaves == 1 else [(x, tuple(v))]
        for where, direction in shapes:
            value, tangent = jvp(student, where, direction, program.steps)
            check_values(value, program.values[-1], what="the value of jvp", rtol=1e-9, atol=1e-9)
            check_values(
                tangent,
                program.tangent(v),
                what=f"the tangent of jvp with {leaves} inputs",
                rtol=1e-7,
                atol=1e-9,
                help="Each input starts with its own entry of v as tangent.",
                diagnoses={
                    "the direction is ignored: every tangent starts as 1": np.array(
                        program.tangent([1.0] * leaves)
                    )
                },
            )
    for shape in ((1,), (5,), (2, 3)):
        x, v = rng.uniform(0.5, 1.8, shape), rng.standard_normal(shape)
        y, w = rng.uniform(0.5, 1.8, shape), rng.standard_normal(shape)
        steps = [["mul", 0, 1], ["sin", 2], ["truediv", 3, 1]]
        value, tangent = jvp(student, (x, y), (v, w), steps)
        a, b = x + 1j * H * v, y + 1j * H * w
        right = np.sin(a * b) / b
        check_values(value, right.real, what="the value of jvp for two arrays")
        check_values(tangent, right.imag / H, what="the tangent of jvp for two arrays", terms=9)


def test_jvp_shapes(student, rng):
    """jvp: the tangent has the shape of the value, and is 0 for a constant"""
    x, v, c = rng.standard_normal(3), rng.standard_normal(3), rng.standard_normal((2, 3))
    help = "Where a larger array was only added, the tangent has not grown with it: broadcast it."
    for steps, value, tangent in (
        ([["add", 0, c]], x + c, np.broadcast_to(v, (2, 3))),
        ([["sub", c, 0]], c - x, np.broadcast_to(-v, (2, 3))),
    ):
        got = jvp(student, x, v, steps)
        check_values(got[0], value, what="the value of x + c, c larger than x", help=help)
        check_values(got[1], tangent, what="the tangent of x + c, c larger than x", help=help)
    for f, want in ((lambda d: 2.5, np.array(2.5)), (lambda d: c, c)):
        got = student.jvp(f, x, v)
        if type(got) not in (tuple, list) or len(got) != 2:
            raise CheckFailure(f"jvp returns {kind_of(got)}, it should return (value, tangent).")
        check_values(got[0], want, what="the value of a constant f")
        check_values(
            got[1],
            0 * want,
            what="the tangent of a constant f",
            help="f may return what is no Dual: it does not move.",
        )
