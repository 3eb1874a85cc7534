"""Hidden checks of sequences: layers of cells over time, and their gradients by hand."""

import numpy as np

from grader.check import check_array, check_equal, check_raises, fail
from grader.suites.rnn.oracles import (
    DTYPES,
    check_values,
    part,
    rnn_step,
    slope_along,
    slopes,
    unroll,
    weights,
)
from grader.suites.rnn.programs import LAYER, PARTS

CELL = {"RNN": "RNNCell", "LSTM": "LSTMCell"}
PARTS_OF = {"RNN": 1, "LSTM": 2}  # arrays in a state


def drawn(kind, sizes, rng, dtype=np.float64):
    """(weights by path, x, state) for a layer of the sizes (T, B, I, H, L)."""
    T, B, D, H, L = sizes
    p = {}
    for layer in range(L):
        cell = weights(CELL[kind], D if layer == 0 else H, H, rng, dtype)
        p |= {f"cells.{layer}.{key}": value for key, value in cell.items()}
    x = rng.standard_normal((T, B, D)).astype(dtype)
    state = [rng.standard_normal((L, B, H)).astype(dtype) for _ in range(PARTS_OF[kind])]
    return p, x, state


def outputs(kind, v, L, n):
    """[out, h] or [out, h, c] of the layer whose weights, x and state are in v."""
    layers = [
        {key.split(".")[-1]: value for key, value in v.items() if key.startswith(f"cells.{i}.")}
        for i in range(L)
    ]
    states = [tuple(v[f"state {k}"][i] for k in range(n)) for i in range(L)]
    out, last = unroll(CELL[kind], layers, v["x"], states)
    return [out, *(np.stack([s[k] for s in last]) for k in range(n))]


def check_layer(student, rng, kind):
    """Outputs, last states and every gradient, from a given state and from none."""
    n = PARTS_OF[kind]
    for sizes in ((3, 2, 3, 2, 1), (2, 2, 2, 3, 3), (1, 1, 1, 1, 1), (4, 3, 2, 2, 2)):
        T, B, D, H, L = sizes
        dtype = DTYPES[int(rng.integers(2))] if sizes[0] > 1 else np.float64
        for start in (True, False):
            p, x, state = drawn(kind, sizes, rng, dtype)
            gs = [rng.standard_normal(s).astype(dtype) for s in ((T, B, H), *(((L, B, H),) * n))]
            if not start:
                state = [0 * s for s in state]
            found = student.probe(
                LAYER, name=kind, args=(D, H, L), values=p, x=x, state=state if start else None,
                gs=gs,
            )  # fmt: skip
            given = {"x": x, **{f"state {k}": s for k, s in enumerate(state)}, **p}
            exact = {key: value.astype(np.float64) for key, value in given.items()}
            shown = f"{kind}({D}, {H}, {L}) over {T} steps" + ("" if start else " from no state")
            wanted = outputs(kind, exact, L, n)
            check_equal(len(found["outs"]), n + 1, what=f"how many Tensors {shown} returns")
            for out, want, name in zip(found["outs"], wanted, ("out", "h", "c"), strict=False):
                check_values(
                    out,
                    want,
                    dtype,
                    terms=4 * T * (D + H),
                    scale=2.0,
                    what=f"{name} of {shown}",
                    help="Layer l reads what layer l - 1 put out at the same step; the states are "
                    "stacked, layer 0 first, and out is the top layer's h.",
                )

            def total(v, gs=gs, L=L):
                return sum((g * o).sum() for g, o in zip(gs, outputs(kind, v, L, n), strict=True))

            small = T * L <= 4
            wants = slopes(total, exact) if small else {}
            for key, want in wants.items():
                if start or not key.startswith("state"):
                    check_values(
                        part(found, key, f"{kind}'s output"),
                        want,
                        dtype,
                        terms=16 * T * (B + H),
                        scale=6.0,
                        what=f"the gradient of {shown} for {key}",
                        help="Every step and every layer hands its share on.",
                    )
            keys = [key for key in exact if start or not key.startswith("state")]
            ways = {key: rng.standard_normal(exact[key].shape) for key in exact}
            if not start:
                ways |= {key: 0 * way for key, way in ways.items() if key.startswith("state")}
            _, slope = slope_along(total, exact, ways)
            along = 0.0
            for key in keys:
                got = part(found, key, f"{kind}'s output")
                check_array(
                    got,
                    exact[key].shape,
                    getattr(got, "dtype", np.float64),
                    what=f"the gradient of {shown} for {key}",
                )
                along += float((got.astype(np.float64) * ways[key]).sum())
            room = 1e-3 if dtype is np.float32 else 1e-9
            if not abs(along - slope) <= room * (20 + abs(slope)):
                fail(
                    f"along a random direction of all weights, inputs and states {shown} rises by "
                    f"{slope:.6g}, its gradients promise {along:.6g}.",
                    help="Does a gradient flow through every step, and into every layer?",
                )


