"""Hidden checks that train, that look at what else a call does, and that look at the clock."""

import itertools

import numpy as np

from grader.check import check_array, check_unchanged, fail
from grader.suites.backprop.oracles import DTYPES, NAMES, Net, check_pair, draw_net, pre_activations
from reference import data


# ---- training: scored on points whose labels never enter the worker -----------------------------------
def turned(X, angle):
    """Points turned about the origin, so that no weights learned before this run fit."""
    c, s = np.cos(angle), np.sin(angle)
    return (X @ np.array([[c, -s], [s, c]])).astype(np.float32)


def start(rng, sizes, name):
    """Weights and biases to start from."""
    gain = 2.0 if name == "relu" else 1.0
    shapes = list(itertools.pairwise(sizes))
    return (
        [(np.sqrt(gain / s[0]) * rng.standard_normal(s)).astype(np.float32) for s in shapes],
        [(0.5 * rng.standard_normal(s[1])).astype(np.float32) for s in shapes],
    )


def error_of(weights, biases, name, X, y):
    """The share of wrong rows, computed on this side."""
    guesses = pre_activations(Net(X, y, weights, biases, name))[-1].argmax(axis=1)
    return float((guesses != y).mean())


def fetched(student, kept, before, what):
    after = [student.fetch(handle) for handle in kept]
    for found, was in zip(after, before, strict=True):
        check_array(found, was.shape, was.dtype, what=what)
    return after


def test_learns_xor(student, rng):
    """two_layer_epoch tells XOR apart, which no linear model can"""
    X, y = data.xor(400, noise=0.2, rng=rng)
    X_test, y_test = data.xor(400, noise=0.2, rng=rng)
    angle = rng.uniform(0, 2 * np.pi)
    X, X_test = turned(X, angle), turned(X_test, angle)
    weights, _ = start(rng, (2, 24, 2), "relu")
    kept = [student.put(W) for W in weights]
    X_kept, y_kept = student.put(X), student.put(y)
    for _ in range(40):
        student.two_layer_epoch(X_kept, y_kept, *kept, lr=0.2, batch=20)
    after = fetched(student, kept, weights, "a weight after training")
    zeros = [np.zeros(W.shape[1]) for W in after]
    error = error_of(after, zeros, "relu", X_test, y_test)
    if not error < 0.05:
        fail(
            f"after 40 epochs {error:.1%} of unseen XOR points are wrong; below 5 % is within reach.",
            help="A line cannot do better than a quarter wrong. Is W1 learned at all?",
        )


def test_learns_spirals(student, rng):
    """mlp_epoch tells two spirals apart"""
    name = ("relu", "tanh")[int(rng.integers(2))]
    X, y = data.spirals(600, 2, noise=0.02, rng=rng)
    X_test, y_test = data.spirals(600, 2, noise=0.02, rng=rng)
    angle = rng.uniform(0, 2 * np.pi)
    X, X_test = turned(2 * X, angle), turned(2 * X_test, angle)
    weights, biases = start(rng, (2, 48, 48, 2), name)
    kept_weights, kept_biases = [student.put(W) for W in weights], [student.put(b) for b in biases]
    X_kept, y_kept = student.put(X), student.put(y)
    lr = 0.2 if name == "relu" else 0.4
    for _ in range(100):
        student.mlp_epoch(X_kept, y_kept, kept_weights, kept_biases, name, lr=lr, batch=20)
    error = error_of(
        fetched(student, kept_weights, weights, "a weight after training"),
        fetched(student, kept_biases, biases, "a bias after training"),
        name,
        X_test,
        y_test,
    )
    if not error < 0.08:
        fail(
            f"after 100 epochs {error:.1%} of unseen points are on the wrong spiral; below 8 % is "
            "within reach.",
            help="A linear model is wrong nearly half the time here. Do all layers learn, biases too?",
        )


