"""Hidden checks of batches, of whole networks and their training, of side effects and of the clock."""

import numpy as np

from grader.check import CheckFailure, check_array, check_close, check_equal, check_number, fail
from grader.suites.mlp.oracles import DTYPES, check_values, resnet
from grader.suites.mlp.programs import (
    GLOBAL_STATE,
    LAYER,
    LOADER,
    LOOP,
    LOSS,
    MODEL,
    SLOPE,
    TRAIN,
)
from reference import data


def seed_of(rng):
    return int(rng.integers(1 << 40))


# ---- batches ----------------------------------------------------------------------------------------
def test_loader_batches(student, rng):
    """DataLoader: tuples of copies in order, the last batch smaller, len the number of batches"""
    for N, batch in ((10, 3), (12, 4), (5, 9), (1, 1)):
        arrays = (
            rng.standard_normal((N, 2, 3)).astype(np.float32),
            rng.integers(0, 9, N),
            rng.standard_normal(N),
        )
        for given in (arrays, list(arrays), arrays[:1]):
            found = student.probe(
                LOADER, arrays=given, batch_size=batch, shuffle=False, seed=1, epochs=1
            )
            want = -(-N // batch)
            shown = f"DataLoader of {N} rows, {batch} a batch"
            check_equal(found["len"], want, what=f"len of a {shown}")
            (batches,) = found["epochs"]
            check_equal(
                len(batches),
                want,
                what=f"the number of batches of a {shown}",
                help="The last batch is smaller; it is not dropped.",
            )
            for i, (kind, parts) in enumerate(batches):
                check_equal(kind, "tuple", what="the type of a batch")
                check_equal(len(parts), len(given), what="the number of arrays in a batch")
                for got, array in zip(parts, given, strict=True):
                    check_close(
                        got,
                        array[i * batch : (i + 1) * batch],
                        what=f"batch {i} of a {shown}",
                        rtol=0.0,
                        help="Rows i * batch_size and on, of every array, dtypes kept.",
                    )
            for after, array in zip(found["arrays"], given, strict=True):
                check_equal(
                    after,
                    array,
                    what="an array after its batches were written into",
                    help="A slice is a view: copy it, or index with an array of rows.",
                )


def test_loader_shuffle(student, rng):
    """DataLoader: every epoch a new permutation, the same rows for all arrays"""
    N = 60
    X = rng.standard_normal((N, 2))
    arrays = (X, np.arange(N))
    found = student.probe(
        LOADER, arrays=arrays, batch_size=7, shuffle=True, seed=seed_of(rng), epochs=3
    )
    orders = []
    for batches in found["epochs"]:
        check_equal(len(batches), 9, what="the number of batches of an epoch")
        rows = np.concatenate([parts[1] for _, parts in batches])
        check_close(
            np.concatenate([parts[0] for _, parts in batches]),
            X[rows],
            what="the rows of the first array, beside those of the second",
            rtol=0.0,
            help="One permutation for all arrays: else images get the labels of others.",
        )
        if not np.array_equal(np.sort(rows), np.arange(N)):
            fail(
                "an epoch with shuffle does not hold every row once.",
                help="A permutation, not a draw: rng.permutation(N).",
            )
        orders.append(rows)
    if (orders[0] == np.arange(N)).all():
        fail("shuffle=True left the rows in order.", help="rng.permutation(N) is the order.")
    if (orders[0] == orders[1]).all() or (orders[1] == orders[2]).all():
        fail("two epochs have the same order.", help="Draw the permutation in __iter__.")


# ---- whole networks ---------------------------------------------------------------------------------
COUNT = """
def probe(module, sizes):
    model = module.mlp_resnet(*sizes)
    model.train()
    return sum(p.data.size for p in model.parameters())
"""


def size_of(dim, hidden, blocks, classes):
    half = hidden // 2
    block = hidden * half + half + 2 * half + half * hidden + hidden + 2 * hidden
    return dim * hidden + hidden + blocks * block + hidden * classes + classes


def test_resnet_values(student, rng):
    """mlp_resnet: the layers in their order, in training and when serving"""
    check_equal(
        student.probe(COUNT, sizes=(64, 32, 2, 10)),
        4746,
        what="the number of numbers that mlp_resnet(64, 32, 2, 10) learns",
        help="Each Linear has a bias, each BatchNorm1d weight and bias.",
    )
    for sizes in ((5, 8, 2, 3), (6, 7, 1, 4), (4, 6, 0, 2)):
        x = rng.standard_normal((9, sizes[0])).astype(np.float32)
        found = student.probe(MODEL, sizes=sizes, p_drop=0.0, seed=seed_of(rng), x=x)
        count = sum(p.size for p in found["params"])
        shown = f"mlp_resnet{sizes}"
        check_equal(count, size_of(*sizes), what=f"the number of numbers that {shown} learns")
        for key, training in (("served", False), ("trained", True)):
            check_values(
                found[key],
                resnet(found["params"], sizes, x, training=training),
                np.float32,
                terms=100,
                scale=20.0,
                what=f"{shown} {'in training' if training else 'after eval()'}",
                help="Linear, ReLU; each block Residual(Linear, BatchNorm1d, ReLU, Dropout, Linear, "
                "BatchNorm1d), then ReLU; Linear.",
            )


def test_resnet_dropout(student, rng):
    """mlp_resnet: p_drop acts inside the blocks, in training only"""
    sizes = (5, 12, 2, 3)
    x = rng.standard_normal((9, 5)).astype(np.float32)
    found = student.probe(MODEL, sizes=sizes, p_drop=1.0, seed=seed_of(rng), x=x)
    check_values(
        found["trained"],
        resnet(found["params"], sizes, x, training=True, silent=True),
        np.float32,
        terms=100,
        scale=20.0,
        what="a fresh mlp_resnet with p_drop = 1 in training",
        help="With everything dropped a block adds nothing: what is left is the direct way.",
    )
    found = student.probe(MODEL, sizes=sizes, p_drop=0.5, seed=seed_of(rng), x=x)
    check_values(
        found["served"],
        resnet(found["params"], sizes, x, training=False),
        np.float32,
        terms=100,
        scale=20.0,
        what="a fresh mlp_resnet with p_drop = 0.5 after eval()",
        help="When serving nothing is dropped.",
    )
    if np.array_equal(found["trained"], found["again"]):
        fail(
            "two calls in training with p_drop = 0.5 agree.",
            help="Is there a Dropout in the block?",
        )


SEEDS = """
import numpy as np
from reference import Tensor

def probe(module, x, seeds):
    found = []
    for seed in seeds:
        rng = np.random.default_rng(seed)
        parts = [getattr(module, name)(4, 5, rng) for name in
                 ("kaiming_uniform", "kaiming_normal", "xavier_uniform", "xavier_normal")]
        parts.append(module.Dropout(0.5, rng)(Tensor(x)).data)
        parts += [batch[0] for batch in module.DataLoader((x,), 40, True, rng)]
        model = module.mlp_resnet(x.shape[1], 8, 1, 3, rng, 0.4)
        parts.append(model(Tensor(x)).data)
        found.append([part.copy() for part in parts])
    return found
"""


def test_seeds_decide(student, rng):
    """the same seed gives the same draws, another seed others"""
    x = rng.uniform(0.5, 1.5, (40, 6)).astype(np.float32)
    one, other = seed_of(rng), seed_of(rng) + (1 << 41)
    first, second, third = student.probe(SEEDS, x=x, seeds=[one, one, other])
    names = ("kaiming_uniform", "kaiming_normal", "xavier_uniform", "xavier_normal", "Dropout")
    for i, name in enumerate((*names, "DataLoader", "mlp_resnet")):
        if not np.array_equal(first[i], second[i]):
            fail(
                f"{name} gives two results for one seed.",
                help="Everything is drawn from the generator that was given: one for the whole model.",
            )
        if np.array_equal(first[i], third[i]):
            fail(
                f"{name} gives one result for two seeds.", help="Draw from rng, not from a new one."
            )


def test_gradient_directional(student, rng):
    """the gradients of a whole mlp_resnet agree with finite differences"""
    sizes, step = (4, 6, 2, 3), 1e-6
    x, y = rng.standard_normal((11, 4)), rng.integers(0, 3, 11)
    seed = seed_of(rng)
    fresh = student.probe(MODEL, sizes=sizes, p_drop=0.0, seed=seed, x=x)["params"]
    ways = [rng.standard_normal(p.shape) for p in fresh]
    found = student.probe(SLOPE, sizes=sizes, seed=seed, x=x, y=y, ways=ways, step=step)
    high, low, _ = found["values"]
    total = 0.0
    for g, way in zip(found["grads"], ways, strict=True):
        check_array(g, way.shape, np.float64, what="the gradient of a parameter of mlp_resnet")
        total += float((g * way).sum())
    check_number(
        total,
        (high - low) / (2 * step),
        what="the slope of the loss along a direction of all parameters",
        rtol=1e-4,
        atol=1e-6,
        help="A `.data` or a detach in a forward cuts the graph: the loss depends on what is behind it.",
    )


# ---- training: scored on points whose labels never enter the worker -----------------------------------
def wrong_share(logits, y, classes):
    check_array(logits, (len(y), classes), np.float32, what="the logits of the model")
    return float((logits.argmax(axis=1) != y).mean())


def test_learns_spirals(student, rng):
    """mlp_resnet and Adam tell two spirals apart"""
    X, y = data.spirals(400, 2, noise=0.02, rng=rng)
    X_test, y_test = data.spirals(400, 2, noise=0.02, rng=rng)
    angle = rng.uniform(0, 2 * np.pi)
    c, s = np.cos(angle), np.sin(angle)
    turn = np.array([[c, -s], [s, c]])
    X, X_test = (2 * (part @ turn).astype(np.float32) for part in (X, X_test))
    logits = student.probe(
        TRAIN,
        arguments=(
            (
                2,
                48,
                1,
                2,
            ),
            "Adam",
            {},
            0.01,
            X,
            y,
            X_test,
            50,
            25,
            0.0,
            seed_of(rng),
        ),
    )
    error = wrong_share(logits, y_test, 2)
    if not error < 0.1:
        fail(
            f"after 12 epochs {error:.1%} of unseen points are on the wrong spiral; below 10 % is "
            "within reach.",
            help="If every layer and Adam pass alone, look at what happens between the steps.",
        )


def test_learns_digits(student, rng):
    """mlp_resnet reads digits: SGD with momentum, a schedule and clipped gradients"""
    X, y, X_test, y_test = data.digits()
    pixels, gain = rng.permutation(64), rng.uniform(0.8, 1.2)
    X, X_test = ((gain * part[:, pixels]).astype(np.float32) for part in (X, X_test))
    logits = student.probe(
        TRAIN,
        arguments=(
            (64, 48, 1, 10), "SGD", {"momentum": 0.9, "weight_decay": 1e-4}, 0.1, X, y, X_test,
            48, 3, 5.0, seed_of(rng),
        ),
    )  # fmt: skip
    error = wrong_share(logits, y_test, 10)
    if not error < 0.1:
        fail(
            f"after 3 epochs {error:.1%} of unseen digits are wrong; below 10 % is within reach.",
            help="Does the model serve with running statistics, and without dropout?",
        )


ROOM = 4 << 20  # bytes by which a process may grow for reasons of its own
OPTIMIZERS = (("SGD", {"lr": 0.05, "momentum": 0.9}), ("Adam", {"lr": 0.001}))


def test_memory_flat(student, rng):
    """a long training loop takes no more memory than a short one"""
    X, y = rng.standard_normal((4096, 8)).astype(np.float32), rng.integers(0, 4, 4096)
    seed = seed_of(rng)

    def peak(steps):
        student.probe(LOOP, X=X, y=y, optimisers=OPTIMIZERS, steps=steps, seed=seed)
        return student.worker.box.peak_memory_bytes()

    before = peak(4)
    grown = peak(20) - before
    if grown > ROOM:
        counts = student.probe(
            LOOP, X=X[:8], y=y[:8], optimisers=OPTIMIZERS, steps=20, seed=seed, look=(5, 20)
        )
        raise CheckFailure(
            f"20 steps of training take {grown >> 20} MiB more than 4 steps.",
            help="Something of every step is kept: a list that grows, or a Tensor in the state of a "
            "layer or an optimiser, and with it the graph it came from.",
            diagnosis=f"{counts[0]} Tensors are alive after 5 steps, {counts[1]} after 20"
            if counts[0] != counts[1]
            else "",
        )


# ---- hygiene ----------------------------------------------------------------------------------------
KEPT = """
import numpy as np
from reference import Tensor, Parameter

def probe(module, x, g, labels):
    changed = []
    for name, args in (("Linear", (4, 4)), ("ReLU", ()), ("Dropout", (0.5,)), ("BatchNorm1d", (4,)),
                       ("LayerNorm", (4,)), ("Flatten", ())):
        layer = getattr(module, name)(*args)
        for training in (True, False):
            layer.train(training)
            given, up = x.copy(), g.copy()
            t = Tensor(given, requires_grad=True)
            y = layer(t)
            if y.requires_grad:
                y.backward(Tensor(up))
            if not (np.array_equal(given, x) and np.array_equal(up, g)):
                changed.append(name)
    layer = module.Residual(module.ReLU())
    given = x.copy()
    layer(Tensor(given))
    if not np.array_equal(given, x):
        changed.append("Residual")
    given, classes = x.copy(), labels.copy()
    module.CrossEntropyLoss()(Tensor(given), classes)
    if not (np.array_equal(given, x) and np.array_equal(classes, labels)):
        changed.append("CrossEntropyLoss")
    return changed
"""


def test_inputs_unchanged(student, rng):
    """no layer writes into its input"""
    x, g = rng.standard_normal((2, 6, 4)).astype(np.float32)
    changed = student.probe(KEPT, x=x, g=g, labels=rng.integers(0, 4, 6))
    check_equal(
        changed,
        [],
        what="the layers that changed their input",
        help="`x.data -= ...` changes the caller's array: make a new one.",
    )


def test_dtype_kept(student, rng):
    """every layer returns the dtype that it was given"""
    for dtype in DTYPES:
        x, g = rng.standard_normal((2, 6, 4)).astype(dtype)
        affine = {"weight": np.ones(4, dtype), "bias": np.zeros(4, dtype)}
        for name, args, values in (
            ("Linear", (4, 4), {"weight": np.eye(4, dtype=dtype), "bias": np.zeros(4, dtype)}),
            ("ReLU", (), {}),
            ("Dropout", (0.5,), {}),
            ("BatchNorm1d", (4,), affine),
            ("LayerNorm", (4,), affine),
        ):
            for training in (True, False):
                found = student.probe(
                    LAYER, name=name, args=args, values=values, x=x, g=g, training=training
                )
                for key, got in found.items():
                    what = f"{key} of {name}"
                    check_array(got, got.shape if type(got) is np.ndarray else (), dtype, what=what)
        found = student.probe(LOSS, logits=x, labels=rng.integers(0, 4, 6))
        check_array(found["loss"], (), dtype, what="the loss")
        check_array(found["grad"], (6, 4), dtype, what="the gradient of the loss")


def test_random_state_kept(student, rng):
    """nothing touches NumPy's global random state"""
    same = student.probe(
        GLOBAL_STATE,
        X=rng.standard_normal((10, 4)).astype(np.float32),
        y=rng.integers(0, 3, 10),
        seed=int(rng.integers(1 << 31)),
    )
    if same is not True:
        fail(
            "the state of np.random is another one after a training step.",
            help="Randomness comes from the generator that is given, or from a fresh default_rng().",
        )


# ---- performance ------------------------------------------------------------------------------------------
def test_training_speed(bench, rng):
    """50 steps of mlp_resnet(64, 256, 3, 10) with Adam take no longer than the course's own"""
    N, steps = 64, 50
    sizes = (64, 256, 3, 10)

    def release(rng):
        centres = rng.standard_normal((10, 64))
        y, y_test = rng.integers(0, 10, N * steps), rng.integers(0, 10, 300)
        X, X_test = (
            (centres[labels] + rng.standard_normal((len(labels), 64))).astype(np.float32)
            for labels in (y, y_test)
        )
        return X, y, X_test, y_test, seed_of(rng)

    def arguments(staged, released):
        X, y, X_test, _, seed = released
        return (sizes, "Adam", {}, 1e-3, X, y, X_test, N, 1, 0.0, seed)

    def check(released, result, read):
        error = wrong_share(result, released[3], 10)
        if not error < 0.15:
            fail(f"after the timed training {error:.1%} of unseen points are wrong.")

    bench.compare(
        "mlp_resnet",
        staged=(),
        release=release,
        arguments=arguments,
        program=TRAIN,
        check=check,
    )
