"""Hidden checks of activations, of the gradient checkers and of random features."""

import numpy as np

from grader.check import check_array, check_close, check_no_warnings, check_raises, fail, tolerance
from grader.suites.backprop.oracles import DTYPES, NAMES, act, act_grad, check_values

SHAPES = ((1,), (7,), (1, 1), (5, 3), (3, 1, 4), (129, 65))
EXTREME = 1e4


# ---- activations --------------------------------------------------------------------------------
def test_activation_values(student, rng):
    """activation: four names, arrays of any shape, both dtypes"""
    for dtype in DTYPES:
        for shape in SHAPES:
            z = (3.0 * rng.standard_normal(shape)).astype(dtype)
            for name in NAMES:
                check_values(
                    student.activation(name, z),
                    act(name, z),
                    dtype,
                    what=f"activation({name!r}, z)",
                    atol=tolerance(
                        np.dtype(dtype)
                    ),  # of 1: (1 + tanh(z / 2)) / 2 is as right as any
                    help="Entry by entry, whatever the shape.",
                )


def test_activation_grad_values(student, rng):
    """activation_grad: the derivative at the pre-activation, entry by entry"""
    for dtype in DTYPES:
        for shape in SHAPES:
            z = (2.0 * rng.standard_normal(shape)).astype(dtype)
            for name in NAMES:
                a = act(name, z)
                check_values(
                    student.activation_grad(name, z),
                    act_grad(name, z),
                    dtype,
                    what=f"activation_grad({name!r}, z)",
                    atol=tolerance(np.dtype(dtype)),
                    help="z is the pre-activation: what goes into the activation.",
                    diagnoses={
                        # The other convention: the derivative written in the output.
                        "z is taken for the output of the activation; it is what goes into it": {
                            "sigmoid": z * (1 - z),
                            "tanh": 1 - z * z,
                        }.get(name, np.full(shape, np.nan)),
                        "this is the activation itself, not its derivative": a,
                    },
                )


def test_relu_at_zero(student, rng):
    """relu: the derivative at 0 is 0"""
    for dtype in DTYPES:
        z = rng.standard_normal((6, 5)).astype(dtype)
        z[rng.random(z.shape) < 0.4] = 0.0
        z[0, :2] = (0.0, -0.0)
        check_values(
            student.activation_grad("relu", z),
            act_grad("relu", z),
            dtype,
            what="activation_grad('relu', z)",
            help="At 0 itself any slope between 0 and 1 would do; this course takes 0.",
            diagnoses={
                "the derivative at 0 is 1 here: the course takes 0": (z >= 0).astype(dtype),
                "the derivative at 0 is 1/2 here: the course takes 0": (
                    (np.sign(z) + 1) / 2
                ).astype(dtype),
            },
        )


def test_sigmoid_extreme(student, rng):
    """sigmoid and its derivative: no warning and no nan at |z| = 10,000"""
    for dtype in DTYPES:
        z = rng.uniform(-EXTREME, EXTREME, (4, 7)).astype(dtype)
        z[0, :3] = (EXTREME, -EXTREME, 0.0)
        for function, right in (("activation", act), ("activation_grad", act_grad)):
            what = f"{function}('sigmoid', z) at |z| = 1e4"
            check_values(
                student.call(function, "sigmoid", z),
                right("sigmoid", z),
                dtype,
                what=what,
                help="exp of a large number overflows; exp of minus that number is 0.",
            )
            check_no_warnings(
                student, what=what, help="Take only exponentials of numbers that are not positive."
            )


def test_activation_names(student, rng):
    """activation and activation_grad: an unknown name raises ValueError"""
    z = rng.standard_normal((2, 3))
    for function in (student.activation, student.activation_grad):
        for name in ("softplus", "ReLU", ""):
            check_raises(
                ValueError,
                function,
                name,
                z,
                what=f"the activation {name!r}",
                help="A name that is not one of the four must not pass for one of them.",
            )


# ---- checks of gradients --------------------------------------------------------------------------
class Watched:
    """A function of the trusted side that counts and keeps what it was asked for."""

    def __init__(self, function):
        self.function, self.points, self.odd = function, [], ""

    def __call__(self, *args, **kwargs):
        point = args[0] if args else None
        if kwargs or len(args) != 1 or type(point) is not np.ndarray:
            self.odd = "f is called with something else than one array"
            return 0.0
        self.points.append(point.copy())
        return float(self.function(point.astype(np.float64)))

    def offsets(self, x):
        """How far from `x` each call was, or a failure that says what was odd."""
        if self.odd:
            fail(f"{self.odd}.", help="f takes one array of x's shape.")
        if not self.points:
            fail("f is never called.", help="Differences of f are what this is about.")
        for point in self.points:
            check_array(point, x.shape, np.float64, what="what f is called with",
                        help="Work on float64 copies of x, of x's shape.")  # fmt: skip
        return [point - x.astype(np.float64) for point in self.points]


