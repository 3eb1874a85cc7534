"""Right answers in float64, and the comparisons that all files of this suite share."""

from __future__ import annotations

import numpy as np

from grader.check import check_close, fail, kind_of, tolerance

DTYPES = (np.float32, np.float64)


# ---- formulas -----------------------------------------------------------------------------------
def norm(x, gamma, beta, eps, axis, ddof=0):
    """(y, normalised x, 1 / std) over `axis`."""
    x = x.astype(np.float64)
    rstd = 1 / np.sqrt(x.var(axis, ddof=ddof, keepdims=True) + eps)
    normal = (x - x.mean(axis, keepdims=True)) * rstd
    return normal * gamma + beta, normal, rstd


def norm_gradients(g, x, gamma, eps, axis):
    """Gradients of <y, g> for x, gamma and beta."""
    g = g.astype(np.float64)
    _, normal, rstd = norm(x, gamma, 0.0, eps, axis)
    u = g * gamma
    mean_u, mean_un = u.mean(axis, keepdims=True), (u * normal).mean(axis, keepdims=True)
    others = tuple(range(x.ndim - 1))
    return rstd * (u - mean_u - normal * mean_un), (g * normal).sum(others), g.sum(others)


def cross_entropy(logits, labels):
    """(mean loss, its gradient for the logits)."""
    Z = logits.astype(np.float64)
    total = np.logaddexp.reduce(Z, axis=1)
    loss = float((total - Z[np.arange(len(Z)), labels]).mean())
    return loss, (np.exp(Z - total[:, None]) - np.eye(Z.shape[1])[labels]) / len(Z)


def sgd(start, grads, lr, momentum=0.0, nesterov=False, weight_decay=0.0, lrs=None, twist=""):
    """Weights after each step; a gradient of None skips the parameter."""
    w = [p.astype(np.float64) for p in start]
    u = [np.zeros_like(p) for p in w]
    after = []
    for step, now in enumerate(grads):
        rate = lr if lrs is None else lrs[step]
        for i, grad in enumerate(now):
            if grad is None:
                continue
            g = grad + weight_decay * w[i]
            u[i] = momentum * u[i] + ((1 - momentum) * g if twist == "average" else g)
            w[i] = w[i] - rate * (g + momentum * u[i] if nesterov else u[i])
        after.append([p.copy() for p in w])
    return after


def adam(start, grads, lr=1e-3, betas=(0.9, 0.999), eps=1e-8, weight_decay=0.0, lrs=None, twist=""):
    """Weights after each step; every parameter counts its own steps."""
    w = [p.astype(np.float64) for p in start]
    m, v, t = [0.0 * p for p in w], [0.0 * p for p in w], [0] * len(w)
    after = []
    for step, now in enumerate(grads):
        rate = lr if lrs is None else lrs[step]
        for i, grad in enumerate(now):
            if grad is None:
                continue
            g = grad + (0.0 if twist == "decoupled" else weight_decay * w[i])
            t[i] = step + 1 if twist == "one counter" else t[i] + 1
            m[i] = betas[0] * m[i] + (1 - betas[0]) * g
            v[i] = betas[1] * v[i] + (1 - betas[1]) * g * g
            m_hat, v_hat = m[i] / (1 - betas[0] ** t[i]), v[i] / (1 - betas[1] ** t[i])
            if twist == "uncorrected":
                m_hat, v_hat = m[i], v[i]
            below = np.sqrt(v_hat + eps) if twist == "inside" else np.sqrt(v_hat) + eps
            if twist == "decoupled":
                w[i] = w[i] - rate * weight_decay * w[i]
            w[i] = w[i] - rate * m_hat / below
        after.append([p.copy() for p in w])
    return after


def resnet(params, sizes, x, *, training, silent=False):
    """The logits of a fresh mlp_resnet without dropout: biases are 0, scales 1.

    Only the matrices of `params` are used, told apart by their shapes. With `silent`, dropout has
    removed everything inside the blocks.
    """
    dim, hidden, _, classes = sizes
    half = hidden // 2
    found = {
        shape: [p.astype(np.float64) for p in params if p.shape == shape]
        for shape in ((dim, hidden), (hidden, half), (half, hidden), (hidden, classes))
    }

    def normal(z):
        return norm(z, 1.0, 0.0, 1e-5, 0)[0] if training else z / np.sqrt(1 + 1e-5)

    h = np.maximum(x.astype(np.float64) @ found[dim, hidden][0], 0)
    for down, up in zip(found[hidden, half], found[half, hidden], strict=True):
        inner = np.maximum(normal(h @ down), 0)
        h = np.maximum(h if silent else h + normal(inner @ up), 0)
    return h @ found[hidden, classes][0]


# ---- comparisons --------------------------------------------------------------------------------
def check_values(got, want, dtype, *, terms=1, scale=1.0, diagnoses=None, **fields):
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


def part(found, key, what):
    """One of the parts that a program sends back."""
    if type(found) is not dict:
        fail(f"{what} came back as {kind_of(found)}.")
    if key not in found:
        fail(f"{what} has another shape than it should, so nothing could flow back through it.")
    return found[key]
