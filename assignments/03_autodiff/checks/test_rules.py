"""Public checks of the engine and its rules: small graphs and arrays, in the order a learner builds."""

import math

import numpy as np

from grader.check import check_close, check_equal, fail, kind_of
from grader.student import StudentError


def near(got, want, what, help="", **wrong):
    """An array, or the NumPy number that an array without axes becomes."""
    got = np.asarray(got) if isinstance(got, (float, np.floating)) else got
    diagnoses = {sentence: np.asarray(value, np.float64) for sentence, value in wrong.items()}
    want = np.asarray(want, np.float64)
    check_close(got, want, what=what, rtol=1e-7, atol=1e-9, help=help, diagnoses=diagnoses)


def entries(found, count, what):
    """The entries of a rule's result."""
    if type(found) is not tuple or len(found) != count:
        seen = f"a tuple of {len(found)}" if type(found) is tuple else kind_of(found)
        fail(
            f"{what} returns {seen}, it should return a tuple of {count}.",
            help="One entry for each input; a tuple of one is `(entry,)`.",
        )
    return found


# ---- the engine ---------------------------------------------------------------------------------------
GRAPH = """
class Node:
    def __init__(self, name, *parents):
        self.name, self.parents = name, parents


def diamond():
    a = Node("a")
    b = Node("b", a)
    c = Node("c", a)
    d = Node("d", b, c, a)
    return a, b, c, d
"""
ORDER = (
    GRAPH
    + """

def probe(module):
    a, b, c, d = diamond()
    unrelated = Node("unrelated", d)
    return [node.name for node in module.topological_order([d])]
"""
)
ADJOINTS = (
    GRAPH
    + """

def probe(module):
    a, b, c, d = diamond()
    factors = {"b": (2.0,), "c": (3.0,), "d": (5.0, 7.0, 11.0)}
    calls = []

    def vjp_of(node, g):
        calls.append(node.name)
        return tuple(factor * g for factor in factors[node.name])

    found = module.accumulate([d], [1.0], vjp_of)
    return [{node.name: g for node, g in found.items()}, calls]
"""
)
ALIASES = (
    GRAPH
    + """
import numpy as np


def probe(module):
    a, b, c, d = diamond()
    given = np.array([1.0, 2.0])
    found = module.accumulate([d], [given], lambda node, g: (g,) * len(node.parents))
    return [{node.name: np.array(g) for node, g in found.items()}, given]
"""
)


def test_order_small(student):
    """topological_order puts every node after its parents"""
    found = student.probe(ORDER)
    if sorted(found) != ["a", "b", "c", "d"]:
        fail(
            f"the order of the diamond a, b(a), c(a), d(b, c, a) is {found}.",
            help="Each of the four nodes once: remember in a set what you have seen, and do not leave "
            "the walk along `.parents`.",
        )
    if found not in (["a", "b", "c", "d"], ["a", "c", "b", "d"]):
        fail(
            f"the order of the diamond a, b(a), c(a), d(b, c, a) is {found}.",
            help="a comes first and d last, whichever of b and c is between: put a node down when all of "
            "its parents have been.",
        )


def test_accumulate_small(student):
    """accumulate adds up partial adjoints"""
    found, calls = student.probe(ADJOINTS)
    want = {"a": 5.0 * 2.0 + 7.0 * 3.0 + 11.0, "b": 5.0, "c": 7.0, "d": 1.0}
    if sorted(found) != sorted(want):
        fail(f"the keys are the nodes {sorted(found)}, they should be {sorted(want)}.")
    for name, value in want.items():
        near(
            found[name],
            value,
            f"the adjoint of {name}",
            "a gets 2 * 5 by way of b, 3 * 7 by way of c, and 11 at once.",
        )
    check_equal(
        sorted(calls),
        ["b", "c", "d"],
        what="the nodes that vjp_of was called for",
        help="Once for every node with parents, when its adjoint is complete.",
    )


