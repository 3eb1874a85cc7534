"""Public checks: small inputs that a person can follow, in the order a learner builds."""

import numpy as np

from grader.check import check_close, check_equal, check_finite, check_number, fail, kind_of

# The network of the lesson, worked out there by hand: two rows, two hidden units, two classes.
X = np.array([[1.0, 2.0], [3.0, -1.0]])
W1 = np.array([[1.0, -1.0], [0.5, 1.0]])
W2 = np.array([[1.0, 0.0], [0.0, 2.0]])
Y = np.array([1, 0])
LOGITS = np.array([[2.0, 2.0], [2.5, 0.0]])
WRONG = float(1 / (1 + np.exp(2.5)))  # the probability of class 1 in the second row, 0.0759
G = np.array([[0.25, -0.25], [-WRONG / 2, WRONG / 2]])
DW2 = np.array([[0.5 - 1.25 * WRONG, -0.5 + 1.25 * WRONG], [0.25, -0.25]])
DW1 = np.array([[0.25 - 1.5 * WRONG, -0.5], [0.5 + 0.5 * WRONG, -1.0]])


def parts(got, what):
    """The two parts of a result that must be a pair."""
    if type(got) not in (tuple, list) or len(got) != 2:
        fail(
            f"{what} returns {kind_of(got)}, it should return two values.",
            help="`return first, second`.",
        )
    return got


def test_activation_small(student):
    """activation bends three numbers in four ways"""
    z = np.array([-1.0, 0.0, 2.0])
    for name, want in (
        ("relu", [0.0, 0.0, 2.0]),
        ("sigmoid", [0.2689414213699951, 0.5, 0.8807970779778823]),
        ("tanh", [-0.7615941559557649, 0.0, 0.9640275800758169]),
        ("identity", [-1.0, 0.0, 2.0]),
    ):
        check_close(
            student.activation(name, z),
            np.array(want),
            what=f"activation({name!r}, [-1, 0, 2])",
            help="Entry by entry: relu cuts off below 0, sigmoid squeezes into 0..1, tanh into "
            "-1..1, identity does nothing.",
        )


def test_activation_grad_small(student):
    """activation_grad is the slope at the pre-activation"""
    z = np.array([-1.0, 0.0, 2.0])
    s, t = np.array([0.2689414213699951, 0.5, 0.8807970779778823]), np.tanh(z)
    for name, want, wrong in (
        ("relu", np.array([0.0, 0.0, 1.0]), {"at 0 the course takes 0": np.array([0.0, 1.0, 1.0])}),
        ("sigmoid", s * (1 - s), {"z is not yet the sigmoid's output here": z * (1 - z)}),
        ("tanh", 1 - t**2, {"z is not yet the output of tanh here": 1 - z**2}),
        ("identity", np.ones(3), {"the slope of z is 1, not z": z}),
    ):
        check_close(
            student.activation_grad(name, z),
            want,
            what=f"activation_grad({name!r}, [-1, 0, 2])",
            help="How much does the output grow if z grows a little? sigmoid: s (1 - s), "
            "tanh: 1 - t squared, where s and t are the outputs at z.",
            diagnoses=wrong,
        )


def test_sigmoid_stable(student):
    """sigmoid survives z of -1000 and 1000"""
    z = np.array([-1000.0, 1000.0])
    check_close(
        student.activation("sigmoid", z),
        np.array([0.0, 1.0]),
        what="activation('sigmoid', [-1000, 1000])",
        help="exp(-z) overflows at z = -1000. Multiply top and bottom by exp(z) there.",
    )
    for category, text in student.warnings:
        fail(
            f"activation('sigmoid', [-1000, 1000]) gives a {category}: {text}.",
            help="Use only exponentials of numbers that are not positive: exp(-|z|) never overflows.",
        )


def test_numeric_grad_small(student):
    """numeric_grad steps to both sides of every entry"""
    x = np.array([1.0, -2.0, 0.5])
    check_close(
        student.numeric_grad(lambda z: float((z**3).sum()), x, eps=0.5),
        3 * x**2 + 0.25,
        what="numeric_grad of the sum of cubes at [1, -2, 0.5] with eps = 0.5",
        help="(f(x + eps) - f(x - eps)) / (2 eps) in one entry, all others left alone: 3 x^2 + eps^2.",
        diagnoses={
            "these are forward differences: step to both sides": 3 * x**2 + 1.5 * x + 0.25,
            "the difference spans 2 eps: divide by 2 eps": 6 * x**2 + 0.5,
        },
    )


