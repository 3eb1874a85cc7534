"""Convolution as one matrix product, pooling over windows, and the layers made of them."""

import numpy as np

from reference import Parameter, Tensor, init, nn, ops
from reference.nn import Module


# ---- windows --------------------------------------------------------------------------------------
def out_size(size, k, stride, padding, dilation):
    """How many windows fit side by side; raises if none does."""
    room = size + 2 * padding - dilation * (k - 1) - 1
    if k < 1 or room < 0:
        raise ValueError(f"a kernel of {k} (dilation {dilation}) does not fit into {size}")
    return room // stride + 1


def windows_of(x, kh, kw, stride, padding, dilation):
    """A view (N, C, Ho, Wo, kh, kw) of the padded x."""
    if x.ndim != 4:
        raise ValueError(f"x is {x.shape}, not (N, C, H, W)")
    rows = out_size(x.shape[2], kh, stride, padding, dilation)
    columns = out_size(x.shape[3], kw, stride, padding, dilation)
    x = pad(x, padding)
    n, c, h, w = x.strides
    return np.lib.stride_tricks.as_strided(
        x,
        (*x.shape[:2], rows, columns, kh, kw),
        (n, c, h * stride, w * stride, h * dilation, w * dilation),
        writeable=False,
    )


def pad(x, padding):
    """Zeros around the last two axes."""
    if not padding:
        return x
    return np.pad(x, ((0, 0), (0, 0), (padding, padding), (padding, padding)))


def im2col(x, kh, kw, stride=1, padding=0, dilation=1):
    """One row (n, i, j) for each window, with its entries (c, u, v)."""
    windows = windows_of(x, kh, kw, stride, padding, dilation)
    n, c, rows, columns = windows.shape[:4]
    return windows.transpose(0, 2, 3, 1, 4, 5).reshape(n * rows * columns, c * kh * kw)


def col2im(cols, x_shape, kh, kw, stride=1, padding=0, dilation=1):
    """Every entry is added to the pixel that it was copied from."""
    n, c, h, w = x_shape
    rows = out_size(h, kh, stride, padding, dilation)
    columns = out_size(w, kw, stride, padding, dilation)
    entries = cols.reshape(n, rows, columns, c, kh, kw).transpose(4, 5, 0, 3, 1, 2)
    x = np.zeros((n, c, h + 2 * padding, w + 2 * padding), cols.dtype)
    for u in range(kh):
        for v in range(kw):
            top, left = u * dilation, v * dilation
            x[
                :,
                :,
                top : top + (rows - 1) * stride + 1 : stride,
                left : left + (columns - 1) * stride + 1 : stride,
            ] += entries[u, v]
    return x[:, :, padding : padding + h, padding : padding + w]


# ---- convolution ----------------------------------------------------------------------------------
def conv2d(x, w, b=None, stride=1, padding=0, dilation=1, groups=1):
    """Cross-correlation of x (N, C, H, W) with every filter of w (O, C / groups, kh, kw)."""
    check_filters(x, w, groups)
    n, (o, _, kh, kw) = len(x), w.shape
    rows = out_size(x.shape[2], kh, stride, padding, dilation)
    columns = out_size(x.shape[3], kw, stride, padding, dilation)
    cols = im2col(x, kh, kw, stride, padding, dilation)
    y = by_group(cols, groups) @ filters_of(w, groups)  # (groups, N Ho Wo, O / groups)
    y = y.transpose(1, 0, 2).reshape(n, rows, columns, o)
    if b is not None:
        y = y + b
    return np.ascontiguousarray(y.transpose(0, 3, 1, 2))


