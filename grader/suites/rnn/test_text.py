"""Hidden checks of text: columns and chunks, the model, its training in chunks, and sampling."""

import numpy as np

from grader.check import check_close, check_equal, check_number, check_raises, fail
from grader.suites.rnn.oracles import (
    check_values,
    model_logits,
    model_weights,
    part,
    sampled,
    slopes,
    telling,
    training,
)
from grader.suites.rnn.programs import DETACH, EPOCH, MODEL, SAMPLE


def seed_of(rng):
    return int(rng.integers(1 << 40))


# ---- columns and chunks -----------------------------------------------------------------------------
def test_batchify_values(student, rng):
    """batchify: column j is the j-th contiguous stretch, the rest is dropped"""
    for N, batch in ((12, 3), (14, 4), (7, 7), (9, 1), (1, 1), (101, 10)):
        ids = rng.integers(0, 1000, N)
        rows = N // batch
        want = np.stack([ids[j * rows : (j + 1) * rows] for j in range(batch)], axis=1)
        check_close(
            student.batchify(ids, batch),
            want,
            what=f"batchify of {N} ids into {batch} columns",
            help="Down a column the text goes on, letter by letter.",
            diagnoses={"the text goes on along the rows": ids[: rows * batch].reshape(rows, batch)},
        )
    for N, batch in ((3, 4), (0, 1), (9, 10)):
        check_raises(
            ValueError,
            student.batchify,
            rng.integers(0, 9, N),
            batch,
            what=f"batchify of {N} ids into {batch} columns",
            help="There is not one row to return.",
        )


def test_get_batch_values(student, rng):
    """get_batch: rows i to i + t, the same one step later, a shorter last chunk"""
    for R, B, i, bptt in ((10, 3, 0, 4), (10, 3, 4, 4), (10, 3, 8, 4), (6, 1, 0, 9), (2, 2, 0, 1)):
        data = rng.integers(0, 1000, (R, B))
        found = student.get_batch(data, i, bptt)
        if type(found) is not tuple or len(found) != 2:
            fail("get_batch returns something else than (x, y).")
        t = min(bptt, R - 1 - i)
        for got, start, name in zip(found, (i, i + 1), "xy", strict=True):
            check_close(
                got,
                data[start : start + t],
                what=f"{name} of get_batch(data ({R}, {B}), {i}, {bptt})",
                help="The last row has no successor, so it is never in x.",
            )


# ---- the model ----------------------------------------------------------------------------------------
def test_model_values(student, rng):
    """LanguageModel: logits, the state it hands on, and the gradient of every parameter"""
    for V, D, H, L, T, B in ((4, 2, 3, 1, 3, 2), (3, 2, 2, 2, 2, 1), (2, 1, 1, 3, 1, 3)):
        for dtype, start in ((np.float64, True), (np.float32, False)):
            p = model_weights(V, D, H, L, rng)
            p = {key: value.astype(dtype) for key, value in p.items()}
            exact = {key: value.astype(np.float64) for key, value in p.items()}
            ids = rng.integers(0, V, (T, B))
            state = [rng.standard_normal((L, B, H)).astype(dtype) for _ in range(2)]
            if not start:
                state = [0 * s for s in state]
            states = [(h, c) for h, c in zip(*state, strict=True)]
            g = rng.standard_normal((T, B, V)).astype(dtype)
            found = student.probe(
                MODEL, sizes=(V, D, H, L), values=p, ids=ids, state=state if start else None, g=g
            )
            shown = f"LanguageModel({V}, {D}, {H}, {L})"
            check_equal(
                found["count"],
                sum(value.size for value in p.values()),
                what=f"the number of numbers that {shown} learns",
                help="Embedding, LSTM, Linear with a bias, and nothing else.",
            )
            want, last = model_logits(exact, ids, states)
            check_values(
                found["logits"],
                want,
                dtype,
                terms=16 * T * (D + H),
                scale=3.0,
                what=f"the logits of {shown}",
                help="embedding, then rnn, then head, at every step.",
            )
            for k, name in enumerate("hc"):
                check_values(
                    found["state"][k],
                    np.stack([s[k] for s in last]),
                    dtype,
                    terms=16 * T * (D + H),
                    scale=2.0,
                    what=f"{name} of the state of {shown}",
                )
            total = slopes(
                lambda v, i=ids, s=states, g=g: (g * model_logits(v, i, s)[0]).sum(), exact
            )
            for key, slope in total.items():
                check_values(
                    part(found, key, f"the logits of {shown}"),
                    slope,
                    dtype,
                    terms=64 * T * (B + H),
                    scale=6.0,
                    what=f"the gradient of {shown} for {key}",
                )


