"""Right answers without any rule: the forward functions, moved a little into the imaginary direction.

f(x + ih) = f(x) + ih f'(x) + O(h^2) for analytic f, so the imaginary part over h is the derivative, exact to
rounding however small h is. Source: Squire & Trapp (1998), "Using complex variables to estimate
derivatives of real functions".
"""

from __future__ import annotations

import numpy as np

from grader.check import check_close, fail, kind_of, tolerance

DTYPES = (np.float32, np.float64)
H = 1e-30
EPS = 1e-3  # of the differences of second order, whose error goes with its fourth power


# ---- forward functions of complex arrays ----------------------------------------------------------
def maximum(x, axis=None, keepdims=False):
    """The maximum by real part; equal maxima are averaged, so that they share a gradient."""
    chosen = np.real(x) == np.real(x).max(axis=axis, keepdims=True)
    total = (x * chosen).sum(axis=axis, keepdims=keepdims)
    return total / chosen.sum(axis=axis, keepdims=keepdims)


FORWARD = {
    "add": lambda a, b: a + b,
    "sub": lambda a, b: a - b,
    "mul": lambda a, b: a * b,
    "div": lambda a, b: a / b,
    "neg": lambda x: -x,
    "pow": lambda a, b: np.exp(b * np.log(a)),  # positive bases
    "matmul": lambda a, b: a @ b,
    "exp": np.exp,
    "log": np.log,
    "sin": np.sin,
    "cos": np.cos,
    "tanh": np.tanh,
    "relu": lambda x: np.where(np.real(x) > 0, x, 0.0),
    "sigmoid": lambda x: 1 / (1 + np.exp(-x)),
    "transpose": lambda x, axes=None: np.transpose(x, axes),
    "reshape": lambda x, shape: np.reshape(x, shape),
    "broadcast_to": lambda x, shape: np.broadcast_to(x, shape),
    "sum": lambda x, axis=None, keepdims=False: np.sum(x, axis=axis, keepdims=keepdims),
    "max": maximum,
    "getitem": lambda x, index: x[index],
}
UNARY = ("exp", "log", "sin", "cos", "tanh", "relu", "sigmoid", "neg")
BINARY = ("add", "sub", "mul", "div")


def forward(name, inputs, params):
    """The op's output in float64."""
    wide = [np.asarray(x, np.float64) for x in inputs]
    return np.asarray(FORWARD[name](*wide, **params))


def pullback(name, g, inputs, params, place):
    """The adjoint of one input, in float64."""
    wide = [np.array(x, complex) for x in inputs]
    moved, found = wide[place], np.zeros(np.shape(inputs[place]))
    g = np.asarray(g, np.float64)
    if name in UNARY:
        return g * np.imag(FORWARD[name](moved + 1j * H)) / H
    for where in np.ndindex(found.shape):
        was = moved[where]
        moved[where] = was + 1j * H
        found[where] = float((g * np.imag(FORWARD[name](*wide, **params))).sum()) / H
        moved[where] = was
    return found


def pullback_derivative(name, g, inputs, params, place, g_moves, moves):
    """How fast the adjoint of one input moves when g and the inputs move."""

    def at(step):
        shifted = [x + step * v for x, v in zip(inputs, moves, strict=True)]
        return pullback(name, g + step * g_moves, shifted, params, place)

    return (8 * (at(EPS) - at(-EPS)) - (at(2 * EPS) - at(-2 * EPS))) / (12 * EPS)


# ---- inputs ---------------------------------------------------------------------------------------
def draw(rng, shape, dtype, kind="any"):
    """Numbers that leave no doubt: away from 0, positive if asked for, all different."""
    size = int(np.prod(shape, dtype=int))
    x = rng.uniform(0.4, 2.2, size)
    if kind == "any":
        x *= rng.choice((-1.0, 1.0), size)
    if kind == "distinct":
        x = rng.permutation(size) - size / 2 + rng.uniform(0.0, 0.5, size)
    return x.reshape(shape).astype(dtype)


def domain(name):
    return "positive" if name in ("log", "pow") else "any"


# ---- comparisons ----------------------------------------------------------------------------------
def array_of(got, dtype):
    """`got` as an array of `dtype`, if it is a float array or a number; else itself.

    Sums over everything are NumPy numbers, not arrays, and a Dual may hold Python's: both are right.
    The dtype of arrays is what hygiene looks at, and only it.
    """
    if isinstance(got, (float, int, np.floating)) and not isinstance(got, bool):
        return np.asarray(got, dtype)
    if type(got) is np.ndarray and got.dtype.kind == "f":
        return got.astype(dtype)
    return got


def check_values(got, want, dtype=np.float64, *, scale=1.0, terms=1, **fields):
    """As check_close, for arrays or numbers; rounding is measured against `scale` at least."""
    want = np.asarray(want, np.float64)
    finite = np.abs(want[np.isfinite(want)])
    room = tolerance(np.dtype(dtype), terms) * max(scale, float(finite.max(initial=0.0)))
    fields.setdefault("rtol", 0.0)
    fields.setdefault("atol", room)
    check_close(array_of(got, dtype), want.astype(dtype), **fields)


def check_entries(found, inputs, what):
    """The result of a rule: a tuple with one entry for each input."""
    if type(found) is not tuple:
        fail(
            f"{what} returns {kind_of(found)}, it should return a tuple.",
            help="One entry for each input; for a single input `return (entry,)`.",
        )
    if len(found) != len(inputs):
        fail(
            f"{what} returns {len(found)} entries for {len(inputs)} inputs.",
            help="Exactly one entry for each input, None for a Python number.",
        )


def check_rule(student, rng, name, inputs, params=None, *, help, terms=1, dtype=np.float64):
    """The rule `name` on arrays (and numbers), against imaginary steps of the forward function."""
    params = params or {}
    out = forward(name, inputs, params)
    g = draw(rng, out.shape, dtype)
    shapes = ", ".join(str(x.shape) if isinstance(x, np.ndarray) else repr(x) for x in inputs)
    shown = "".join(f", {key}={value!r}" for key, value in params.items())
    what = f"{name}_vjp for inputs {shapes}{shown}"
    found = student.call(f"{name}_vjp", g, out.astype(dtype), *inputs, **params)
    check_entries(found, inputs, what)
    for place, (entry, x) in enumerate(zip(found, inputs, strict=True)):
        if not isinstance(x, np.ndarray):
            if entry is not None:
                fail(
                    f"{what}: entry {place} is {kind_of(entry)}, it should be None.",
                    help="An input without `.shape` is a Python number: nothing flows there.",
                )
            continue
        want = pullback(name, g, inputs, params, place)
        check_values(
            entry,
            want,
            dtype,
            scale=max(1.0, float(np.abs(g).max(initial=0.0))) * 4,
            terms=max(terms, g.size),
            what=f"{what}: entry {place}",
            help=help,
            diagnoses={
                "the sign is wrong": -want.astype(dtype),
                **swapped(name, g, inputs, params, place, dtype),
            },
        )


def swapped(name, g, inputs, params, place, dtype):
    """The diagnosis that the two entries of a rule have changed places, where that could be."""
    if len(inputs) != 2 or not all(isinstance(x, np.ndarray) for x in inputs):
        return {}
    if inputs[0].shape != inputs[1].shape:
        return {}
    other = pullback(name, g, inputs, params, 1 - place).astype(dtype)
    same = np.allclose(other, pullback(name, g, inputs, params, place), 1e-3)
    return {} if same else {"the two entries have changed places": other}
