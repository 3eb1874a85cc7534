"""What runs beside the learner's code: interpreters of programs and graphs, and a small tensor.

None of these texts holds an expected value or a rule.
"""

from __future__ import annotations

# Follows a program with the learner's Duals; leaves and tangents may be numbers or arrays.
DUALS = """
import operator


def follow(module, steps, found):
    for name, *operands in steps:
        at = [found[x] if type(x) is int else x for x in operands]
        function = getattr(operator, name, None)
        if function is None:
            function = getattr(module, "dual_" + name)
        found.append(function(*at))
    return found


def probe(module, leaves, direction, steps):
    found = [module.Dual(x, v) for x, v in zip(leaves, direction)]
    follow(module, steps, found)
    return [[d.value, d.tangent] for d in found]
"""

# jvp of a program; the function that it is given is called by the learner's code alone.
JVP = (
    DUALS
    + """

def probe(module, x, v, steps):
    calls = []
    def f(*args):
        calls.append(len(args))
        return follow(module, steps, list(args))[-1]
    value, tangent = module.jvp(f, x, v)
    return [value, tangent, calls]
"""
)

# Follows a program with the learner's Values and calls backward on some results, in order.
VALUES = """
import operator


def probe(module, leaves, steps, roots):
    found = [module.Value(x) for x in leaves]
    before = [n.grad for n in found]
    for name, *operands in steps:
        at = [found[x] if type(x) is int else x for x in operands]
        function = getattr(operator, name, None)
        found.append(getattr(at[0], name)() if function is None else function(*at))
    for root in roots:
        found[root].backward()
    return [[n.data for n in found], [n.grad for n in found], before]
"""

# A chain of results, and whether anybody asked for deeper recursion on the way.
LIMIT = """
import sys


class Watch:
    def __enter__(self):
        self.asked, self.original = [], sys.setrecursionlimit
        sys.setrecursionlimit = self.asked.append
        return self

    def __exit__(self, *about):
        sys.setrecursionlimit = self.original

    def deepest(self):
        return max([sys.getrecursionlimit(), *self.asked])
"""
CHAIN = (
    LIMIT
    + """

def probe(module, start, factor, step, length):
    with Watch() as watch:
        x = y = module.Value(start)
        for place in range(length):
            y = y * factor if place % 2 else y + step
        y.backward()
        return [y.data, x.grad, watch.deepest()]
"""
)

# Graphs of nodes that compare as tensors do: `==` gives an array.
NODES = (
    LIMIT
    + """
import numpy as np


class Node:
    __slots__ = ("parents", "number")
    __hash__ = object.__hash__

    def __init__(self, number):
        self.number = number

    def __eq__(self, other):
        return np.array([True, False])


def build(parents):
    nodes = [Node(number) for number in range(len(parents))]
    for node, names in zip(nodes, parents):
        node.parents = tuple([nodes[name] for name in names])
    return nodes


def number(node):
    return node.number if type(node) is Node else -1
"""
)
ORDER = (
    NODES
    + """

def probe(module, parents, outputs):
    nodes = build(parents)
    given = [nodes[name] for name in outputs]
    found = module.topological_order(given)
    kind = "list" if isinstance(found, list) else type(found).__name__
    return [kind, [number(node) for node in found], [n.number for n in given]]
"""
)
LONG_ORDER = (
    NODES
    + """

def probe(module, length):
    with Watch() as watch:
        nodes = build([()] + [(place,) for place in range(length - 1)])
        found = module.topological_order([nodes[-1]])
        places = [number(node) for node in found]
        order = places == list(range(length))
        return [len(found), order, watch.deepest()]
"""
)
# `weights` has, for each node, a factor or None for each of its parents; a factor of 1.0 hands on the very
# array that came. Everything is copied when it is seen, so that what is changed later shows.
ADJOINTS = (
    NODES
    + """

def probe(module, parents, weights, outputs, grads):
    nodes = build(parents)
    calls = []

    def vjp_of(node, g):
        calls.append([node.number, np.array(g)])
        return tuple([
            None if w is None else g if w == 1.0 else w * g for w in weights[node.number]
        ])

    found = module.accumulate([nodes[name] for name in outputs], grads, vjp_of)
    kind = "dict" if isinstance(found, dict) else type(found).__name__
    return [kind, [[number(node), np.array(g)] for node, g in found.items()], calls, grads]
"""
)