def test_learns_digits(student, rng):
    """mlp_epoch reads handwritten digits"""
    X_train, y_train, X_test, y_test = data.digits()
    # Pixels in another order and another contrast are as easy to a network without geometry.
    pixels, order = rng.permutation(64), rng.permutation(len(X_train))
    gain, shift = rng.uniform(0.8, 1.2), rng.uniform(-0.1, 0.1)
    X = (gain * X_train[order][:, pixels] + shift).astype(np.float32)
    weights, biases = start(rng, (64, 48, 24, 10), "relu")
    kept_weights, kept_biases = [student.put(W) for W in weights], [student.put(b) for b in biases]
    X_kept, y_kept = student.put(X), student.put(y_train[order])
    for _ in range(25):
        student.mlp_epoch(X_kept, y_kept, kept_weights, kept_biases, "relu", lr=0.1, batch=20)
    error = error_of(
        fetched(student, kept_weights, weights, "a weight after training"),
        fetched(student, kept_biases, biases, "a bias after training"),
        "relu",
        (gain * X_test[:, pixels] + shift).astype(np.float32),
        y_test,
    )
    if not error < 0.08:
        fail(
            f"after 25 epochs {error:.1%} of unseen digits are wrong; below 8 % is within reach.",
            help="If a single epoch is right, look at what is carried from one call to the next.",
        )


# ---- hygiene --------------------------------------------------------------------------------------------
def both(name, net):
    """The arguments of `name`, and the places of those that must stay as they are."""
    X, y, ws, bs = net.X, net.y, net.weights, net.biases
    return {
        "two_layer_forward": ((X, *ws), (0, 1, 2)),
        "two_layer_epoch": ((X, y, *ws), (0, 1)),
        "mlp_forward": ((X, ws, bs, net.name), (0, 1, 2)),
        "mlp_epoch": ((X, y, ws, bs, net.name), (0, 1)),
        "random_features": ((X, ws[0]), (0, 1)),
    }[name]


def check_kept(student, name, args, places, kwargs=None):
    """The arguments at `places` are, after the call, what they were."""
    read = student.invoke(name, args, kwargs or {}, read=places).read
    for place, after in zip(places, read, strict=True):
        before = args[place]
        pairs = zip(after, before, strict=True) if type(before) is list else ((after, before),)
        for got, was in pairs:
            check_unchanged(got, was, what=f"argument {place + 1} of {name}")


def test_inputs_unchanged(student, rng):
    """no function changes what it was given (an epoch's weights and biases apart)"""
    for dtype in DTYPES:
        net = draw_net(rng, 9, (4, 5, 3), "relu", dtype)
        for name in NAMES:
            check_kept(student, "activation", (name, net.X), (1,))
            check_kept(student, "activation_grad", (name, net.X), (1,))
        for name in (
            "two_layer_forward",
            "two_layer_epoch",
            "mlp_forward",
            "mlp_epoch",
            "random_features",
        ):
            args, places = both(name, net)
            check_kept(student, name, args, places, {"batch": 4} if "epoch" in name else {})
        for forward, backward, args in (
            ("two_layer_forward", "two_layer_backward", (net.X, *net.weights)),
            ("mlp_forward", "mlp_backward", (net.X, net.weights, net.biases, "relu")),
        ):
            _, cache = check_pair(student.call(forward, *args), forward)
            check_kept(student, backward, (cache, net.y), (1,))
    x = rng.standard_normal((2, 3))
    check_kept(student, "numeric_grad", (lambda z: 1.5, x), (1,))
    check_kept(student, "check_grad", (lambda z: 1.5, x, x + 1, np.random.default_rng(3)), (1, 2))


def test_dtype_kept(student, rng):
    """every function returns the dtype that it was given"""
    for dtype in DTYPES:
        net = draw_net(rng, 6, (4, 5, 3), "sigmoid", dtype)
        for name in NAMES:
            for function in ("activation", "activation_grad"):
                check_array(
                    student.call(function, name, net.X),
                    net.X.shape,
                    dtype,
                    what=f"{function}({name!r}, z)",
                )
            arguments = (net.X, net.weights, net.biases, name)
            logits, cache = check_pair(student.mlp_forward(*arguments), "mlp_forward")
            check_array(logits, (6, 3), dtype, what="the logits of mlp_forward")
            dWs, dbs = check_pair(student.mlp_backward(cache, net.y), "mlp_backward")
            for part, params, letter in ((dWs, net.weights, "dWs"), (dbs, net.biases, "dbs")):
                for i, (got, p) in enumerate(zip(part, params, strict=True)):
                    check_array(got, p.shape, dtype, what=f"{letter}[{i}] of mlp_backward")
        logits, cache = check_pair(
            student.two_layer_forward(net.X, *net.weights), "two_layer_forward"
        )
        check_array(logits, (6, 3), dtype, what="the logits of two_layer_forward")
        found = check_pair(student.two_layer_backward(cache, net.y), "two_layer_backward")
        for i, got in enumerate(found):
            check_array(got, net.weights[i].shape, dtype, what=f"dW{i + 1} of two_layer_backward")
        check_array(student.random_features(net.X, net.weights[0]), (6, 5), dtype, what="cos(X W)")
        x = rng.standard_normal(3).astype(dtype)
        check_array(student.numeric_grad(lambda z: 1.5, x), (3,), dtype, what="numeric_grad(f, x)")


