"""Hidden checks of what is made of layers: separable convolution, residual block, LeNet."""

import numpy as np

from grader.check import check_equal
from grader.suites.cnn.oracles import (
    DRAWS,
    DTYPES,
    Block,
    Form,
    check_values,
    conv,
    conv_gradients,
    lenet,
    part,
)
from grader.suites.cnn.programs import FRESH, LAYER


def drawn(rng, dtype, *shape):
    return rng.standard_normal(shape).astype(dtype)


def seed_of(rng):
    return int(rng.integers(1 << 40))


# ---- models ---------------------------------------------------------------------------------------
def test_separable_values(student, rng):
    """DepthwiseSeparableConv2d: depthwise, then pointwise, and all five gradients"""
    for c, o, k, stride, padding in ((3, 5, 3, 1, 1), (2, 4, 2, 2, 0), (4, 3, 3, 2, 1)):
        for dtype in DTYPES:
            x, form = drawn(rng, dtype, 2, c, 7, 6), Form(stride, padding, 1, c)
            values = {
                "depthwise.weight": drawn(rng, dtype, c, 1, k, k),
                "depthwise.bias": drawn(rng, dtype, c),
                "pointwise.weight": drawn(rng, dtype, o, c, 1, 1),
                "pointwise.bias": drawn(rng, dtype, o),
            }
            deep, deep_bias, point, point_bias = values.values()
            middle = conv(x, deep, deep_bias, form)
            y = conv(middle, point, point_bias)
            g = drawn(rng, dtype, *y.shape)
            found = student.probe(
                LAYER,
                name="DepthwiseSeparableConv2d",
                args=(c, o, k, stride, padding),
                values=values,
                x=x,
                g=g,
            )
            dmiddle, dpoint, dpoint_bias = conv_gradients(g, middle, point)
            dx, ddeep, ddeep_bias = conv_gradients(dmiddle, x, deep, form)
            what = f"DepthwiseSeparableConv2d{(c, o, k, stride, padding)}"
            check_equal(found["others"], 0, what=f"the number of other parameters of {what}")
            for key, want in (
                ("y", y),
                ("d pointwise.bias", dpoint_bias),
                ("d pointwise.weight", dpoint),
                ("d depthwise.bias", ddeep_bias),
                ("d depthwise.weight", ddeep),
                ("dx", dx),
            ):
                check_values(
                    part(found, key, what),
                    want,
                    dtype,
                    terms=200,
                    scale=20.0,
                    what=f"{key} of {what}",
                    help="groups = in_channels, then 1 x 1; stride and padding belong to the first; "
                    "nothing between them.",
                    diagnoses={
                        "a relu stands between the two": conv(
                            np.maximum(middle, 0), point, point_bias
                        )
                    }
                    if key == "y"
                    else None,
                )


NAMED = ("conv1.weight", "bn1.weight", "bn1.bias", "conv2.weight", "bn2.weight", "bn2.bias")


def block_case(rng, dtype, c, o, stride):
    """A block without doubt about its relus; its values by name, x and the block itself."""
    for _ in range(DRAWS):
        triple = None
        if stride != 1 or c != o:
            triple = (
                drawn(rng, dtype, o, c, 1, 1),
                rng.uniform(0.5, 2, o).astype(dtype),
                drawn(rng, dtype, o),
            )
        values = {
            "conv1.weight": drawn(rng, dtype, o, c, 3, 3) / dtype(3),
            "bn1.weight": rng.uniform(0.5, 2, o).astype(dtype),
            "bn1.bias": drawn(rng, dtype, o),
            "conv2.weight": drawn(rng, dtype, o, o, 3, 3) / dtype(3),
            "bn2.weight": rng.uniform(0.5, 2, o).astype(dtype),
            "bn2.bias": drawn(rng, dtype, o),
            "shortcut": triple,
        }
        x = drawn(rng, dtype, 2, c, 6, 5)
        block = Block(x, values, stride)
        if block.nearest_kink > 1e-7:
            return x, values, block
    raise AssertionError("no block without a doubt was drawn")


def in_block(student, rng, dtype, c, o, stride, g=None):
    x, values, block = block_case(rng, dtype, c, o, stride)
    g = drawn(rng, dtype, *block.y.shape)
    found = student.probe(
        LAYER,
        name="ResidualBlock",
        args=(c, o, stride),
        values={key: values[key] for key in NAMED},
        rest=values["shortcut"] or (),
        x=x,
        g=g,
    )
    what = f"ResidualBlock({c}, {o}, {stride}) of x {x.shape}"
    if type(found) is dict:
        wanted = 0 if values["shortcut"] is None else 3
        check_equal(
            found["others"], wanted, what=f"the number of parameters of the shortcut of {what}"
        )
    return found, block, g, what


