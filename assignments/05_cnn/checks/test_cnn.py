"""Public checks: small inputs that a person can follow, in the order a learner builds."""

import numpy as np

from grader.check import check_close, check_equal, fail, kind_of

# The image and the kernel of the lesson.
X = np.arange(1.0, 10.0).reshape(1, 1, 3, 3)
W = np.array([[[[1.0, 2.0], [3.0, 4.0]]]])
COLS = np.array(
    [[1.0, 2.0, 4.0, 5.0], [2.0, 3.0, 5.0, 6.0], [4.0, 5.0, 7.0, 8.0], [5.0, 6.0, 8.0, 9.0]]
)
Y = np.array([[[[37.0, 47.0], [67.0, 77.0]]]])

PARTS = """
import numpy as np
from reference import Tensor, nn, optim
"""
LAYER = (
    PARTS
    + """
def probe(module, name, args, values, x, g):
    layer = getattr(module, name)(*args)
    for key, value in values.items():
        getattr(layer, key).data = value
    t = Tensor(x, requires_grad=True)
    y = layer(t)
    if not isinstance(y, Tensor):
        raise TypeError(f"{name}.forward returned {type(y).__name__}, it should return a Tensor")
    found = {"y": y.data, "sizes": [p.data.size for p in layer.parameters()]}
    if y.shape == g.shape:
        y.backward(Tensor(g))
        grads = {"x": t.grad} | {key: getattr(layer, key).grad for key in values}
        found["grads"] = {key: None if v is None else v.data for key, v in grads.items()}
    return found
"""
)
FRESH = (
    PARTS
    + """
def probe(module, name, args):
    layer = getattr(module, name)(*args)
    return sum(p.data.size for p in layer.parameters())
"""
)
# A block whose bn2 gives 0 everywhere, so that only what is added remains.
SILENT = (
    PARTS
    + """
def probe(module, x):
    block = module.ResidualBlock(x.shape[1], x.shape[1])
    block.bn2.weight.data = np.zeros(x.shape[1], x.dtype)
    return {"y": block(Tensor(x)).data, "direct": block.shortcut is None}
"""
)
FALLS = (
    PARTS
    + """
def probe(module, x, y):
    model = module.LeNet(rng=np.random.default_rng(1))
    optimiser, loss, seen = optim.Adam(model.parameters(), 0.003), nn.CrossEntropyLoss(), []
    for _ in range(8):
        optimiser.zero_grad()
        value = loss(model(Tensor(x)), y)
        value.backward()
        optimiser.step()
        seen.append(float(value.data))
    return seen
"""
)


def test_im2col_small(student):
    """im2col lays the windows of a 3 x 3 image in rows"""
    check_close(
        student.im2col(X, 2, 2),
        COLS,
        what="im2col of [[1, 2, 3], [4, 5, 6], [7, 8, 9]] with 2 x 2 windows",
        help="One row for each window, from left to right and then down; each window is laid flat.",
        diagnoses={"this is the transposed matrix: a window is a row": COLS.T},
    )
    both = np.concatenate([X, 10 * X], axis=1)
    check_close(
        student.im2col(both, 2, 2),
        np.concatenate([COLS, 10 * COLS], axis=1),
        what="im2col of an image with two channels",
        help="A row holds all of channel 0, then all of channel 1.",
        diagnoses={
            "the channels alternate: the channel comes before rows and columns of the window": (
                np.stack([COLS, 10 * COLS], axis=2).reshape(4, 8)
            )
        },
    )
    check_close(
        student.im2col(np.concatenate([X, 10 * X]), 2, 2),
        np.concatenate([COLS, 10 * COLS]),
        what="im2col of two images",
        help="All windows of the first image, then all of the second.",
    )


