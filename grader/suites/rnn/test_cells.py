"""Hidden checks of single steps: three cells, their first state, the table of an embedding."""

import numpy as np

from grader.check import check_close, check_equal, check_raises, fail
from grader.suites.rnn.oracles import (
    DTYPES,
    STEPS,
    check_values,
    gru_step,
    lstm_step,
    part,
    relu,
    rnn_step,
    slopes,
    weights,
)
from grader.suites.rnn.programs import EMBEDDING, LAYER

SIZES = ((2, 3, 4), (1, 1, 1), (5, 4, 2))  # B, I, H
DRAWS = {"RNNCell": 1, "LSTMCell": 2, "GRUCell": 1}
WORDS = {"x": "x", "state 0": "h", "state 1": "c"}


def check_cell(student, rng, kind, *, diagnoses=None, kwargs=None, bend=np.tanh):
    """Values and every gradient of one step from a state that is given."""
    for B, D, H in SIZES:
        for dtype in DTYPES:
            p = weights(kind, D, H, rng, dtype)
            x = rng.standard_normal((B, D)).astype(dtype)
            state = [rng.standard_normal((B, H)).astype(dtype) for _ in range(DRAWS[kind])]
            gs = [rng.standard_normal((B, H)).astype(dtype) for _ in state]

            def step(v, gs=gs, state=state):
                more = {"bend": bend} if kind == "RNNCell" else {}
                states = tuple(v[f"state {i}"] for i in range(len(state)))
                return STEPS[kind](v, v["x"], states, **more)

            def total(v, step=step, gs=gs):
                return sum((g * out).sum() for g, out in zip(gs, step(v), strict=True))

            given = {"x": x, **{f"state {i}": s for i, s in enumerate(state)}, **p}
            exact = {key: value.astype(np.float64) for key, value in given.items()}
            if bend is relu:  # a kink within the rounding would be nobody's fault
                z = x @ p["w_ih"] + state[0] @ p["w_hh"] + p["b"]
                if np.abs(z).min() < 1e-3:
                    continue
            found = student.probe(
                LAYER, name=kind, args=(D, H), values=p, x=x, state=state, gs=gs,
                kwargs=kwargs or {},
            )  # fmt: skip
            shown = f"{kind}({D}, {H})"
            wanted = step(exact)
            check_equal(
                len(found["outs"]),
                len(wanted),
                what=f"how many Tensors {shown} returns",
                help="The state: h, and for the LSTM the tuple (h, c).",
            )
            for i, (out, want) in enumerate(zip(found["outs"], wanted, strict=True)):
                wrong = {s: f(exact)[i] for s, f in (diagnoses or {}).items()}
                check_values(
                    out,
                    want,
                    dtype,
                    terms=D + H,
                    scale=2.0,
                    what=f"{'hc'[i]}' of {shown}",
                    diagnoses=wrong,
                    help="Which columns of w_ih, w_hh and b belong to which gate?",
                )
            for key, want in slopes(total, exact).items():
                check_values(
                    part(found, key, f"the state of {shown}"),
                    want,
                    dtype,
                    terms=8 * (B + H),
                    scale=4.0,
                    what=f"the gradient of {shown} for {WORDS.get(key, key)}",
                    help="Let the ops of `reference` build the graph; `.data` in a forward cuts it.",
                )


def test_rnn_cell_values(student, rng):
    """RNNCell: tanh(x w_ih + h w_hh + b), and every gradient"""
    check_cell(
        student,
        rng,
        "RNNCell",
        diagnoses={
            "the bias is missing.": lambda v: rnn_step(
                {**v, "b": 0 * v["b"]}, v["x"], (v["state 0"],)
            ),
            "the recurrent matrix is transposed.": lambda v: rnn_step(
                {**v, "w_hh": v["w_hh"].T}, v["x"], (v["state 0"],)
            ),
        },
    )


def test_rnn_cell_relu(student, rng):
    """RNNCell: relu in place of tanh, and no other nonlinearity"""
    for _ in range(2):
        check_cell(student, rng, "RNNCell", kwargs={"nonlinearity": "relu"}, bend=relu)
    for name in ("sigmoid", "Tanh", ""):
        check_raises(
            ValueError,
            student.RNNCell,
            3,
            4,
            name,
            what=f"RNNCell(3, 4, {name!r})",
            help="Look at the name in __init__ already, not at the first call.",
        )


def test_lstm_cell_values(student, rng):
    """LSTMCell: gates i, f, g, o, both parts of the state, and every gradient"""

    def ordered(gates):
        return lambda v: lstm_step(v, v["x"], (v["state 0"], v["state 1"]), gates)

    check_cell(
        student,
        rng,
        "LSTMCell",
        diagnoses={
            "f comes before i.": ordered("figo"),
            "o comes before g.": ordered("ifog"),
        },
    )


