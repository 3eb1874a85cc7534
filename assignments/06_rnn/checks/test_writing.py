"""Public checks of text: from ids to columns, to a model, to its training and its writing."""

import math

import numpy as np

from grader.check import check_close, check_equal, check_number, check_raises, fail

TABLE = """
import numpy as np

def probe(module, weight, ids):
    table = module.Embedding(*weight.shape)
    table.weight.data = weight
    y = table(ids)
    (y * y).sum().backward()
    return {"y": y.data, "grad": table.weight.grad.data}
"""

MODEL = """
import numpy as np

def probe(module, ids, cut):
    model = module.LanguageModel(5, 3, 4, 2, rng=np.random.default_rng(1))
    logits, state = model(ids)
    first, middle = model(ids[:cut])
    second, _ = model(ids[cut:], middle)
    return {"logits": logits.data, "parts": np.concatenate([first.data, second.data]),
            "state": [s.data for s in state], "count": sum(p.data.size for p in model.parameters())}
"""

DETACH = """
import numpy as np
from reference import Tensor

def probe(module, h):
    h = Tensor(h, requires_grad=True) * 1
    one, pair = module.detach(h), module.detach((h, h + 1))
    return {"none": module.detach(None) is None, "tuple": isinstance(pair, tuple),
            "one": one.data, "second": pair[1].data,
            "graph": [t.requires_grad for t in (one, *pair)]}
"""

EPOCH = """
import numpy as np
from reference.optim import SGD

def probe(module, data, bptt, lr):
    model = module.LanguageModel(3, 2, 4, rng=np.random.default_rng(1))
    model.head.weight.data = np.zeros((4, 3), np.float32)
    states = []
    forward = model.forward

    def watched(ids, state=None):
        states.append(None if state is None else [(s.data.copy(), s.requires_grad) for s in state])
        logits, state = forward(ids, state)
        states.append([s.data.copy() for s in state])
        return logits, state

    model.forward = watched
    loss = module.train_epoch(model, data, bptt, SGD(model.parameters(), lr))
    return {"loss": loss, "states": states}
"""

SAMPLE = """
import numpy as np

def probe(module, start, length, temperature, seed, bias):
    model = module.LanguageModel(len(bias), 2, 3, rng=np.random.default_rng(1))
    model.head.weight.data = np.zeros((3, len(bias)))
    model.head.bias.data = bias
    read = []
    forward = model.forward

    def watched(ids, state=None):
        read.append(ids.copy())
        return forward(ids, state)

    model.forward = watched
    ids = module.sample(model, start, length, temperature, np.random.default_rng(seed))
    return {"ids": ids, "read": [np.asarray(r).ravel() for r in read]}
"""


def test_embedding_small(student):
    """an Embedding looks rows up and refuses ids that it lacks"""
    weight = np.array([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]])
    ids = np.array([[2, 0], [2, 2]])
    found = student.probe(TABLE, weight=weight, ids=ids)
    check_close(found["y"], weight[ids], what="Embedding(3, 2) for [[2, 0], [2, 2]]")
    want = np.zeros_like(weight)
    np.add.at(want, ids, 2 * weight[ids])
    check_close(
        found["grad"],
        want,
        what="the gradient of the table",
        help="Row 2 was taken three times and collects three gradients; row 1 was not taken. "
        "Indexing a Tensor with ids does both.",
        diagnoses={
            "a row that is taken often gets one gradient only": 2 * weight * [[1], [0], [1]]
        },
    )
    for bad in (3, -1):
        check_raises(
            IndexError, student.probe, TABLE, weight=weight, ids=np.array([0, bad]),
            what=f"Embedding(3, 2) for an id {bad}",
            help="Look at ids.min() and ids.max() first: -1 is no id, though NumPy can index with it.",
        )  # fmt: skip


def test_batchify_small(student):
    """batchify cuts a text into columns"""
    ids = np.arange(14)
    check_close(
        student.batchify(ids, 4),
        np.array([[0, 3, 6, 9], [1, 4, 7, 10], [2, 5, 8, 11]]),
        what="batchify(0 .. 13, 4)",
        help="14 // 4 = 3 rows. Ids 0, 1, 2 stand below each other; 12 and 13 are dropped.",
        diagnoses={"the text goes on along the rows": np.arange(12).reshape(3, 4)},
    )
    check_raises(ValueError, student.batchify, ids[:3], 4, what="batchify of 3 ids into 4 columns")