def test_check_grad_small(student):
    """check_grad compares along one random direction"""
    x = np.array([[1.0, 2.0], [3.0, 4.0]])

    def f(z):
        return float((z**2).sum())

    right = student.check_grad(f, 2 * x, x, np.random.default_rng(7))
    if not (isinstance(right, float) and right < 1e-6):
        fail(
            f"check_grad of the right gradient of a sum of squares is {right!r:.40}, it should be a "
            "float near 0.",
            help="n = (f(x + eps u) - f(x - eps u)) / (2 eps) and a = sum(grad * u) agree here.",
        )
    r = np.random.default_rng(7).standard_normal(x.shape)
    a = float((4 * x * r).sum() / np.sqrt((r**2).sum()))
    check_number(
        float(student.check_grad(f, 4 * x, x, np.random.default_rng(7))),
        0.5,
        what="check_grad of a gradient twice too large",
        rtol=1e-6,
        help="|n - a| / max(|n|, |a|, 1e-8): half of the larger one is missing.",
        diagnoses={
            "this is the difference itself: divide by the larger of the two": abs(a) / 2,
            "the denominator is the larger of the two, not the smaller": 1.0,
            "the denominator is the larger of the two, not their sum": 1 / 3,
        },
    )


def test_two_layer_forward_small(student):
    """two_layer_forward multiplies, cuts off below 0, multiplies"""
    logits, _ = parts(student.two_layer_forward(X, W1, W2), "two_layer_forward")
    check_close(
        logits,
        LOGITS,
        what="the logits of the lesson's network",
        help="Z = X W1, H = relu(Z), logits = H W2.",
        diagnoses={
            "relu is missing between the products": X @ W1 @ W2,
        },
    )


def test_two_layer_backward_small(student):
    """two_layer_backward walks back through both layers"""
    _, cache = parts(student.two_layer_forward(X, W1, W2), "two_layer_forward")
    dW1, dW2 = parts(student.two_layer_backward(cache, Y), "two_layer_backward")
    check_close(
        dW2,
        DW2,
        what="dW2 of the lesson's network",
        help="G = (softmax(logits) - one-hot) / B, then dW2 = H.T @ G.",
        diagnoses={
            "it is B = 2 times too large: divide by the batch": 2 * DW2,
            "it points the other way: probabilities minus one-hot": -DW2,
            "the input of the layer is H, after relu, not Z": (X @ W1).T @ G,
        },
    )
    check_close(
        dW1,
        DW1,
        what="dW1 of the lesson's network",
        help="Back through W2: G @ W2.T; back through relu: times its derivative at Z; then X.T @ that.",
        diagnoses={
            "relu's derivative is missing on the way back": X.T @ (G @ W2.T),
            "W2 is not transposed on the way back": X.T @ ((G @ W2) * (X @ W1 > 0)),
            "it is B = 2 times too large: divide by the batch": 2 * DW1,
        },
    )


def test_two_layer_epoch_step(student):
    """two_layer_epoch moves both weights, in place"""
    done = student.invoke("two_layer_epoch", (X, Y, W1, W2), {"lr": 0.5, "batch": 2}, read=(2, 3))
    check_equal(done.result, None, what="what two_layer_epoch returns")
    new_W2 = W2 - 0.5 * DW2
    dH = G @ new_W2.T
    late = W1 - 0.5 * X.T @ (dH * (X @ W1 > 0))
    for after, before, want, name, wrong in (
        (done.read[1], W2, new_W2, "W2", {}),
        (
            done.read[0],
            W1,
            W1 - 0.5 * DW1,
            "W1",
            {"W2 was updated before it was used for dW1: both gradients first": late},
        ),
    ):
        moved(after, before, name)
        check_close(
            after,
            want,
            what=f"{name} after one step",
            help=f"{name} -= lr * d{name}, both gradients taken before either step.",
            diagnoses={f"{name} moved with the gradient: subtract it": 2 * before - want, **wrong},
        )


def moved(after, before, name):
    """Fail if an array that should be updated in place is as it was."""
    if type(after) is np.ndarray and np.array_equal(after, before):
        fail(
            f"{name} is unchanged after the epoch.",
            help=f"`{name} = {name} - ...` makes a new array that the caller never sees; "
            f"`{name} -= ...` writes into the one that was given.",
        )


def three_layers():
    """A network of three layers with biases, small enough to print."""
    weights = [
        np.array([[0.5, -1.0, 0.25], [1.0, 0.5, -0.5]]),
        np.array([[1.0, -0.5], [0.25, 0.75], [-1.0, 0.5]]),
        np.array([[0.5, -0.25, 1.0], [-1.0, 0.5, 0.25]]),
    ]
    biases = [np.array([0.1, -0.2, 0.3]), np.array([-0.1, 0.2]), np.array([0.05, 0.1, -0.15])]
    return weights, biases, np.array([2, 0])


