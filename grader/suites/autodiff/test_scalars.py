"""Hidden checks of reverse mode for scalars: the class Value."""

import math

import numpy as np

from grader.check import fail
from grader.suites.autodiff.oracles import check_values
from grader.suites.autodiff.probes import CHAIN, VALUES
from grader.suites.autodiff.programs import ARITHMETIC, FUNCTIONS, Program, draw_program

DEEP = 100_000
HELP = "Every use of a node hands it a share of the gradient; the shares add up."


def follow(student, program, roots):
    """`(data, grad, grad at first)` of every result, after `backward` of the `roots`."""
    steps = [list(step) for step in program.steps]
    return student.probe(VALUES, leaves=program.leaves, steps=steps, roots=roots)


def check_program(student, program, roots=None, *, help=HELP):
    """Data and gradients of every result, after backward of the roots (the last, by default)."""
    last = len(program.leaves) + len(program.steps) - 1
    roots = roots or [last]
    data, grads, before = follow(student, program, roots)
    for grad in (*before, *grads):
        if not isinstance(grad, float):
            fail(
                f"a `.grad` is of type {type(grad).__name__}, it should be a float.",
                help="0.0 at first, and `+=` a float afterwards.",
            )
    if any(grad != 0.0 for grad in before):
        fail("`.grad` of a new Value is not 0.0.", help="Set it in `__init__`.")
    want = np.zeros(len(data))
    for root in roots:
        want += program.slopes(root)
    names = ["a leaf"] * len(program.leaves) + [f"a {step[0]}" for step in program.steps]
    for place, (value, right) in enumerate(zip(data, program.values, strict=True)):
        what = f"the data of {names[place]}"
        check_values(value, right, what=what, rtol=1e-9, atol=1e-9, help="Compute as on numbers.")
    for place, grad in enumerate(grads):
        if place in roots:
            continue  # what a root holds of itself is nobody's business
        what = f"the grad of {names[place]} ({len(roots)} calls of backward)"
        check_values(grad, want[place], what=what, rtol=1e-7, atol=1e-9, help=help)


def tree(rng, name, operands):
    """One operation between smooth ones, no result used twice."""
    program = Program([float(x) for x in rng.uniform(0.5, 1.5, 2)])
    program.steps = [[name, *operands], ["mul", 2, 1.5], ["tanh", 3]]
    return program


def test_value_arithmetic(student, rng):
    """Value: + - * / and minus, with numbers and Values on either side"""
    for name in ("add", "sub", "mul", "truediv"):
        for operands in ([0, 1], [0, 1.75], [1.75, 0]):
            check_program(student, tree(rng, name, operands), help=f"Look at {name}.")
    check_program(student, tree(rng, "neg", [0]))
    for _ in range(3):
        check_program(student, draw_program(rng, 3, 15, list(ARITHMETIC)))


def test_value_power(student, rng):
    """Value: powers with the Value below, above, and in both places"""
    for operands in ([0, 1], [0, 2.5], [1.75, 0], [0, -1.0], [0, 0.5]):
        check_program(student, tree(rng, "pow", operands), help="Look at ** .")
    for exponent in (2.0, 3.0, -1.0, -2.0):
        program = tree(rng, "pow", [0, exponent])
        program.leaves[0] *= -1
        check_program(student, program, help="A constant exponent needs no logarithm: b a^(b - 1).")


def test_value_functions(student, rng):
    """Value: exp, log, sin, cos, tanh and relu"""
    for name in FUNCTIONS:
        check_program(student, tree(rng, name, [0]), help=f"Look at {name}.")
    program = tree(rng, "relu", [0])
    program.leaves[0] *= -1
    check_program(student, program, help="relu lets nothing through below 0.")
    for _ in range(3):
        check_program(student, draw_program(rng, 2, 15, ["mul", "add", *FUNCTIONS]))


def test_value_shared(student, rng):
    """Value: a result that is used many times collects from every use"""
    a = float(rng.uniform(0.5, 1.5))
    for steps in (
        [["mul", 0, 0]],
        [["add", 0, 0], ["add", 1, 1], ["mul", 2, 1]],
        [["mul", 0, 2.0], ["sin", 1], ["mul", 1, 2], ["add", 3, 1], ["mul", 4, 0]],
        # The long way must be walked before what both ways share hands its gradient on.
        [["exp", 0], ["mul", 1, 1], ["tanh", 2], ["cos", 3], ["mul", 4, 1], ["add", 5, 2]],
    ):
        check_program(student, Program([a], steps))
    for _ in range(5):
        check_program(student, draw_program(rng, 2, 30, ["mul", "add", "sub", "tanh", "sin"]))


def test_value_backward_twice(student, rng):
    """Value: every backward adds the same derivative, also where two roots share nodes"""
    help = (
        "Each call starts from 1 at its own root and from 0 everywhere else; only when all is known "
        "is it added to `.grad`."
    )
    for _ in range(4):
        program = draw_program(rng, 2, 10, ["mul", "add", "tanh", "sin", "truediv"])
        last = len(program.leaves) + len(program.steps) - 1
        for roots in ([last, last], [last - 1, last], [last, last - 2, last]):
            check_program(student, program, roots, help=help)


def test_value_parents(student, rng):
    """Value: a product knows its factors, a leaf has no parents"""
    a, b = (student.Value(float(x)) for x in rng.uniform(0.5, 1.5, 2))
    if student.len(a.parents) != 0:
        fail("a leaf has parents.", help="`()` for a number that was computed from nothing.")
    for out, name in ((a * b, "a * b"), (a + b, "a + b")):
        parents = student.iter(out.parents)
        same = len(parents) == 2 and all(
            student.request("same", a=parent, b=operand)
            for parent, operand in zip(parents, (a, b), strict=True)
        )
        if not same:
            fail(f"the parents of {name} are not (a, b).", help="The operands, in their order.")


def test_value_deep(student, rng):
    """Value: backward through 100,000 nodes, with the recursion limit as it is"""
    start, step = float(rng.uniform(0.5, 1.5)), float(rng.uniform(1e-3, 2e-3))
    factor = 1.0 - float(rng.uniform(1e-5, 3e-5))
    data, grad, deepest = student.probe(CHAIN, start=start, factor=factor, step=step, length=DEEP)
    if deepest > 5000:
        fail(
            f"the recursion limit was raised to {deepest}.",
            help="Walk with a loop and a list of what is still to do, not with recursion.",
        )
    y = start
    for place in range(DEEP):
        y = y * factor if place % 2 else y + step
    help = "Walk with a loop; an order of all nodes first, then one pass backwards."
    check_values(data, y, what="the data at the end", rtol=1e-9, help=help)
    slope = math.pow(factor, DEEP // 2)
    check_values(grad, slope, what="the grad of a leaf 100,000 nodes below", rtol=1e-8, help=help)