def test_accumulate_aliases(student):
    """accumulate does not add into arrays that are not its own"""
    found, given = student.probe(ALIASES)
    help = "The rule hands on the array that it got. `a += b` writes into it, `a = a + b` does not."
    near(given, [1.0, 2.0], "the output's gradient after the call", help)
    for name, value in {"a": [3.0, 6.0], "b": [1.0, 2.0], "c": [1.0, 2.0], "d": [1.0, 2.0]}.items():
        near(found[name], value, f"the adjoint of {name}", help)


def test_unbroadcast_small(student):
    """unbroadcast sums what was repeated"""
    grad = np.array([[1.0, 2.0, 3.0], [10.0, 20.0, 30.0]])
    for shape, want in (
        ((2, 3), grad),
        ((3,), [11.0, 22.0, 33.0]),
        ((1, 3), [[11.0, 22.0, 33.0]]),
        ((2, 1), [[6.0], [60.0]]),
        ((), 66.0),
    ):
        near(
            student.unbroadcast(grad, shape),
            want,
            f"unbroadcast of (2, 3) to {shape}",
            "Axes are counted from the right. New ones are summed away, stretched ones keep length 1.",
        )


# ---- rules ----------------------------------------------------------------------------------------------
G = np.array([[1.0, 2.0], [3.0, 4.0]])
A = np.array([[2.0, 3.0], [5.0, 7.0]])
B = np.array([10.0, 4.0])


def test_arithmetic_small(student):
    """the rules of + - * / give one entry for each input"""
    for name, out, into_a, into_b in (
        ("add", A + B, G, [4.0, 6.0]),
        ("sub", A - B, G, [-4.0, -6.0]),
        ("mul", A * B, G * B, [17.0, 34.0]),
        ("div", A / B, G / B, [-0.17, -2.125]),
    ):
        found = entries(student.call(f"{name}_vjp", G, out, A, B), 2, f"{name}_vjp")
        near(found[0], into_a, f"{name}_vjp: the entry of a (2, 2)")
        near(
            found[1],
            into_b,
            f"{name}_vjp: the entry of b (2,)",
            "b was used for both rows: unbroadcast sums over them.",
        )
        found = entries(student.call(f"{name}_vjp", G, out, A, 2.0), 2, f"{name}_vjp")
        check_equal(found[1], None, what=f"{name}_vjp: the entry of the Python number 2.0")


def test_functions_small(student):
    """the rules of functions multiply by the derivative"""
    x, g = np.array([0.5, 2.0]), np.array([10.0, -1.0])
    s = 1 / (1 + np.exp(-x))
    for name, out, slope in (
        ("neg", -x, -np.ones(2)),
        ("exp", np.exp(x), np.exp(x)),
        ("log", np.log(x), 1 / x),
        ("sin", np.sin(x), np.cos(x)),
        ("cos", np.cos(x), -np.sin(x)),
        ("tanh", np.tanh(x), 1 - np.tanh(x) ** 2),
        ("relu", x, np.ones(2)),
        ("sigmoid", s, s * (1 - s)),
    ):
        (entry,) = entries(student.call(f"{name}_vjp", g, out, x), 1, f"{name}_vjp")
        near(
            entry,
            g * slope,
            f"{name}_vjp at [0.5, 2]",
            "g times the derivative, entry by entry.",
            **{"g is missing": slope, "the sign is wrong": -g * slope},
        )
    (entry,) = entries(student.relu_vjp(g, np.zeros(2), -x), 1, "relu_vjp")
    near(entry, [0.0, 0.0], "relu_vjp at [-0.5, -2]", "Nothing flows where x is negative.")


def test_matmul_small(student):
    """the rule of a matrix product, batches included"""
    a, b = np.array([[1.0, 2.0, 3.0]]), np.array([[1.0, 0.0], [0.0, 2.0], [1.0, 1.0]])
    g = np.array([[10.0, 100.0]])
    found = entries(student.matmul_vjp(g, a @ b, a, b), 2, "matmul_vjp")
    near(found[0], [[10.0, 200.0, 110.0]], "matmul_vjp: the entry of a (1, 3)", "g @ b^T.")
    near(
        found[1],
        [[10.0, 100.0], [20.0, 200.0], [30.0, 300.0]],
        "matmul_vjp: the entry of b (3, 2)",
        "a^T @ g.",
    )
    batch = np.stack([a, 2 * a])
    found = entries(student.matmul_vjp(np.stack([g, g]), batch @ b, batch, b), 2, "matmul_vjp")
    near(
        found[1],
        [[30.0, 300.0], [60.0, 600.0], [90.0, 900.0]],
        "matmul_vjp: the entry of b, used for a batch of two",
        "Exchange the last two axes only (swapaxes), then unbroadcast the batch.",
    )


