"""Gates and states of recurrent networks on CUDA, a step a launch: a thread for each unit and row.

Each kernel reads every number of its step once. It takes the arrays of the whole sequence and the
number t of the step, so that nothing is copied out of them, and its gates are computed where the
product of the inputs has left their shares.

Sources: Hochreiter & Schmidhuber (1997), "Long short-term memory"; Cho et al. (2014), "Learning
phrase representations using RNN encoder-decoder"; Appleyard, Kociský & Blunsom (2016), "Optimizing
performance of recurrent neural networks on GPUs".
"""

from __future__ import annotations

import math
from typing import Any

from ..cuda import cuda, float32


@cuda.jit(device=True)
def sigmoid_of(x: Any) -> Any:
    """As in `activations`: the engine reads one file, so a device function lies beside its kernel."""
    e = math.exp(-abs(x))
    return (e if x < float32(0) else float32(1)) / (float32(1) + e)


@cuda.jit
def lstm_states(gates: Any, from_h: Any, bias: Any, hs: Any, cs: Any, t: int) -> None:
    """Step t: gates (T, B, 4H), so far the shares of x, and the states t + 1 of hs and cs (., B, H).

    from_h (B, 4H) = hs[t] w_hh.
    """
    place = cuda.grid(1)
    size = hs.shape[2]
    if place < hs.shape[1] * size:
        b = place // size
        u = place - b * size
        at_f = size + u
        at_g = 2 * size + u
        at_o = 3 * size + u
        i = sigmoid_of(gates[t, b, u] + from_h[b, u] + bias[u])
        f = sigmoid_of(gates[t, b, at_f] + from_h[b, at_f] + bias[at_f])
        g = math.tanh(gates[t, b, at_g] + from_h[b, at_g] + bias[at_g])
        o = sigmoid_of(gates[t, b, at_o] + from_h[b, at_o] + bias[at_o])
        c = f * cs[t, b, u] + i * g
        gates[t, b, u] = i
        gates[t, b, at_f] = f
        gates[t, b, at_g] = g
        gates[t, b, at_o] = o
        cs[t + 1, b, u] = c
        hs[t + 1, b, u] = o * math.tanh(c)


@cuda.jit
def lstm_gradients(dout: Any, dh: Any, dc: Any, gates: Any, cs: Any, dgates: Any, t: int) -> None:
    """Step t: dgates (T, B, 4H), and dc (B, H) of the cell after the step becomes that of before.

    dh (B, H) is what came back from the step after.
    """
    place = cuda.grid(1)
    size = cs.shape[2]
    if place < cs.shape[1] * size:
        b = place // size
        u = place - b * size
        one = float32(1)
        i = gates[t, b, u]
        f = gates[t, b, size + u]
        g = gates[t, b, 2 * size + u]
        o = gates[t, b, 3 * size + u]
        near = dh[b, u] + dout[t, b, u]
        tanh = math.tanh(cs[t + 1, b, u])
        cell = dc[b, u] + near * o * (one - tanh * tanh)
        dgates[t, b, u] = cell * g * i * (one - i)
        dgates[t, b, size + u] = cell * cs[t, b, u] * f * (one - f)
        dgates[t, b, 2 * size + u] = cell * i * (one - g * g)
        dgates[t, b, 3 * size + u] = near * tanh * o * (one - o)
        dc[b, u] = cell * f


@cuda.jit
def gru_states(
    gates: Any, from_h: Any, bias: Any, inner_bias: Any, inner: Any, hs: Any, t: int
) -> None:
    """Step t: gates (T, B, 3H), so far the shares of x, inner (T, B, H) and the state t + 1 of hs.

    from_h (B, 3H) = hs[t] w_hh.
    """
    place = cuda.grid(1)
    size = hs.shape[2]
    if place < hs.shape[1] * size:
        b = place // size
        u = place - b * size
        at_z = size + u
        at_n = 2 * size + u
        r = sigmoid_of(gates[t, b, u] + from_h[b, u] + bias[u])
        z = sigmoid_of(gates[t, b, at_z] + from_h[b, at_z] + bias[at_z])
        within = from_h[b, at_n] + inner_bias[u]
        n = math.tanh(gates[t, b, at_n] + bias[at_n] + r * within)
        gates[t, b, u] = r
        gates[t, b, at_z] = z
        gates[t, b, at_n] = n
        inner[t, b, u] = within
        hs[t + 1, b, u] = n + z * (hs[t, b, u] - n)


@cuda.jit
def gru_gradients(
    dout: Any,
    dh: Any,
    kept: Any,
    gates: Any,
    inner: Any,
    hs: Any,
    from_x: Any,
    from_h: Any,
    t: int,
) -> None:
    """Step t: the gradients of x's and of h's sums, from_x and from_h (T, B, 3H).

    The gradient of the state after the step is dh + kept (B, H) + dout[t]: dh came back through
    the product of the step after, kept past its gates. kept becomes what passes by these.
    """
    place = cuda.grid(1)
    size = hs.shape[2]
    if place < hs.shape[1] * size:
        b = place // size
        u = place - b * size
        at_z = size + u
        at_n = 2 * size + u
        one = float32(1)
        r = gates[t, b, u]
        z = gates[t, b, at_z]
        n = gates[t, b, at_n]
        near = dh[b, u] + kept[b, u] + dout[t, b, u]
        dn = near * (one - z) * (one - n * n)
        dr = dn * inner[t, b, u] * r * (one - r)
        dz = near * (hs[t, b, u] - n) * z * (one - z)
        from_x[t, b, u] = dr
        from_x[t, b, at_z] = dz
        from_x[t, b, at_n] = dn
        from_h[t, b, u] = dr
        from_h[t, b, at_z] = dz
        from_h[t, b, at_n] = dn * r
        kept[b, u] = near * z