def test_im2col_options(student):
    """im2col pads, strides and dilates"""
    for name, want, help in (
        (
            "padding",
            [[0.0, 0, 0, 1], [0, 0, 3, 0], [0, 7, 0, 0], [9, 0, 0, 0]],
            "with padding 1 and stride 3 each window meets one corner",
        ),
        ("dilation", [[1.0, 3, 7, 9]], "a 2 x 2 kernel with dilation 2 spans three pixels"),
        ("stride", [[1.0, 2, 4, 5]], "a window that is not whole is dropped"),
    ):
        options = {
            "padding": {"stride": 3, "padding": 1},
            "dilation": {"dilation": 2},
            "stride": {"stride": 2},
        }[name]
        said = ", ".join(f"{key}={value}" for key, value in options.items())
        check_close(
            student.im2col(X, 2, 2, **options),
            np.array(want),
            what=f"im2col of the same image with {said}",
            help=f"Entry (u, v) of window (i, j) is at i stride + u dilation, j stride + v dilation "
            f"of the padded image ({help}).",
        )


def test_col2im_small(student):
    """col2im adds every entry to its pixel"""
    ones = np.array([[[[1.0, 2, 1], [2, 4, 2], [1, 2, 1]]]])
    check_close(
        student.col2im(np.ones((4, 4)), (1, 1, 3, 3), 2, 2),
        ones,
        what="col2im of ones",
        help="How many of the four windows cover each pixel?",
        diagnoses={"entries replace each other: add them up": np.ones((1, 1, 3, 3))},
    )
    check_close(
        student.col2im(COLS, (1, 1, 3, 3), 2, 2),
        ones * X,
        what="col2im of what im2col gave",
        help="Each pixel comes back as often as it was copied.",
    )
    check_close(
        student.col2im(np.arange(1.0, 17.0).reshape(4, 4), (1, 1, 2, 2), 2, 2, stride=2, padding=1),
        np.array([[[[4.0, 7.0], [10.0, 13.0]]]]),
        what="col2im with stride=2 and padding=1",
        help="Add into a padded image, then cut the padding off.",
    )


def test_conv2d_small(student):
    """conv2d slides a kernel over an image, without flipping it"""
    check_close(
        student.conv2d(X, W),
        Y,
        what="conv2d of the 3 x 3 image with [[1, 2], [3, 4]]",
        help="The first entry is 1*1 + 2*2 + 4*3 + 5*4 = 37: each window times the kernel, summed.",
        diagnoses={
            "the kernel is flipped: this course does not": np.array(
                [[[[23.0, 33.0], [53.0, 63.0]]]]
            )
        },
    )
    check_close(
        student.conv2d(X, W, stride=2, padding=1),
        np.array([[[[4.0, 18.0], [36.0, 77.0]]]]),
        what="the same with stride=2 and padding=1",
        help="Hand stride, padding and dilation on to im2col.",
    )


def test_conv2d_channels(student):
    """conv2d sums over channels, adds a bias, and keeps groups apart"""
    x = np.concatenate([X, 10 * X], axis=1)
    w = np.concatenate([W, -W], axis=1)
    w = np.concatenate([w, 2 * w, w])
    b = np.array([0.5, -1.0, 2.0])
    want = np.concatenate([-9 * Y, -18 * Y, -9 * Y], axis=1) + b[:, None, None]
    check_close(
        student.conv2d(x, w, b),
        want,
        what="conv2d with two channels and three filters",
        help="A filter sums over both channels; then b[o] is added to every pixel of channel o.",
        diagnoses={"the bias is missing": want - b[:, None, None]},
    )
    check_close(
        student.conv2d(x, np.concatenate([W, 2 * W]), groups=2),
        np.concatenate([Y, 20 * Y], axis=1),
        what="conv2d with groups=2: a filter for each channel",
        help="Filter 0 sees channel 0 only, filter 1 sees channel 1 only. As many small products "
        "as groups: a stack of matrices for `@`.",
    )


