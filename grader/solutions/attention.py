"""Attention on the Tensors of the course: masks, heads, blocks, and a model that continues a text."""

import math
from functools import partial

import numpy as np

from reference import Parameter, Tensor, no_grad, ops
from reference.nn import Embedding, Linear, Module


def generator(rng):
    """`rng`, or a fresh generator where there is none."""
    return np.random.default_rng() if rng is None else rng


# ---- who may attend to whom: True = may -----------------------------------------------------------
def causal_mask(Tq, Tk):
    """(Tq, Tk): the last query sees all keys, each one before it one key less."""
    return np.tri(Tq, Tk, Tk - Tq, dtype=bool)


def local_mask(T, window):
    """(T, T): at most `window` apart."""
    place = np.arange(T)
    return np.abs(place[:, None] - place) <= window


def global_local_mask(T, window, global_ids):
    """(T, T): near each other, or one of the two is global."""
    mask = local_mask(T, window)
    mask[global_ids, :] = True
    mask[:, global_ids] = True
    return mask


# ---- attention ------------------------------------------------------------------------------------
def attention(q, k, v, mask=None):
    """(softmax(q k^T / sqrt(D)) v, the probabilities); 0 in rows that may attend to nothing."""
    if not isinstance(q, Tensor):
        out, probs = attention(Tensor(q), Tensor(k), Tensor(v), mask)
        return out.data, probs.data
    scores = q @ k.swapaxes(-1, -2) * (1 / math.sqrt(q.shape[-1]))
    if mask is None:
        probs = ops.softmax(scores)
    else:
        # The lowest number: with -inf, a row that sees nothing would be inf - inf. What is hidden
        # beside something seen gets 0 from exp; the product is for the rows that see nothing.
        lowest = float(np.finfo(scores.dtype).min)
        probs = ops.softmax(ops.where(mask, scores, lowest)) * mask.astype(scores.dtype)
    return probs @ v, probs


class LayerNorm(Module):
    """Each row to mean 0 and variance 1, then scaled and shifted."""

    def __init__(self, dim, eps=1e-5):
        self.weight = Parameter(np.ones(dim, np.float32))
        self.bias = Parameter(np.zeros(dim, np.float32))
        self.eps = eps

    def forward(self, x):
        centred = x - x.mean(axis=-1, keepdims=True)
        var = (centred * centred).mean(axis=-1, keepdims=True)
        return centred / (var + self.eps).sqrt() * self.weight + self.bias


