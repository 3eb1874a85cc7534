"""Layers, optimisers and data for networks of rows, on the Tensors of the course.

Write the four initialisers, the nine layers, the two optimisers and the five names around them. You
may use numpy, the standard library and whatever of `reference` is there: Tensor, Parameter, `ops`,
`no_grad`, and `Module`, from which every layer is derived. Layers, losses, optimisers, initialisers
and the loader of `reference` are not there, nor the ops that would be half of the answer.

A Module defines `forward(...)` and is called like a function. What is assigned to an attribute is
found: Parameters, Modules, lists of Modules, and ndarrays, which are state without gradient.
`self.training` says whether `train()` or `eval()` was called last; it is True at first. Checks
replace the arrays of parameters (`layer.weight.data = ...`), so read `self.weight` at every call.

x, gradients and parameters of one call share one float dtype, which is the dtype of the result.
`rng` is a numpy.random.Generator; None means a fresh one, `np.random.default_rng()`. A model hands
one generator to all its parts. No input is changed, unless it says so below. N is at least 1.
"""

import numpy as np

from reference import Parameter, Tensor, ops
from reference.nn import Module


# ---- initial weights: float32 ndarrays (fan_in, fan_out) ------------------------------------------
def kaiming_uniform(fan_in, fan_out, rng=None):
    """U(-b, b) with b = gain sqrt(3 / fan), gain = sqrt(2) and fan = fan_in.

    Returns:
        float32 ndarray (fan_in, fan_out).
    """
    raise NotImplementedError("kaiming_uniform is yours to write")


def kaiming_normal(fan_in, fan_out, rng=None):
    """Normal with mean 0 and standard deviation gain / sqrt(fan), gain = sqrt(2), fan = fan_in.

    Returns:
        float32 ndarray (fan_in, fan_out).
    """
    raise NotImplementedError("kaiming_normal is yours to write")


def xavier_uniform(fan_in, fan_out, rng=None):
    """U(-b, b) with b = gain sqrt(3 / fan), gain = 1 and fan = (fan_in + fan_out) / 2.

    Returns:
        float32 ndarray (fan_in, fan_out).
    """
    raise NotImplementedError("xavier_uniform is yours to write")


def xavier_normal(fan_in, fan_out, rng=None):
    """Normal with standard deviation gain / sqrt(fan), gain = 1, fan = (fan_in + fan_out) / 2.

    Returns:
        float32 ndarray (fan_in, fan_out).
    """
    raise NotImplementedError("xavier_normal is yours to write")


# ---- layers -----------------------------------------------------------------------------------------
class Linear(Module):
    """x W + b over the last axis.

    Attributes:
        weight: Parameter (in_features, out_features), drawn by `kaiming_uniform` from rng.
        bias: Parameter (out_features,), zeros; None if `bias` is False.
    """

    def __init__(self, in_features, out_features, bias=True, rng=None):
        raise NotImplementedError("Linear is yours to write")

    def forward(self, x):
        """Tensor (..., in_features), two axes or more -> (..., out_features).

        Raises:
            ValueError: the last axis has another size.
        """
        raise NotImplementedError("Linear.forward is yours to write")


class Flatten(Module):
    """All axes but the first become one."""

    def forward(self, x):
        """Tensor (N, ...) -> (N, rest)."""
        raise NotImplementedError("Flatten is yours to write")


class ReLU(Module):
    """max(x, 0), entry by entry."""

    def forward(self, x):
        """A Tensor of any shape, the same shape."""
        raise NotImplementedError("ReLU is yours to write")


class Sequential(Module):
    """One module after another; without any it is the identity.

    Attributes:
        layers: a list of the modules. What is appended to it later takes part.
    """

    def __init__(self, *modules):
        raise NotImplementedError("Sequential is yours to write")

    def forward(self, x):
        """Whatever the first module takes -> what the last one gives."""
        raise NotImplementedError("Sequential is yours to write")


class Residual(Module):
    """x + module(x).

    Attributes:
        module: what is added to its own input.
    """

    def __init__(self, module):
        raise NotImplementedError("Residual is yours to write")

    def forward(self, x):
        """A Tensor, the same shape.

        Raises:
            ValueError: module(x) has another shape than x, broadcasting or not.
        """
        raise NotImplementedError("Residual is yours to write")


class Dropout(Module):
    """In training each entry is zeroed with probability p; the others are divided by 1 - p.

    Every call draws a new mask, one element for each entry. When evaluating it is the identity, and
    the generator is left where it is.

    Args:
        p: the probability of zero; 1 gives zeros.

    Raises:
        ValueError: p outside [0, 1].
    """

    def __init__(self, p, rng=None):
        raise NotImplementedError("Dropout is yours to write")

    def forward(self, x):
        """A Tensor of any shape, the same shape."""
        raise NotImplementedError("Dropout is yours to write")


class BatchNorm1d(Module):
    """(x - mean) / sqrt(var + eps) * weight + bias, for each column of (N, dim).

    In training mean and var are those of the batch, var the biased one (divided by N), and

        running <- (1 - momentum) running + momentum batch

    for both, with the same biased variance, also under `no_grad`, and outside the graph. When
    evaluating, the running ones take the place of the batch's, and stay as they are.

    Attributes:
        weight: Parameter (dim,), ones.
        bias: Parameter (dim,), zeros.
        running_mean: float32 ndarray (dim,), zeros.
        running_var: float32 ndarray (dim,), ones. Both are in `state_dict()`.
    """

    def __init__(self, dim, eps=1e-5, momentum=0.1):
        raise NotImplementedError("BatchNorm1d is yours to write")

    def forward(self, x):
        """Tensor (N, dim), the same shape.

        Raises:
            ValueError: the second axis has another size.
        """
        raise NotImplementedError("BatchNorm1d is yours to write")


