"""Hidden checks of Conv2d and BatchNorm2d: values, gradients, first weights, running statistics."""

import numpy as np

from grader.check import check_array, check_equal, fail
from grader.suites.cnn.oracles import (
    DTYPES,
    Form,
    check_values,
    conv,
    conv_gradients,
    norm,
    norm_gradients,
    out_size,
    part,
)
from grader.suites.cnn.programs import FRESH, LAYER, RUNNING


def drawn(rng, dtype, *shape):
    return rng.standard_normal(shape).astype(dtype)


def seed_of(rng):
    return int(rng.integers(1 << 40))


# ---- Conv2d ---------------------------------------------------------------------------------------
def test_conv_layer_values(student, rng):
    """Conv2d: value and gradients through the layer, with and without a bias"""
    # (in, out, k, stride, padding, dilation, groups, bias)
    for args in (
        (3, 4, 3, 1, 0, 1, 1, True),
        (2, 3, 2, 2, 1, 1, 1, False),
        (4, 6, 3, 2, 2, 2, 2, True),
        (3, 3, 3, 1, 1, 1, 3, False),
    ):
        c, o, k, *rest, bias = args
        form = Form(*rest)
        for dtype in DTYPES:
            x, w = drawn(rng, dtype, 2, c, 7, 6), drawn(rng, dtype, o, c // form.groups, k, k)
            b = drawn(rng, dtype, o) if bias else None
            g = drawn(rng, dtype, 2, o, out_size(7, k, form), out_size(6, k, form))
            values = {"weight": w} | ({"bias": b} if bias else {})
            found = student.probe(LAYER, name="Conv2d", args=args, values=values, x=x, g=g)
            what = f"Conv2d{args} of x {x.shape}"
            wanted = dict(
                zip(("dx", "d weight", "d bias"), conv_gradients(g, x, w, form), strict=True)
            )
            wanted = {"y": conv(x, w, b, form)} | wanted
            for key, want in wanted.items():
                if bias or key != "d bias":
                    check_values(
                        part(found, key, what),
                        want,
                        dtype,
                        terms=w[0].size + g[:, 0].size,
                        scale=float(w[0].size + g[:, 0].size) ** 0.5,
                        what=f"{key} of {what}",
                        help="`ops.custom(forward, vjp)(x, self.weight, self.bias)` with your "
                        "conv2d and conv2d_backward; read self.weight at every call.",
                    )


def test_conv_layer_start(student, rng):
    """Conv2d: kaiming uniform with fan_in = C / groups k k, biases 0, or None if there is none"""
    for c, o, k, groups in ((8, 64, 3, 1), (16, 64, 3, 4), (4, 256, 1, 1)):
        fan = c // groups * k * k
        found = student.probe(
            FRESH,
            name="Conv2d",
            args=(c, o, k),
            kwargs={"groups": groups},
            paths=("weight", "bias"),
            seed=seed_of(rng),
        )
        weight, bias = found["paths"]["weight"], found["paths"]["bias"]
        shown = f"Conv2d({c}, {o}, {k}, groups={groups})"
        check_array(weight, (o, c // groups, k, k), np.float32, what=f"weight of {shown}")
        check_equal(bias, np.zeros(o, np.float32), what=f"bias of {shown}")
        bound = (6 / fan) ** 0.5
        widest, std = float(np.abs(weight).max()), float(weight.std())
        # 1,000 draws and more: the widest misses the bound by 2 %, the deviation is off by 8 %, never.
        if not (0.97 * bound < widest <= bound * 1.0001 and abs(std / bound * 3**0.5 - 1) < 0.08):
            fail(
                f"the weights of {shown} reach {widest:.4f} with deviation {std:.4f}; uniform in "
                f"+-{bound:.4f} has {bound / 3**0.5:.4f}.",
                help="fan_in is what one output adds up: C / groups k k numbers. "
                "The bound is sqrt(6 / fan_in).",
                diagnosis="fan_in counts all channels, whatever groups is"
                if groups > 1 and abs(widest * (groups**0.5) / bound - 1) < 0.05
                else "",
            )
        bare = student.probe(
            FRESH,
            name="Conv2d",
            args=(c, o, k),
            kwargs={"groups": groups, "bias": False},
            paths=("bias",),
        )
        check_equal(bare["paths"]["bias"], None, what=f"bias of {shown} with bias=False")
        check_equal(len(bare["params"]), 1, what=f"the number of parameters of {shown}, bias=False")


# ---- BatchNorm2d ----------------------------------------------------------------------------------
SIZES = ((2, 3, 4, 5), (3, 1, 2, 2), (1, 4, 5, 3), (6, 2, 1, 1))


def test_batch_norm_training(student, rng):
    """BatchNorm2d in training: each channel over N, H and W, and gradients through both moments"""
    for dtype in DTYPES:
        for shape in SIZES:
            dim, eps = shape[1], 10.0 ** rng.uniform(-5, -2)
            x = drawn(rng, dtype, *shape) * dtype(2) + dtype(rng.uniform(-1, 1))
            gamma = rng.uniform(0.5, 2.0, dim).astype(dtype)
            beta, g = drawn(rng, dtype, dim), drawn(rng, dtype, *shape)
            found = student.probe(
                LAYER,
                name="BatchNorm2d",
                args=(dim,),
                kwargs={"eps": eps},
                values={"weight": gamma, "bias": beta},
                x=x,
                g=g,
            )
            what = f"BatchNorm2d({dim}) of x {shape}"
            y, _, rstd = norm(x, gamma, beta, eps)
            count = x[:, 0].size
            check_values(
                part(found, "y", what),
                y,
                dtype,
                terms=count,
                scale=float(np.abs(x).max() * rstd.max()) * 2,
                what=what,
                help="One mean and one biased variance a channel, over N, H and W.",
                diagnoses={
                    "the variance is divided by n - 1: it is the biased one": norm(
                        x, gamma, beta, eps, ddof=1
                    )[0],
                    "weight and bias are not applied": norm(x, gamma * 0 + 1, beta * 0, eps)[0],
                    "the statistics are those of each image: N belongs to the mean": norm(
                        x, gamma, beta, eps, (2, 3)
                    )[0],
                    "the statistics are those of each pixel: H and W belong to the mean": norm(
                        x, gamma, beta, eps, (0,)
                    )[0],
                },
            )
            wanted = norm_gradients(g, x, gamma, eps)
            size = float(rstd.max()) * count * 3
            for key, want in zip(("dx", "d weight", "d bias"), wanted, strict=True):
                check_values(
                    part(found, key, what),
                    want,
                    dtype,
                    terms=count,
                    scale=size if key == "dx" else float(count),
                    what=f"{key} of {what}",
                    help="Mean and variance depend on x too: a way back leads through both.",
                )


def running(rng, dim):
    batches = [drawn(rng, np.float32, 3, dim, 4, 2) * 2 + 1 for _ in range(3)]
    return batches, drawn(rng, np.float32, 5, dim, 2, 3) - 2


def test_running_statistics(student, rng):
    """BatchNorm2d: running mean and biased variance follow each batch, under no_grad too"""
    dim, momentum = int(rng.integers(2, 5)), float(rng.uniform(0.05, 0.4))
    batches, hushed = running(rng, dim)
    found = student.probe(
        RUNNING,
        dim=dim,
        kwargs={"momentum": momentum},
        batches=batches,
        hushed=hushed,
        x=hushed,
    )
    check_equal(found["kinds"], ["ndarray", "ndarray"], what="the types of running_mean and _var")
    check_equal(found["parameters"], 2, what="the number of parameters of BatchNorm2d")
    mean, var = np.zeros(dim), np.ones(dim)
    for step, batch in enumerate([*batches, hushed]):
        wide = batch.astype(np.float64)
        moments = wide.mean((0, 2, 3)), wide.var((0, 2, 3))
        twisted = {
            "momentum weighs the old value here; it weighs the new one": [
                momentum * old + (1 - momentum) * new
                for old, new in zip((mean, var), moments, strict=True)
            ],
            "the variance is divided by n - 1: it is the biased one": [
                mean * np.nan,
                (1 - momentum) * var + momentum * wide.var((0, 2, 3), ddof=1),
            ],
        }
        mean, var = (
            (1 - momentum) * a + momentum * b for a, b in zip((mean, var), moments, strict=True)
        )
        for got, want, name in zip(found["seen"][step], (mean, var), ("mean", "var"), strict=True):
            check_array(got, (dim,), np.float32, what=f"running_{name}")
            check_values(
                got,
                want,
                np.float32,
                terms=100,
                scale=5.0,
                what=f"running_{name} after {step + 1} batches",
                help="running <- (1 - momentum) running + momentum batch, with the biased variance.",
                diagnoses={text: pair[name == "var"] for text, pair in twisted.items()},
            )
    for name, want in (("mean", mean), ("var", var)):
        if f"running_{name}" not in found["state"]:
            fail(f"running_{name} is not in state_dict(): a model saved without it cannot serve.")
        check_values(
            found["state"][f"running_{name}"],
            want,
            np.float32,
            terms=100,
            scale=5.0,
            what=f"running_{name} in state_dict()",
        )


def test_batch_norm_serving(student, rng):
    """BatchNorm2d when evaluating: running statistics are used, and stay as they are"""
    dim = int(rng.integers(2, 5))
    gamma, beta = rng.uniform(0.5, 2, dim).astype(np.float32), drawn(rng, np.float32, dim)
    batches, hushed = running(rng, dim)
    x = drawn(rng, np.float32, 2, dim, 3, 4)
    found = student.probe(
        RUNNING,
        dim=dim,
        kwargs={},
        batches=batches,
        hushed=hushed,
        x=x,
        values={"weight": gamma, "bias": beta},
    )
    mean, var = found["seen"][-1]
    for array, name in ((mean, "mean"), (var, "var")):
        check_array(array, (dim,), np.float32, what=f"running_{name}")
    scale = gamma.astype(np.float64) / np.sqrt(var.astype(np.float64) + 1e-5)
    want = (x - mean[:, None, None].astype(np.float64)) * scale[:, None, None]
    check_values(
        found["y"],
        want + beta[:, None, None],
        np.float32,
        terms=4,
        scale=float(np.abs(scale).max() * (np.abs(x).max() + np.abs(mean).max())),
        what="BatchNorm2d when evaluating",
        help="(x - running_mean) / sqrt(running_var + eps) * weight + bias.",
        diagnoses={
            "the statistics of the batch are used: these are for training": norm(x, gamma, beta)[0]
        },
    )
    for before, after, name in zip((mean, var), found["after"], ("mean", "var"), strict=True):
        check_equal(after, before, what=f"running_{name} after an evaluation")
