"""Convolutional networks: windows as rows, convolution as a product, and the networks made of it.

Write the eight functions of arrays and the five classes. Images are (N, C, H, W). Arrays of one call
share a dtype, float32 or float64, and so do your results; change none of your arguments. stride,
padding, dilation and k are ints, the same for both axes; padding puts zeros on all four sides.

The classes subclass `reference.nn.Module`: write `forward`, and a call `layer(x)` takes a Tensor and
gives one. They use your own functions through `ops.custom(forward, vjp)(*tensors)`, where
forward(*arrays) gives an array and vjp(g, out, *arrays) a tuple with one gradient for each of them.
Weights start as float32 Parameters; read `self.weight` at every call, for checks replace its data.
From `reference` you may use what is there, such as Parameter, Tensor, ops, init, nn.Linear and
nn.Sequential. Where no rng is given, draw from a fresh np.random.default_rng().
"""

import numpy as np

from reference import ops
from reference.nn import Module


def im2col(x, kh, kw, stride=1, padding=0, dilation=1):
    """The windows of x as the rows of a matrix.

    With Ho = floor((H + 2 padding - dilation (kh - 1) - 1) / stride) + 1 and Wo alike, row (n, i, j)
    and column (c, u, v) hold x_padded[n, c, i stride + u dilation, j stride + v dilation].

    Args:
        x: float array (N, C, H, W).
        kh, kw: rows and columns of a window.

    Returns:
        Array (N * Ho * Wo, C * kh * kw): images before rows before columns; channels before the
        rows before the columns of a window.
    """
    raise NotImplementedError("im2col is yours to write")


def col2im(cols, x_shape, kh, kw, stride=1, padding=0, dilation=1):
    """The exact adjoint of im2col: every entry is added to the pixel that it would be copied from.

    Args:
        cols: float array (N * Ho * Wo, C * kh * kw), as im2col gives it.
        x_shape: (N, C, H, W), without padding.

    Returns:
        Array of shape x_shape; what belongs to the padding is dropped.
    """
    raise NotImplementedError("col2im is yours to write")


def conv2d(x, w, b=None, stride=1, padding=0, dilation=1, groups=1):
    """Cross-correlation (the kernel is not flipped) of every image with every filter.

    Entry (n, o, i, j) is b[o] plus the sum over c, u, v of w[o, c, u, v] times
    x_padded[n, c, i stride + u dilation, j stride + v dilation]. With groups, channels and filters
    are cut into so many equal parts, in order, and each part of the filters sees its channels only.

    Args:
        x: float array (N, C, H, W).
        w: float array (O, C / groups, kh, kw).
        b: float array (O,), or None for none.

    Returns:
        Array (N, O, Ho, Wo).

    Raises:
        ValueError: x or w has not four axes, channels or groups do not fit each other, or the
            kernel does not fit into the padded image.
    """
    raise NotImplementedError("conv2d is yours to write")


def conv2d_backward(g, x, w, stride=1, padding=0, dilation=1, groups=1):
    """The gradients of sum(conv2d(x, w, b, ...) * g).

    Args:
        g: float array (N, O, Ho, Wo).
        x, w: as for conv2d.

    Returns:
        (dx, dw, db) of the shapes of x, w and (O,); db always.
    """
    raise NotImplementedError("conv2d_backward is yours to write")


def max_pool2d(x, k, stride=None):
    """The largest entry of each k x k window.

    Args:
        x: float array (N, C, H, W), H and W at least k.
        stride: from window to window; None means k. There is no padding, and windows that are not
            whole are dropped.

    Returns:
        Array (N, C, floor((H - k) / stride) + 1, floor((W - k) / stride) + 1).
    """
    raise NotImplementedError("max_pool2d is yours to write")


def max_pool2d_backward(g, x, k, stride=None):
    """The gradient of sum(max_pool2d(x, k, stride) * g) for x.

    All of a window's g goes to its largest entry; of equal ones, to the first in row-major order.
    Windows may overlap (stride < k): then parts add up.

    Args:
        g: float array of the shape of max_pool2d(x, k, stride).

    Returns:
        Array of x's shape.
    """
    raise NotImplementedError("max_pool2d_backward is yours to write")


def avg_pool2d(x, k, stride=None):
    """The mean of each k x k window; arguments and shapes as for max_pool2d."""
    raise NotImplementedError("avg_pool2d is yours to write")