def wavy(rng, shape):
    """A function without symmetries, and nowhere a polynomial."""
    a, b, c = (rng.standard_normal(shape) for _ in range(3))
    return lambda z: float((a * z**3 + b * np.sin(z)).sum() + np.cos((c * z).sum()))


def central(f, x, eps):
    """Central differences by definition."""
    grad, z = np.empty(x.shape), x.astype(np.float64)
    for i in np.ndindex(x.shape):
        step = np.zeros(x.shape)
        step[i] = eps
        grad[i] = (f(z + step) - f(z - step)) / (2 * eps)
    return grad


def test_numeric_grad_values(student, rng):
    """numeric_grad: central differences of any function, at float64 copies of x"""
    for dtype in DTYPES:
        for shape, eps in (((1,), 0.5), ((5,), 0.125), ((2, 3), None), ((1, 2, 2), 1e-3)):
            x = rng.standard_normal(shape).astype(dtype)
            f = Watched(wavy(rng, shape))
            got = student.numeric_grad(f, x, **({} if eps is None else {"eps": eps}))
            step = 1e-5 if eps is None else eps
            offsets = f.offsets(x)
            right = central(f.function, x, step)
            forward = np.empty(shape)
            for i in np.ndindex(shape):
                z = x.astype(np.float64)
                z[i] += step
                forward[i] = (f.function(z) - f.function(x.astype(np.float64))) / step
            check_values(
                got,
                right,
                dtype,
                what="numeric_grad(f, x)",
                rtol=max(1e-7, tolerance(np.dtype(dtype))),
                help="(f(x + eps e) - f(x - eps e)) / (2 eps), for each entry by itself.",
                diagnoses={
                    "these are forward differences: step to both sides": forward,
                    "the difference spans 2 eps: divide by 2 eps": 2 * right,
                },
            )
            check_steps(offsets, shape, step)


def check_steps(offsets, shape, eps):
    """Both neighbours of every entry were asked for, and little else."""
    size = int(np.prod(shape))
    if len(offsets) > 3 * size + 3:
        fail(
            f"f is called {len(offsets)} times for {size} entries.",
            help="Two calls for each entry are enough.",
        )
    for i in np.ndindex(shape):
        for sign in (1, -1):
            step = np.zeros(shape)
            step[i] = sign * eps
            if not any(np.allclose(found, step, rtol=1e-6, atol=1e-9) for found in offsets):
                fail(
                    f"f is never called at x {'+' if sign > 0 else '-'} {eps:g} in entry {i}.",
                    help="Each entry steps by eps to both sides, the others stay where they are.",
                )


RAISING = """
def probe(module, x):
    import numpy as np
    before, seen = x.copy(), []
    for last in range(2 * x.size):
        count = 0
        def f(z):
            nonlocal count
            count += 1
            if not np.array_equal(x, before):
                seen.append("while f runs")
            if count > last:
                raise ArithmeticError("the function gives up")
            return 0.0
        try:
            module.numeric_grad(f, x)
        except ArithmeticError:
            pass
        if not np.array_equal(x, before):
            seen.append("after f has raised")
            x[...] = before
    return seen
"""


def test_numeric_grad_pure(student, rng):
    """numeric_grad: x stays as it is, even when f raises"""
    for dtype in DTYPES:
        seen = student.probe(RAISING, x=rng.standard_normal((2, 2)).astype(dtype))
        if seen:
            fail(
                f"numeric_grad changes x {seen[-1]}.",
                help="Step in a copy: if f raises, nobody puts the old value back.",
            )


def test_check_grad_values(student, rng):
    """check_grad: the relative error along one random unit direction"""
    for shape in ((1,), (6,), (3, 4)):
        x = rng.standard_normal(shape)
        f = Watched(wavy(rng, shape))
        true = central(f.function, x, 1e-6)
        for grad, eps in (
            (true, None),
            (-true, 1e-3),
            (true * 1.5, None),
            (rng.standard_normal(shape), 0.25),
            (np.zeros(shape), None),
        ):
            f.points.clear()
            check_one(student, rng, f, grad, x, eps)


def test_check_grad_flat(student, rng):
    """check_grad: a constant function and a gradient of zeros agree"""
    x = rng.standard_normal((2, 3))
    check_one(student, rng, Watched(lambda z: 3.5), np.zeros((2, 3)), x, None)
    # Too small to count: the floor of the denominator is 1e-8.
    slope = 1e-10 * rng.standard_normal((2, 3))
    check_one(student, rng, Watched(lambda z: (slope * z).sum()), np.zeros((2, 3)), x, None)


