"""Hidden checks of what only holds if the parts are right together, of hygiene, and of speed."""

import numpy as np

from grader.check import check_array, check_unchanged, fail
from grader.student import StudentError
from grader.suites.autodiff.oracles import (
    BINARY,
    FORWARD,
    H,
    check_values,
    domain,
    draw,
    forward,
    pullback_derivative,
)
from grader.suites.autodiff.probes import (
    JVP,
    NETWORK,
    TENSOR,
    TIMED_ACCUMULATE,
    TIMED_BACKWARD,
    VALUES,
)
from grader.suites.autodiff.programs import draw_program

HELP = (
    "A rule for tensors uses operators, the listed methods and the two helpers only, on its arguments "
    "as they come: np.exp(x) or a value that was copied out of x does not move with x."
)


def check_second_order(student, rng, name, inputs, params=None):
    """How the entries of a rule move when its tensors do, against differences."""
    params = params or {}
    moves = [rng.standard_normal(x.shape) for x in inputs]
    out = forward(name, inputs, params)
    g, g_moves = draw(rng, out.shape, np.float64), rng.standard_normal(out.shape)
    moving = [np.asarray(x + 1j * H * v) for x, v in zip(inputs, moves, strict=True)]
    shapes = ", ".join(str(x.shape) for x in inputs)
    what = f"{name}_vjp on tensors of shapes {shapes}"
    try:
        found = student.probe(
            TENSOR,
            name=name,
            g=np.asarray(g + 1j * H * g_moves),
            out=np.asarray(FORWARD[name](*moving, **params)),
            inputs=moving,
            params=params,
        )
    except StudentError as error:
        fail(f"{what} raises {error}.", help=HELP)
    if type(found) is not list:
        fail(f"{what} returns {found}, it should return a tuple.")
    if len(found) != len(inputs):
        fail(f"{what} returns {len(found)} entries for {len(inputs)} inputs.")
    for place, entry in enumerate(found):
        if type(entry) is not np.ndarray:
            seen = "None" if entry is None else entry
            fail(f"{what}: entry {place} is {seen}, it should be a tensor.", help=HELP)
        want = pullback_derivative(name, g, inputs, params, place, g_moves, moves)
        check_values(
            np.asarray(np.imag(entry) / H),
            want,
            what=f"{what}: how fast entry {place} moves",
            rtol=1e-6,
            atol=1e-7,
            help=HELP,
        )


def test_second_order_elementwise(student, rng):
    """gradients of gradients: arithmetic and functions"""
    for name in ("exp", "log", "sin", "cos", "tanh", "relu", "sigmoid", "neg"):
        for shape in ((), (5,), (2, 3)):
            check_second_order(student, rng, name, [draw(rng, shape, np.float64, domain(name))])
    for name in BINARY:
        for a, b in (((3,), (3,)), ((2, 3), (3,)), ((2, 1), (1, 3)), ((), (2,))):
            inputs = [draw(rng, a, np.float64), draw(rng, b, np.float64)]
            check_second_order(student, rng, name, inputs)


def test_second_order_pow(student, rng):
    """gradients of gradients: powers of positive bases"""
    for a, b in (((3,), (3,)), ((2, 3), (3,)), ((2, 1), (1, 3)), ((), ())):
        inputs = [draw(rng, a, np.float64, "positive"), draw(rng, b, np.float64)]
        check_second_order(student, rng, "pow", inputs)


def test_second_order_matmul(student, rng):
    """gradients of gradients: matrix products"""
    for a, b in (((2, 3), (3, 2)), ((2, 2, 3), (3, 2)), ((2, 1, 2, 3), (3, 3, 1))):
        inputs = [draw(rng, a, np.float64), draw(rng, b, np.float64)]
        check_second_order(student, rng, "matmul", inputs)


def test_second_order_shapes(student, rng):
    """gradients of gradients: shapes, sums and maxima"""
    for name, shape, params in (
        ("transpose", (2, 3, 2), {"axes": (1, -1, 0)}),
        ("transpose", (2, 3), {}),
        ("reshape", (2, 3), {"shape": (3, 2)}),
        ("broadcast_to", (2, 1), {"shape": (2, 2, 3)}),
        ("sum", (2, 3), {"axis": -1}),
        ("sum", (2, 3, 2), {"axis": (0, 2), "keepdims": True}),
        ("sum", (2, 3), {}),
        ("max", (2, 3), {"axis": 1}),
        ("max", (2, 3, 2), {"axis": (0, -1), "keepdims": True}),
        ("max", (2, 3), {}),
    ):
        check_second_order(student, rng, name, [draw(rng, shape, np.float64, "distinct")], params)