def test_rnn_values(student, rng):
    """RNN: one to three layers, outputs, states, and every gradient of every layer"""
    check_layer(student, rng, "RNN")


def test_lstm_values(student, rng):
    """LSTM: one to three layers, outputs, both states, and every gradient of every layer"""
    check_layer(student, rng, "LSTM")


def test_no_steps(student, rng):
    """RNN and LSTM: a sequence without a step raises ValueError"""
    for kind in CELL:
        p, x, state = drawn(kind, (1, 2, 3, 4, 1), rng, np.float32)
        for start in (state, None):
            check_raises(
                ValueError,
                student.probe,
                LAYER,
                name=kind,
                args=(3, 4, 1),
                values=p,
                x=x[:0],
                state=start,
                gs=[],
                what=f"{kind} over 0 steps",
                help="There is no last state to return.",
            )


SPLIT = (
    PARTS
    + """
def probe(module, name, args, values, x, cut):
    layer = build(module, name, args, values)
    out, last = layer(Tensor(x))
    first, state = layer(Tensor(x[:cut]))
    second, end = layer(Tensor(x[cut:]), state)
    return {"out": out.data, "parts": np.concatenate([first.data, second.data]),
            "last": [s.data for s in parts_of(last, "state")],
            "end": [s.data for s in parts_of(end, "state")]}
"""
)


def test_split_in_two(student, rng):
    """a sequence in two parts, the state handed on, is the sequence in one"""
    for kind in CELL:
        sizes = (int(rng.integers(4, 9)), 3, 4, 5, 2)
        p, x, _ = drawn(kind, sizes, rng)
        found = student.probe(
            SPLIT, name=kind, args=(4, 5, 2), values=p, x=x, cut=int(rng.integers(1, sizes[0]))
        )
        check_values(
            found["parts"],
            found["out"],
            np.float64,
            terms=100,
            what=f"the outputs of {kind} in two parts",
            help="The state that comes back is all that a layer knows of the past: of every layer, "
            "in the shape in which it goes in.",
        )
        for one, other in zip(found["last"], found["end"], strict=True):
            check_values(
                other, one, np.float64, terms=100, what=f"the last state of {kind} in two parts"
            )


# ---- by hand ------------------------------------------------------------------------------------------
NAMES = ("dxs", "dh0", "dWxh", "dWhh", "db")


def bptt_inputs(rng, sizes, dtype, scale=0.6):
    T, B, D, H = sizes
    shapes = ((T, B, D), (B, H), (D, H), (H, H), (H,), (T, B, H))
    return tuple((scale * rng.standard_normal(s)).astype(dtype) for s in shapes)


def rnn_sum(v, gs):
    h, total = v["dh0"], 0.0
    p = {"w_ih": v["dWxh"], "w_hh": v["dWhh"], "b": v["db"]}
    for x, g in zip(v["dxs"], gs, strict=True):
        (h,) = rnn_step(p, x, (h,))
        total = total + (g * h).sum()
    return total