def logits_of(weights, biases, last=False):
    """Logits with tanh between the layers, and after the last one if asked for."""
    A = X
    for i, (W, b) in enumerate(zip(weights, biases, strict=True)):
        A = A @ W + b
        if last or i < len(weights) - 1:
            A = np.tanh(A)
    return A


def test_mlp_forward_small(student):
    """mlp_forward chains layers, with the activation between them"""
    weights, biases, _ = three_layers()
    logits, _ = parts(student.mlp_forward(X, weights, biases, "tanh"), "mlp_forward")
    check_close(
        logits,
        logits_of(weights, biases),
        what="the logits of a network 2-3-2-3 with tanh",
        help="A @ W + b in each layer, tanh after each but the last.",
        diagnoses={
            "the activation is applied after the last layer too": logits_of(weights, biases, True),
            "the biases are missing": logits_of(weights, [0 * b for b in biases]),
        },
    )
    one, _ = parts(student.mlp_forward(X, weights[:1], biases[:1], "tanh"), "mlp_forward")
    check_close(
        one,
        X @ weights[0] + biases[0],
        what="the logits of a single layer",
        help="One layer has nothing between layers: no activation at all.",
    )


def test_mlp_backward_small(student):
    """mlp_backward agrees with differences of the loss"""
    weights, biases, y = three_layers()
    _, cache = parts(student.mlp_forward(X, weights, biases, "tanh"), "mlp_forward")
    dWs, dbs = parts(student.mlp_backward(cache, y), "mlp_backward")
    for found, letter in ((dWs, "dWs"), (dbs, "dbs")):
        if type(found) not in (list, tuple) or len(found) != 3:
            fail(f"{letter} is no list of three arrays.", help="One array for each layer.")
    for i in (2, 1, 0):
        for found, params, letter in ((dWs, weights, "dWs"), (dbs, biases, "dbs")):
            want = differences(weights, biases, y, params[i])
            check_close(
                found[i],
                want,
                what=f"{letter}[{i}]",
                rtol=1e-6,
                atol=1e-8,
                help="From the last layer to the first: dW = A.T @ G, db = the sum of G over the "
                "rows, then G = (G @ W.T) * derivative at the pre-activation below.",
                diagnoses={
                    "it is B = 2 times too large: divide by the batch": 2 * want,
                    "it points the other way: probabilities minus one-hot": -want,
                },
            )
    check_finite(dWs[0], what="dWs[0]")


def differences(weights, biases, y, parameter):
    """Central differences of the mean loss in every entry of one of the parameters."""

    def loss():
        Z = logits_of(weights, biases)
        return float((np.log(np.exp(Z).sum(axis=1)) - Z[[0, 1], y]).mean())

    found = np.empty(parameter.shape)
    for place in np.ndindex(parameter.shape):
        was = parameter[place]
        parameter[place] = was + 1e-5
        high = loss()
        parameter[place] = was - 1e-5
        found[place] = (high - loss()) / 2e-5
        parameter[place] = was
    return found


def test_mlp_epoch_step(student):
    """mlp_epoch moves every weight and bias, in place"""
    weights, biases, y = three_layers()
    kept = [student.put(W) for W in weights], [student.put(b) for b in biases]
    returned = student.mlp_epoch(X, y, *kept, "tanh", lr=0.5, batch=2)
    check_equal(returned, None, what="what mlp_epoch returns")
    for params, handles, letter in ((weights, kept[0], "weights"), (biases, kept[1], "biases")):
        for i, (before, handle) in enumerate(zip(params, handles, strict=True)):
            after = student.fetch(handle)
            moved(after, before, f"{letter}[{i}]")
            step = 0.5 * differences(weights, biases, y, before)
            check_close(
                after,
                before - step,
                what=f"{letter}[{i}] after one step",
                rtol=1e-6,
                atol=1e-8,
                help="Each array moves by -lr times its gradient, all of them from the same pass.",
                diagnoses={"it moved with the gradient: subtract it": before + step},
            )


def test_random_features_small(student):
    """random_features is the cosine of a product"""
    check_close(
        student.random_features(X, W1),
        np.cos([[2.0, 1.0], [2.5, -4.0]]),
        what="random_features([[1, 2], [3, -1]], [[1, -1], [0.5, 1]])",
        help="One matrix product, then np.cos of each entry.",
        diagnoses={"this is the sine": np.sin([[2.0, 1.0], [2.5, -4.0]])},
    )