def check_one(student, rng, f, grad, x, eps):
    """One call of check_grad: its value, where it asked f, and how often it drew."""
    seed = int(rng.integers(1 << 32))
    ours, theirs = np.random.default_rng(seed), np.random.default_rng(seed)
    done = student.invoke(
        "check_grad", (f, grad, x, theirs), {} if eps is None else {"eps": eps}, read=(3,)
    )
    step = 1e-4 if eps is None else eps
    r = ours.standard_normal(x.shape)
    u = r / np.sqrt((r**2).sum())
    offsets = f.offsets(x)
    n = (f.function(x + step * u) - f.function(x - step * u)) / (2 * step)
    a = float((grad * u).sum())
    want = relative(n, a)
    got = done.result
    if not isinstance(got, float):  # np.float64 is one
        fail("check_grad returns no float.", help="`float(...)` turns a NumPy number into one.")
    if not abs(got - want) <= 1e-7 + 1e-6 * abs(want):
        fail(
            f"check_grad is {got:.6g}, it should be {want:.6g}.",
            help="|n - a| / max(|n|, |a|, 1e-8), with n a central difference of f along u and "
            "a = sum(grad * u).",
            diagnosis=_wrong_check(got, n, a, f, x, grad, r, step),
        )
    along = [float(found.ravel() @ u.ravel()) for found in offsets]
    for sign in (1, -1):
        if not any(np.allclose(found, sign * step * u, rtol=1e-6, atol=1e-12) for found in offsets):
            fail(
                f"f is never called at x {'+' if sign > 0 else '-'} eps u.",
                help=f"Along u the calls were at {[float(f'{t:.3g}') for t in along[:4]]}, eps is "
                f"{step:g}.",
            )
    if len(offsets) > 6:
        fail(
            f"f is called {len(offsets)} times.",
            help="One direction needs two calls, however many entries x has.",
        )
    if type(done.read[0]) is not np.random.Generator or (
        done.read[0].bit_generator.state != ours.bit_generator.state
    ):
        fail(
            "check_grad draws something else than rng.standard_normal(x.shape), once.",
            help="One draw from the generator that was given, so that a run can be repeated.",
        )


def _wrong_check(got, n, a, f, x, grad, r, eps):
    """What a wrong value of check_grad betrays."""
    m = (f.function(x + eps * r) - f.function(x - eps * r)) / (2 * eps)
    b = float((grad * r).sum())
    for sentence, wrong in (
        ("the direction is not of length 1", relative(m, b)),
        ("the error is not relative: divide by the larger of the two", abs(n - a)),
        ("the difference spans 2 eps: divide by 2 eps", relative(2 * n, a)),
        (
            "the denominator is the larger of the two, not their sum",
            abs(n - a) / max(abs(n) + abs(a), 1e-8),
        ),
    ):
        if abs(got - wrong) <= 1e-6 * max(abs(wrong), 1e-6):
            return sentence
    return ""


def relative(n, a):
    return abs(n - a) / max(abs(n), abs(a), 1e-8)


# ---- random features --------------------------------------------------------------------------------
def test_random_features_values(student, rng):
    """random_features: cos(X W) for any shapes"""
    for dtype in DTYPES:
        for N, n, d in ((1, 1, 1), (4, 3, 3), (7, 1, 5), (65, 33, 129)):
            X = rng.standard_normal((N, n)).astype(dtype)
            W = rng.standard_normal((n, d)).astype(dtype)
            P = X.astype(np.float64) @ W.astype(np.float64)
            check_values(
                student.random_features(X, W),
                np.cos(P),
                dtype,
                what="random_features(X, W)",
                rtol=0.0,
                atol=tolerance(np.dtype(dtype), n) * max(1.0, float(np.abs(P).max())),
                help="One matrix product, then a cosine of each entry.",
                diagnoses={"this is the sine": np.sin(P), "the cosine is missing": P},
            )


def test_features_make_kernel(student, rng):
    """random features of two points meet in the Gaussian kernel of their distance"""
    n, d = 3, 40_000
    X = rng.uniform(-1, 1, (5, n))
    # cos(w x + phase): the phase enters as one more input that is 1.
    W = np.vstack([rng.standard_normal((n, d)), rng.uniform(0, 2 * np.pi, (1, d))])
    F = student.random_features(np.hstack([X, np.ones((5, 1))]), W)
    check_array(F, (5, d), np.float64, what="random_features(X, W)")
    far = ((X[:, None] - X[None]) ** 2).sum(axis=2)
    check_close(
        2 * F @ F.T / d,
        np.exp(-far / 2),
        what="the mean product of features",
        rtol=0.0,
        atol=6 / np.sqrt(d),
        help="cos(X W), with neither factor nor shift.",
    )
