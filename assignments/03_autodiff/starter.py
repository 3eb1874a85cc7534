"""Automatic differentiation: forward mode, scalar reverse mode, and the parts of a tensor engine.

Nothing of `reference` is here: you may use numpy and the standard library. All arrays of one call
share one float dtype, float32 or float64, and what you return has it. Change none of your arguments
(`backward` adds to `.grad`, of course). Outside the domain of a function (log of -1, say) nothing is
checked, and neither is the derivative of relu at exactly 0.
"""

import numpy as np


# ---- given: for rules that serve arrays and tensors alike -----------------------------------------
def ufn(name, x):
    """`x.name()` where there is such a method, else `np.name(x)`: ufn("exp", x), say."""
    method = getattr(x, name, None)
    return getattr(np, name)(x) if method is None else method()


def broadcast_to(x, shape):
    """x broadcast to `shape`, an array or a tensor."""
    return x.broadcast_to(shape) if hasattr(x, "broadcast_to") else np.broadcast_to(x, shape)


# ---- forward mode ---------------------------------------------------------------------------------
class Dual:
    """A value and its tangent: how fast it moves when the inputs move along a given direction.

    + - * / ** and unary minus take numbers, arrays and Duals on either side and give a Dual. Numbers
    and arrays do not move: their tangent is 0. With a constant exponent the base may be negative.
    Write `__add__`, `__radd__` and so on; `__array_ufunc__ = None` in the class makes an array on the
    left leave the operation to you.

    Args:
        value: a number or an array.
        tangent: a number or an array of the same shape.
    """

    def __init__(self, value, tangent):
        raise NotImplementedError("Dual is yours to write")


def dual_exp(x):
    """e ** x, for a Dual or a plain number; the result is a Dual (a number's tangent is 0)."""
    raise NotImplementedError("dual_exp is yours to write")


def dual_log(x):
    """The natural logarithm of a positive x, for a Dual or a plain number; a Dual."""
    raise NotImplementedError("dual_log is yours to write")


def dual_sin(x):
    """The sine of x, for a Dual or a plain number; a Dual."""
    raise NotImplementedError("dual_sin is yours to write")


def dual_cos(x):
    """The cosine of x, for a Dual or a plain number; a Dual."""
    raise NotImplementedError("dual_cos is yours to write")


def dual_tanh(x):
    """The hyperbolic tangent of x, for a Dual or a plain number; a Dual."""
    raise NotImplementedError("dual_tanh is yours to write")


def jvp(f, x, v):
    """The value of f at x, and its derivative along v: one pass, whatever the size of x.

    Args:
        f: a function made of the operations above. It is called once, as f(Dual(x, v)); for a tuple
            x as f(Dual(x[0], v[0]), Dual(x[1], v[1]), ...).
        x: a number, an array, or a tuple of them.
        v: the direction: like x, entry for entry.

    Returns:
        (value, tangent): the tangent has the shape of the value, also where f adds an array to a
        smaller Dual. If f returns a plain number or array, the tangent is 0 everywhere.
    """
    raise NotImplementedError("jvp is yours to write")


# ---- reverse mode for scalars ---------------------------------------------------------------------
class Value:
    """A number that remembers what it was computed from.

    + - * / ** and unary minus take numbers or Values on either side and give a Value. A negative
    base comes with constant whole exponents only. The methods `exp log sin cos tanh relu` give a
    Value. `x + y` and `x * y` of two Values have the parents (x, y), whatever you do inside the other
    operations; a leaf has ().

    Args:
        data: a number.

    Attributes:
        data: the number.
        grad: a float, 0.0 at first.
        parents: a tuple of Values, those that this one was computed from.
    """

    def __init__(self, data):
        raise NotImplementedError("Value is yours to write")

    def backward(self):
        """Add d self / d node to `.grad` of every node that self depends on, once each.

        Calling it again (or on another Value that shares nodes) adds again: the same derivative, not
        one that was distorted by what `.grad` already held. A chain of 100,000 nodes works, within
        10 seconds and without raising the recursion limit.
        """
        raise NotImplementedError("backward is yours to write")


# ---- the engine -----------------------------------------------------------------------------------
# A node is any object with `.parents`: a tuple of nodes in operand order, with an operand that is used
# twice in it twice, and () for a leaf. Nodes hash and compare by identity: put them into sets and
# dicts; never compare them with `==` or look for one with `in` on a list (`==` may return an array).


def topological_order(outputs):
    """Every node that `outputs` depend on (they included), each once, after all of its parents.

    Args:
        outputs: a list of nodes, possibly empty, or with repeats.

    Returns:
        A list; any order with that property is right. 100,000 nodes in a chain work, too.
    """
    raise NotImplementedError("topological_order is yours to write")


def accumulate(outputs, output_grads, vjp_of):
    """The adjoints of a graph: what every node's gradient adds up to.

    Args:
        outputs: a list of nodes; one may occur twice, or be reached from another.
        output_grads: a list as long; `output_grads[i]` belongs to `outputs[i]`. What belongs to one
            node adds up.
        vjp_of: `vjp_of(node, g)` gives one entry for each of `node.parents`: the partial adjoint, or
            None if nothing flows there. Call it once for every node with parents that has received a
            gradient, when its adjoint g is complete. It may return g itself, or one array twice, so
            never add in place.

    Returns:
        A dict from nodes to adjoints: exactly the nodes that a gradient reaches, outputs and leaves
        included.

    Raises:
        ValueError: outputs and output_grads have different lengths.
    """
    raise NotImplementedError("accumulate is yours to write")