def check_block(student, rng, cases, help):
    for c, o, stride in cases:
        for dtype in DTYPES:
            found, block, g, what = in_block(student, rng, dtype, c, o, stride)
            late = np.maximum(block.inner, 0) + block.direct
            check_values(
                part(found, "y", what),
                block.y,
                dtype,
                terms=100,
                scale=20.0,
                what=what,
                help=help,
                diagnoses={
                    "relu comes before the sum: it belongs after it": late,
                    "the last relu is missing": block.z2,
                    "x is not added": np.maximum(block.inner, 0),
                    "x is added without the shortcut's batch norm": np.maximum(
                        block.inner + (block.s if block.v["shortcut"] is not None else 0), 0
                    ),
                },
            )
            if dtype is np.float32:
                continue  # a relu may fall to either side of 0
            wanted = block.gradients(g)
            for key in NAMED:
                check_values(
                    part(found, f"d {key}", what),
                    wanted[key],
                    dtype,
                    terms=1000,
                    scale=100.0,
                    what=f"the gradient of {key} in {what}",
                    help=help,
                )
            check_values(
                part(found, "dx", what),
                wanted["x"],
                dtype,
                terms=1000,
                scale=100.0,
                what=f"dx of {what}",
                help="x goes two ways, and both lead back to it.",
            )
            for got, want in zip(found["rest"], wanted["shortcut"] or (), strict=True):
                check_values(
                    got, want, dtype, terms=1000, scale=100.0, what=f"a shortcut gradient of {what}"
                )


def test_residual_values(student, rng):
    """ResidualBlock: two convolutions with batch norm, plus x as it is"""
    check_block(
        student,
        rng,
        ((2, 2, 1), (3, 3, 1)),
        "conv1, bn1, relu, conv2, bn2; plus x; relu. No parameters on the direct way.",
    )


def test_residual_shortcut(student, rng):
    """ResidualBlock: a 1 x 1 convolution and batch norm where the stride or the channels change"""
    check_block(
        student,
        rng,
        ((2, 4, 1), (3, 3, 2), (2, 3, 2)),
        "shortcut(x) in place of x: a 1 x 1 convolution with the stride, and batch norm.",
    )


def test_residual_start(student, rng):
    """ResidualBlock: no biases before batch norm, and None where the shortcut is the identity"""
    for args, count in (((3, 3), 6), ((3, 3, 2), 9), ((2, 5), 9)):
        found = student.probe(
            FRESH, name="ResidualBlock", args=args, paths=("conv1.bias", "conv2.bias")
        )
        what = f"ResidualBlock{args}"
        for name in ("conv1.bias", "conv2.bias"):
            check_equal(
                found["paths"][name],
                None,
                what=f"{name} of {what}",
                help="Batch norm takes every constant away: a bias before it would do nothing.",
            )
        check_equal(len(found["params"]), count, what=f"the number of parameter arrays of {what}")
        if count == 6:
            shortcut = student.probe(FRESH, name="ResidualBlock", args=args, paths=("shortcut",))
            check_equal(shortcut["paths"]["shortcut"], None, what=f"shortcut of {what}")


def test_lenet_values(student, rng):
    """LeNet: 61,706 parameters in ten arrays, and the logits that they give"""
    for args in ((10, 1), (7, 3)):
        shapes = [
            (6, args[1], 5, 5), (6,), (16, 6, 5, 5), (16,), (400, 120), (120,), (120, 84), (84,),
            (84, args[0]), (args[0],),
        ]  # fmt: skip
        fresh = student.probe(FRESH, name="LeNet", args=args, seed=seed_of(rng))["params"]
        found = sorted(p.shape for p in fresh)
        check_equal(found, sorted(shapes), what=f"the shapes of the parameters of LeNet{args}")
        values = [p + drawn(rng, np.float32, *p.shape) * np.float32(0.05) for p in fresh]
        for dtype in DTYPES:
            x = drawn(rng, dtype, 2, args[1], 28, 28)
            params = [p.astype(dtype) for p in values]
            got = student.probe(LAYER, name="LeNet", args=args, values={}, rest=params, x=x)
            check_values(
                part(got, "y", f"LeNet{args}"),
                lenet(x, params),
                dtype,
                terms=400,
                scale=10.0,
                what=f"LeNet{args} of x {x.shape}",
                help="conv 6@5 padded by 2, relu, max 2, conv 16@5, relu, max 2, then 120, 84 and "
                "the classes, with relu between.",
            )