def conv2d_backward(g, x, w, stride=1, padding=0, dilation=1, groups=1):
    """Gradients of <conv2d(x, w, b), g> for x, w and b."""
    check_filters(x, w, groups)
    o, _, kh, kw = w.shape
    cols = im2col(x, kh, kw, stride, padding, dilation)
    flat = g.transpose(0, 2, 3, 1).reshape(-1, o)
    by = by_group(flat, groups)
    dw = (by.transpose(0, 2, 1) @ by_group(cols, groups)).reshape(w.shape)
    dcols = by @ filters_of(w, groups).transpose(0, 2, 1)
    dcols = dcols.transpose(1, 0, 2).reshape(cols.shape)
    dx = col2im(dcols, x.shape, kh, kw, stride, padding, dilation)
    return dx, dw, flat.sum(axis=0)


def by_group(rows, groups):
    """(R, groups * m) -> (groups, R, m), a view."""
    return rows.reshape(len(rows), groups, -1).transpose(1, 0, 2)


def filters_of(w, groups):
    """(O, C / groups, kh, kw) -> (groups, C / groups * kh * kw, O / groups), a view."""
    return w.reshape(groups, len(w) // groups, -1).transpose(0, 2, 1)


def check_filters(x, w, groups):
    if x.ndim != 4 or w.ndim != 4:
        raise ValueError(f"x is {x.shape} and w is {w.shape}, both must have four axes")
    if x.shape[1] != w.shape[1] * groups or len(w) % groups:
        raise ValueError(f"{groups} groups of w {w.shape} do not fit the channels of x {x.shape}")


# ---- pooling --------------------------------------------------------------------------------------
def max_pool2d(x, k, stride=None):
    """The largest entry of each window."""
    windows = windows_of(x, k, k, stride or k, 0, 1)
    return windows.max(axis=(4, 5))


def max_pool2d_backward(g, x, k, stride=None):
    """All of g goes to the first maximum of its window, row by row."""
    windows = windows_of(x, k, k, stride or k, 0, 1)
    first = windows.reshape(*g.shape, k * k).argmax(axis=-1)
    return spread(g, x, k, stride or k, lambda place: first == place)


def avg_pool2d(x, k, stride=None):
    """The mean of each window."""
    return windows_of(x, k, k, stride or k, 0, 1).mean(axis=(4, 5))


def avg_pool2d_backward(g, x, k, stride=None):
    """Every entry of a window gets an equal part of its g."""
    return spread(g / (k * k), x, k, stride or k, lambda place: True)


def spread(g, x, k, stride, chosen):
    """Add g to the entries of each window for which `chosen(place)` holds."""
    dx = np.zeros_like(x)
    rows, columns = (1 + (n - 1) * stride for n in g.shape[2:])
    for place in range(k * k):
        u, v = divmod(place, k)
        dx[:, :, u : u + rows : stride, v : v + columns : stride] += g * chosen(place)
    return dx


# ---- layers ---------------------------------------------------------------------------------------
class Conv2d(Module):
    """conv2d with a weight and a bias that learn."""

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
        channels = in_channels // groups
        fan_in = channels * kernel_size * kernel_size
        weight = init.kaiming_uniform(fan_in, out_channels, rng).T
        shape = (out_channels, channels, kernel_size, kernel_size)
        self.weight = Parameter(weight.reshape(shape))
        self.bias = Parameter(np.zeros(out_channels, np.float32)) if bias else None
        self.form = (stride, padding, dilation, groups)

    def forward(self, x):
        def forward(x, w, b=None):
            return conv2d(x, w, b, *self.form)

        def vjp(g, out, x, w, b=None):
            grads = conv2d_backward(g, x, w, *self.form)
            return grads[:2] if b is None else grads

        inputs = (x, self.weight) if self.bias is None else (x, self.weight, self.bias)
        return ops.custom(forward, vjp)(*inputs)


class BatchNorm2d(Module):
    """Each channel to mean 0 and variance 1 over N, H and W, then scaled and shifted."""

    def __init__(self, dim, eps=1e-5, momentum=0.1):
        self.weight = Parameter(np.ones(dim, np.float32))
        self.bias = Parameter(np.zeros(dim, np.float32))
        self.running_mean = np.zeros(dim, np.float32)
        self.running_var = np.ones(dim, np.float32)
        self.eps, self.momentum = eps, momentum

    def forward(self, x):
        if x.ndim != 4 or x.shape[1] != len(self.running_mean):
            raise ValueError(f"BatchNorm2d: x is {x.shape}")
        if self.training:
            mean = x.mean((0, 2, 3), keepdims=True)
            centred = x - mean
            var = (centred * centred).mean((0, 2, 3), keepdims=True)
            self.running_mean = self.follow(self.running_mean, mean)
            self.running_var = self.follow(self.running_var, var)
        else:
            centred = x - self.running_mean.astype(x.dtype).reshape(1, -1, 1, 1)
            var = Tensor(self.running_var.astype(x.dtype).reshape(1, -1, 1, 1))
        normal = centred / ops.sqrt(var + self.eps)
        return normal * self.weight.reshape(1, -1, 1, 1) + self.bias.reshape(1, -1, 1, 1)

    def follow(self, running, batch):
        """The running statistic, moved towards that of the batch; arrays, so no graph is kept."""
        moved = (1 - self.momentum) * running + self.momentum * batch.data.ravel()
        return moved.astype(np.float32)


class DepthwiseSeparableConv2d(Module):
    """A k x k filter for each channel, then a 1 x 1 convolution that mixes the channels."""

    def __init__(self, in_channels, out_channels, kernel_size, stride=1, padding=0, rng=None):
        rng = generator(rng)
        self.depthwise = Conv2d(
            in_channels, in_channels, kernel_size, stride, padding, groups=in_channels, rng=rng
        )
        self.pointwise = Conv2d(in_channels, out_channels, 1, rng=rng)

    def forward(self, x):
        return self.pointwise(self.depthwise(x))


class ResidualBlock(Module):
    """relu(bn2(conv2(relu(bn1(conv1(x))))) + shortcut(x))."""

    def __init__(self, in_channels, out_channels, stride=1, rng=None):
        rng = generator(rng)
        self.conv1 = Conv2d(in_channels, out_channels, 3, stride, 1, bias=False, rng=rng)
        self.bn1 = BatchNorm2d(out_channels)
        self.conv2 = Conv2d(out_channels, out_channels, 3, 1, 1, bias=False, rng=rng)
        self.bn2 = BatchNorm2d(out_channels)
        self.shortcut = None
        if stride != 1 or in_channels != out_channels:
            self.shortcut = nn.Sequential(
                Conv2d(in_channels, out_channels, 1, stride, bias=False, rng=rng),
                BatchNorm2d(out_channels),
            )

    def forward(self, x):
        y = ops.relu(self.bn1(self.conv1(x)))
        y = self.bn2(self.conv2(y))
        return ops.relu(y + (x if self.shortcut is None else self.shortcut(x)))


class LeNet(Module):
    """Two convolutions with pooling, three affine maps, for images of 28 x 28."""

    def __init__(self, num_classes=10, in_channels=1, rng=None):
        rng = generator(rng)
        self.conv1 = Conv2d(in_channels, 6, 5, padding=2, rng=rng)
        self.conv2 = Conv2d(6, 16, 5, rng=rng)
        self.fc1 = nn.Linear(400, 120, rng=rng)
        self.fc2 = nn.Linear(120, 84, rng=rng)
        self.fc3 = nn.Linear(84, num_classes, rng=rng)

    def forward(self, x):
        x = halved(ops.relu(self.conv1(x)))
        x = halved(ops.relu(self.conv2(x)))
        x = x.reshape(x.shape[0], 400)
        x = ops.relu(self.fc1(x))
        return self.fc3(ops.relu(self.fc2(x)))


def halved(x):
    """The largest of each 2 x 2 window."""
    return ops.custom(
        lambda x: max_pool2d(x, 2), lambda g, out, x: (max_pool2d_backward(g, x, 2),)
    )(x)


def generator(rng):
    """`rng`, or a fresh generator where there is none."""
    return np.random.default_rng() if rng is None else rng
