"""Right answers in float64 by loops over windows or taps, and the comparisons of this suite."""

from __future__ import annotations

import itertools
from typing import NamedTuple

import numpy as np

from grader.check import CheckFailure, check_close, fail, kind_of, tolerance

DTYPES = (np.float32, np.float64)
DRAWS = 200


class Form(NamedTuple):
    """How the windows lie."""

    stride: int = 1
    padding: int = 0
    dilation: int = 1
    groups: int = 1


# ---- windows --------------------------------------------------------------------------------------
def out_size(size, k, form):
    return (size + 2 * form.padding - form.dilation * (k - 1) - 1) // form.stride + 1


def padded(x, padding):
    return np.pad(x, ((0, 0), (0, 0), (padding, padding), (padding, padding)))


def span(start, count, step):
    return slice(start, start + (count - 1) * step + 1, step)


def corners(x_shape, kh, kw, form):
    """(row of cols, n, rows of x_padded, columns of x_padded) of every window."""
    n, _, h, w = x_shape
    places = itertools.product(range(n), range(out_size(h, kh, form)), range(out_size(w, kw, form)))
    for row, (image, i, j) in enumerate(places):
        yield (
            row,
            image,
            span(i * form.stride, kh, form.dilation),
            span(j * form.stride, kw, form.dilation),
        )


def im2col(x, kh, kw, form):
    xp = padded(x, form.padding)
    rows = [xp[n, :, i, j].ravel() for _, n, i, j in corners(x.shape, kh, kw, form)]
    return np.array(rows)


def col2im(cols, x_shape, kh, kw, form, twist=""):
    n, c, h, w = x_shape
    p = form.padding
    xp = np.zeros((n, c, h + 2 * p, w + 2 * p))
    for row, image, i, j in corners(x_shape, kh, kw, form):
        patch = cols[row].reshape(c, kh, kw)
        xp[image, :, i, j] = patch if twist == "overwrite" else xp[image, :, i, j] + patch
    return xp[:, :, p : p + h, p : p + w]


# ---- convolution ----------------------------------------------------------------------------------
def taps(x_shape, w, form):
    """(u, v, rows, columns) of x_padded that meet w[:, :, u, v]."""
    kh, kw = w.shape[2:]
    rows, columns = out_size(x_shape[2], kh, form), out_size(x_shape[3], kw, form)
    for u, v in itertools.product(range(kh), range(kw)):
        yield (
            u,
            v,
            span(u * form.dilation, rows, form.stride),
            span(v * form.dilation, columns, form.stride),
        )


def parts(form, channels, filters):
    """(channels of x, filters) of each group."""
    c, o = channels // form.groups, filters // form.groups
    for group in range(form.groups):
        yield slice(group * c, (group + 1) * c), slice(group * o, (group + 1) * o)


def conv(x, w, b=None, form=None):
    form = form or Form()
    x, w = x.astype(np.float64), w.astype(np.float64)
    xp = padded(x, form.padding)
    size = [out_size(n, k, form) for n, k in zip(x.shape[2:], w.shape[2:], strict=True)]
    y = np.zeros((len(x), len(w), *size))
    for mine, filters in parts(form, x.shape[1], len(w)):
        for u, v, i, j in taps(x.shape, w, form):
            y[:, filters] += np.einsum("ncij,oc->noij", xp[:, mine, i, j], w[filters, :, u, v])
    return y if b is None else y + b.astype(np.float64)[:, None, None]


def conv_gradients(g, x, w, form=None):
    """Gradients of <conv(x, w, b), g> for x, w and b."""
    form = form or Form()
    g, x, w = g.astype(np.float64), x.astype(np.float64), w.astype(np.float64)
    xp, dw, p = padded(x, form.padding), np.zeros(w.shape), form.padding
    dxp = np.zeros(xp.shape)
    for mine, filters in parts(form, x.shape[1], len(w)):
        for u, v, i, j in taps(x.shape, w, form):
            dxp[:, mine, i, j] += np.einsum("noij,oc->ncij", g[:, filters], w[filters, :, u, v])
            dw[filters, :, u, v] = np.einsum("noij,ncij->oc", g[:, filters], xp[:, mine, i, j])
    return dxp[:, :, p : p + x.shape[2], p : p + x.shape[3]], dw, g.sum((0, 2, 3))