GLOBAL_STATE = """
def probe(module, X, y, weights, biases, seed):
    import numpy as np
    def state():
        name, keys, place, *rest = np.random.get_state()
        return keys.tobytes(), place, rest
    np.random.seed(seed)
    before = state()
    module.mlp_epoch(X, y, weights, biases, "tanh", lr=0.1, batch=2)
    module.two_layer_epoch(X, y, weights[0], weights[1], lr=0.1, batch=2)
    module.check_grad(lambda z: float((z * z).sum()), 2 * X, X, np.random.default_rng(seed))
    module.numeric_grad(lambda z: float((z * z).sum()), X)
    return state() == before
"""


def test_random_state_kept(student, rng):
    """no function touches NumPy's global random state"""
    net = draw_net(rng, 5, (2, 3, 2), "tanh", np.float64)
    same = student.probe(
        GLOBAL_STATE,
        X=net.X,
        y=net.y,
        weights=net.weights,
        biases=net.biases,
        seed=int(rng.integers(1 << 31)),
    )
    if same is not True:
        fail(
            "the state of np.random is another one after the calls.",
            help="Randomness comes from the generator that a function is given, and from nowhere else.",
        )


# ---- performance ------------------------------------------------------------------------------------------
SIZES = (784, 256, 128, 10)


def test_epoch_speed(bench, rng):
    """an epoch of 784-256-128-10 on 4,096 rows takes no longer than the course's own"""
    N, lr, batch = 4096, 0.1, 100
    X = (0.1 * rng.standard_normal((N, SIZES[0]))).astype(np.float32)
    y = rng.integers(0, SIZES[-1], N)
    layers = len(SIZES) - 1

    def parameters(rng):
        weights, biases = start(rng, SIZES, "relu")
        return (*weights, *biases)

    def check(released, result, read):
        # A pre-activation that rounds to the other side of 0 sends training elsewhere, by up to 3 %
        # of its way; a batch that is left out, by 16 %.
        want = single_precision_epoch(X, y, released[:layers], released[layers:], lr, batch)
        for got, right, was in zip((*read[0], *read[1]), want, released, strict=True):
            check_array(got, was.shape, was.dtype, what="a parameter after a timed epoch")
            off = float(np.linalg.norm(got - right) / np.linalg.norm(right - was))
            if not off < 0.12:
                fail(f"a parameter after a timed epoch is off by {off:.1%} of its way.")

    bench.compare(
        "mlp_epoch",
        staged=(X, y),
        release=parameters,
        arguments=lambda staged, released: (
            *staged,
            list(released[:layers]),
            list(released[layers:]),
            "relu",
        ),
        kwargs={"lr": lr, "batch": batch},
        read=(2, 3),
        check=check,
    )


def single_precision_epoch(X, y, weights, biases, lr, batch):
    """The parameters after an epoch with relu, in the dtype of the data."""
    weights, biases = [W.copy() for W in weights], [b.copy() for b in biases]
    for start_ in range(0, len(X), batch):
        A = [X[start_ : start_ + batch]]
        for i, (W, b) in enumerate(zip(weights, biases, strict=True)):
            A.append(A[-1] @ W + b)
            if i < len(weights) - 1:
                np.maximum(A[-1], 0, out=A[-1])
        G = np.exp(A[-1] - A[-1].max(axis=1, keepdims=True))
        G /= G.sum(axis=1, keepdims=True)
        G[np.arange(len(G)), y[start_ : start_ + batch]] -= 1
        G /= len(G)
        for i in reversed(range(len(weights))):
            dW, db = A[i].T @ G, G.sum(axis=0)
            G = (G @ weights[i].T) * (A[i] > 0) if i else G
            weights[i] -= lr * dW
            biases[i] -= lr * db
    return (*weights, *biases)