def test_forward_meets_reverse(student, rng):
    """jvp along v is the inner product of v with the gradient that backward finds"""
    names = ["add", "sub", "mul", "truediv", "tanh", "sin", "exp", "log"]
    for _ in range(6):
        program = draw_program(rng, 3, 14, names)
        # What is drawn may leave products out of the result's way: the last step is one.
        program.steps.append(["mul", 3 + 13, int(rng.integers(3 + 13))])
        v = [float(x) for x in rng.standard_normal(3)]
        steps = [list(step) for step in program.steps]
        _, tangent, _ = student.probe(JVP, x=tuple(program.leaves), v=tuple(v), steps=steps)
        root = len(program.leaves) + len(steps) - 1
        _, grads, _ = student.probe(VALUES, leaves=program.leaves, steps=steps, roots=[root])
        along = float(np.dot(v, np.array(grads[:3], np.float64)))
        for got, what in ((tangent, "jvp"), (along, "backward")):
            check_values(
                got,
                program.tangent(v),
                what=f"the derivative along v that {what} finds",
                rtol=1e-7,
                atol=1e-8,
                help="Forward and reverse mode are two orders of the same multiplications.",
            )


def test_network_gradients(student, rng):
    """accumulate over your rules differentiates a network with shared weights and a softmax loss"""
    x, w = rng.standard_normal((4, 3)), 0.7 * rng.standard_normal((3, 3))
    b, v = rng.standard_normal(3), rng.standard_normal((3, 2))
    y = np.eye(2)[rng.integers(0, 2, 4)]
    leaves = [x, w, b, v, y]
    steps = [
        ("matmul", (0, 1), {}),
        ("add", (5, 2), {}),
        ("tanh", (6,), {}),
        ("matmul", (7, 1), {}),
        ("add", (8, 2), {}),
        ("tanh", (9,), {}),
        ("add", (10, 7), {}),
        ("matmul", (11, 3), {}),
        ("max", (12,), {"axis": 1, "keepdims": True}),
        ("sub", (12, 13), {}),
        ("exp", (14,), {}),
        ("sum", (15,), {"axis": -1, "keepdims": True}),
        ("log", (16,), {}),
        ("sub", (17, 14), {}),
        ("mul", (18, 4), {}),
        ("sum", (19,), {}),
    ]
    found = student.probe(NETWORK, leaves=leaves, steps=[list(step) for step in steps])
    for place, name in ((0, "x"), (1, "the shared matrix"), (2, "the shared bias"), (3, "v")):
        want = np.zeros(leaves[place].shape)
        for where in np.ndindex(want.shape):
            want[where] = network(leaves, place, where).imag / H
        check_values(
            found[place],
            want,
            what=f"the gradient of the loss for {name}",
            rtol=1e-8,
            atol=1e-10,
            help="Every part may be right alone: look at shared nodes and at broadcast biases.",
        )


def network(leaves, place, where):
    """The loss of `test_network_gradients`, one number moved."""
    x, w, b, v, y = (
        np.array(leaf, complex) if i == place else leaf for i, leaf in enumerate(leaves)
    )
    (x, w, b, v, y)[place][where] += 1j * H
    h = np.tanh(x @ w + b)
    z = (np.tanh(h @ w + b) + h) @ v
    z = z - np.real(z).max(axis=1, keepdims=True)
    return ((np.log(np.exp(z).sum(axis=1, keepdims=True)) - z) * y).sum()


# ---- hygiene ----------------------------------------------------------------------------------------------
def calls(rng, dtype):
    """One call of every rule: name, inputs, params."""
    for name in (*BINARY, "pow"):
        a, b = draw(rng, (3, 4), dtype, "positive"), draw(rng, (4,), dtype, "positive")
        yield name, [a, b], {}
        yield name, [a, 2.0], {}
        yield name, [2.0, a], {}
    for name in ("neg", "exp", "log", "sin", "cos", "tanh", "relu", "sigmoid"):
        yield name, [draw(rng, (3, 4), dtype, domain(name))], {}
    yield "matmul", [draw(rng, (2, 3, 4), dtype), draw(rng, (4, 5), dtype)], {}
    yield "transpose", [draw(rng, (3, 4), dtype)], {"axes": (1, 0)}
    yield "reshape", [draw(rng, (3, 4), dtype)], {"shape": (6, 2)}
    yield "broadcast_to", [draw(rng, (3, 1), dtype)], {"shape": (2, 3, 4)}
    for name in ("sum", "max"):
        yield name, [draw(rng, (3, 4), dtype)], {"axis": 1}
        yield name, [draw(rng, (3, 4), dtype)], {}
    yield "getitem", [draw(rng, (5, 2), dtype)], {"index": np.array([0, 3, 3])}