class MultiHeadAttention(Module):
    """Heads attend side by side, each with its own D = dim / heads columns."""

    def __init__(self, dim, heads, rng=None):
        if dim % heads:
            raise ValueError(f"MultiHeadAttention: {heads} heads do not divide {dim} features")
        rng = generator(rng)
        self.heads = heads
        self.q_proj = Linear(dim, dim, rng=rng)
        self.k_proj = Linear(dim, dim, rng=rng)
        self.v_proj = Linear(dim, dim, rng=rng)
        self.out_proj = Linear(dim, dim, rng=rng)

    def forward(self, x, context=None, mask=None, remember=None):
        """`remember(k, v)` gives the keys and values of all positions, those before x too."""
        source = x if context is None else context
        q = self.split(self.q_proj(x))
        k = self.split(self.k_proj(source))
        v = self.split(self.v_proj(source))
        if remember is not None:
            k, v = remember(k, v)
        out, _ = attention(q, k, v, mask)
        return self.out_proj(out.transpose(0, 2, 1, 3).reshape(x.shape))

    def split(self, x):
        """(B, T, dim) -> (B, heads, T, D)."""
        B, T, dim = x.shape
        return x.reshape(B, T, self.heads, dim // self.heads).transpose(0, 2, 1, 3)


class TransformerBlock(Module):
    """Attention between the positions, then a network at each; both are added to what comes in."""

    def __init__(self, dim, heads, hidden, rng=None):
        rng = generator(rng)
        self.norm1 = LayerNorm(dim)
        self.attn = MultiHeadAttention(dim, heads, rng)
        self.norm2 = LayerNorm(dim)
        self.fc1 = Linear(dim, hidden, rng=rng)
        self.fc2 = Linear(hidden, dim, rng=rng)

    def forward(self, x, mask=None, remember=None):
        x = x + self.attn(self.norm1(x), mask=mask, remember=remember)
        return x + self.fc2(ops.gelu(self.fc1(self.norm2(x))))


# ---- positions --------------------------------------------------------------------------------------
def speeds(dim):
    """The angle that each pair of columns turns by from one position to the next."""
    if dim % 2:
        raise ValueError(f"columns go in pairs, {dim} is odd")
    return 10000.0 ** (-np.arange(0, dim, 2) / dim)


def sinusoidal_positions(T, dim):
    """(T, dim): sin in the even columns, cos in the odd ones."""
    angle = np.arange(T)[:, None] * speeds(dim)
    return np.stack([np.sin(angle), np.cos(angle)], axis=-1).reshape(T, dim).astype(np.float32)


def rope(x, positions):
    """Each pair of columns of x (..., T, D) turned by its position's angle."""
    if not isinstance(x, Tensor):
        return rope(Tensor(x), positions).data
    angle = np.asarray(positions)[:, None] * speeds(x.shape[-1])
    cos, sin = np.cos(angle).astype(x.dtype), np.sin(angle).astype(x.dtype)
    even, odd = x[..., 0::2], x[..., 1::2]
    turned = ops.stack([even * cos - odd * sin, even * sin + odd * cos], axis=-1)
    return turned.reshape(x.shape)


# ---- a model of text ----------------------------------------------------------------------------------
class GPT(Module):
    """Embeddings of ids and positions, causal blocks, a norm, and the logits of the next id."""

    def __init__(self, vocab, dim, layers, heads, context, rng=None):
        rng = generator(rng)
        self.context = context
        self.token = Embedding(vocab, dim, rng=rng)
        self.position = Embedding(context, dim, rng=rng)
        self.blocks = [TransformerBlock(dim, heads, 4 * dim, rng) for _ in range(layers)]
        self.norm = LayerNorm(dim)
        self.head = Linear(dim, vocab, bias=False, rng=rng)

    def forward(self, ids, cache=None):
        start = 0 if cache is None else cache.length
        end = start + ids.shape[1]
        if end > self.context:
            raise ValueError(f"GPT: {end} positions, the context is {self.context}")
        mask = causal_mask(end - start, end)
        x = self.token(ids) + self.position(np.arange(start, end))
        for layer, block in enumerate(self.blocks):
            remember = None if cache is None else partial(cache.append, layer)
            x = block(x, mask, remember)
        return self.head(self.norm(x))


class KVCache:
    """The keys and values of the positions so far, layer by layer, without a graph."""

    def __init__(self):
        self.layers = {}

    @property
    def length(self):
        return min((k.shape[2] for k, _ in self.layers.values()), default=0)

    def append(self, layer, k, v):
        k, v = k.data, v.data
        if layer in self.layers:
            old_k, old_v = self.layers[layer]
            k = np.concatenate([old_k, k], axis=2)
            v = np.concatenate([old_v, v], axis=2)
        self.layers[layer] = k, v
        return Tensor(k), Tensor(v)


def generate(model, ids, n, temperature, rng, cache=None):
    """ids (B, T) and n more in each row."""
    B, T = ids.shape
    if T + n > model.context:
        raise ValueError(f"generate: {T} + {n} positions, the context is {model.context}")
    found = np.empty((B, T + n), np.int64)
    found[:, :T] = ids
    with no_grad():
        for end in range(T, T + n):
            start = 0 if cache is None else cache.length
            logits = model(found[:, start:end], cache).data[:, -1].astype(np.float64)
            for row in range(B):
                found[row, end] = draw(logits[row], temperature, rng)
    return found


def draw(logits, temperature, rng):
    """One id from softmax(logits / temperature); at 0 the likeliest."""
    if temperature == 0:
        return logits.argmax()
    z = logits / temperature
    p = np.exp(z - z.max())
    above = np.cumsum(p / p.sum()) > rng.random()
    return above.argmax() if above[-1] else len(above) - 1