def flipped(w):
    return w[:, :, ::-1, ::-1]


# ---- pooling --------------------------------------------------------------------------------------
def pool(x, k, stride, reduce):
    form = Form(stride)
    rows, columns = out_size(x.shape[2], k, form), out_size(x.shape[3], k, form)
    y = np.empty((*x.shape[:2], rows, columns))
    for i, j in itertools.product(range(rows), range(columns)):
        window = x[:, :, i * stride : i * stride + k, j * stride : j * stride + k]
        y[:, :, i, j] = reduce(window.astype(np.float64), axis=(2, 3))
    return y


def max_pool_gradient(g, x, k, stride, twist=""):
    """`twist`: "last" maximum, "shared" by equal ones, "all" to each of them, or "overwrite"."""
    dx = np.zeros(x.shape)
    for n, c, i, j in np.ndindex(g.shape):
        top, left = i * stride, j * stride
        window = x[n, c, top : top + k, left : left + k]
        best = window == window.max()
        if twist not in ("shared", "all"):
            places = np.flatnonzero(best)
            best = np.zeros(k * k)
            best[places[-1 if twist == "last" else 0]] = 1
            best = best.reshape(k, k)
        part = g[n, c, i, j] * best / (best.sum() if twist == "shared" else 1)
        if twist == "overwrite":
            dx[n, c, top : top + k, left : left + k] = part
        else:
            dx[n, c, top : top + k, left : left + k] += part
    return dx


def avg_pool_gradient(g, x, k, stride):
    dx = np.zeros(x.shape)
    for n, c, i, j in np.ndindex(g.shape):
        top, left = i * stride, j * stride
        dx[n, c, top : top + k, left : left + k] += float(g[n, c, i, j]) / (k * k)
    return dx


# ---- layers ---------------------------------------------------------------------------------------
def norm(x, gamma, beta, eps=1e-5, axes=(0, 2, 3), ddof=0):
    """(y, normalised x, 1 / std); gamma and beta belong to axis 1."""
    x = x.astype(np.float64)
    rstd = 1 / np.sqrt(x.var(axes, ddof=ddof, keepdims=True) + eps)
    normal = (x - x.mean(axes, keepdims=True)) * rstd
    return normal * gamma[:, None, None] + beta[:, None, None], normal, rstd


def norm_gradients(g, x, gamma, eps=1e-5):
    """Gradients of <y, g> for x, gamma and beta."""
    axes, g = (0, 2, 3), g.astype(np.float64)
    _, normal, rstd = norm(x, gamma, gamma, eps)
    u = g * gamma[:, None, None]
    mean_u, mean_un = u.mean(axes, keepdims=True), (u * normal).mean(axes, keepdims=True)
    dx = rstd * (u - mean_u - normal * mean_un)
    return dx, (g * normal).sum(axes), g.sum(axes)


