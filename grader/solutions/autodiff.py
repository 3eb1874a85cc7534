"""The stage's own solution: clean, vectorised, the baseline of its timed checks."""

import math

import numpy as np


# ---- given with the starter ----------------------------------------------------------------------
def ufn(name, x):
    """`x.name()` where there is such a method, else `np.name(x)`."""
    method = getattr(x, name, None)
    return getattr(np, name)(x) if method is None else method()


def broadcast_to(x, shape):
    """x broadcast to `shape`, an array or a tensor."""
    return x.broadcast_to(shape) if hasattr(x, "broadcast_to") else np.broadcast_to(x, shape)


# ---- forward mode --------------------------------------------------------------------------------
class Dual:
    """A value and its tangent, how fast it moves."""

    __array_ufunc__ = None  # an array on the left leaves the operation to us

    def __init__(self, value, tangent):
        self.value = value
        self.tangent = tangent

    def __add__(self, other):
        b = dual(other)
        return Dual(self.value + b.value, self.tangent + b.tangent)

    def __sub__(self, other):
        b = dual(other)
        return Dual(self.value - b.value, self.tangent - b.tangent)

    def __rsub__(self, other):
        return dual(other) - self

    def __mul__(self, other):
        b = dual(other)
        return Dual(self.value * b.value, self.tangent * b.value + self.value * b.tangent)

    def __truediv__(self, other):
        b = dual(other)
        out = self.value / b.value
        return Dual(out, (self.tangent - out * b.tangent) / b.value)

    def __rtruediv__(self, other):
        return dual(other) / self

    def __neg__(self):
        return Dual(-self.value, -self.tangent)

    def __pow__(self, other):
        # A constant exponent needs no logarithm, so the base may be negative.
        b = other.value if isinstance(other, Dual) else other
        out = self.value**b
        tangent = b * self.value ** (b - 1) * self.tangent
        if isinstance(other, Dual):
            tangent = tangent + out * np.log(self.value) * other.tangent
        return Dual(out, tangent)

    def __rpow__(self, other):
        out = other**self.value
        return Dual(out, out * np.log(other) * self.tangent)

    __radd__ = __add__
    __rmul__ = __mul__


def dual(x):
    """x as a Dual; what is none does not move."""
    return x if isinstance(x, Dual) else Dual(x, 0.0)


def dual_exp(x):
    """e ** x."""
    x = dual(x)
    out = np.exp(x.value)
    return Dual(out, out * x.tangent)


def dual_log(x):
    """The natural logarithm of x."""
    x = dual(x)
    return Dual(np.log(x.value), x.tangent / x.value)


def dual_sin(x):
    """The sine of x."""
    x = dual(x)
    return Dual(np.sin(x.value), np.cos(x.value) * x.tangent)


def dual_cos(x):
    """The cosine of x."""
    x = dual(x)
    return Dual(np.cos(x.value), -np.sin(x.value) * x.tangent)


def dual_tanh(x):
    """The hyperbolic tangent of x."""
    x = dual(x)
    out = np.tanh(x.value)
    return Dual(out, (1 - out * out) * x.tangent)


def jvp(f, x, v):
    """(value, tangent) of f at x along v."""
    if isinstance(x, tuple):
        out = dual(f(*(Dual(xi, vi) for xi, vi in zip(x, v, strict=True))))
    else:
        out = dual(f(Dual(x, v)))
    # What was only added to something larger has not grown with it yet.
    return out.value, out.tangent + np.zeros_like(out.value)