def test_inputs_unchanged(student, rng):
    """no function changes the arrays that it was given"""
    for name, inputs, params in calls(rng, np.float64):
        out = forward(name, inputs, params)
        g = draw(rng, out.shape, np.float64)
        arrays = [g, out, *inputs]
        places = tuple(i for i, x in enumerate(arrays) if isinstance(x, np.ndarray))
        done = student.invoke(f"{name}_vjp", tuple(arrays), params, read=places)
        for after, i in zip(done.read, places, strict=True):
            shown = ("g", "out", "the first input", "the second input")[i]
            check_unchanged(after, arrays[i], what=f"{shown} of {name}_vjp")
    grad = rng.standard_normal((4, 3))
    done = student.invoke("unbroadcast", (grad, (3,)), read=(0,))
    check_unchanged(done.read[0], grad, what="the gradient given to unbroadcast")
    x, v, c = (rng.uniform(0.5, 1.5, 3) for _ in range(3))
    held = [student.put(array) for array in (x, v, c)]
    d = student.Dual(held[0], held[1])
    for out in (d + held[2], d * d, held[2] - d, d / held[2], d**2, -d):
        student.fetch(out.value)
    for handle, before, shown in zip(held, (x, v, c), ("value", "tangent", "operand"), strict=True):
        check_unchanged(student.fetch(handle), before, what=f"the {shown} of a Dual")


def test_dtype_kept(student, rng):
    """every rule, unbroadcast and Dual keep float32 and float64"""
    for dtype in (np.float32, np.float64):
        for name, inputs, params in calls(rng, dtype):
            out = forward(name, inputs, params).astype(dtype)
            g = draw(rng, out.shape, dtype)
            found = student.call(f"{name}_vjp", g, out, *inputs, **params)
            for entry, x in zip(found, inputs, strict=True):
                if isinstance(x, np.ndarray):
                    check_array(entry, x.shape, dtype, what=f"{name}_vjp on {dtype.__name__}")
        grad = rng.standard_normal((4, 3)).astype(dtype)
        check_array(student.unbroadcast(grad, (3,)), (3,), dtype, what="unbroadcast")
        x, v, c = (rng.uniform(0.5, 1.5, (2, 3)).astype(dtype) for _ in range(3))
        d = student.Dual(x, v)
        for out, shown in (
            (d + 1, "Dual + 1"),
            (2.0 * d, "2.0 * Dual"),
            (c - d, "array - Dual"),
            (1 / d, "1 / Dual"),
            (d**2, "Dual ** 2"),
            (student.dual_tanh(d), "dual_tanh(Dual)"),
        ):
            for part in ("value", "tangent"):
                got = student.fetch(getattr(out, part))
                check_array(got, (2, 3), dtype, what=f"the {part} of {shown}")


# ---- performance -----------------------------------------------------------------------------------------
LEAVES = 8
NODES = 20_000


def recent(rng, count):
    """Two earlier results for every node: the last one, and one not long before it."""
    return [
        (place - 1, int(rng.integers(max(0, place - 60), place))) for place in range(LEAVES, count)
    ]


def shares(pairs, root):
    """What part of the root's adjoint each leaf gets if every operand gets half."""
    adjoints = [0.0] * root + [1.0]
    for place in range(root, LEAVES - 1, -1):
        for operand in pairs[place - LEAVES]:
            adjoints[operand] += 0.5 * adjoints[place]
    return np.array(adjoints[:LEAVES])


def test_accumulate_speed(bench, rng):
    """accumulate over 20,000 nodes takes no longer than the course's own"""
    pairs = recent(rng, NODES)
    unit = shares(pairs, NODES - 1)

    def check(released, result, read):
        check_values(
            np.array(result), released[0] * unit, what="the adjoints of a timed call", rtol=1e-9
        )

    bench.compare(
        "accumulate",
        program=TIMED_ACCUMULATE,
        staged=([*[()] * LEAVES, *pairs],),
        release=lambda rng: (float(rng.uniform(0.5, 2.0)),),
        arguments=lambda staged, released: (*staged, *released),
        check=check,
    )


def test_backward_speed(bench, rng):
    """Value.backward over 20,000 nodes takes no longer than the course's own"""
    pairs = recent(rng, LEAVES + NODES // 3)
    last = LEAVES + len(pairs) - 1

    def check(released, result, read):
        want = shares(pairs, released[0])
        check_values(np.array(result), want, what="the gradients of a timed call", rtol=1e-9)

    bench.compare(
        "Value",
        program=TIMED_BACKWARD,
        staged=([float(x) for x in rng.uniform(0.5, 1.5, LEAVES)], pairs),
        # Another root each time: what an earlier call found does not answer this one.
        release=lambda rng: (last - int(rng.integers(60)),),
        arguments=lambda staged, released: (*staged, *released),
        check=check,
    )