def test_conv2d_backward_small(student):
    """conv2d_backward agrees with differences of a sum"""
    g = np.array([[[[1.0, 0.0], [0.0, -2.0]]]])
    found = student.conv2d_backward(g, X, W)
    if type(found) not in (tuple, list) or len(found) != 3:
        fail(f"conv2d_backward returns {kind_of(found)}, it should return (dx, dw, db).")
    dx, dw, db = found
    check_close(
        db,
        np.array([-1.0]),
        what="db",
        help="The bias is added at every pixel: sum g over images, rows and columns.",
    )
    check_close(
        dw,
        np.array([[[[-9.0, -10.0], [-12.0, -13.0]]]]),
        what="dw",
        help="y = cols @ w: for the weights it is cols.T @ g, the rule of every product.",
    )
    check_close(
        dx,
        np.array([[[[1.0, 2, 0], [3, 2, -4], [0, -6, -8]]]]),
        what="dx",
        help="For the columns it is g @ w.T, and col2im brings columns home.",
    )


def test_max_pool_small(student):
    """max_pool2d keeps the largest, and its gradient goes there"""
    x = -np.array([[[[4.0, 1, 3, 3, 9], [2, 8, 5, 3, 9], [7, 7, 7, 7, 9]]]])
    check_close(
        student.max_pool2d(x, 2),
        np.array([[[[-1.0, -3.0]]]]),
        what="max_pool2d with k = 2 of [[-4, -1, -3, -3, -9], [-2, -8, -5, -3, -9], [-7, ...]]",
        help="Windows side by side, the largest of each. The last row and column fill no window.",
    )
    check_close(
        student.max_pool2d_backward(np.array([[[[5.0, 6.0]]]]), x, 2),
        np.array([[[[0.0, 5, 6, 0, 0], [0, 0, 0, 0, 0], [0, 0, 0, 0, 0]]]]),
        what="max_pool2d_backward",
        help="Each g goes to the largest entry; of the three equal ones to the first, row by row.",
        diagnoses={
            "equal entries share g: the first gets all of it": np.array(
                [[[[0.0, 5, 2, 2, 0], [0, 0, 0, 2, 0], [0, 0, 0, 0, 0]]]]
            ),
            "every equal entry gets all of g: only the first does": np.array(
                [[[[0.0, 5, 6, 6, 0], [0, 0, 0, 6, 0], [0, 0, 0, 0, 0]]]]
            ),
        },
    )


def test_avg_pool_small(student):
    """avg_pool2d takes means, and its gradient is spread evenly"""
    check_close(
        student.avg_pool2d(X, 2, 1),
        np.array([[[[3.0, 4.0], [6.0, 7.0]]]]),
        what="avg_pool2d with k = 2, stride 1 of the 3 x 3 image",
        help="The first window holds 1, 2, 4, 5.",
    )
    check_close(
        student.avg_pool2d_backward(4 * np.ones((1, 1, 2, 2)), X, 2, 1),
        np.array([[[[1.0, 2, 1], [2, 4, 2], [1, 2, 1]]]]),
        what="avg_pool2d_backward of fours",
        help="Each entry of a window gets g / (k k), and windows overlap here.",
    )


def learned(found, name):
    """The gradients, if the value had the shape that it should have."""
    if "grads" not in found:
        fail(
            f"{name} gives an array of shape {found['y'].shape}.", help="Look at the shapes first."
        )
    return found["grads"]


def test_conv_layer_small(student):
    """Conv2d has a weight and a bias that learn"""
    g = np.array([[[[1.0, 0.0], [0.0, -2.0]]]])
    found = student.probe(
        LAYER,
        name="Conv2d",
        args=(1, 1, 2),
        values={"weight": W, "bias": np.array([0.5])},
        x=X,
        g=g,
    )
    check_close(found["y"], Y + 0.5, what="Conv2d(1, 1, 2) of the 3 x 3 image")
    grads = learned(found, "Conv2d(1, 1, 2)")
    for key, want in (
        ("weight", np.array([[[[-9.0, -10.0], [-12.0, -13.0]]]])),
        ("bias", np.array([-1.0])),
        ("x", np.array([[[[1.0, 2, 0], [3, 2, -4], [0, -6, -8]]]])),
    ):
        check_close(
            grads[key],
            want,
            what=f"the gradient of {key}",
            help="`ops.custom(forward, vjp)(x, self.weight, self.bias)`: forward gets three arrays, "
            "vjp gets (g, out, x, w, b) and returns three gradients.",
        )