# ---- scalars -------------------------------------------------------------------------------------
class Value:
    """A number that knows what it was computed from: its parents, and its slope in each."""

    def __init__(self, data, parents=(), slopes=()):
        self.data = data
        self.grad = 0.0
        self.parents = parents
        self.slopes = slopes

    def __add__(self, other):
        b = value(other)
        return Value(self.data + b.data, (self, b), (1.0, 1.0))

    def __sub__(self, other):
        b = value(other)
        return Value(self.data - b.data, (self, b), (1.0, -1.0))

    def __rsub__(self, other):
        return value(other) - self

    def __mul__(self, other):
        b = value(other)
        return Value(self.data * b.data, (self, b), (b.data, self.data))

    def __truediv__(self, other):
        b = value(other)
        out = self.data / b.data
        return Value(out, (self, b), (1 / b.data, -out / b.data))

    def __rtruediv__(self, other):
        return value(other) / self

    def __neg__(self):
        return Value(-self.data, (self,), (-1.0,))

    def __pow__(self, other):
        a, b = self.data, value(other).data
        out = a**b
        slope = b * a ** (b - 1) if b else 0.0
        if not isinstance(other, Value):
            return Value(out, (self,), (slope,))
        return Value(out, (self, other), (slope, out * math.log(a) if a > 0 else math.nan))

    def __rpow__(self, other):
        return value(other) ** self

    __radd__ = __add__
    __rmul__ = __mul__

    def exp(self):
        """e ** self."""
        out = math.exp(self.data)
        return Value(out, (self,), (out,))

    def log(self):
        """The natural logarithm."""
        return Value(math.log(self.data), (self,), (1 / self.data,))

    def sin(self):
        """The sine."""
        return Value(math.sin(self.data), (self,), (math.cos(self.data),))

    def cos(self):
        """The cosine."""
        return Value(math.cos(self.data), (self,), (-math.sin(self.data),))

    def tanh(self):
        """The hyperbolic tangent."""
        out = math.tanh(self.data)
        return Value(out, (self,), (1 - out * out,))

    def relu(self):
        """max(self, 0)."""
        return Value(max(self.data, 0.0), (self,), (1.0 if self.data > 0 else 0.0,))

    def backward(self):
        """Add d self / d node to the grad of every node that self depends on."""
        adjoints = {self: 1.0}
        for node in reversed(topological_order([self])):
            adjoint = adjoints[node]
            node.grad += float(adjoint)
            for parent, slope in zip(node.parents, node.slopes, strict=True):
                adjoints[parent] = adjoints.get(parent, 0.0) + slope * adjoint


def value(x):
    """x as a Value."""
    return x if isinstance(x, Value) else Value(x)


# ---- the engine ----------------------------------------------------------------------------------
def topological_order(outputs):
    """Every node that `outputs` depend on, once, after all of its parents."""
    order, seen = [], set()
    stack = [(node, False) for node in outputs]
    while stack:
        node, parents_done = stack.pop()
        if parents_done:
            order.append(node)
        elif node not in seen:
            seen.add(node)
            stack.append((node, True))
            stack.extend([(parent, False) for parent in node.parents if parent not in seen])
    return order


def accumulate(outputs, output_grads, vjp_of):
    """The adjoint of every node that a gradient reaches."""
    if len(outputs) != len(output_grads):
        raise ValueError(f"{len(outputs)} outputs have {len(output_grads)} gradients")
    adjoints = {}

    def add(node, partial):
        # Out of place: the partial adjoint may be somebody else's array.
        adjoints[node] = adjoints[node] + partial if node in adjoints else partial

    for output, grad in zip(outputs, output_grads, strict=True):
        add(output, grad)
    for node in reversed(topological_order(outputs)):
        if node.parents and node in adjoints:
            for parent, partial in zip(node.parents, vjp_of(node, adjoints[node]), strict=True):
                if partial is not None:
                    add(parent, partial)
    return adjoints


def unbroadcast(grad, shape):
    """Sum `grad` over what broadcasting repeated, down to `shape`."""
    seen, shape = tuple(grad.shape), tuple(shape)
    if seen == shape:
        return grad
    new = len(seen) - len(shape)
    if new < 0 or any(n not in (1, m) for n, m in zip(shape, seen[new:], strict=True)):
        raise ValueError(f"a gradient of shape {seen} is no broadcast of {shape}")
    repeated = tuple(i for i, n in enumerate(seen) if i < new or n != shape[i - new])
    return grad.sum(axis=repeated, keepdims=True).reshape(shape)


def fit(grad, x):
    """`grad` as the entry for the input x: None for a number, else summed to x's shape."""
    return unbroadcast(grad, x.shape) if hasattr(x, "shape") else None