def unbroadcast(grad, shape):
    """Sum `grad` over the axes along which broadcasting repeated an input, down to `shape`.

    Args:
        grad: an array or a tensor. It may be returned itself if there is nothing to sum.
        shape: a tuple of whole numbers.

    Raises:
        ValueError: `shape` does not broadcast to the shape of grad.
    """
    raise NotImplementedError("unbroadcast is yours to write")


# ---- rules ----------------------------------------------------------------------------------------
# NAME_vjp(g, out, *inputs, **params): g is the adjoint of `out`, which the op computed from `inputs`.
# Return a tuple with exactly one entry per input, of that input's shape; None for an input without
# `.shape` (a Python number). So that a rule can itself be differentiated, use only what arrays and
# tensors both have: + - * / ** @, unary minus, comparisons (they give boolean arrays), `.shape .ndim
# .dtype`, `.sum(axis, keepdims)`, `.reshape(tuple)`, `.transpose(*axes)`, `.swapaxes`, `.astype`,
# indexing, arithmetic with arrays on either side, `unbroadcast` and the two helpers above.


def add_vjp(g, out, a, b):
    """The rule of a + b, inputs broadcast."""
    raise NotImplementedError("add_vjp is yours to write")


def sub_vjp(g, out, a, b):
    """The rule of a - b, inputs broadcast."""
    raise NotImplementedError("sub_vjp is yours to write")


def mul_vjp(g, out, a, b):
    """The rule of a * b, inputs broadcast."""
    raise NotImplementedError("mul_vjp is yours to write")


def div_vjp(g, out, a, b):
    """The rule of a / b, inputs broadcast."""
    raise NotImplementedError("div_vjp is yours to write")


def neg_vjp(g, out, x):
    """The rule of -x."""
    raise NotImplementedError("neg_vjp is yours to write")


def pow_vjp(g, out, a, b):
    """The rule of a ** b, inputs broadcast; b is an input, too.

    For a negative base b's entry is nan, a's is right. For base 0 and exponent >= 0 b's is 0; if the
    exponent is 0, a's is 0 as well. Second order is asked for at positive bases only.
    """
    raise NotImplementedError("pow_vjp is yours to write")


def exp_vjp(g, out, x):
    """The rule of exp(x)."""
    raise NotImplementedError("exp_vjp is yours to write")


def log_vjp(g, out, x):
    """The rule of log(x)."""
    raise NotImplementedError("log_vjp is yours to write")


def sin_vjp(g, out, x):
    """The rule of sin(x)."""
    raise NotImplementedError("sin_vjp is yours to write")


def cos_vjp(g, out, x):
    """The rule of cos(x)."""
    raise NotImplementedError("cos_vjp is yours to write")


def tanh_vjp(g, out, x):
    """The rule of tanh(x)."""
    raise NotImplementedError("tanh_vjp is yours to write")


def relu_vjp(g, out, x):
    """The rule of max(x, 0)."""
    raise NotImplementedError("relu_vjp is yours to write")


def sigmoid_vjp(g, out, x):
    """The rule of 1 / (1 + exp(-x))."""
    raise NotImplementedError("sigmoid_vjp is yours to write")


def matmul_vjp(g, out, a, b):
    """The rule of a @ b, (..., M, K) @ (..., K, N): ranks of at least 2, batch axes broadcast."""
    raise NotImplementedError("matmul_vjp is yours to write")


def transpose_vjp(g, out, x, axes=None):
    """The rule of x.transpose(axes): axis i of out is axis axes[i] of x; axes may be negative.

    None reverses all axes.
    """
    raise NotImplementedError("transpose_vjp is yours to write")


def reshape_vjp(g, out, x, shape):
    """The rule of x.reshape(shape); one length of `shape` may be -1."""
    raise NotImplementedError("reshape_vjp is yours to write")


def broadcast_to_vjp(g, out, x, shape):
    """The rule of broadcast_to(x, shape)."""
    raise NotImplementedError("broadcast_to_vjp is yours to write")


def sum_vjp(g, out, x, axis=None, keepdims=False):
    """The rule of x.sum(axis, keepdims); axis is None, an int or a tuple, negative or not.

    g has the shape of out: without the reduced axes, or with length 1 there if keepdims is true.
    """
    raise NotImplementedError("sum_vjp is yours to write")


def max_vjp(g, out, x, axis=None, keepdims=False):
    """The rule of the maximum over `axis`, as in sum_vjp; equal maxima share g equally."""
    raise NotImplementedError("max_vjp is yours to write")


def getitem_vjp(g, out, x, index):
    """The rule of x[index] on arrays: a place that the index names twice gets both gradients.

    Args:
        index: whatever indexes an array: numbers, slices, integer or boolean arrays, tuples of them.
    """
    raise NotImplementedError("getitem_vjp is yours to write")


# ---- extra credit ---------------------------------------------------------------------------------
def dict_get_vjp(g, out, d, key):
    """The rule of d[key] for a dictionary of scalars: its adjoint is a dictionary of the same keys.

    Returns:
        The dict itself (no tuple): g at `key`, 0.0 at every other key of d.

    Raises:
        KeyError: d has no such key.
    """
    raise NotImplementedError("dict_get_vjp is yours to write")
