"""The training steps of `training.py` in JAX, autograd and tinygrad, each in its best form.

JAX jits the whole step with the optimiser in it, its LSTM is a `lax.scan` over time with the input
product taken out of the loop, its convolutions are tried in both layouts. autograd has no layers:
the networks are written out, convolution as one product of gathered patches. tinygrad compiles its
step by `TinyJit`. A peer that is not installed, or cannot do a row, is named with the reason.
"""

from __future__ import annotations

import atexit
import importlib.util
import math
import os
import shutil
import sys
import tempfile
from collections.abc import Callable
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

from .duel import Work

Array = np.ndarray
Peers = dict[tuple[str, str], Work]
Missing = dict[str, str]  # peer -> why it has no row
LR = 1e-3
SIZES = {"softmax": (784, 10), "mlp": (784, 512, 512, 10)}
HEADS, DIM, LAYERS, CONTEXT, VOCAB = 4, 128, 2, 64, 65


def has(module: str) -> bool:
    return importlib.util.find_spec(module) is not None


def weights(name: str, rng: np.random.Generator) -> list[Array]:
    """The parameters of a row's model, flat, of a sensible scale."""

    def matrix(rows: int, columns: int) -> Array:
        return (rng.standard_normal((rows, columns)) * rows**-0.5).astype(np.float32)

    def zeros(n: int) -> Array:
        return np.zeros(n, np.float32)

    if name in SIZES:
        sizes = SIZES[name]
        pairs = pairwise(sizes)
        return [one for a, b in pairs for one in (matrix(a, b), zeros(b))]
    if name == "cnn":  # patches in the order height, width, channel
        head = matrix(14 * 14 * 64, 10)
        return [matrix(9, 32), zeros(32), matrix(288, 64), zeros(64), head, zeros(10)]
    if name == "lstm":
        return [matrix(128, 512), matrix(128, 512), zeros(512)]
    block = [
        *(1 + zeros(DIM), zeros(DIM), matrix(DIM, 3 * DIM), zeros(3 * DIM)),
        *(matrix(DIM, DIM), zeros(DIM), 1 + zeros(DIM), zeros(DIM)),
        *(matrix(DIM, 4 * DIM), zeros(4 * DIM), matrix(4 * DIM, DIM), zeros(DIM)),
    ]
    blocks = [one.copy() for _ in range(LAYERS) for one in block]
    ends = [1 + zeros(DIM), zeros(DIM), matrix(DIM, VOCAB)]
    return [matrix(VOCAB, DIM), matrix(CONTEXT, DIM), *blocks, *ends]


# ---------------------------------------------- models in NumPy's words, for both


def affine(np_: Any, p: list[Any], x: Any) -> Any:
    """Logits of a network of affine maps with ReLU between."""
    for place in range(0, len(p), 2):
        x = np_.dot(np_.maximum(x, 0) if place else x, p[place]) + p[place + 1]
    return x


def patches_conv(np_: Any, x: Any, w: Any, b: Any) -> Any:
    """3 x 3 convolution, padding 1, of (N, H, W, C) as one product of patches."""
    n, h, wide, c = x.shape
    padded = np_.pad(x, ((0, 0), (1, 1), (1, 1), (0, 0)), "constant")
    parts = [padded[:, i : i + h, j : j + wide] for i in range(3) for j in range(3)]
    columns = np_.concatenate(parts, axis=3).reshape(n * h * wide, 9 * c)
    return (np_.dot(columns, w) + b).reshape(n, h, wide, -1)


def layer_norm(np_: Any, x: Any, gamma: Any, beta: Any) -> Any:
    centred = x - np_.mean(x, axis=-1, keepdims=True)
    variance = np_.mean(centred * centred, axis=-1, keepdims=True)
    return centred / np_.sqrt(variance + 1e-5) * gamma + beta


