"""Hidden checks of the model of letters, trained on the learner's own stack.

What is scored never enters the worker before its logits are here: in every stretch of the unseen
text the model gets the letters up to a place, and the next letter only with the next question.
"""

import math
import time

import numpy as np

from grader.check import check_array, check_equal, check_finite, fail
from grader.errors import WorkerError
from grader.stack import blame
from grader.student import StudentError
from grader.suites.capstone.programs import ASK, BRIEF, TRAIN
from reference import data

# Long modules in plain ASCII; the frequencies of their letters alone do not reach the bar.
MODULES = ("argparse", "inspect", "tarfile", "mailbox", "ipaddress")
SECONDS = 120.0
GRACE_S = 15.0  # for what the machine does besides
BAR = 0.6  # of log(vocab)
CONTEXT = 32  # no longer windows are asked for, nor longer ones than the model's context
STRETCHES, PLACES = 100, 16  # of the unseen text: places that follow each other in every stretch
BRIEFLY = 0.25


def text(rng):
    """A text under a fresh permutation of its alphabet: ids, vocab."""
    for place in rng.permutation(len(MODULES)):
        try:
            ids, alphabet = data.encode(data.stdlib_text([MODULES[place]]))
        except FileNotFoundError:
            continue
        return rng.permutation(len(alphabet))[ids], len(alphabet)
    raise FileNotFoundError("this Python has no sources of its library")


def seed_of(rng):
    return int(rng.integers(1 << 40))


def trained(stack, ids, vocab, seconds, seed):
    """Train in the worker, which keeps the model; the length of the windows that it takes."""
    inputs = {"ids": ids, "vocab": vocab, "seconds": seconds, "seed": seed}
    try:
        context = stack.student.exchange(
            "probe", timeout_s=seconds + GRACE_S, source=TRAIN, inputs=inputs
        )["value"]
    except StudentError as error:
        found = audited(stack, ids, vocab, seed)
        if not found:
            raise
        fail(f"train_char_lm raises {error.type_name}: {error.text[:300]}", diagnosis=found)
    if type(context) is not int or context < 1:
        return CONTEXT
    return min(context, CONTEXT)


def asked(stack, ids, vocab):
    """The model's logits (B, T, vocab), by value."""
    logits = stack.student.probe(ASK, ids=np.ascontiguousarray(ids))
    floats = np.float64 if getattr(logits, "dtype", None) == np.float64 else np.float32
    check_array(
        logits, (*ids.shape, vocab), floats, what=f"model(ids {ids.shape})",
        help="The model takes ids (B, T) and gives a logit for every id at every position.",
    )  # fmt: skip
    check_finite(logits, what="a logit")
    return logits


