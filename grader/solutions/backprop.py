"""Backpropagation by hand: activations, two layers, any number of layers, and checks of gradients."""

import numpy as np


def relu(z):
    return np.maximum(z, 0)


def relu_grad(z):
    return (z > 0).astype(z.dtype)


def sigmoid(z):
    # The exponential of minus |z| never overflows; the two cases are the same fraction, expanded.
    e = np.exp(-np.abs(z))
    return np.where(z >= 0, 1, e) / (1 + e)


def sigmoid_grad(z):
    s = sigmoid(z)
    return s * (1 - s)


def tanh_grad(z):
    return 1 - np.tanh(z) ** 2


def identity(z):
    return z


ACTIVATIONS = {
    "relu": (relu, relu_grad),
    "sigmoid": (sigmoid, sigmoid_grad),
    "tanh": (np.tanh, tanh_grad),
    "identity": (identity, np.ones_like),
}


def pair(name):
    """The activation `name` and its derivative."""
    if name not in ACTIVATIONS:
        raise ValueError(f"there is no activation {name!r}; there are {', '.join(ACTIVATIONS)}")
    return ACTIVATIONS[name]


def activation(name, z):
    """The activation `name` of each entry of z."""
    function, _ = pair(name)
    return function(z)


def activation_grad(name, z):
    """The derivative of the activation `name` at each entry of z."""
    _, derivative = pair(name)
    return derivative(z)


def softmax_grad(Z, y):
    """Gradient of the mean softmax loss with respect to the logits, (B, K); checks the labels."""
    B, K = Z.shape
    if y.shape != (B,):
        raise ValueError(f"y has shape {y.shape}, it needs one label a row: ({B},)")
    if y.min() < 0 or y.max() >= K:
        raise ValueError(f"labels run from {y.min()} to {y.max()}, they must lie in 0..{K - 1}")
    G = np.exp(Z - Z.max(axis=1, keepdims=True))
    G /= G.sum(axis=1, keepdims=True)
    G[np.arange(B), y] -= 1
    return G / B


def two_layer_forward(X, W1, W2):
    """Logits relu(X W1) W2 (N, K), and what the backward pass needs."""
    Z = X @ W1
    H = np.maximum(Z, 0)
    logits = H @ W2
    return logits, (X, Z, H, W2, logits)


def two_layer_backward(cache, y):
    """Gradients of the mean softmax loss with respect to W1 and W2."""
    X, Z, H, W2, logits = cache
    G = softmax_grad(logits, y)
    dW2 = H.T @ G
    dH = G @ W2.T
    dZ = dH * (Z > 0)
    dW1 = X.T @ dZ
    return dW1, dW2


def two_layer_epoch(X, y, W1, W2, lr=0.1, batch=100):
    """One pass over X (N, n) in order; W1 and W2 are updated in place."""
    for start in range(0, len(X), batch):
        Xb, yb = X[start : start + batch], y[start : start + batch]
        _, cache = two_layer_forward(Xb, W1, W2)
        dW1, dW2 = two_layer_backward(cache, yb)
        W1 -= lr * dW1
        W2 -= lr * dW2


def mlp_forward(X, weights, biases, name):
    """Logits of a network of any depth (N, K), and what the backward pass needs."""
    if len(weights) != len(biases):
        raise ValueError(f"there are {len(weights)} weights and {len(biases)} biases")
    inputs, pre = [], []  # of each layer
    A = X
    for W, b in zip(weights, biases, strict=True):
        if pre:
            A = activation(name, pre[-1])
        inputs.append(A)
        pre.append(A @ W + b)
    return pre[-1], (inputs, pre, list(weights), name)


def mlp_backward(cache, y):
    """Gradients of the mean softmax loss with respect to every weight and bias, in their order."""
    inputs, pre, weights, name = cache
    dWs, dbs = [], []
    G = softmax_grad(pre[-1], y)
    for i in reversed(range(len(weights))):
        dWs.append(inputs[i].T @ G)
        dbs.append(G.sum(axis=0))
        G = G @ weights[i].T  # every layer alike: at the bottom it is the gradient of the inputs
        if i > 0:
            G = G * activation_grad(name, pre[i - 1])
    return dWs[::-1], dbs[::-1]


def mlp_epoch(X, y, weights, biases, name, lr=0.1, batch=100):
    """One pass over X (N, n) in order; every weight and bias is updated in place."""
    for start in range(0, len(X), batch):
        Xb, yb = X[start : start + batch], y[start : start + batch]
        _, cache = mlp_forward(Xb, weights, biases, name)
        dWs, dbs = mlp_backward(cache, yb)
        for W, b, dW, db in zip(weights, biases, dWs, dbs, strict=True):
            W -= lr * dW
            b -= lr * db


def numeric_grad(f, x, eps=1e-5):
    """Central differences of f at x, one entry at a time."""
    grad = np.empty_like(x)
    for place in np.ndindex(x.shape):
        high, low = x.astype(np.float64), x.astype(np.float64)
        high[place] += eps
        low[place] -= eps
        grad[place] = (f(high) - f(low)) / (2 * eps)
    return grad


def check_grad(f, grad, x, rng, eps=1e-4):
    """Relative error of `grad` against a central difference of f along one random direction."""
    u = rng.standard_normal(x.shape)
    u /= np.sqrt((u**2).sum())
    n = (f(x + eps * u) - f(x - eps * u)) / (2 * eps)
    a = (grad * u).sum()
    return float(abs(n - a) / max(abs(n), abs(a), 1e-8))


def random_features(X, W):
    """cos(X W), (N, n) and (n, d) -> (N, d)."""
    return np.cos(X @ W)
