"""Hidden checks of forward passes, backward passes and epochs."""

import numpy as np

from grader.check import (
    check_array,
    check_close,
    check_equal,
    check_finite,
    check_number,
    check_raises,
    fail,
)
from grader.suites.backprop.oracles import (
    DTYPES,
    NAMES,
    check_gradient,
    check_gradients,
    check_logits,
    check_pair,
    check_parameters,
    draw_net,
    epoch,
    loss,
    pre_activations,
)

# N, n, h, K: one of everything, odd, B equal to K, large.
TWO_LAYERS = ((1, 1, 1, 1), (1, 3, 2, 4), (5, 4, 1, 5), (7, 2, 9, 3), (130, 33, 17, 10))
DEPTHS = ((3, 2), (1, 1, 1), (4, 5, 3), (2, 7, 1, 4), (6, 5, 4, 3, 2), (33, 40, 17, 10))
FORWARD = "Multiply, add the bias, apply the activation; after the last layer there is none."
BACKWARD = (
    "Start with (softmax - one-hot) / B at the logits; each layer gives its own gradient, A.T @ G, "
    "and passes (G @ W.T) * derivative down."
)
IN_ORDER = "Batches in order; both gradients at the weights before the step; then every update."

OWN_ROWS = "The last batch has fewer rows: its gradient is a mean over its own."


def draw_two(rng, N, n, h, K, dtype, **more):
    return draw_net(rng, N, (n, h, K), "relu", dtype, biases=False, **more)


def two_arguments(net):
    return net.X, *net.weights


def mlp_arguments(net):
    return net.X, net.weights, net.biases, net.name


# ---- two layers -----------------------------------------------------------------------------------
def test_two_layer_forward_values(student, rng):
    """two_layer_forward: relu(X W1) W2 for any sizes"""
    for dtype in DTYPES:
        for sizes in TWO_LAYERS:
            net = draw_two(rng, *sizes, dtype)
            got, _ = check_pair(student.two_layer_forward(*two_arguments(net)), "two_layer_forward")
            check_logits(got, net, what="the logits", help="relu stands between the two products.")


def test_two_layer_backward_values(student, rng):
    """two_layer_backward: gradients of the mean loss for both weights"""
    for dtype in DTYPES:
        for sizes in TWO_LAYERS:
            net = draw_two(rng, *sizes, dtype)
            _, cache = check_pair(
                student.two_layer_forward(*two_arguments(net)), "two_layer_forward"
            )
            got = check_pair(student.two_layer_backward(cache, net.y), "two_layer_backward")
            for i in (1, 0):  # the way back
                check_gradient(got[i], net, 0, i, what=f"dW{i + 1}", help=BACKWARD)


def test_two_layer_epoch_values(student, rng):
    """two_layer_epoch: several batches in order"""
    for dtype in DTYPES:
        for N, sizes, lr, batch in ((60, (7, 5, 4), 0.5, 20), (9, (3, 4, 2), 0.3, 1)):
            net = draw_two(rng, N, *sizes, dtype, lr=lr, batch=batch)
            check_two_epoch(student, net, lr, batch, {"lr": lr, "batch": batch})
    check_two_epoch(student, draw_two(rng, 300, 5, 4, 3, np.float64), 0.1, 100, {})


def test_two_layer_epoch_ragged(student, rng):
    """two_layer_epoch: a last batch that is smaller"""
    for dtype in DTYPES:
        for N, batch in ((25, 10), (7, 100), (11, 5)):
            net = draw_two(rng, N, 6, 5, 3, dtype, lr=0.4, batch=batch)
            check_two_epoch(student, net, 0.4, batch, {"lr": 0.4, "batch": batch})