class LayerNorm(Module):
    """(x - mean) / sqrt(var + eps) * weight + bias over the last axis, var the biased variance.

    Attributes:
        weight: Parameter (dim,), ones.
        bias: Parameter (dim,), zeros.
    """

    def __init__(self, dim, eps=1e-5):
        raise NotImplementedError("LayerNorm is yours to write")

    def forward(self, x):
        """Tensor (..., dim), the same shape.

        Raises:
            ValueError: the last axis has another size.
        """
        raise NotImplementedError("LayerNorm is yours to write")


class CrossEntropyLoss(Module):
    """The mean over the batch of -log softmax(logits)[label]."""

    def forward(self, logits, labels):
        """The loss.

        Args:
            logits: Tensor (B, K); entries may be as large as 1e5, and the loss stays finite.
            labels: integer ndarray (B,).

        Returns:
            Tensor ().

        Raises:
            ValueError: a label outside 0..K-1.
        """
        raise NotImplementedError("CrossEntropyLoss is yours to write")


# ---- optimisers ---------------------------------------------------------------------------------------
class SGD:
    """Gradient descent: g = grad + weight_decay w; u = momentum u + g (u is 0 at first); then
    w = w - lr (g + momentum u) if nesterov, else w - lr u.

    Weights change in place and keep their dtype, gradients stay as they are, and a parameter whose
    grad is None is passed over entirely. Between steps only arrays are kept, no Tensors.

    Args:
        params: Parameters, any iterable, read once.

    Attributes:
        lr: may be changed between steps.
    """

    def __init__(self, params, lr, momentum=0.0, nesterov=False, weight_decay=0.0):
        raise NotImplementedError("SGD is yours to write")

    def step(self):
        """Change every parameter that has a gradient."""
        raise NotImplementedError("SGD.step is yours to write")

    def zero_grad(self):
        """Set the grad of every parameter to None."""
        raise NotImplementedError("SGD.zero_grad is yours to write")


class Adam:
    """g = grad + weight_decay w; m = b1 m + (1 - b1) g; v = b2 v + (1 - b2) g^2 (both 0 at first);
    w = w - lr m_hat / (sqrt(v_hat) + eps), m_hat = m / (1 - b1^t), v_hat = v / (1 - b2^t).

    t counts the steps of each parameter by itself, from 1. The rest is as in SGD.
    """

    def __init__(self, params, lr=1e-3, betas=(0.9, 0.999), eps=1e-8, weight_decay=0.0):
        raise NotImplementedError("Adam is yours to write")

    def step(self):
        """Change every parameter that has a gradient."""
        raise NotImplementedError("Adam.step is yours to write")

    def zero_grad(self):
        """Set the grad of every parameter to None."""
        raise NotImplementedError("Adam.zero_grad is yours to write")


def clip_grad_norm(params, max_norm):
    """Shorten all gradients together, so that their joint L2 norm is at most max_norm.

    If the norm is larger, every gradient is multiplied by max_norm / norm, without an epsilon;
    else every bit stays. `p.grad.data` need not be writable: assign a new `p.grad`.

    Args:
        params: Parameters, any iterable; one whose grad is None is passed over.

    Returns:
        The norm before clipping, summed in float64, a Python float; 0.0 without any gradient.
    """
    raise NotImplementedError("clip_grad_norm is yours to write")


def cosine_schedule(step, total, base_lr, warmup=0):
    """The step size at `step`, which counts from 0; `total` includes the warm-up.

    Returns:
        base_lr (step + 1) / warmup while step < warmup; then
        base_lr / 2 (1 + cos(pi (step - warmup) / (total - warmup))); 0.0 from total on.
    """
    raise NotImplementedError("cosine_schedule is yours to write")


# ---- data and model -----------------------------------------------------------------------------------
class DataLoader:
    """Cuts arrays of equal length into minibatches.

    Iterating yields tuples of ndarrays, one for each of `arrays`: copies of the same rows, in the
    same dtypes. The last batch is smaller if need be, never left out. With `shuffle`, each `iter()`
    draws one new permutation of the rows. `len()` is the number of batches.

    Args:
        arrays: a tuple or list of ndarrays (N, ...).

    Raises:
        ValueError: arrays of different lengths.
    """

    def __init__(self, arrays, batch_size, shuffle=False, rng=None):
        raise NotImplementedError("DataLoader is yours to write")

    def __len__(self):
        raise NotImplementedError("DataLoader.__len__ is yours to write")

    def __iter__(self):
        raise NotImplementedError("DataLoader.__iter__ is yours to write")


def mlp_resnet(dim, hidden, num_blocks, num_classes, rng=None, p_drop=0.1):
    """A network of residual blocks for rows.

    Linear(dim, hidden), ReLU; num_blocks times [Residual(Linear(hidden, hidden // 2), BatchNorm1d,
    ReLU, Dropout(p_drop), Linear(hidden // 2, hidden), BatchNorm1d), then ReLU]; at the end
    Linear(hidden, num_classes).

    Returns:
        A Module (N, dim) -> (N, num_classes). (64, 32, 2, 10) has 4,746 parameters.
    """
    raise NotImplementedError("mlp_resnet is yours to write")