class Block:
    """A residual block in float64: its value, its gradients, and how near a kink it is.

    `values` has "conv1.weight", "bn1.weight", "bn1.bias" and so on; "shortcut" is None or a triple.
    """

    def __init__(self, x, values, stride):
        v = {
            key: part if key == "shortcut" else part.astype(np.float64)
            for key, part in values.items()
        }
        self.v, self.x, self.first, self.second = v, x, Form(stride, 1), Form(1, 1)
        self.a = conv(x, v["conv1.weight"], None, self.first)
        self.z1 = norm(self.a, v["bn1.weight"], v["bn1.bias"])[0]
        self.h = np.maximum(self.z1, 0)
        self.c = conv(self.h, v["conv2.weight"], None, self.second)
        self.direct, self.short = x.astype(np.float64), Form(stride)
        if v["shortcut"] is not None:
            w, gamma, beta = v["shortcut"]
            self.s = conv(x, w, None, self.short)
            self.direct = norm(self.s, gamma, beta)[0]
        self.inner = norm(self.c, v["bn2.weight"], v["bn2.bias"])[0]
        self.z2 = self.inner + self.direct
        self.y = np.maximum(self.z2, 0)
        self.nearest_kink = min(np.abs(self.z1).min(), np.abs(self.z2).min())

    def gradients(self, g):
        """By the names of `values`; "x" for the input."""
        v, found = self.v, {}
        up = g * (self.z2 > 0)
        dc, found["bn2.weight"], found["bn2.bias"] = norm_gradients(up, self.c, v["bn2.weight"])
        dh, found["conv2.weight"], _ = conv_gradients(dc, self.h, v["conv2.weight"], self.second)
        da, found["bn1.weight"], found["bn1.bias"] = norm_gradients(
            dh * (self.z1 > 0), self.a, v["bn1.weight"]
        )
        dx, found["conv1.weight"], _ = conv_gradients(da, self.x, v["conv1.weight"], self.first)
        found["shortcut"] = None
        if v["shortcut"] is None:
            dx = dx + up
        else:
            w, gamma, _ = v["shortcut"]
            ds, dgamma, dbeta = norm_gradients(up, self.s, gamma)
            more, dw, _ = conv_gradients(ds, self.x, w, self.short)
            dx, found["shortcut"] = dx + more, (dw, dgamma, dbeta)
        found["x"] = dx
        return found


def lenet(x, params):
    """The logits of a LeNet; `params` in any order, told apart by their shapes."""
    by_shape = {p.shape: p.astype(np.float64) for p in params}
    w1 = next(p for shape, p in by_shape.items() if shape[0] == 6 and len(shape) == 4)
    classes = next(shape[1] for shape in by_shape if len(shape) == 2 and shape[0] == 84)
    h = conv(x, w1, by_shape[(6,)], Form(1, 2))
    h = pool(np.maximum(h, 0), 2, 2, np.max)
    h = conv(h, by_shape[16, 6, 5, 5], by_shape[(16,)])
    h = pool(np.maximum(h, 0), 2, 2, np.max).reshape(len(x), -1)
    for rows, columns in ((400, 120), (120, 84)):
        h = np.maximum(h @ by_shape[rows, columns] + by_shape[(columns,)], 0)
    return h @ by_shape[84, classes] + by_shape[(classes,)]


# ---- comparisons ----------------------------------------------------------------------------------
def check_values(got, want, dtype, *, terms=1, scale=0.0, diagnoses=None, **fields):
    """`got` has the values of `want`, whatever float dtype it has: that is for hygiene to say.

    Args:
        terms: how many rounded numbers were added up.
        scale: the size of what was added up, where it cancelled.
    """
    if type(got) is np.ndarray and got.dtype.kind == "f":
        got = got.astype(dtype)
    want = np.asarray(want).astype(dtype)
    room = tolerance(np.dtype(dtype), terms) * max(scale, float(np.abs(want).max(initial=0.0)))
    wrong = {sentence: np.asarray(w).astype(dtype) for sentence, w in (diagnoses or {}).items()}
    check_close(got, want, rtol=0.0, atol=room, diagnoses=wrong, **fields)


def check_many(got, count, what):
    """The parts of a result that is a tuple."""
    if type(got) not in (tuple, list) or len(got) != count:
        seen = f"{len(got)} values" if type(got) in (tuple, list) else kind_of(got)
        fail(f"{what} returns {seen}, it should return {count} arrays.")
    return got


def part(found, key, what):
    """One of the parts that a program sends back."""
    if type(found) is not dict:
        fail(f"{what} came back as {kind_of(found)}.")
    if found.get(key) is None:
        raise CheckFailure(
            f"{what} has no gradient or another shape than it should: nothing flowed back through it.",
            help="What is made outside of ops and ops.custom has no way back.",
        )
    return found[key]