def test_batch_norm_small(student):
    """BatchNorm2d normalises each channel"""
    x = np.array([[[[1.0, 3.0]], [[10.0, 10.0]]], [[[5.0, 7.0]], [[30.0, 30.0]]]])
    found = student.probe(
        LAYER,
        name="BatchNorm2d",
        args=(2,),
        values={"weight": np.ones(2), "bias": np.zeros(2)},
        x=x,
        g=np.ones(x.shape),
    )
    s = 5**-0.5
    check_close(
        found["y"],
        np.array([[[[-3 * s, -s]], [[-1.0, -1.0]]], [[[s, 3 * s]], [[1.0, 1.0]]]]),
        what="BatchNorm2d(2) of a batch of two",
        rtol=1e-5,
        help="Channel 0 has mean 4 and variance 5 over both images, channel 1 mean 20, variance 100.",
    )
    check_close(
        learned(found, "BatchNorm2d(2)")["x"],
        np.zeros(x.shape),
        what="the gradient of x for g = 1 everywhere",
        atol=1e-6,
        help="The sum of a normalised channel is 0 whatever x is.",
        diagnoses={
            "mean and variance count as constants here: they depend on x": np.ones(x.shape)
            / np.sqrt(np.array([5.0, 100.0]) + 1e-5)[:, None, None]
        },
    )


def test_separable_small(student):
    """DepthwiseSeparableConv2d has 62 parameters where Conv2d has 224"""
    for name, args, want in (
        ("Conv2d", (3, 8, 3), 224),
        ("DepthwiseSeparableConv2d", (3, 8, 3), 62),
    ):
        check_equal(
            student.probe(FRESH, name=name, args=args),
            want,
            what=f"the number of parameters of {name}{args}",
            help="3 filters of 9 weights with 3 biases, then 8 filters of 3 weights with 8 biases.",
        )


def test_residual_small(student):
    """ResidualBlock adds x before the last relu"""
    x = np.array([[[[1.0, -2.0]], [[-3.0, 4.0]]]]).astype(np.float32)
    found = student.probe(SILENT, x=x)
    check_equal(found["direct"], True, what="whether shortcut of ResidualBlock(2, 2) is None")
    check_close(
        found["y"],
        np.maximum(x, 0),
        what="a block whose bn2 gives 0 everywhere",
        atol=1e-6,
        help="What remains is relu(0 + x).",
        diagnoses={
            "relu comes after the sum": x,
            "x is missing": np.zeros_like(x),
        },
    )
    check_equal(
        student.probe(FRESH, name="ResidualBlock", args=(2, 4, 2)),
        72 + 8 + 144 + 8 + 8 + 8,
        what="the number of parameters of ResidualBlock(2, 4, 2)",
        help="Two convolutions of 72 and 144 weights, a shortcut of 8, three norms of 8; no biases.",
    )


def test_lenet_small(student):
    """LeNet has 61,706 parameters and a loss that falls"""
    check_equal(
        student.probe(FRESH, name="LeNet", args=()),
        61706,
        what="the number of parameters of LeNet()",
        help="156 + 2,416 + 48,120 + 10,164 + 850.",
    )
    rng = np.random.default_rng()
    x, y = rng.random((10, 1, 28, 28)).astype(np.float32), np.arange(10)
    losses = student.probe(FALLS, x=x, y=y)
    if not losses[-1] < losses[0]:
        fail(
            f"the loss goes from {losses[0]:.3f} to {losses[-1]:.3f} in eight steps of Adam.",
            help="Does every parameter get its gradient?",
        )
