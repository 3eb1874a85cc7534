"""Right answers in float64: forward passes in NumPy, their slopes by imaginary steps, and a simulation
of generating. They know nothing of Tensors, and compute every position anew.
"""

from __future__ import annotations

import math

import numpy as np

from grader.check import check_close, fail, kind_of, tolerance

DTYPES = (np.float32, np.float64)
STEP = 1e-30  # along the imaginary axis nothing cancels, so the step may be as small as one likes

_erf = np.frompyfunc(math.erf, 1, 1)


# ---- formulas: every one also takes complex numbers ----------------------------------------------
def attention(q, k, v, mask=None, twist=""):
    """(out, probs); a row that may attend to nothing is 0. `twist` names a mistake."""
    scores = q @ np.swapaxes(k, -1, -2)
    scale = {"unscaled": 1.0, "by D": 1 / q.shape[-1]}.get(twist, 1 / math.sqrt(q.shape[-1]))
    scores = scores * scale
    if mask is None:
        mask = np.True_
    mask = np.broadcast_to(~mask if twist == "inverted" else mask, scores.shape)
    axis = -2 if twist == "over queries" else -1
    top = np.where(mask, scores.real, -np.inf).max(axis, keepdims=True, initial=-np.inf)
    top = np.where(np.isfinite(top), top, 0)
    weights = np.where(mask, np.exp(np.where(mask, scores - top, 0)), 0)
    total = weights.sum(axis, keepdims=True)
    probs = weights / np.where(total == 0, 1, total)
    if twist == "uniform":
        probs = np.where(total == 0, 1 / k.shape[-2], probs)
    return probs @ v, probs


def layer_norm(p, x, path, eps=1e-5, twist=""):
    centred = x - x.mean(-1, keepdims=True)
    share = x.shape[-1] - (twist == "unbiased")
    var = (centred * centred).sum(-1, keepdims=True) / share
    root = np.sqrt(var) + eps if twist == "eps outside" else np.sqrt(var + eps)
    return centred / root * p[f"{path}weight"] + p[f"{path}bias"]


def linear(p, x, path):
    return x @ p[f"{path}.weight"] + p.get(f"{path}.bias", 0)


