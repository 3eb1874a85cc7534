"""Backpropagation by hand: networks of two layers, of any number of layers, and proofs of gradients.

Write the eleven functions. X are inputs (N, n), one row an example; y are labels (N,), integers in
0..K-1. Arrays are float32 or float64, all of one call alike; what you return has that dtype. Change
none of your arguments, except the weights and biases in the two `_epoch` functions. The loss is the
mean softmax loss of stage 01 throughout, and the derivative of relu at 0 is 0. You may use numpy and
the standard library, and copy what you wrote for stage 01 into this file.
"""

import numpy as np


def activation(name, z):
    """One of four functions of each entry of z.

    relu is max(z, 0), sigmoid 1 / (1 + exp(-z)), tanh the hyperbolic tangent, identity z itself.

    Args:
        name: "relu", "sigmoid", "tanh" or "identity".
        z: pre-activations, float array of any shape. Entries may be as large as 1e4.

    Returns:
        Array of z's shape and dtype, without a RuntimeWarning. identity may return z itself.

    Raises:
        ValueError: another name.
    """
    raise NotImplementedError("activation is yours to write")


def activation_grad(name, z):
    """The derivative of the activation `name` at each entry of z.

    It is only the derivative: not multiplied with anything, and taken at the pre-activation z, not
    at the activation's output.

    Args:
        name: "relu", "sigmoid", "tanh" or "identity".
        z: pre-activations, float array of any shape. Entries may be as large as 1e4.

    Returns:
        Array of z's shape and dtype, without a RuntimeWarning; for relu 0 where z is 0.

    Raises:
        ValueError: another name.
    """
    raise NotImplementedError("activation_grad is yours to write")


def numeric_grad(f, x, eps=1e-5):
    """The gradient of f at x by central differences, one entry at a time.

    Entry i is (f(x + eps e_i) - f(x - eps e_i)) / (2 eps), where e_i is 1 at i and 0 elsewhere.

    Args:
        f: takes one array of x's shape and returns a float. It is only given float64 copies of x;
            for float32 the difference of two nearby values would be all rounding.
        x: float array of any shape. It is never changed, not even when f raises.
        eps: the step.

    Returns:
        Array of x's shape and dtype.
    """
    raise NotImplementedError("numeric_grad is yours to write")


def check_grad(f, grad, x, rng, eps=1e-4):
    """How far a claimed gradient is off, along one random direction.

    Draw r = rng.standard_normal(x.shape) (one draw) and let u = r / ||r||. Then
    n = (f(x + eps u) - f(x - eps u)) / (2 eps) is what f does along u, and a = sum(grad * u) what
    the gradient promises.

    Args:
        f: takes one array of x's shape and returns a float.
        grad: the gradient claimed at x, an array of x's shape.
        x: float64 array of any shape; not changed.
        rng: a numpy.random.Generator.
        eps: the step.

    Returns:
        |n - a| / max(|n|, |a|, 1e-8), a float.
    """
    raise NotImplementedError("check_grad is yours to write")


def two_layer_forward(X, W1, W2):
    """The logits of a network with one hidden layer of relu units, without biases.

    Args:
        X: inputs, float array (N, n).
        W1: float array (n, h).
        W2: float array (h, K).

    Returns:
        (logits, cache): relu(X W1) W2, an array (N, K); and whatever `two_layer_backward` needs.
        The cache is yours to choose; nobody else looks into it, and it may refer to the arguments.
    """
    raise NotImplementedError("two_layer_forward is yours to write")


def two_layer_backward(cache, y):
    """Gradients of the mean softmax loss of the logits of a forward pass.

    Args:
        cache: what `two_layer_forward` returned. It is not changed: backward may be called twice.
        y: labels, integer array (N,).

    Returns:
        (dW1, dW2), arrays (n, h) and (h, K).

    Raises:
        ValueError: y has another length than the batch, or a label outside 0..K-1.
    """
    raise NotImplementedError("two_layer_backward is yours to write")


def two_layer_epoch(X, y, W1, W2, lr=0.1, batch=100):
    """One pass of minibatch gradient descent over the data.

    The batches are rows 0..batch-1, then the next `batch` rows, and so on in order. The last one
    may be smaller; its loss is the mean over its own rows. In each step both gradients are taken at
    the weights before the step.

    Args:
        X: inputs, float array (N, n).
        y: labels, integer array (N,).
        W1, W2: float arrays (n, h) and (h, K), updated in place.
        lr: the step size.
        batch: rows a step.

    Returns:
        None.
    """
    raise NotImplementedError("two_layer_epoch is yours to write")


def mlp_forward(X, weights, biases, name):
    """The logits of a network of any depth.

    Layer i multiplies by weights[i] and adds biases[i]. The activation `name` stands between
    layers: not before the first, not after the last.

    Args:
        X: inputs, float array (N, n).
        weights: list of L >= 1 float arrays, weights[i] of shape (sizes[i], sizes[i + 1]).
        biases: list of L float arrays, biases[i] of shape (sizes[i + 1],).
        name: the activation.

    Returns:
        (logits, cache): an array (N, K), and whatever `mlp_backward` needs.

    Raises:
        ValueError: the numbers of weights and biases differ.
    """
    raise NotImplementedError("mlp_forward is yours to write")


def mlp_backward(cache, y):
    """Gradients of the mean softmax loss of the logits of a forward pass.

    Args:
        cache: what `mlp_forward` returned. It is not changed: backward may be called twice.
        y: labels, integer array (N,).

    Returns:
        (dWs, dbs): lists in the order of `weights` and `biases`, arrays of their shapes.

    Raises:
        ValueError: y has another length than the batch, or a label outside 0..K-1.
    """
    raise NotImplementedError("mlp_backward is yours to write")


def mlp_epoch(X, y, weights, biases, name, lr=0.1, batch=100):
    """One pass of minibatch gradient descent over the data, as `two_layer_epoch`.

    Args:
        X: inputs, float array (N, n).
        y: labels, integer array (N,).
        weights, biases: lists of float arrays. Each array is updated in place; the lists keep the
            same arrays.
        name: the activation.
        lr: the step size.
        batch: rows a step.

    Returns:
        None.
    """
    raise NotImplementedError("mlp_epoch is yours to write")


def random_features(X, W):
    """Features that are drawn instead of learned: the cosine of each entry of X W.

    Args:
        X: inputs, float array (N, n).
        W: float array (n, d), drawn by the caller.

    Returns:
        Array (N, d) of X's dtype.
    """
    raise NotImplementedError("random_features is yours to write")