# ---- rules ---------------------------------------------------------------------------------------
def add_vjp(g, out, a, b):
    """a + b."""
    return fit(g, a), fit(g, b)


def sub_vjp(g, out, a, b):
    """a - b."""
    return fit(g, a), fit(-g, b)


def mul_vjp(g, out, a, b):
    """a * b."""
    return fit(g * b, a), fit(g * a, b)


def div_vjp(g, out, a, b):
    """a / b."""
    into_a = g / b
    return fit(into_a, a), fit(-(into_a * out), b)


def neg_vjp(g, out, x):
    """-x."""
    return (-g,)


def pow_vjp(g, out, a, b):
    """a ** b."""
    # With exponent 0 the factor b is 0 already; 0 ** -1 must not make it nan.
    into_a = g * (b * a ** (b - 1 + (b == 0)))
    into_b = None
    if hasattr(b, "shape"):
        into_b = g * (out * safe_log(a))
    return fit(into_a, a), fit(into_b, b)


def safe_log(a):
    """log(a), but 0 where a is 0 and nan where it is negative, without a warning."""
    if not hasattr(a, "shape"):
        return math.log(a) if a > 0 else 0.0 if a == 0 else math.nan
    return ufn("log", a + np.where(a < 0, np.nan, a == 0).astype(a.dtype))


def exp_vjp(g, out, x):
    """exp(x)."""
    return (g * out,)


def log_vjp(g, out, x):
    """log(x)."""
    return (g / x,)


def sin_vjp(g, out, x):
    """sin(x)."""
    return (g * ufn("cos", x),)


def cos_vjp(g, out, x):
    """cos(x)."""
    return (-(g * ufn("sin", x)),)


def tanh_vjp(g, out, x):
    """tanh(x)."""
    return (g * (1 - out * out),)


def relu_vjp(g, out, x):
    """max(x, 0)."""
    return (g * (x > 0),)


def sigmoid_vjp(g, out, x):
    """1 / (1 + exp(-x))."""
    return (g * (out * (1 - out)),)


def matmul_vjp(g, out, a, b):
    """a @ b, batched."""
    return fit(g @ b.swapaxes(-1, -2), a), fit(a.swapaxes(-1, -2) @ g, b)


def transpose_vjp(g, out, x, axes=None):
    """x with its axes in the order `axes`."""
    if axes is None:
        return (g.transpose(),)
    back = np.argsort([axis % x.ndim for axis in axes])
    return (g.transpose(*back.tolist()),)


def reshape_vjp(g, out, x, shape):
    """x with another shape."""
    return (g.reshape(x.shape),)


def broadcast_to_vjp(g, out, x, shape):
    """x repeated to `shape`."""
    return (unbroadcast(g, x.shape),)


def kept(shape, axis):
    """The shape that a reduction leaves with keepdims."""
    if axis is None:
        return (1,) * len(shape)
    axes = [a % len(shape) for a in (axis if isinstance(axis, tuple) else (axis,))]
    return tuple(1 if i in axes else n for i, n in enumerate(shape))


def sum_vjp(g, out, x, axis=None, keepdims=False):
    """The sum over `axis`."""
    return (broadcast_to(g.reshape(kept(x.shape, axis)), x.shape),)


def max_vjp(g, out, x, axis=None, keepdims=False):
    """The maximum over `axis`."""
    shape = kept(x.shape, axis)
    largest = (x == out.reshape(shape)).astype(x.dtype)
    share = largest / largest.sum(axis=axis, keepdims=True)
    return (g.reshape(shape) * share,)


def getitem_vjp(g, out, x, index):
    """x[index]."""
    grad = np.zeros(x.shape, x.dtype)
    np.add.at(grad, index, g)
    return (grad,)


# ---- extra credit --------------------------------------------------------------------------------
def dict_get_vjp(g, out, d, key):
    """d[key] of a dictionary of scalars."""
    if key not in d:
        raise KeyError(key)
    return {name: g if name == key else 0.0 for name in d}