def test_rnn_bptt_values(student, rng):
    """rnn_bptt: all five gradients, for any sizes, in both dtypes"""
    for sizes in ((1, 1, 1, 1), (3, 2, 3, 4), (5, 4, 2, 1), (6, 1, 1, 3)):
        for dtype in DTYPES:
            args = bptt_inputs(rng, sizes, dtype)
            exact = {k: a.astype(np.float64) for k, a in zip(NAMES, args, strict=False)}
            gs = args[5].astype(np.float64)
            want = slopes(lambda v, gs=gs: rnn_sum(v, gs), exact)
            local = slopes(lambda v, gs=gs: rnn_sum(v, gs * (np.arange(len(gs)) == len(gs) - 1)[:, None, None]), exact)  # fmt: skip
            got = student.rnn_bptt(*args)
            if type(got) is not tuple or len(got) != 5:
                fail("rnn_bptt returns something else than five arrays.", help=", ".join(NAMES))
            for name, array in zip(NAMES, got, strict=True):
                check_values(
                    array,
                    want[name],
                    dtype,
                    terms=8 * sizes[0] * (sizes[1] + sizes[3]),
                    scale=3.0,
                    what=f"{name} of rnn_bptt for T, B, I, H = {sizes}",
                    help="At step t two gradients meet: grad_hs[t] from outside, and what comes back "
                    "through Whh from step t + 1.",
                    diagnoses={
                        "the gradient is averaged over the batch: it is a sum.": want[name]
                        / sizes[1],
                        "the gradient is averaged over the steps: it is a sum.": want[name]
                        / sizes[0],
                        "only grad_hs of the last step counts.": local[name],
                    }
                    if sizes[0] > 1 and sizes[1] > 1
                    else None,
                )


def test_rnn_bptt_long(student, rng):
    """rnn_bptt: a slope along every direction holds over many steps"""
    T, B, D, H = 40, 8, 5, 12
    args = bptt_inputs(rng, (T, B, D, H), np.float64, scale=0.35)
    exact = dict(zip(NAMES, args, strict=False))
    ways = {key: rng.standard_normal(value.shape) for key, value in exact.items()}
    _, slope = slope_along(lambda v: rnn_sum(v, args[5]), exact, ways)
    got = student.rnn_bptt(*args)
    along = sum(float((g * ways[key]).sum()) for key, g in zip(NAMES, got, strict=True))
    if not abs(along - slope) <= 1e-8 * (10 + abs(slope)):
        fail(
            f"over 40 steps the loss rises by {slope:.6g} along a random direction, the gradients "
            f"promise {along:.6g}.",
            help="The gradient of step t needs the h of step t: keep all of them on the way forward.",
        )


def test_rnn_bptt_past_only(student, rng):
    """rnn_bptt: a gradient at step t reaches the steps before it, and none after"""
    sizes = (7, 3, 2, 4)
    *args, grad_hs = bptt_inputs(rng, sizes, np.float64)
    t = int(rng.integers(2, 5))
    only = np.zeros_like(grad_hs)
    only[t] = grad_hs[t]
    dxs = student.rnn_bptt(*args, only)[0]
    if type(dxs) is not np.ndarray or dxs.shape != (7, 3, 2):
        fail("dxs of rnn_bptt is no array of the shape of xs.")
    if np.any(dxs[t + 1 :] != 0):
        fail(
            f"a gradient at step {t} reaches an input of a later step.",
            help="h_t does not depend on x_{t+1}: walk from the last step to the first.",
        )
    if not np.all(np.abs(dxs[: t + 1]).sum(axis=(1, 2)) > 0):
        fail(
            f"a gradient at step {t} does not reach every input up to it.",
            help="What has come back so far goes on through Whh at every step.",
        )
    whole = student.rnn_bptt(*args, grad_hs)[0]
    rest = student.rnn_bptt(*args, grad_hs - only)[0]
    check_values(
        dxs + rest,
        whole,
        np.float64,
        terms=100,
        scale=4.0,
        what="dxs of two parts of grad_hs, added up",
        help="Gradients are linear in grad_hs.",
    )