def gpt(np_: Any, erf: Any, attend: Any, p: list[Any], ids: Array) -> Any:
    """Logits (B T, vocabulary) of the GPT."""
    x = p[0][ids] + p[1]
    b, t, _ = x.shape
    for layer in range(LAYERS):
        g1, b1, wqkv, bqkv, wo, bo, g2, b2, w1, c1, w2, c2 = p[2 + 12 * layer : 14 + 12 * layer]
        rows = np_.dot(layer_norm(np_, x, g1, b1), wqkv) + bqkv
        q, k, v = (
            rows[..., i * DIM : (i + 1) * DIM].reshape(b, t, HEADS, DIM // HEADS) for i in range(3)
        )
        x = x + np_.dot(attend(q, k, v).reshape(b, t, DIM), wo) + bo
        h = np_.dot(layer_norm(np_, x, g2, b2), w1) + c1
        x = x + np_.dot(0.5 * h * (1 + erf(h * 0.7071067811865476)), w2) + c2
    return np_.dot(layer_norm(np_, x, *p[-3:-1]), p[-1]).reshape(b * t, VOCAB)


def attention(np_: Any, q: Any, k: Any, v: Any) -> Any:
    """Causal attention of (B, T, H, D), written out."""
    t, d = q.shape[1], q.shape[3]
    q, k, v = (np_.transpose(one, (0, 2, 1, 3)) for one in (q, k, v))
    scores = np_.matmul(q, np_.swapaxes(k, 2, 3)) * (1 / math.sqrt(d))
    scores = np_.where(np.tril(np.ones((t, t), bool)), scores, np.float32(-1e9))
    exps = np_.exp(scores - np_.max(scores, axis=-1, keepdims=True))
    seen = np_.matmul(exps / np_.sum(exps, axis=-1, keepdims=True), v)
    return np_.transpose(seen, (0, 2, 1, 3))


# ------------------------------------------------------------------------- JAX


def jax_step(params: list[Array], loss_of: Callable[..., Any], adam: bool) -> Work:
    """The whole step jitted, with donated weights and moments."""
    import jax
    import jax.numpy as jnp

    def step(state: Any) -> Any:
        value, grads = jax.value_and_grad(loss_of)(state[0])
        if not adam:
            return [[p - LR * g for p, g in zip(state[0], grads, strict=True)]], value
        ps, ms, vs, t = state
        t = t + 1
        ms = [0.9 * m + 0.1 * g for m, g in zip(ms, grads, strict=True)]
        vs = [0.999 * v + 0.001 * g * g for v, g in zip(vs, grads, strict=True)]
        c1, c2 = 1 - 0.9**t, 1 - 0.999**t
        ps = [
            p - LR * (m / c1) / (jnp.sqrt(v / c2) + 1e-8)
            for p, m, v in zip(ps, ms, vs, strict=True)
        ]
        return [ps, ms, vs, t], value

    held = [jnp.array(p) for p in params]
    moments: list[Any] = [[jnp.zeros_like(p) for p in held] for _ in range(2)]
    state: Any = [held, *moments, jnp.zeros(())] if adam else [held]
    compiled = jax.jit(step, donate_argnums=0)

    def work() -> float:
        nonlocal state
        state, value = compiled(state)
        jax.block_until_ready(state)  # type: ignore[no-untyped-call]
        return float(value)

    return work


def jax_peers(name: str, x: Array, y: Array | None, rng: np.random.Generator) -> Peers:
    """JAX's forms of a row."""
    import jax
    import jax.numpy as jnp
    from jax import lax

    def entropy(logits: Any) -> Any:
        taken = logits[jnp.arange(len(logits)), y]
        return jnp.mean(jax.scipy.special.logsumexp(logits, axis=1) - taken)

    params, adam = weights(name, rng), name not in ("softmax", "lstm")
    if name in SIZES:
        return {("jax", "jit"): jax_step(params, lambda p: entropy(affine(jnp, p, x)), adam)}
    if name == "cnn":
        return {
            ("jax", f"jit {form}"): jax_step(params, _jax_cnn(form, x, entropy), adam)
            for form in ("NHWC", "NCHW")
        }
    if name == "lstm":

        def recurrent(p: Any) -> Any:
            w_ih, w_hh, b = p

            def cell(state: Any, given: Any) -> Any:
                h, c = state
                i, f, g, o = jnp.split(given + h @ w_hh, 4, axis=1)
                c = jax.nn.sigmoid(f) * c + jax.nn.sigmoid(i) * jnp.tanh(g)
                h = jax.nn.sigmoid(o) * jnp.tanh(c)
                return (h, c), h

            start = jnp.zeros((x.shape[1], 128))
            _, out = lax.scan(cell, (start, start), x @ w_ih + b)
            return jnp.mean(out * out)

        return {("jax", "jit, lax.scan"): jax_step(params, recurrent, adam)}

    def fused(q: Any, k: Any, v: Any) -> Any:
        return jax.nn.dot_product_attention(q, k, v, is_causal=True)

    return {
        ("jax", form): jax_step(
            params,
            lambda p, attend=attend: entropy(gpt(jnp, lax.erf, attend, p, x)),  # type: ignore[misc]
            adam,
        )
        for form, attend in (
            ("jit, dot_product_attention", fused),
            ("jit, written out", lambda q, k, v: attention(jnp, q, k, v)),
        )
    }


def _jax_cnn(form: str, x: Array, entropy: Callable[[Any], Any]) -> Callable[[Any], Any]:
    import jax.numpy as jnp
    from jax import lax

    last = form == "NHWC"
    images = np.ascontiguousarray(x.transpose(0, 2, 3, 1)) if last else x
    window = (1, 2, 2, 1) if last else (1, 1, 2, 2)

    def conv(h: Any, w: Any, b: Any) -> Any:
        w = w.reshape(3, 3, -1, w.shape[1])
        names = (form, "HWIO", form)
        out = lax.conv_general_dilated(h, w, (1, 1), "SAME", dimension_numbers=names)
        return jnp.maximum(out + (b if last else b[:, None, None]), 0)

    def loss(p: Any) -> Any:
        h = conv(conv(images, *p[:2]), *p[2:4])
        h = lax.reduce_window(h, -jnp.inf, lax.max, window, window, "VALID")
        return entropy(h.reshape(len(x), -1) @ p[4] + p[5])

    return loss


# -------------------------------------------------------------------- autograd


def autograd_peers(name: str, x: Array, y: Array | None, rng: np.random.Generator) -> Peers:
    """autograd's step: gradients by autograd, the optimiser in place in NumPy."""
    import autograd.numpy as anp
    from autograd import value_and_grad
    from autograd.scipy.special import erf

    def entropy(logits: Any) -> Any:
        top = anp.max(logits, axis=1, keepdims=True)
        lse = top[:, 0] + anp.log(anp.sum(anp.exp(logits - top), axis=1))
        return anp.mean(lse - logits[np.arange(len(logits)), y])

    def convolutional(p: Any) -> Any:
        h = x.transpose(0, 2, 3, 1)
        for w, b in ((p[0], p[1]), (p[2], p[3])):
            h = anp.maximum(patches_conv(anp, h, w, b), 0)
        h = anp.max(h.reshape(len(x), 14, 2, 14, 2, 64), axis=(2, 4))
        return entropy(anp.dot(h.reshape(len(x), -1), p[4]) + p[5])

    def recurrent(p: Any) -> Any:
        w_ih, w_hh, b = p
        steps, batch, inputs = x.shape
        given = (anp.dot(x.reshape(-1, inputs), w_ih) + b).reshape(steps, batch, 512)
        h = c = np.zeros((batch, 128), np.float32)
        outs = []
        for t in range(steps):
            z = given[t] + anp.dot(h, w_hh)
            sig = 0.5 * anp.tanh(0.5 * z) + 0.5
            c = sig[:, 128:256] * c + sig[:, :128] * anp.tanh(z[:, 256:384])
            h = sig[:, 384:] * anp.tanh(c)
            outs.append(h)
        out = anp.stack(outs)
        return anp.mean(out * out)

    losses: dict[str, Callable[[Any], Any]] = {
        "softmax": lambda p: entropy(affine(anp, p, x)),
        "mlp": lambda p: entropy(affine(anp, p, x)),
        "cnn": convolutional,
        "lstm": recurrent,
        "transformer": lambda p: entropy(
            gpt(anp, erf, lambda q, k, v: attention(anp, q, k, v), p, x)
        ),
    }
    both = value_and_grad(losses[name])
    held, adam = weights(name, rng), name not in ("softmax", "lstm")
    first, second = ([np.zeros_like(p) for p in held] for _ in range(2))
    turn = 0

    def work() -> float:
        nonlocal turn
        turn += 1
        value, grads = both(held)
        for p, g, m, v in zip(held, grads, first, second, strict=True):
            if not adam:
                p -= np.float32(LR) * g
                continue
            m += np.float32(0.1) * (g - m)
            v += np.float32(0.001) * (g * g - v)
            scale = np.float32(LR / (1 - 0.9**turn))
            p -= scale * m / (np.sqrt(v / np.float32(1 - 0.999**turn)) + np.float32(1e-8))
        return float(value)

    return {("autograd", "NumPy"): work}


# -------------------------------------------------------------------- tinygrad


# zig's clang knows other target names, and writes to files only.
ZIG_AS_CLANG = """#!/bin/sh
set -e
work=$(mktemp -d)
cat > "$work/source.c"
for word in "$@"; do
  shift
  case "$word" in
    --target=*|-|-o) ;;
    *) set -- "$@" "$word" ;;
  esac
done
"{python}" -m ziglang cc -target x86_64-linux-gnu -fno-sanitize=all -g0 "$@" "$work/source.c" -o "$work/made.o" >&2
cat "$work/made.o"
rm -r "$work"
"""


@cache
def scratch() -> Path:
    """A folder that goes when this process ends."""
    place = tempfile.TemporaryDirectory(prefix="bench-tinygrad-")
    atexit.register(place.cleanup)
    return Path(place.name)


def tinygrad_compiler() -> str:
    """What tinygrad's CPU device can call as clang; "" where the machine has none."""
    if shutil.which("clang"):
        return "clang"
    if not has("ziglang"):
        return ""
    script = scratch() / "clang"
    script.write_text(ZIG_AS_CLANG.format(python=sys.executable), encoding="utf-8")
    script.chmod(0o700)
    return str(script)


def tinygrad_peers(name: str, x: Array, y: Array | None, rng: np.random.Generator) -> Peers:
    """tinygrad's step by TinyJit, for the networks of affine maps and the CNN."""
    os.environ["CC"] = tinygrad_compiler()
    # Its cache would keep machine code of another compiler, and hide why a device does not work.
    os.environ |= {"DEV": "CPU", "CACHEDB": str(scratch() / "cache.db")}
    from tinygrad import Context, Tensor, TinyJit, nn

    params = [Tensor(one).is_param_() for one in weights(name, rng)]
    kind = nn.optim.Adam if name != "softmax" else nn.optim.SGD
    optimizer = kind(params, lr=LR)
    xt, yt = Tensor(x).realize(), Tensor(y.astype(np.int32)).realize()  # type: ignore[union-attr]

    def logits() -> Any:
        p = params
        if name in SIZES:
            h: Any = xt
            for place in range(0, len(p), 2):
                h = (h.relu() if place else h).dot(p[place]) + p[place + 1]
            return h
        h = xt
        for place, c in ((0, 1), (2, 32)):
            w = p[place].reshape(3, 3, c, -1).permute(3, 2, 0, 1)
            h = h.conv2d(w, p[place + 1], padding=1).relu()
        return h.max_pool2d(2).flatten(1).dot(p[4]) + p[5]

    @TinyJit
    @Context(TRAINING=1)
    def step() -> Any:
        optimizer.zero_grad()
        loss = logits().sparse_categorical_crossentropy(yt)
        loss.backward()
        return loss.realize(*optimizer.schedule_step())

    return {("tinygrad", "TinyJit"): lambda: float(step().item())}


# ------------------------------------------------------------------------- all


def peers(name: str, x: Array, y: Array | None, seed: int = 0) -> tuple[Peers, Missing]:
    """The steps of every peer that can do the row, and why the others cannot."""
    found: Peers = {}
    missing: Missing = {"micrograd": "scalars only, no exp and no log: a step would take minutes"}
    for library, make in (("jax", jax_peers), ("autograd", autograd_peers)):
        if has(library):
            found |= make(name, x, y, np.random.default_rng(seed))
        else:
            missing[library] = "not installed"
    if not has("tinygrad"):
        missing["tinygrad"] = "not installed"
    elif name in ("lstm", "transformer"):
        missing["tinygrad"] = "this step is not written for tinygrad"
    elif not tinygrad_compiler():
        missing["tinygrad"] = "needs clang on PATH, or the package ziglang"
    else:
        try:
            steps = tinygrad_peers(name, x, y, np.random.default_rng(seed))
            for work in steps.values():
                work()  # compiles; what it lacks on this machine shows here
            found |= steps
        except Exception as error:
            missing["tinygrad"] = f"does not run here: {type(error).__name__}: {error}"[:200]
    return found, missing