def test_pow_small(student):
    """the rule of a power, for base and exponent"""
    a, b, g = np.array([2.0, 3.0]), np.array([3.0, 2.0]), np.array([1.0, 10.0])
    found = entries(student.pow_vjp(g, a**b, a, b), 2, "pow_vjp")
    near(found[0], [12.0, 60.0], "pow_vjp: the base's entry", "g b a^(b - 1).")
    near(
        found[1],
        [8 * math.log(2.0), 90 * math.log(3.0)],
        "pow_vjp: the exponent's entry",
        "g a^b log a.",
    )
    zero, g = np.array([0.0, -2.0]), np.ones(2)
    found = student.pow_vjp(g, np.array([1.0, 4.0]), zero, np.array([0.0, 2.0]))
    near(found[0], [0.0, -4.0], "pow_vjp at 0 ** 0 and (-2) ** 2: the base's entry")
    near(
        found[1],
        [0.0, math.nan],
        "pow_vjp at 0 ** 0 and (-2) ** 2: the exponent's entry",
        "0 where the base is 0, nan where it is negative.",
    )


def test_shapes_small(student):
    """the rules of transpose, reshape and broadcast_to send numbers back"""
    x = np.arange(6.0).reshape(1, 2, 3)
    g = x.transpose(1, 2, 0)
    (entry,) = entries(student.transpose_vjp(g, g, x, (1, 2, 0)), 1, "transpose_vjp")
    near(
        entry, x, "transpose_vjp with axes (1, 2, 0)", "The inverse permutation: np.argsort(axes)."
    )
    (entry,) = entries(student.reshape_vjp(x.reshape(6), x.reshape(6), x, (6,)), 1, "reshape_vjp")
    near(entry, x, "reshape_vjp of (1, 2, 3) to (6,)", "Reshape g to x's shape.")
    out = np.broadcast_to(B, (2, 2))
    (entry,) = entries(student.broadcast_to_vjp(G, out, B, (2, 2)), 1, "broadcast_to_vjp")
    near(entry, [4.0, 6.0], "broadcast_to_vjp of (2,) to (2, 2)", "What was copied adds up.")


def test_reductions_small(student):
    """the rules of sum and max give g its axes back"""
    x = np.array([[1.0, 5.0, 5.0], [7.0, 2.0, 3.0]])
    g = np.array([10.0, 100.0])
    for keepdims in (False, True):
        shape = (2, 1) if keepdims else (2,)
        params = {"axis": -1, "keepdims": keepdims}
        found = student.sum_vjp(g.reshape(shape), x.sum(1).reshape(shape), x, **params)
        (entry,) = entries(found, 1, "sum_vjp")
        near(
            entry,
            [[10.0] * 3, [100.0] * 3],
            f"sum_vjp over axis -1, keepdims={keepdims}",
            "Reshape g to (2, 1), then broadcast it to x's shape.",
        )
        found = student.max_vjp(g.reshape(shape), x.max(1).reshape(shape), x, **params)
        (entry,) = entries(found, 1, "max_vjp")
        near(
            entry,
            [[0.0, 5.0, 5.0], [100.0, 0.0, 0.0]],
            f"max_vjp over axis -1, keepdims={keepdims}",
            "Two equal maxima share the 10: half to each.",
            **{"both maxima get all of g: they share it": [[0.0, 10.0, 10.0], [100.0, 0.0, 0.0]]},
        )
    (entry,) = entries(student.sum_vjp(np.array(2.0), np.array(23.0), x), 1, "sum_vjp")
    near(entry, np.full((2, 3), 2.0), "sum_vjp over everything")