def test_detach_values(student, rng):
    """detach: the same values in the same structure, without a graph; None stays None"""
    h, c = rng.standard_normal((2, 2, 3, 4))
    found = student.probe(DETACH, h=h, c=c)
    check_equal(found["none"], True, what="detach(None) is None")
    for name, wants in (("h", [h]), ("(h, c)", [h, c])):
        here = found[name]
        check_equal(here["kind"], here["want"], what=f"the structure of detach({name})")
        for got, want in zip(here["values"], wants, strict=True):
            check_close(got, want, what=f"a value of detach({name})", rtol=0.0)
        check_equal(
            here["graph"],
            False,
            what=f"whether a gradient still flows through detach({name})",
            help="tensor.detach() is the same array in a Tensor without a past.",
        )
        check_equal(
            here["kept"],
            True,
            what=f"whether a gradient still flows through {name} itself after detach({name})",
            help="The old state keeps its graph: the backward of its chunk has yet to come.",
        )


# ---- training in chunks ---------------------------------------------------------------------------------
def check_epoch(student, rng, max_norms):
    """Weights and mean loss after an epoch of plain gradient descent."""
    V, D, H, lr = 3, 2, 2, 0.7
    for (R, B, bptt, L), max_norm in zip(((8, 3, 3, 1), (5, 2, 3, 2)), max_norms, strict=True):
        p = model_weights(V, D, H, L, rng)
        data = rng.integers(0, V, (R, B))
        found = student.probe(
            EPOCH, sizes=(V, D, H, L), values=p, data=data, bptt=bptt, lr=lr,
            kwargs={} if max_norm is None else {"max_norm": max_norm},
        )  # fmt: skip
        loss, weights, losses = training(p, data, bptt, lr, L, H, max_norm)
        shown = f"train_epoch over {R} rows in chunks of {bptt}"
        check_equal(
            found["steps"],
            len(losses),
            what=f"the number of steps of {shown}",
            help="Chunks start at 0, bptt, 2 bptt, ... as long as there is a row with a successor.",
        )
        check_number(
            found["loss"],
            loss,
            what=f"what {shown} returns",
            rtol=1e-7,
            help="The mean over all tokens: a chunk counts by its length.",
            diagnoses={
                "the mean of the chunks' losses, though the last chunk is shorter.": float(
                    np.mean(losses)
                ),
                "the sum of the chunks' losses.": float(np.sum(losses)),
                "the loss of the last chunk only.": losses[-1],
            },
        )
        for key, want in weights.items():
            check_values(
                found["weights"][key],
                want,
                np.float64,
                terms=10**8,
                what=f"{key} after {shown}" + (f", max_norm={max_norm}" if max_norm else ""),
                help="In each chunk: forget the gradients, backward, clip if asked, one step; and "
                "the state goes on into the next chunk.",
            )


def test_train_epoch_values(student, rng):
    """train_epoch: one step a chunk, the state carried, the mean loss per token"""
    check_epoch(student, rng, (None, None))


def test_train_epoch_clips(student, rng):
    """train_epoch: with max_norm the norm of all gradients together is cut"""
    check_epoch(student, rng, (0.05, 0.3))


def test_chunks_cut(student, rng):
    """a token that only chunk 1 holds gets no gradient in chunk 2"""
    V, D, H, bptt = 6, 3, 4, 4
    for L in (1, 2):
        p = model_weights(V, D, H, L, rng)
        data = rng.integers(1, V, (2 * bptt + 1, 3))
        data[rng.integers(bptt), rng.integers(3)] = 0
        found = student.probe(
            EPOCH, sizes=(V, D, H, L), values=p, data=data, bptt=bptt, lr=0.1,
            path="embedding.weight",
        )  # fmt: skip
        check_equal(len(found["grads"]), 2, what="the number of steps over two chunks")
        first, second = found["grads"]
        for step, g in enumerate((first, second), start=1):
            if type(g) is not np.ndarray or not np.abs(g).sum() > 0:
                fail(f"the embedding has no gradient in chunk {step}.")
        if not np.abs(first[0]).sum() > 0:
            fail("a token of chunk 1 has no gradient in chunk 1.")
        if np.abs(second[0]).sum() > 0:
            fail(
                "a token that only chunk 1 holds has a gradient in chunk 2.",
                help="Is the state detached between the chunks, and are the gradients of chunk 1 "
                "forgotten before the backward of chunk 2?",
            )


