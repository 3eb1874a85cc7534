"""Layers, optimisers and data for networks of rows, on the Tensors of the course."""

import math

import numpy as np

from reference import Parameter, Tensor, ops
from reference.nn import Module


# ---- initial weights ------------------------------------------------------------------------------
def uniform(fan_in, fan_out, fan, gain, rng):
    b = gain * math.sqrt(3 / fan)
    return generator(rng).uniform(-b, b, (fan_in, fan_out)).astype(np.float32)


def normal(fan_in, fan_out, fan, gain, rng):
    std = gain / math.sqrt(fan)
    return (std * generator(rng).standard_normal((fan_in, fan_out))).astype(np.float32)


def generator(rng):
    """`rng`, or a fresh generator where there is none."""
    return np.random.default_rng() if rng is None else rng


def kaiming_uniform(fan_in, fan_out, rng=None):
    """U(-b, b) with variance 2 / fan_in, float32 (fan_in, fan_out)."""
    return uniform(fan_in, fan_out, fan_in, math.sqrt(2), rng)


def kaiming_normal(fan_in, fan_out, rng=None):
    """N(0, 2 / fan_in), float32 (fan_in, fan_out)."""
    return normal(fan_in, fan_out, fan_in, math.sqrt(2), rng)


def xavier_uniform(fan_in, fan_out, rng=None):
    """U(-b, b) with variance 2 / (fan_in + fan_out), float32 (fan_in, fan_out)."""
    return uniform(fan_in, fan_out, (fan_in + fan_out) / 2, 1.0, rng)


def xavier_normal(fan_in, fan_out, rng=None):
    """N(0, 2 / (fan_in + fan_out)), float32 (fan_in, fan_out)."""
    return normal(fan_in, fan_out, (fan_in + fan_out) / 2, 1.0, rng)


# ---- layers ---------------------------------------------------------------------------------------
class Linear(Module):
    """x W + b over the last axis."""

    def __init__(self, in_features, out_features, bias=True, rng=None):
        self.weight = Parameter(kaiming_uniform(in_features, out_features, rng))
        self.bias = Parameter(np.zeros(out_features, np.float32)) if bias else None

    def forward(self, x):
        y = x @ self.weight  # refuses sizes that do not fit
        return y if self.bias is None else y + self.bias


class Flatten(Module):
    """(N, ...) -> (N, rest)."""

    def forward(self, x):
        return x.reshape(x.shape[0], math.prod(x.shape[1:]))


class ReLU(Module):
    """max(x, 0)."""

    def forward(self, x):
        return ops.relu(x)


class Sequential(Module):
    """One module after another."""

    def __init__(self, *modules):
        self.layers = list(modules)

    def forward(self, x):
        for layer in self.layers:
            x = layer(x)
        return x


class Residual(Module):
    """x + module(x)."""

    def __init__(self, module):
        self.module = module

    def forward(self, x):
        y = self.module(x)
        if y.shape != x.shape:
            raise ValueError(f"Residual: the module makes {y.shape} of {x.shape}")
        return x + y


class Dropout(Module):
    """In training each element is zeroed with probability p, the others are divided by 1 - p."""

    def __init__(self, p, rng=None):
        if not 0 <= p <= 1:
            raise ValueError(f"Dropout: p is {p}, a probability lies in [0, 1]")
        self.p = p
        self.rng = generator(rng)

    def forward(self, x):
        if not self.training:
            return x
        kept = self.rng.random(x.shape) >= self.p
        scale = 1 / (1 - self.p) if self.p < 1 else 0.0
        return x * (scale * kept).astype(x.dtype)


class BatchNorm1d(Module):
    """Each column to mean 0 and variance 1 over the batch, then scaled and shifted."""

    def __init__(self, dim, eps=1e-5, momentum=0.1):
        self.weight = Parameter(np.ones(dim, np.float32))
        self.bias = Parameter(np.zeros(dim, np.float32))
        self.running_mean = np.zeros(dim, np.float32)
        self.running_var = np.ones(dim, np.float32)
        self.eps, self.momentum = eps, momentum

    def forward(self, x):
        if x.ndim != 2 or x.shape[1:] != self.weight.shape:
            raise ValueError(f"BatchNorm1d: x is {x.shape}, not (N, {self.weight.shape[0]})")
        if self.training:
            mean = x.mean(0)
            centred = x - mean
            var = (centred * centred).mean(0)
            self.running_mean = self.follow(self.running_mean, mean)
            self.running_var = self.follow(self.running_var, var)
        else:
            centred = x - self.running_mean.astype(x.dtype)
            var = Tensor(self.running_var.astype(x.dtype))
        return centred / ops.sqrt(var + self.eps) * self.weight + self.bias

    def follow(self, running, batch):
        """The running statistic, moved towards that of the batch; arrays, so no graph is kept."""
        moved = (1 - self.momentum) * running + self.momentum * batch.data
        return moved.astype(np.float32)