def test_getitem_small(student):
    """the rule of indexing adds where an index repeats"""
    x, index, g = np.array([5.0, 6.0, 7.0]), np.array([2, 0, 2]), np.array([1.0, 10.0, 100.0])
    (entry,) = entries(student.getitem_vjp(g, x[index], x, index), 1, "getitem_vjp")
    near(
        entry,
        [10.0, 0.0, 101.0],
        "getitem_vjp with index [2, 0, 2]",
        "`grad[index] += g` forgets repeats; np.add.at does not.",
        **{"of two gradients for one place, only the last is left": [10.0, 0.0, 100.0]},
    )


TENSOR = """
import numpy as np


class Tensor:
    \"\"\"Records nothing: it only refuses to be taken for an array.\"\"\"
    __array_ufunc__ = None

    def __init__(self, data):
        self.hidden, self.shape, self.ndim, self.dtype = data, data.shape, data.ndim, data.dtype

    def __array__(self, *args, **kwargs):
        raise TypeError("a rule took a tensor for an array")

    def __neg__(self):
        return Tensor(-self.hidden)

    def __getitem__(self, index):
        return Tensor(np.asarray(self.hidden[index]))

    def sum(self, axis=None, keepdims=False):
        return Tensor(np.asarray(self.hidden.sum(axis=axis, keepdims=keepdims)))

    def broadcast_to(self, shape):
        return Tensor(np.broadcast_to(self.hidden, shape))


def raw(x):
    return x.hidden if isinstance(x, Tensor) else x


for name in ("reshape", "transpose", "swapaxes", "astype"):
    setattr(Tensor, name, lambda self, *args, name=name: Tensor(getattr(self.hidden, name)(*args)))
for name in ("exp", "log", "sin", "cos", "tanh"):
    setattr(Tensor, name, lambda self, name=name: Tensor(getattr(np, name)(self.hidden)))
for name in ("add", "sub", "mul", "truediv", "pow", "matmul"):
    def forward(self, other, name=f"__{name}__"):
        return Tensor(getattr(self.hidden, name)(raw(other)))

    def reflected(self, other, name=f"__r{name}__"):
        return Tensor(getattr(self.hidden, name)(raw(other)))

    setattr(Tensor, f"__{name}__", forward)
    setattr(Tensor, f"__r{name}__", reflected)


def probe(module, name, g, out, x):
    found = getattr(module, name)(Tensor(g), Tensor(out), Tensor(x))
    return [part.hidden if isinstance(part, Tensor) else None for part in found]
"""


def test_tensors_small(student):
    """a rule works on tensors, so that it can be differentiated again"""
    x = np.array([0.5, 2.0])
    g = np.array([10.0, -1.0])
    for name, out, grad, want in (
        ("sin_vjp", np.sin(x), g, g * np.cos(x)),
        ("tanh_vjp", np.tanh(x), g, g * (1 - np.tanh(x) ** 2)),
        ("sum_vjp", np.array(2.5), np.array(3.0), np.array([3.0, 3.0])),
    ):
        try:
            (entry,) = student.probe(TENSOR, name=name, g=grad, out=out, x=x)
        except StudentError as error:
            fail(
                f"{name} on tensors raises {error}.",
                help="A NumPy function takes a tensor for an array. ufn asks the tensor itself.",
            )
        if entry is None:
            fail(
                f"{name} on tensors does not return a tensor.",
                help="Keep to operators and the helpers ufn and broadcast_to: what comes out is then of "
                "the kind that went in.",
            )
        near(entry, want, f"{name} on tensors")


def test_dict_small(student):
    """the adjoint of a dictionary is a dictionary"""
    found = student.dict_get_vjp(3.0, 1.0, {"w": 1.0, "b": 2.0}, "w")
    check_equal(
        found,
        {"w": 3.0, "b": 0.0},
        what="dict_get_vjp of d['w'] for d = {'w': 1.0, 'b': 2.0}",
        help="Every key of d: g at the one that was read, 0.0 at the others.",
    )