# A stand-in for a framework's tensor. A tiny imaginary part rides along with every number and moves as
# the number would: what a rule returns tells how it depends on its inputs.
TENSOR = """
import numpy as np


def raw(x):
    return x.z if isinstance(x, Tensor) else x


def real(x):
    return np.real(x.z) if isinstance(x, Tensor) else x


def binary(function, swap=False):
    def apply(self, other):
        a, b = raw(self), raw(other)
        if not isinstance(b, (int, float, complex, np.ndarray, np.generic)):
            return NotImplemented
        return Tensor(function(b, a) if swap else function(a, b))
    return apply


def compare(function):
    return lambda self, other: function(real(self), real(other))


class Tensor:
    __array_ufunc__ = None
    __hash__ = object.__hash__
    dtype = np.dtype(np.float64)

    def __init__(self, z):
        self.z = np.asarray(z, complex)

    @property
    def shape(self):
        return self.z.shape

    @property
    def ndim(self):
        return self.z.ndim

    @property
    def size(self):
        return self.z.size

    @property
    def T(self):
        return Tensor(self.z.T)

    def __array__(self, *args, **kwargs):
        raise TypeError("a rule made a plain array of a tensor; ufn, broadcast_to and operators do not")

    def __bool__(self):
        raise TypeError("a rule asked a tensor for its truth value")

    def __float__(self):
        raise TypeError("a rule made a plain number of a tensor")

    def __neg__(self):
        return Tensor(-self.z)

    def __getitem__(self, index):
        return Tensor(self.z[index])

    def sum(self, axis=None, keepdims=False):
        return Tensor(self.z.sum(axis=axis, keepdims=keepdims))

    def reshape(self, *shape):
        return Tensor(self.z.reshape(*shape))

    def transpose(self, *axes):
        return Tensor(self.z.transpose(*axes))

    def swapaxes(self, a, b):
        return Tensor(self.z.swapaxes(a, b))

    def astype(self, dtype):
        return Tensor(self.z)

    def broadcast_to(self, *shape):
        shape = shape[0] if len(shape) == 1 and isinstance(shape[0], (tuple, list)) else shape
        return Tensor(np.broadcast_to(self.z, shape))


for name in ("exp", "log", "sin", "cos", "tanh", "sqrt"):
    setattr(Tensor, name, lambda self, function=getattr(np, name): Tensor(function(self.z)))
for name, function in (
    ("add", np.add), ("sub", np.subtract), ("mul", np.multiply), ("truediv", np.divide),
    ("pow", np.power), ("matmul", np.matmul),
):
    setattr(Tensor, f"__{name}__", binary(function))
    setattr(Tensor, f"__r{name}__", binary(function, swap=True))
for name, function in (
    ("eq", np.equal), ("ne", np.not_equal), ("lt", np.less), ("le", np.less_equal),
    ("gt", np.greater), ("ge", np.greater_equal),
):
    setattr(Tensor, f"__{name}__", compare(function))


def wrap(x):
    return Tensor(x) if isinstance(x, np.ndarray) else x


def probe(module, name, g, out, inputs, params):
    rule = getattr(module, name + "_vjp")
    found = rule(wrap(g), wrap(out), *[wrap(x) for x in inputs], **params)
    if type(found) is not tuple:
        return "a value of type " + type(found).__name__
    return [
        part.z if isinstance(part, Tensor)
        else part if part is None or isinstance(part, np.ndarray)
        else "a value of type " + type(part).__name__
        for part in found
    ]
"""

# Indices that do not travel (slices, ...) come in words.
GETITEM = """
import numpy as np


def index_of(words):
    if type(words) is list and words and words[0] == "slice":
        return slice(*words[1:])
    if type(words) is list and words and words[0] == "all":
        return ...
    return tuple([index_of(part) for part in words]) if type(words) is tuple else words


def probe(module, g, out, x, words):
    return module.getitem_vjp(g, out, x, index_of(words))
"""

# A layer of operations over the learner's accumulate and rules: a node knows its op, inputs and result.
NETWORK = """
import numpy as np


class Node:
    def __init__(self, data, op="", parents=(), **params):
        self.data, self.op, self.parents, self.params = data, op, parents, params


FORWARD = {
    "add": lambda a, b: a + b,
    "mul": lambda a, b: a * b,
    "matmul": lambda a, b: a @ b,
    "tanh": np.tanh,
    "exp": np.exp,
    "log": np.log,
    "sum": lambda x, axis=None, keepdims=False: np.asarray(np.sum(x, axis=axis, keepdims=keepdims)),
    "max": lambda x, axis=None, keepdims=False: np.max(x, axis=axis, keepdims=keepdims),
    "sub": lambda a, b: a - b,
}


def probe(module, leaves, steps):
    nodes = [Node(x) for x in leaves]
    for op, operands, params in steps:
        parents = tuple([nodes[place] for place in operands])
        nodes.append(Node(FORWARD[op](*[p.data for p in parents], **params), op, parents, **params))

    def vjp_of(node, g):
        rule = getattr(module, node.op + "_vjp")
        return rule(g, node.data, *[p.data for p in node.parents], **node.params)

    found = module.accumulate([nodes[-1]], [np.ones_like(nodes[-1].data)], vjp_of)
    return [found.get(node) for node in nodes[: len(leaves)]]
"""

# Timed. The graph is built by the first call, which is not counted, and kept beside the learner's code.
TIMED_ACCUMULATE = (
    NODES
    + """

def probe(module, arguments):
    parents, grad = arguments
    if "timed_nodes" not in vars(module):
        module.timed_nodes = build(parents)
    nodes = module.timed_nodes

    def vjp_of(node, g):
        half = 0.5 * g
        return (half,) * len(node.parents)

    found = module.accumulate([nodes[-1]], [grad], vjp_of)
    return [found.get(node, 0.0) for node in nodes if not node.parents]
"""
)
TIMED_BACKWARD = """
def probe(module, arguments):
    leaves, pairs, root = arguments
    if "timed_values" not in vars(module):
        module.timed_values = nodes = [module.Value(x) for x in leaves]
        for a, b in pairs:
            nodes.append(nodes[a] * 0.5 + nodes[b] * 0.5)
    nodes = module.timed_values
    for leaf in nodes[: len(leaves)]:
        leaf.grad = 0.0
    nodes[root].backward()
    return [leaf.grad for leaf in nodes[: len(leaves)]]
"""