def heads_of(x, heads, twist=""):
    """(B, T, dim) -> (B, heads, T, D), head h from columns h D to (h + 1) D."""
    B, T, dim = x.shape
    if twist == "interleaved":
        return x.reshape(B, T, dim // heads, heads).transpose(0, 3, 1, 2)
    if twist == "no transpose":
        return x.reshape(B, heads, T, dim // heads)
    return x.reshape(B, T, heads, dim // heads).transpose(0, 2, 1, 3)


def multi_head(p, x, context, mask, heads, path="", twist=""):
    source = x if context is None else context
    q = heads_of(linear(p, x, f"{path}q_proj"), heads, twist)
    k = heads_of(linear(p, source, f"{path}k_proj"), heads, twist)
    values = x if twist == "values of x" else source
    v = heads_of(linear(p, values, f"{path}v_proj"), heads, twist)
    kind = twist if twist in ("unscaled", "by D", "inverted") else ""
    out = attention(q, k, v, mask, kind)[0]
    if twist == "no transpose":
        return linear(p, out.reshape(x.shape), f"{path}out_proj")
    if twist == "interleaved":
        return linear(p, out.transpose(0, 2, 3, 1).reshape(x.shape), f"{path}out_proj")
    return linear(p, out.transpose(0, 2, 1, 3).reshape(x.shape), f"{path}out_proj")


def gelu(z, twist=""):
    """Exact; of a complex z the slope times the imaginary part, which is all that a step needs."""
    if twist == "tanh":
        return 0.5 * z * (1 + np.tanh(math.sqrt(2 / math.pi) * (z + 0.044715 * z**3)))
    if twist == "relu":
        return np.where(z.real > 0, z, 0)
    r = z.real
    phi = 0.5 * (1 + _erf(r / math.sqrt(2)).astype(np.float64))
    if not np.iscomplexobj(z):
        return r * phi
    density = np.exp(-0.5 * r * r) / math.sqrt(2 * math.pi)
    return r * phi + 1j * z.imag * (phi + r * density)


def block(p, x, mask, heads, path="", twist=""):
    if twist == "norm last":
        x = layer_norm(p, x + multi_head(p, x, None, mask, heads, f"{path}attn."), f"{path}norm1.")
        y = linear(p, gelu(linear(p, x, f"{path}fc1")), f"{path}fc2")
        return layer_norm(p, x + y, f"{path}norm2.")
    normed = layer_norm(p, x, f"{path}norm1.")
    attended = multi_head(p, normed, None, mask, heads, f"{path}attn.")
    x = attended if twist == "no residual" else x + attended
    z = linear(p, layer_norm(p, x, f"{path}norm2."), f"{path}fc1")
    return x + linear(p, gelu(z, twist), f"{path}fc2")


def causal(Tq, Tk):
    return np.arange(Tk) <= np.arange(Tq)[:, None] + Tk - Tq


def gpt(p, ids, layers, heads, twist=""):
    """Logits (B, T, V) of all positions."""
    T = ids.shape[1]
    x = p["token.weight"][ids]
    if twist != "no positions":
        x = x + p["position.weight"][np.arange(T)]
    mask = None if twist == "not causal" else causal(T, T)
    for layer in range(layers):
        x = block(p, x, mask, heads, f"blocks.{layer}.")
    if twist != "no last norm":
        x = layer_norm(p, x, "norm.")
    return linear(p, x, "head")


def turned(x, positions, twist=""):
    """rope: the pair (x[2i], x[2i + 1]) as a complex number times exp(i angle)."""
    D = x.shape[-1]
    angle = positions[:, None] * 10000.0 ** (-2 * np.arange(D // 2) / D)
    angle = -angle if twist == "clockwise" else angle
    cos, sin = np.cos(angle), np.sin(angle)
    if twist == "halves":
        a, b = x[..., : D // 2], x[..., D // 2 :]
        return np.concatenate([a * cos - b * sin, a * sin + b * cos], axis=-1)
    out = np.empty_like(x)
    a, b = x[..., 0::2], x[..., 1::2]
    out[..., 0::2], out[..., 1::2] = a * cos - b * sin, a * sin + b * cos
    return out


# ---- weights ------------------------------------------------------------------------------------------
def norm_weights(dim, rng, path=""):
    return {
        f"{path}weight": rng.uniform(0.5, 1.5, dim),
        f"{path}bias": 0.5 * rng.standard_normal(dim),
    }


def linear_weights(inputs, outputs, rng, path, bias=True, scale=1.0):
    p = {f"{path}.weight": scale * rng.standard_normal((inputs, outputs)) / math.sqrt(inputs)}
    return p | ({f"{path}.bias": 0.3 * rng.standard_normal(outputs)} if bias else {})


def attention_weights(dim, rng, path="", scale=1.5):
    """Large enough that heads prefer some keys."""
    p = {}
    for name in ("q_proj", "k_proj", "v_proj", "out_proj"):
        p |= linear_weights(dim, dim, rng, f"{path}{name}", scale=scale)
    return p


def block_weights(dim, hidden, rng, path=""):
    return {
        **norm_weights(dim, rng, f"{path}norm1."),
        **attention_weights(dim, rng, f"{path}attn."),
        **norm_weights(dim, rng, f"{path}norm2."),
        **linear_weights(dim, hidden, rng, f"{path}fc1", scale=1.5),
        **linear_weights(hidden, dim, rng, f"{path}fc2", scale=1.5),
    }


def gpt_weights(vocab, dim, layers, context, rng, sharp=1.0):
    """`sharp` scales the logits."""
    p = {
        "token.weight": rng.standard_normal((vocab, dim)),
        "position.weight": rng.standard_normal((context, dim)),
    }
    for layer in range(layers):
        p |= block_weights(dim, 4 * dim, rng, f"blocks.{layer}.")
    p |= norm_weights(dim, rng, "norm.")
    return p | linear_weights(dim, vocab, rng, "head", bias=False, scale=sharp)


def cast(p, dtype):
    return {key: value.astype(dtype) for key, value in p.items()}


# ---- slopes --------------------------------------------------------------------------------------------
def slopes(f, values):
    """The gradient of the real function f of a dict of arrays, entry by entry."""
    found = {}
    for key, value in values.items():
        grad = np.empty(value.shape)
        for place in np.ndindex(value.shape):
            moved = value.astype(np.complex128)
            moved[place] += 1j * STEP
            grad[place] = np.imag(f({**values, key: moved})) / STEP
        found[key] = grad
    return found


def slope_along(f, values, ways):
    """(f, its slope) at `values`, along a direction of all of them at once."""
    found = f({key: value + 1j * STEP * ways[key] for key, value in values.items()})
    return np.real(found), np.imag(found) / STEP


# ---- generating ------------------------------------------------------------------------------------------
def generated(p, ids, n, temperature, rng, layers, heads, twist=""):
    """What the weights and the draws fix: (B, T + n)."""
    found = ids
    rows = range(len(ids))
    for _ in range(n):
        seen = found[:, -1:] if twist == "last id only" else found
        z = gpt(p, seen, layers, heads)[:, -1]
        if temperature == 0:
            new = [int(row.argmax()) for row in z]
        else:
            z = z * temperature if twist == "times" else z / temperature
            q = np.exp(z - z.max(-1, keepdims=True))
            sums = np.cumsum(q / q.sum(-1, keepdims=True), axis=-1)
            us = np.array([rng.random() for _ in rows])
            us = np.full(len(ids), us[0]) if twist == "one draw" else us
            new = [int(np.searchsorted(sums[r], us[r], side="right")) for r in rows]
        found = np.concatenate([found, np.array(new, np.int64)[:, None]], axis=1)
    return found


# ---- comparisons ------------------------------------------------------------------------------------------
def check_values(got, want, dtype, *, terms=1, scale=1.0, diagnoses=None, **fields):
    """`got` has the values of `want`, whatever float dtype it has: that is for hygiene to say."""
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