def test_gru_cell_values(student, rng):
    """GRUCell: gates r, z, n, the bias b_hn inside the reset, and every gradient"""

    def twisted(twist):
        return lambda v: gru_step(v, v["x"], (v["state 0"],), twist)

    check_cell(
        student,
        rng,
        "GRUCell",
        diagnoses={
            "z comes before r.": twisted("z first"),
            "b_hn is added outside the reset gate: it is r (h U_n + b_hn).": twisted(
                "bias outside"
            ),
            "z and 1 - z have changed places.": twisted("swapped"),
        },
    )


def test_first_state(student, rng):
    """a cell without a state starts from zeros of x's dtype"""
    for kind in STEPS:
        for dtype in DTYPES:
            B, D, H = 3, 4, 5
            p = weights(kind, D, H, rng, dtype)
            x = rng.standard_normal((B, D)).astype(dtype)
            zeros = tuple(np.zeros((B, H)) for _ in range(DRAWS[kind]))
            want = STEPS[kind]({k: v.astype(np.float64) for k, v in p.items()}, x, zeros)
            found = student.probe(
                LAYER, name=kind, args=(D, H), values=p, x=x, state=None,
                gs=[np.ones((B, H), dtype) for _ in zeros],
            )  # fmt: skip
            for i, out in enumerate(found["outs"]):
                check_close(
                    out,
                    want[i].astype(dtype),
                    rtol=0.0,
                    atol=200 * float(np.finfo(dtype).eps),
                    what=f"{'hc'[i]}' of {kind} on a {np.dtype(dtype)} x without a state",
                    help="np.zeros((B, H), x.dtype): a default state that is float32 spoils a "
                    "float64 pass, and one of ones is no beginning.",
                )


def test_gates_extreme(student, rng):
    """gates that are pushed to their ends: finite, right, without a warning"""
    D, H = 1, 4
    for kind in STEPS:
        for dtype in DTYPES:
            p = weights(kind, D, H, rng, dtype)
            # Of one input, and no weight near 0: no pre-activation is small by chance.
            p["w_ih"] = (np.sign(p["w_ih"]) * rng.uniform(0.5, 1.5, p["w_ih"].shape)).astype(dtype)
            x = (1e4 * rng.choice([-1.0, 1.0], (6, D))).astype(dtype)
            state = [rng.standard_normal((6, H)).astype(dtype) for _ in range(DRAWS[kind])]
            found = student.probe(
                LAYER, name=kind, args=(D, H), values=p, x=x, state=state,
                gs=[np.ones((6, H), dtype) for _ in state],
            )  # fmt: skip
            noise = [text for category, text in student.warnings if category == "RuntimeWarning"]
            if noise:
                fail(
                    f"{kind} at pre-activations of 10,000 gives a RuntimeWarning: {noise[0]}.",
                    help="ops.sigmoid is safe at both ends; 1 / (1 + exp(-z)) is not.",
                )
            with np.errstate(over="ignore"):
                want = STEPS[kind](
                    {k: v.astype(np.float64) for k, v in p.items()},
                    x,
                    [s.astype(float) for s in state],
                )
            for i, out in enumerate(found["outs"]):
                check_values(
                    out, want[i], dtype, terms=50, what=f"{'hc'[i]}' of {kind} with |x| = 10,000"
                )


def test_embedding_values(student, rng):
    """Embedding: rows of the table for ids of any shape; rows taken twice add their gradients"""
    for num, dim, shape in (
        (7, 3, (4,)),
        (5, 2, (3, 6)),
        (1, 1, (2,)),
        (9, 4, (2, 2, 3)),
        (4, 3, ()),
    ):
        for dtype in DTYPES:
            weight = rng.standard_normal((num, dim)).astype(dtype)
            ids = rng.integers(0, num, shape)
            ids = np.asarray(ids, np.int64)
            g = rng.standard_normal((*shape, dim)).astype(dtype)
            found = student.probe(EMBEDDING, weight=weight, ids=ids, g=g)
            shown = f"Embedding({num}, {dim}) for ids of shape {shape}"
            check_values(found["y"], weight[ids], dtype, what=shown, help="Row ids[...] of weight.")
            want = np.zeros((num, dim))
            np.add.at(want, ids, g.astype(np.float64))
            check_values(
                part(found, "weight", shown),
                want,
                dtype,
                terms=ids.size + 1,
                scale=4.0,
                what=f"the gradient of {shown} for weight",
                help="A row that is taken three times collects three gradients.",
            )


def test_embedding_bounds(student, rng):
    """Embedding: an id that the table lacks raises IndexError, negatives too"""
    weight = rng.standard_normal((5, 2)).astype(np.float32)
    for bad in (-1, -5, 5, 1000):
        ids = rng.integers(0, 5, (2, 3))
        ids[1, 2] = bad
        check_raises(
            IndexError,
            student.probe,
            EMBEDDING,
            weight=weight,
            ids=ids,
            what=f"Embedding(5, 2) for ids that hold {bad}",
            help="NumPy counts negative indices from the end: compare before you index.",
        )
