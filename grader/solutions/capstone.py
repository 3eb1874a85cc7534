"""Attention in tiles, forward and backward, and a model of letters trained on the learner's stack."""

import math
import time

import numpy as np

from reference import nn, optim


# ---- tiles --------------------------------------------------------------------------------------
def tiles(length, block):
    """(start, stop) of each block of 0..length."""
    return [(start, min(start + block, length)) for start in range(0, length, block)]


def hide_future(scores, rows, columns, shift):
    """-inf where key j lies beyond query i: j > i + shift, shift = Tk - Tq."""
    if columns[1] - 1 > rows[0] + shift:
        future = np.arange(*columns) > np.arange(*rows)[:, None] + shift
        scores[future] = -np.inf


def flash_attention_forward(q, k, v, block_q, block_k, causal):
    """softmax(q k^T / sqrt(D)) v and each row's log of the sum of exponentials, tile by tile."""
    B, H, Tq, D = q.shape
    Tk = k.shape[2]
    scale, shift = q.dtype.type(1 / math.sqrt(D)), Tk - Tq
    o = np.zeros((B, H, Tq, D), q.dtype)
    lse = np.full((B, H, Tq), -np.inf, q.dtype)
    for head in np.ndindex(B, H):
        for rows in tiles(Tq, block_q):
            queries = q[head][slice(*rows)] * scale
            top = np.full(len(queries), -np.inf, q.dtype)  # the largest score so far
            total = np.zeros(len(queries), q.dtype)  # the sum of exp(score - top)
            mixed = np.zeros((len(queries), D), q.dtype)  # the same sum, of values
            for columns in tiles(Tk, block_k):
                if causal and columns[0] > rows[1] - 1 + shift:
                    break
                scores = queries @ k[head][slice(*columns)].T
                if causal:
                    hide_future(scores, rows, columns, shift)
                higher = np.maximum(top, scores.max(axis=1))
                offset = np.where(higher > -np.inf, higher, 0)  # -inf - -inf is no number
                scores -= offset[:, None]
                np.exp(scores, out=scores)
                shrunk = np.exp(top - offset)
                total = total * shrunk + scores.sum(axis=1)
                mixed = mixed * shrunk[:, None] + scores @ v[head][slice(*columns)]
                top = higher
            seen = total > 0
            safe = np.where(seen, total, 1)
            o[head][slice(*rows)] = mixed / safe[:, None]
            lse[head][slice(*rows)] = np.where(seen, top + np.log(safe), -np.inf)
    return o, lse


def flash_attention_backward(do, q, k, v, o, lse, block_q, block_k, causal):
    """The gradients of q, k, v, the probabilities made anew from lse, tile by tile."""
    B, H, Tq, D = q.shape
    Tk = k.shape[2]
    scale, shift = q.dtype.type(1 / math.sqrt(D)), Tk - Tq
    dq, dk, dv = (np.zeros(x.shape, q.dtype) for x in (q, k, v))
    for head in np.ndindex(B, H):
        for rows in tiles(Tq, block_q):
            queries, g = q[head][slice(*rows)] * scale, do[head][slice(*rows)]
            # exp(score - inf) is 0: a row that sees nothing has no probabilities.
            log_sum = np.where(lse[head][slice(*rows)] > -np.inf, lse[head][slice(*rows)], np.inf)
            mean = (g * o[head][slice(*rows)]).sum(axis=1)  # <p, dp> of each row
            for columns in tiles(Tk, block_k):
                if causal and columns[0] > rows[1] - 1 + shift:
                    break
                keys, values = k[head][slice(*columns)], v[head][slice(*columns)]
                probs = queries @ keys.T
                if causal:
                    hide_future(probs, rows, columns, shift)
                probs -= log_sum[:, None]
                np.exp(probs, out=probs)
                dv[head][slice(*columns)] += probs.T @ g
                slopes = g @ values.T
                slopes -= mean[:, None]
                slopes *= probs
                dq[head][slice(*rows)] += slopes @ keys
                dk[head][slice(*columns)] += slopes.T @ queries
    dq *= scale
    return dq, dk, dv


# ---- a model of letters ---------------------------------------------------------------------------
CONTEXT = 32  # letters that the model looks back on
BATCH = 16
ENOUGH = 0.5  # of log(vocab): the loss of a training batch at which it may stop
STEPS = 500


def train_char_lm(ids, vocab, seconds, rng):
    """A GPT trained on `ids` until it is good enough, or the time is up."""
    ends = time.monotonic() + 0.8 * seconds
    model = nn.GPT(vocab, 32, 1, 2, CONTEXT, rng=rng)
    optimizer = optim.Adam(model.parameters(), 0.01)
    loss_of = nn.CrossEntropyLoss()
    recent = math.log(vocab)
    for step in range(STEPS):
        if time.monotonic() > ends or recent < ENOUGH * math.log(vocab):
            break
        starts = rng.integers(0, len(ids) - CONTEXT, BATCH)
        windows = ids[starts[:, None] + np.arange(CONTEXT + 1)]
        inputs, targets = windows[:, :-1], windows[:, 1:]
        optimizer.lr = optim.cosine_schedule(step, STEPS, 0.01, warmup=10)
        loss = loss_of(model(inputs).reshape(inputs.size, vocab), targets.reshape(-1))
        optimizer.zero_grad()
        loss.backward()
        optim.clip_grad_norm(model.parameters(), 1.0)
        optimizer.step()
        recent = 0.9 * recent + 0.1 * float(loss.data)
    return model