def avg_pool2d_backward(g, x, k, stride=None):
    """The gradient of sum(avg_pool2d(x, k, stride) * g) for x, an array of x's shape."""
    raise NotImplementedError("avg_pool2d_backward is yours to write")


class Conv2d(Module):
    """A layer: conv2d with square kernels that are learned.

    Attributes:
        weight: Parameter (out_channels, in_channels / groups, kernel_size, kernel_size), drawn from
            rng as kaiming uniform: U(-b, b) with b = sqrt(6 / fan_in), where
            fan_in = in_channels / groups * kernel_size * kernel_size.
        bias: Parameter (out_channels,) of zeros, or None if `bias` is False.
    """

    def __init__(
        self,
        in_channels,
        out_channels,
        kernel_size,
        stride=1,
        padding=0,
        dilation=1,
        groups=1,
        bias=True,
        rng=None,
    ):
        raise NotImplementedError("Conv2d is yours to write")

    def forward(self, x):
        """(N, in_channels, H, W) -> (N, out_channels, Ho, Wo)."""
        raise NotImplementedError("Conv2d is yours to write")


class BatchNorm2d(Module):
    """A layer: (x - mean) / sqrt(var + eps) * weight + bias, for each channel by itself.

    In training, mean and biased variance are those of the batch over N, H and W, gradients flow
    through both, and the running ones follow outside the graph, also under no_grad:
    running = (1 - momentum) running + momentum batch, with the same biased variance. When evaluating
    (`self.training` is False) the running ones are used, and stay as they are.

    Attributes:
        weight, bias: Parameters (dim,), ones and zeros.
        running_mean, running_var: float32 ndarrays (dim,), zeros and ones; no Parameters. A Module
            puts every ndarray attribute into `state_dict()` by itself.
    """

    def __init__(self, dim, eps=1e-5, momentum=0.1):
        raise NotImplementedError("BatchNorm2d is yours to write")

    def forward(self, x):
        """(N, dim, H, W) -> (N, dim, H, W)."""
        raise NotImplementedError("BatchNorm2d is yours to write")


class DepthwiseSeparableConv2d(Module):
    """A layer: one k x k filter for each channel, then a 1 x 1 convolution; nothing between.

    Attributes:
        depthwise: Conv2d(in_channels, in_channels, kernel_size) with the stride and the padding.
        pointwise: Conv2d(in_channels, out_channels, 1). Both have a bias.
    """

    def __init__(self, in_channels, out_channels, kernel_size, stride=1, padding=0, rng=None):
        raise NotImplementedError("DepthwiseSeparableConv2d is yours to write")

    def forward(self, x):
        """(N, in_channels, H, W) -> (N, out_channels, Ho, Wo)."""
        raise NotImplementedError("DepthwiseSeparableConv2d is yours to write")


class ResidualBlock(Module):
    """relu(bn2(conv2(relu(bn1(conv1(x))))) + shortcut(x)).

    Attributes:
        conv1: 3 x 3 with the stride, padding 1, no bias. bn1: BatchNorm2d.
        conv2: 3 x 3, stride 1, padding 1, no bias. bn2: BatchNorm2d.
        shortcut: None (then x itself is added) unless stride is not 1 or the channels change: then
            a 1 x 1 convolution with the stride, no bias, followed by a BatchNorm2d.
    """

    def __init__(self, in_channels, out_channels, stride=1, rng=None):
        raise NotImplementedError("ResidualBlock is yours to write")

    def forward(self, x):
        """(N, in_channels, H, W) -> (N, out_channels, ceil(H / stride), ceil(W / stride))."""
        raise NotImplementedError("ResidualBlock is yours to write")


class LeNet(Module):
    """A network for images of 28 x 28.

    Convolution with 6 filters 5 x 5 and padding 2, relu, max pooling 2; convolution with 16 filters
    5 x 5, relu, max pooling 2; flat, then nn.Linear to 120, relu, to 84, relu, to num_classes.
    Ten Parameters, all with biases: 61,706 numbers for 1 channel and 10 classes. Convolution and
    pooling are your own.
    """

    def __init__(self, num_classes=10, in_channels=1, rng=None):
        raise NotImplementedError("LeNet is yours to write")

    def forward(self, x):
        """(N, in_channels, 28, 28) -> (N, num_classes)."""
        raise NotImplementedError("LeNet is yours to write")