def check_two_epoch(student, net, lr, batch, kwargs):
    done = student.invoke("two_layer_epoch", (net.X, net.y, *net.weights), kwargs, read=(2, 3))
    check_equal(done.result, None, what="what two_layer_epoch returns")
    weights, _, _ = epoch(net, lr, batch, train_biases=False)
    ragged = len(net.X) % min(batch, len(net.X)) or len(net.X) < batch
    for i in (0, 1):
        check_array(done.read[i], net.weights[i].shape, net.dtype, what=f"W{i + 1}")
        check_parameters(
            [done.read[i]],
            [net.weights[i]],
            [weights[i]],
            what=f"W{i + 1}",
            help=OWN_ROWS if ragged else IN_ORDER,
            steps=-(-len(net.X) // batch),
        )


# ---- any depth ------------------------------------------------------------------------------------
def test_mlp_forward_values(student, rng):
    """mlp_forward: every activation, one to four layers"""
    for dtype in DTYPES:
        for sizes in DEPTHS:
            for name in NAMES:
                net = draw_net(rng, int(rng.integers(1, 9)), sizes, name, dtype)
                got, _ = check_pair(student.mlp_forward(*mlp_arguments(net)), "mlp_forward")
                check_logits(got, net, what=f"the logits ({name})", help=FORWARD)


def test_mlp_backward_values(student, rng):
    """mlp_backward: every activation, one to four layers, every weight and bias"""
    for dtype in DTYPES:
        for sizes in DEPTHS:
            for name in NAMES:
                net = draw_net(rng, int(rng.integers(2, 9)), sizes, name, dtype)
                _, cache = check_pair(student.mlp_forward(*mlp_arguments(net)), "mlp_forward")
                got = student.mlp_backward(cache, net.y)
                check_gradients(got, net, what=f"mlp_backward ({name})", help=BACKWARD)
    net = draw_net(rng, 257, (65, 33, 10), "tanh", np.float32)
    _, cache = check_pair(student.mlp_forward(*mlp_arguments(net)), "mlp_forward")
    check_gradients(student.mlp_backward(cache, net.y), net, what="mlp_backward", help=BACKWARD)


def test_backward_extreme(student, rng):
    """backward passes: finite and right when logits are in the thousands"""
    for name, scale in (("relu", 100.0), ("identity", 100.0), ("tanh", 3000.0)):
        net = draw_net(rng, 6, (5, 7, 4), name, np.float64, scale=scale)
        _, cache = check_pair(student.mlp_forward(*mlp_arguments(net)), "mlp_forward")
        dWs, dbs = check_pair(student.mlp_backward(cache, net.y), "mlp_backward")
        check_finite(dbs[-1], what="dbs[-1] at logits of thousands", help=STABLE)
        check_gradients((dWs, dbs), net, what="mlp_backward", help=STABLE)
    net = draw_two(rng, 6, 5, 7, 4, np.float64, scale=100.0)
    _, cache = check_pair(student.two_layer_forward(*two_arguments(net)), "two_layer_forward")
    dW1, dW2 = check_pair(student.two_layer_backward(cache, net.y), "two_layer_backward")
    check_finite(dW2, what="dW2 at logits of thousands", help=STABLE)
    for i, got in enumerate((dW1, dW2)):
        check_gradient(got, net, 0, i, what=f"dW{i + 1}", help=STABLE)


STABLE = (
    "exp overflows at 710: take each row's largest logit out before the exponential (stage 01)."
)


def test_mlp_epoch_values(student, rng):
    """mlp_epoch: several batches in order, every weight and bias in place"""
    for dtype in DTYPES:
        for N, sizes, name, lr, batch in (
            (60, (7, 5, 4), "relu", 0.5, 20),
            (9, (3, 4, 2), "tanh", 0.3, 1),
            (40, (4, 6, 5, 3), "sigmoid", 1.0, 10),
            (30, (4, 3), "relu", 0.2, 10),
        ):
            net = draw_net(rng, N, sizes, name, dtype, lr=lr, batch=batch)
            check_epoch(student, net, lr, batch, {"lr": lr, "batch": batch}, IN_ORDER)
    net = draw_net(rng, 300, (5, 4, 3), "tanh", np.float64)
    check_epoch(student, net, 0.1, 100, {}, "By default lr is 0.1 and a batch has 100 rows.")


def test_mlp_epoch_ragged(student, rng):
    """mlp_epoch: a last batch that is smaller"""
    for dtype in DTYPES:
        for N, batch in ((25, 10), (7, 100), (11, 5)):
            net = draw_net(rng, N, (6, 5, 3), "tanh", dtype, lr=0.4, batch=batch)
            check_epoch(student, net, 0.4, batch, {"lr": 0.4, "batch": batch}, OWN_ROWS)


def check_epoch(student, net, lr, batch, kwargs, help):
    # The arrays are kept in the worker: an entry of the list that is replaced leaves them as they were.
    weights = [student.put(W) for W in net.weights]
    biases = [student.put(b) for b in net.biases]
    returned = student.mlp_epoch(net.X, net.y, weights, biases, net.name, **kwargs)
    check_equal(returned, None, what="what mlp_epoch returns")
    want_weights, want_biases, _ = epoch(net, lr, batch)
    steps = -(-len(net.X) // batch)
    for kept, before, want, what in (
        (weights, net.weights, want_weights, "weights[{}]"),
        (biases, net.biases, want_biases, "biases[{}]"),
    ):
        after = [student.fetch(handle) for handle in kept]
        check_parameters(after, before, want, what=what, help=help, steps=steps)


# ---- arguments that cannot be -------------------------------------------------------------------------
def test_arguments_checked(student, rng):
    """labels that cannot be, and weights without their biases, raise ValueError"""
    net = draw_net(rng, 6, (3, 5, 4), "tanh", np.float64)
    place = int(rng.integers(0, 6))
    below, above = net.y.copy(), net.y.copy()
    below[place], above[place] = -1, 4
    _, deep = check_pair(student.mlp_forward(*mlp_arguments(net)), "mlp_forward")
    _, two = check_pair(student.two_layer_forward(*two_arguments(net)), "two_layer_forward")
    for name, backward, cache in (
        ("mlp_backward", student.mlp_backward, deep),
        ("two_layer_backward", student.two_layer_backward, two),
    ):
        for wrong, why in (
            (below, "a label of -1"),
            (above, "a label of K"),
            (net.y[:-1], "one label too few"),
            (net.y[:1], "a single label"),
            (np.append(net.y, 0), "one label too many"),
        ):
            check_raises(
                ValueError,
                backward,
                cache,
                wrong,
                what=f"{name} with {why}",
                help="NumPy counts -1 from the end and repeats a single label: look before you index.",
            )
    for weights, biases in ((net.weights, net.biases[:1]), (net.weights[:1], net.biases)):
        check_raises(
            ValueError,
            student.mlp_forward,
            net.X,
            weights,
            biases,
            "tanh",
            what=f"mlp_forward with {len(weights)} weights and {len(biases)} biases",
            help="zip stops at the shorter list without a word.",
        )


# ---- properties -----------------------------------------------------------------------------------
def test_gradient_directional(student, rng):
    """the gradients agree with finite differences in all parameters at once"""
    for sizes, name in (((3, 4, 5, 2), "tanh"), ((5, 6, 3), "sigmoid"), ((4, 9, 3), "relu")):
        net = draw_net(rng, 11, sizes, name, np.float64)
        if name == "relu":  # far enough from every kink for the step below
            while np.abs(pre_activations(net)[0]).min() < 1e-3:
                net = draw_net(rng, 11, sizes, name, np.float64)
        ways = [[rng.standard_normal(p.shape) for p in part] for part in (net.weights, net.biases)]

        def moved(t, net=net, ways=ways):
            return net.with_parameters(
                *(
                    [p + t * v for p, v in zip(part, way, strict=True)]
                    for part, way in zip((net.weights, net.biases), ways, strict=True)
                )
            )

        step = 1e-5
        slope = (loss(moved(step)) - loss(moved(-step))) / (2 * step)
        _, cache = check_pair(student.mlp_forward(*mlp_arguments(net)), "mlp_forward")
        got = check_pair(student.mlp_backward(cache, net.y), "mlp_backward")
        total = 0.0
        for part, params, way in zip(got, (net.weights, net.biases), ways, strict=True):
            check_equal(len(part), len(params), what="the number of gradients")
            for g, p, v in zip(part, params, way, strict=True):
                check_array(g, p.shape, np.float64, what="a gradient")
                total += float((g * v).sum())
        check_number(
            total,
            slope,
            what=f"the slope of the loss along a direction ({name})",
            rtol=1e-5,
            atol=1e-7,
            help="Compare with (loss(p + h v) - loss(p - h v)) / 2h: your own check_grad does that.",
        )


def test_gradient_of_a_mean(student, rng):
    """two copies of a batch, in any order, have the gradients of one"""
    net = draw_two(rng, 7, 4, 6, 3, np.float64)
    order = rng.permutation(14) % 7
    _, cache = check_pair(student.two_layer_forward(*two_arguments(net)), "two_layer_forward")
    once = check_pair(student.two_layer_backward(cache, net.y), "two_layer_backward")
    _, cache = check_pair(
        student.two_layer_forward(net.X[order], *net.weights), "two_layer_forward"
    )
    twice = check_pair(student.two_layer_backward(cache, net.y[order]), "two_layer_backward")
    for i in (0, 1):
        check_array(once[i], net.weights[i].shape, np.float64, what=f"dW{i + 1}")
        check_close(
            twice[i],
            once[i],
            what=f"dW{i + 1} of a batch that holds every row twice",
            rtol=1e-10,
            help="The loss is a mean: doubling the rows changes nothing, and their order neither.",
            diagnoses={"it is twice as large: divide by the number of rows": 2 * once[i]},
        )


def test_last_layer_sums(student, rng):
    """gradients of the last layer add up to 0 over the classes"""
    for name in NAMES:
        net = draw_net(rng, 8, (3, 5, 6), name, np.float64)
        _, cache = check_pair(student.mlp_forward(*mlp_arguments(net)), "mlp_forward")
        dWs, dbs = check_pair(student.mlp_backward(cache, net.y), "mlp_backward")
        check_array(dWs[-1], (5, 6), np.float64, what="dWs[-1]")
        check_array(dbs[-1], (6,), np.float64, what="dbs[-1]")
        for got, what in ((dWs[-1].sum(axis=1), "dWs[-1]"), (dbs[-1][None].sum(axis=1), "dbs[-1]")):
            check_close(
                got,
                np.zeros(got.shape),
                what=f"the sum of {what} over the classes",
                atol=1e-12,
                help="Adding a constant to every logit changes no probability, so nothing pulls there.",
            )
            if not np.abs(dWs[-1]).max() > 0:
                fail("dWs[-1] is zero everywhere.", help="Then nothing is learned.")


CACHES = """
def probe(module, X, other, weights, biases, name, y):
    def flat(found):
        return [[gradient.copy() for gradient in part] for part in found]
    _, cache = module.mlp_forward(X, weights, biases, name)
    module.mlp_forward(other, weights, biases, name)
    first = module.mlp_backward(cache, y)
    kept = flat(first)
    second = flat(module.mlp_backward(cache, y))
    return [kept, second, flat(first)]
"""
TWO_CACHES = """
def probe(module, X, other, W1, W2, y):
    _, cache = module.two_layer_forward(X, W1, W2)
    module.two_layer_forward(other, W1, W2)
    first = [gradient.copy() for gradient in module.two_layer_backward(cache, y)]
    return [first, list(module.two_layer_backward(cache, y))]
"""
AGAIN = (
    "The cache belongs to one forward pass, and backward only reads it: no module-level variable, "
    "no `G *= ...` on an array of the cache."
)


def test_cache_reused(student, rng):
    """a cache outlives other forward passes, and backward may use it twice"""
    for name in ("tanh", "relu"):
        net = draw_net(rng, 6, (4, 5, 3, 3), name, np.float64)
        other = rng.standard_normal((6, 4))
        found = student.probe(
            CACHES, X=net.X, other=other, weights=net.weights, biases=net.biases, name=name, y=net.y
        )
        for got, what in zip(found, ("first", "second", "first"), strict=True):
            check_gradients(got, net, what=f"mlp_backward, the {what} time", help=AGAIN)
    net = draw_two(rng, 6, 4, 5, 3, np.float64)
    W1, W2 = net.weights
    for got, what in zip(
        student.probe(TWO_CACHES, X=net.X, other=other, W1=W1, W2=W2, y=net.y),
        ("first", "second"),
        strict=True,
    ):
        for i in (0, 1):
            check_gradient(got[i], net, 0, i, what=f"dW{i + 1}, the {what} time", help=AGAIN)


def test_identity_is_linear(student, rng):
    """layers with the identity between them are one linear layer"""
    net = draw_net(rng, 9, (4, 6, 5, 3), "identity", np.float64)
    got, _ = check_pair(student.mlp_forward(*mlp_arguments(net)), "mlp_forward")
    W, b = np.eye(4), np.zeros(4)
    for weight, bias in zip(net.weights, net.biases, strict=True):
        W, b = W @ weight, b @ weight + bias
    check_close(
        got,
        net.X @ W + b,
        what="the logits of an identity network",
        rtol=1e-10,
        help="Without something that bends, depth adds nothing: three matrices are one.",
    )