def test_memory_flat(student, rng):
    """after 20 chunks as many Tensors are alive as after 5"""
    V, D, H, L, bptt = 5, 3, 4, 2, 2
    p = model_weights(V, D, H, L, rng)
    found = student.probe(
        EPOCH, sizes=(V, D, H, L), values=p, data=rng.integers(0, V, (20 * bptt + 1, 3)),
        bptt=bptt, lr=0.1, look=(5, 20),
    )  # fmt: skip
    check_equal(len(found["counts"]), 2, what="how often the Tensors could be counted")
    after_5, after_20 = found["counts"]
    if after_20 != after_5:
        fail(
            f"{after_5} Tensors are alive in chunk 5, {after_20} in chunk 20.",
            help="A loss that is added up as a Tensor keeps its graph, and so does a state that is "
            "not detached: loss.item() is a number.",
        )


# ---- sampling -------------------------------------------------------------------------------------------
SIZES = ((5, 3, 4, 1), (7, 2, 3, 2))


def check_sample(found, want, what, **fields):
    if found["ids"] is None or type(found["ids"]) is not np.ndarray:
        fail(f"{what} is no array.", help="An int64 array (length,).")
    check_close(found["ids"], want, what=what, **fields)


def test_sample_values(student, rng):
    """sample: the weights, the past and the draws decide; one draw a token"""
    for sizes in SIZES:
        V, _, H, L = sizes
        for start, temperature in (
            (int(rng.integers(V)), 1.0),
            (rng.integers(0, V, 5), 0.7),
            (rng.integers(0, V, 1), 2.5),
            (rng.integers(0, V, 3), 0.1),
        ):
            seed = seed_of(rng)
            p, want = telling(sizes, start, 25, temperature, seed, rng)
            found = student.probe(
                SAMPLE, sizes=sizes, values=p, start=start, length=25, temperature=temperature,
                seed=seed,
            )  # fmt: skip
            mine = np.random.default_rng(seed)
            mine.random(25)

            def wrong(start=start, temperature=temperature, seed=seed, p=p, L=L, H=H, **twist):
                fresh = np.random.default_rng(seed)
                return sampled(p, start, 25, temperature, fresh, L, H, **twist)

            many = np.ndim(start) > 0
            check_sample(
                found,
                want,
                f"sample at temperature {temperature} after "
                + (f"{len(start)} ids" if many else "one id"),
                help="Read all of start, keep the state, feed back what was drawn.",
                diagnoses={
                    "the state is forgotten between the tokens.": lambda w=wrong: w(forgetful=True),
                    "the logits are multiplied with the temperature: divide.": lambda w=wrong: w(
                        twist="times"
                    ),
                    "only the last id of start was read.": lambda w=wrong, s=start: w(
                        start=np.atleast_1d(s)[-1]
                    ),
                },
            )
            check_number(
                found["next"],
                mine.random(),
                what="the draw after sample's own",
                help="One rng.random() a token; the tokens of start cost none.",
            )


def test_sample_edges(student, rng):
    """sample: the last id where rounding leaves none, the first of two with cumsum above u"""
    sizes = (10, 2, 3, 1)
    p = model_weights(*sizes, rng)
    p["head.weight"], p["head.bias"] = 0 * p["head.weight"], 0 * p["head.bias"]
    for u, want, why in (
        (float(np.nextafter(1.0, 0.0)), 9, "ten times 0.1 is less than 1 by one rounding"),
        (0.0, 0, "the first cumulative sum is above 0"),
        (0.55, 5, "0.6 is the first cumulative sum above 0.55"),
    ):
        found = student.probe(
            SAMPLE, sizes=sizes, values=p, start=1, length=3, temperature=1.0, seed=1, u=u
        )
        check_sample(
            found,
            np.full(3, want),
            f"sample from ten equal logits with every u = {u!r}",
            help=f"The first index with cumsum(p) > u, the last if there is none: {why}.",
        )


def test_sample_greedy(student, rng):
    """sample at temperature 0: the likeliest, the lowest index of equals, no draw"""
    for sizes in SIZES:
        start = rng.integers(0, sizes[0], 4)
        p, want = telling(sizes, start, 20, 0, 0, rng)
        found = student.probe(
            SAMPLE, sizes=sizes, values=p, start=start, length=20, temperature=0, seed=seed_of(rng)
        )
        check_sample(found, want, "sample at temperature 0", help="argmax of the logits.")
        check_equal(
            found["kept"],
            True,
            what="whether the generator is as it was after sample at temperature 0",
            help="Nothing is random here: do not draw.",
        )
        low, high = sorted(rng.choice(sizes[0], 2, replace=False).tolist())
        p["head.weight"] = 0 * p["head.weight"]
        p["head.bias"] = np.zeros(sizes[0])
        p["head.bias"][[low, high]] = 1.0
        found = student.probe(
            SAMPLE, sizes=sizes, values=p, start=0, length=4, temperature=0.0, seed=1
        )
        check_sample(
            found,
            np.full(4, low),
            f"sample at temperature 0 with equal best logits at {low} and {high}",
        )