def check_causal(stack, ids, vocab, T, rng):
    """Changing letters changes no logit before them, nor any in other rows: not by a bit."""
    starts = rng.integers(0, len(ids) - T, 6)
    rows = ids[starts[:, None] + np.arange(T)]
    first = asked(stack, rows, vocab)
    for place in sorted({1, T // 2, T - 1}):
        if place < 1:
            continue
        other = rows.copy()
        other[::2, place:] = (
            other[::2, place:] + rng.integers(1, vocab, other[::2, place:].shape)
        ) % vocab
        again = asked(stack, other, vocab)
        if again[1::2].tobytes() != first[1::2].tobytes():
            fail(
                "the logits of a row change when only other rows of the batch change.",
                help="Each row of ids is a text of its own: nothing may be computed over the batch.",
            )
        if again[::2, :place].tobytes() != first[::2, :place].tobytes():
            fail(
                f"logits before position {place} change when only the ids from {place} on change.",
                help="The logits at t are about the id at t + 1: they may depend on the ids up to t.",
            )


def unseen_loss(stack, unseen, vocab, T):
    """The mean loss of letters that the worker has not had when it is asked."""
    stride = len(unseen) // STRETCHES
    starts = np.arange(STRETCHES) * stride
    if stride < T + PLACES:
        starts = starts[: len(unseen) // (T + PLACES)] // stride * (T + PLACES)
    losses = []
    for place in range(PLACES):
        logits = asked(stack, unseen[starts[:, None] + place + np.arange(T)], vocab)[:, -1]
        z = logits.astype(np.float64)
        z -= z.max(axis=1, keepdims=True)
        right = unseen[starts + place + T]
        losses.append(np.log(np.exp(z).sum(axis=1)) - z[np.arange(len(z)), right])
    return float(np.mean(losses))


def test_char_lm_learns(stack, rng):
    """on the learner's own stack, below 60 % of log(vocabulary) on text that it has not seen"""
    ids, vocab = text(rng)
    cut = int(0.9 * len(ids))
    seed = seed_of(rng)
    T = trained(stack, ids[:cut], vocab, SECONDS, seed)
    check_causal(stack, ids[:cut], vocab, T, rng)
    loss = unseen_loss(stack, ids[cut:], vocab, T)
    bar = BAR * math.log(vocab)
    if not loss < bar:
        fail(
            f"the loss on unseen text is {loss:.3f}; the bar is {BAR:g} log({vocab}) = {bar:.3f}.",
            help="Guessing evenly costs log(vocab), knowing how frequent each letter is about two "
            "thirds of that. Does the loss of your batches fall? Are the targets one step later?",
            diagnosis=audited(stack, ids[:cut], vocab, seed),
        )


def audited(stack, ids, vocab, seed):
    """Which part of the learner's stack is at fault, in a sentence, if one is."""
    unseen = ids[: 2 * CONTEXT].reshape(2, CONTEXT)
    try:
        return blame(
            stack.audit("gpt", {"ids": ids, "vocab": vocab, "unseen": unseen}, seed % 1000)
        )
    except WorkerError:
        return ""


# ---- the model and its training in small --------------------------------------------------------------
def brief_text(rng, vocab=7):
    return rng.integers(0, vocab, 3000), vocab


def test_char_lm_causal(stack, rng):
    """after a moment's training: no logit depends on a later letter, or on another row"""
    ids, vocab = brief_text(rng)
    T = trained(stack, ids, vocab, BRIEFLY, seed_of(rng))
    check_causal(stack, ids, vocab, T, rng)


def test_char_lm_logits(stack, rng):
    """the model gives a logit for every id at every position, for windows of any length"""
    for vocab in (2, 11):
        ids, _ = brief_text(rng, vocab)
        T = trained(stack, ids, vocab, BRIEFLY, seed_of(rng))
        for shape in ((1, 1), (3, T), (2, max(1, T // 2))):
            logits = asked(stack, rng.integers(0, vocab, shape), vocab)
            if vocab > 2 and np.ptp(logits, axis=-1).max() < 1e-6:
                fail("all logits of the trained model are equal.")


def test_char_lm_keeps_time(stack, rng):
    """training ends when the seconds are over, on a text that cannot be learnt"""
    ids, vocab = brief_text(rng, 30)
    seconds, limit = 1.0, 6.0
    began = time.monotonic()
    took = stack.student.exchange(
        "probe",
        timeout_s=limit,
        source=BRIEF,
        inputs={"ids": ids, "vocab": vocab, "seconds": seconds, "seed": 1},
    )["value"]["took"]
    if not time.monotonic() - began < limit:
        fail(
            f"train_char_lm(..., seconds={seconds:g}, ...) took {took:.1f} s.",
            help="Look at time.monotonic() at every step; leave some time for what comes after.",
        )


def test_char_lm_hygiene(stack, rng):
    """training changes neither the ids nor NumPy's global random state"""
    ids, vocab = brief_text(rng)
    found = stack.student.probe(BRIEF, ids=ids, vocab=vocab, seconds=BRIEFLY, seed=seed_of(rng))
    check_equal(found["same"], True, what="whether ids are as they were")
    check_equal(
        found["state"], True, what="whether the state of np.random is as it was",
        help="Randomness comes from the generator that is given.",
    )  # fmt: skip