def test_get_batch_small(student):
    """get_batch pairs each id with the next"""
    data = np.arange(12).reshape(6, 2)
    for i, t in ((0, 4), (4, 1)):
        found = student.get_batch(data, i, 4)
        if type(found) is not tuple or len(found) != 2:
            fail("get_batch returns something else than (x, y).")
        for got, start, name in zip(found, (i, i + 1), "xy", strict=True):
            check_close(
                got,
                data[start : start + t],
                what=f"{name} of get_batch(data of 6 rows, {i}, 4)",
                help="y is x one row later; near the end t = 6 - 1 - i rows are left.",
            )


def test_model_small(student):
    """a LanguageModel gives logits for every step and a state"""
    ids = np.array([[0, 4], [1, 1], [2, 0], [3, 3]])
    found = student.probe(MODEL, ids=ids, cut=3)
    check_equal(found["logits"].shape, (4, 2, 5), what="the shape of the logits (T, B, vocab)")
    check_equal([s.shape for s in found["state"]], [(2, 2, 4)] * 2, what="the shapes of (h, c)")
    check_equal(
        found["count"],
        5 * 3 + (3 + 4 + 1) * 16 + (4 + 4 + 1) * 16 + (4 + 1) * 5,
        what="the number of numbers that LanguageModel(5, 3, 4, 2) learns",
        help="15 in the table, 128 and 144 in the LSTM, 25 in the head.",
    )
    check_close(
        found["parts"],
        found["logits"],
        what="the logits of a text in two parts, the state handed on",
        atol=1e-5,
        help="The state that comes in goes to the LSTM, the one that comes out is returned.",
    )


def test_detach_small(student):
    """detach keeps the values and cuts the graph"""
    h = np.array([[1.0, 2.0]])
    found = student.probe(DETACH, h=h)
    check_equal(found["none"], True, what="detach(None) is None")
    check_equal(found["tuple"], True, what="whether detach((h, c)) is a tuple")
    check_close(found["one"], h, what="detach(h)")
    check_close(found["second"], h + 1, what="the second part of detach((h, c))")
    check_equal(
        found["graph"],
        [False, False, False],
        what="whether gradients still flow through what detach returns",
        help="tensor.detach() for a Tensor, the same for every part of a tuple.",
    )


def test_train_epoch_small(student):
    """train_epoch carries the state and returns the mean loss"""
    data = np.array([[0, 1], [1, 2], [2, 0], [0, 1], [1, 2], [2, 0]])
    found = student.probe(EPOCH, data=data, bptt=2, lr=0.0)
    check_number(
        found["loss"],
        math.log(3),
        what="the mean loss of a model whose logits are all equal",
        rtol=1e-6,
        help="log 3 a token: add up loss * t over the chunks and divide by the rows in all.",
        diagnoses={
            "the sum of the chunks' losses": 3 * math.log(3),
            "the sum of all rows' losses": 5 * math.log(3),
        },
    )
    starts, ends = found["states"][::2], found["states"][1::2]
    check_equal(
        len(starts), 3, what="the number of chunks of 6 rows with bptt = 2", help="5 = 2 + 2 + 1."
    )
    for start, end in zip(starts[1:], ends, strict=False):
        if start is None:
            fail("a chunk starts without a state.", help="Hand on the state of the chunk before.")
        for (values, graph), want in zip(start, end, strict=True):
            check_close(values, want, what="the state that a chunk starts from", rtol=1e-6)
            check_equal(graph, False, what="whether it still has a graph", help="detach(state).")


def test_sample_small(student):
    """sample reads start and writes on"""
    bias = np.array([0.0, math.log(2.0), math.log(5.0)])  # p = 1/8, 2/8, 5/8
    found = student.probe(
        SAMPLE, start=np.array([2, 0, 1]), length=5, temperature=1.0, seed=3, bias=bias
    )
    u = np.random.default_rng(3).random(5)
    check_close(
        found["ids"],
        np.searchsorted([1 / 8, 3 / 8], u, side="right"),
        what="five ids from p = 1/8, 2/8, 5/8",
        help="One u = rng.random() an id: the first index whose cumulative sum is above u.",
    )
    read = np.concatenate(found["read"])
    check_equal(
        read[:3].tolist(),
        [2, 0, 1],
        what="what the model reads first",
        help="All of start, then each id that was drawn.",
    )
    check_equal(read[3:7].tolist(), found["ids"][:4].tolist(), what="what the model reads then")
    found = student.probe(SAMPLE, start=1, length=3, temperature=0, seed=3, bias=bias)
    check_close(
        found["ids"],
        np.array([2, 2, 2]),
        what="sample at temperature 0",
        help="Always the largest logit.",
    )