class LayerNorm(Module):
    """Each row to mean 0 and variance 1 over the last axis, then scaled and shifted."""

    def __init__(self, dim, eps=1e-5):
        self.weight = Parameter(np.ones(dim, np.float32))
        self.bias = Parameter(np.zeros(dim, np.float32))
        self.eps = eps

    def forward(self, x):
        if x.shape[-1:] != self.weight.shape:
            raise ValueError(f"LayerNorm: x is {x.shape}, not (..., {self.weight.shape[0]})")
        centred = x - x.mean(-1, keepdims=True)
        var = (centred * centred).mean(-1, keepdims=True)
        return centred / ops.sqrt(var + self.eps) * self.weight + self.bias


class CrossEntropyLoss(Module):
    """The mean over the batch of log(sum of exp(logits)) - the label's logit."""

    def forward(self, logits, labels):
        rows, classes = logits.shape
        if labels.min() < 0 or labels.max() >= classes:
            raise ValueError(f"labels must lie in 0..{classes - 1}")
        right = logits[np.arange(rows), labels]
        return (ops.logsumexp(logits, 1) - right).mean()


# ---- optimisers -----------------------------------------------------------------------------------
class SGD:
    """Gradient descent with momentum, Nesterov's look ahead and L2 weight decay."""

    def __init__(self, params, lr, momentum=0.0, nesterov=False, weight_decay=0.0):
        self.params = list(params)
        self.lr, self.momentum = lr, momentum
        self.nesterov, self.weight_decay = nesterov, weight_decay
        self.u = [np.zeros_like(p.data) for p in self.params]

    def step(self):
        for i, p in enumerate(self.params):
            if p.grad is None:
                continue
            g = p.grad.data + self.weight_decay * p.data
            self.u[i] = u = self.momentum * self.u[i] + g
            p.data -= self.lr * (g + self.momentum * u if self.nesterov else u)

    def zero_grad(self):
        for p in self.params:
            p.grad = None


class Adam:
    """Steps scaled by running moments of the gradient, both corrected for their start at 0."""

    def __init__(self, params, lr=1e-3, betas=(0.9, 0.999), eps=1e-8, weight_decay=0.0):
        self.params = list(params)
        self.lr, self.betas, self.eps, self.weight_decay = lr, betas, eps, weight_decay
        self.m = [np.zeros_like(p.data) for p in self.params]
        self.v = [np.zeros_like(p.data) for p in self.params]
        self.t = [0] * len(self.params)

    def step(self):
        b1, b2 = self.betas
        for i, p in enumerate(self.params):
            if p.grad is None:
                continue
            g = p.grad.data + self.weight_decay * p.data
            self.t[i] += 1
            self.m[i] = b1 * self.m[i] + (1 - b1) * g
            self.v[i] = b2 * self.v[i] + (1 - b2) * g * g
            m_hat = self.m[i] / (1 - b1 ** self.t[i])
            v_hat = self.v[i] / (1 - b2 ** self.t[i])
            p.data -= self.lr * m_hat / (np.sqrt(v_hat) + self.eps)

    def zero_grad(self):
        for p in self.params:
            p.grad = None


def clip_grad_norm(params, max_norm):
    """Shorten all gradients together to a joint norm of max_norm; the norm before, a float."""
    reached = [p for p in params if p.grad is not None]
    norm = math.sqrt(sum((p.grad.data.astype(np.float64) ** 2).sum() for p in reached))
    if norm > max_norm:
        for p in reached:
            p.grad = Tensor(p.grad.data * (max_norm / norm))
    return norm


def cosine_schedule(step, total, base_lr, warmup=0):
    """A rise over `warmup` steps, then half a cosine down to 0 at `total`."""
    if step >= total:
        return 0.0
    if step < warmup:
        return base_lr * (step + 1) / warmup
    return base_lr / 2 * (1 + math.cos(math.pi * (step - warmup) / (total - warmup)))


# ---- data and model -------------------------------------------------------------------------------
class DataLoader:
    """Arrays of equal length in minibatches, the last one smaller if need be."""

    def __init__(self, arrays, batch_size, shuffle=False, rng=None):
        if len({len(array) for array in arrays}) != 1:
            raise ValueError("DataLoader: the arrays have different lengths")
        self.arrays, self.batch_size, self.shuffle = tuple(arrays), batch_size, shuffle
        self.rng = generator(rng)

    def __len__(self):
        return math.ceil(len(self.arrays[0]) / self.batch_size)

    def __iter__(self):
        rows = len(self.arrays[0])
        order = self.rng.permutation(rows) if self.shuffle else np.arange(rows)
        for start in range(0, rows, self.batch_size):
            chosen = order[start : start + self.batch_size]
            yield tuple(array[chosen] for array in self.arrays)


def mlp_resnet(dim, hidden, num_blocks, num_classes, rng=None, p_drop=0.1):
    """Linear, ReLU, residual blocks with batch norm and dropout, Linear."""
    rng = generator(rng)
    layers = [Linear(dim, hidden, rng=rng), ReLU()]
    for _ in range(num_blocks):
        block = Sequential(
            Linear(hidden, hidden // 2, rng=rng),
            BatchNorm1d(hidden // 2),
            ReLU(),
            Dropout(p_drop, rng),
            Linear(hidden // 2, hidden, rng=rng),
            BatchNorm1d(hidden),
        )
        layers += [Residual(block), ReLU()]
    return Sequential(*layers, Linear(hidden, num_classes, rng=rng))
