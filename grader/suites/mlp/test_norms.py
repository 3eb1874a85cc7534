"""Hidden checks of batch and layer normalisation."""

import numpy as np

from grader.check import check_array, check_equal, fail
from grader.suites.mlp.oracles import DTYPES, check_values, norm, norm_gradients, part
from grader.suites.mlp.programs import LAYER, RUNNING

EPS = 1e-5
BATCH = "Over the batch: axis 0, one mean and one variance a column."
ROWS = "Over the last axis: one mean and one variance a row."


def check_norm(student, rng, name, x, axis, kwargs, help):
    """Value and gradients of a norm over `axis`, with scale and shift of its own."""
    dtype, dim, eps = x.dtype, x.shape[-1], kwargs.get("eps", EPS)
    gamma = rng.uniform(0.5, 2.0, dim).astype(dtype)
    beta, g = rng.standard_normal(dim).astype(dtype), rng.standard_normal(x.shape).astype(dtype)
    found = student.probe(
        LAYER,
        name=name,
        args=(dim,),
        kwargs=kwargs,
        values={"weight": gamma, "bias": beta},
        x=x,
        g=g,
    )
    y, _, rstd = norm(x, gamma, beta, eps, axis)
    size = max(1.0, float(np.abs(x).max() * rstd.max()))
    shown = f"{name}({dim}) of x of shape {x.shape}"
    diagnoses = {"weight and bias are not applied": norm(x, 1.0, 0.0, eps, axis)[0]}
    if x.shape[axis] > 1:
        unbiased = norm(x, gamma, beta, eps, axis, ddof=1)[0]
        std = x.astype(np.float64).std(axis, keepdims=True)
        late = (x - x.astype(np.float64).mean(axis, keepdims=True)) / (std + eps) * gamma + beta
        other = norm(x, gamma, beta, eps, 0 if axis == -1 else -1)[0]
        diagnoses |= {
            "the variance is divided by n - 1: it is the biased one, divided by n": unbiased,
            "eps is added to the standard deviation: it belongs under the root": late,
            "the mean is taken over the other axis": other,
        }
    terms = x.shape[axis]
    check_values(
        part(found, "y", shown),
        y,
        dtype,
        terms=terms,
        scale=3 * size,
        what=shown,
        help=help,
        diagnoses=diagnoses,
    )
    wanted = norm_gradients(g, x, gamma.astype(np.float64), eps, axis)
    for key, want, more in zip(
        ("dx", "dweight", "dbias"), wanted, (rstd.max(), len(x), len(x)), strict=True
    ):
        check_values(
            part(found, key, shown),
            want,
            dtype,
            terms=terms,
            scale=6 * size * float(more),
            what=f"{key} of {shown}",
            help="Mean and variance depend on x too, and the gradient flows through both.",
        )


def test_batch_norm_training(student, rng):
    """BatchNorm1d in training: columns of the batch, and gradients through mean and variance"""
    for dtype in DTYPES:
        for shape in ((2, 1), (9, 4), (64, 3), (5, 17)):
            x = (1.5 * rng.standard_normal(shape) + rng.uniform(-2, 2, shape[1])).astype(dtype)
            check_norm(student, rng, "BatchNorm1d", x, 0, {}, BATCH)
        x = (0.3 * rng.standard_normal((8, 3))).astype(dtype)
        check_norm(student, rng, "BatchNorm1d", x, 0, {"eps": 0.1}, "eps is added to the variance.")


def test_layer_norm_values(student, rng):
    """LayerNorm: each row by itself, any number of axes, and its gradients"""
    for dtype in DTYPES:
        for shape in ((3, 2), (4, 9), (2, 3, 5), (1, 33)):
            shift = rng.uniform(-2, 2, (*shape[:-1], 1))
            x = (1.5 * rng.standard_normal(shape) + shift).astype(dtype)
            check_norm(student, rng, "LayerNorm", x, -1, {}, ROWS)
        x = (0.3 * rng.standard_normal((6, 7))).astype(dtype)
        check_norm(student, rng, "LayerNorm", x, -1, {"eps": 0.1}, "eps is added to the variance.")


def followed(batches, momentum, ddof=0, start=(0.0, 1.0)):
    """(mean, variance) after each batch."""
    mean, var = start
    found = []
    for batch in batches:
        batch = batch.astype(np.float64)
        mean = (1 - momentum) * mean + momentum * batch.mean(0)
        var = (1 - momentum) * var + momentum * batch.var(0, ddof=ddof)
        found.append((mean, var))
    return found


def run(student, rng, dtype, kwargs, values=None):
    dim, n = int(rng.integers(2, 6)), int(rng.integers(3, 7))

    def batch(n):
        return (2 * rng.standard_normal((n, dim)) + np.arange(1, dim + 1)).astype(dtype)

    batches, hushed, x = [batch(n), batch(n + 4)], batch(n), batch(4)
    values = {key: make(dim).astype(dtype) for key, make in (values or {}).items()}
    found = student.probe(
        RUNNING, dim=dim, kwargs=kwargs, batches=batches, hushed=hushed, x=x, values=values
    )
    return found, [*batches, hushed], x, values


def test_running_statistics(student, rng):
    """BatchNorm1d: running mean and biased variance follow each batch, under no_grad too"""
    for dtype in DTYPES:
        momentum = float(rng.uniform(0.2, 0.4))
        for kwargs in ({"momentum": momentum}, {}):
            found, batches, _, _ = run(student, rng, dtype, kwargs)
            m = kwargs.get("momentum", 0.1)
            wanted = followed(batches, m)
            twisted = followed(batches, 1 - m), followed(batches, m, ddof=1)
            for step, pair in enumerate(found["seen"]):
                for i, name in enumerate(("running_mean", "running_var")):
                    check_values(
                        pair[i],
                        wanted[step][i],
                        np.float32,
                        terms=10,
                        scale=4.0,
                        what=f"{name} after {step + 1} batches (momentum {m:.2g})",
                        help="running = (1 - momentum) * running + momentum * batch, from zeros and "
                        "ones, whenever the module is in training mode.",
                        diagnoses={
                            "momentum is the share of the new batch, not of the old value": twisted[
                                0
                            ][step][i],
                            "the batch's variance is divided by n - 1: use the biased one": twisted[
                                1
                            ][step][i],
                            "under no_grad the statistics stood still: only `training` decides": wanted[
                                max(0, step - 1)
                            ][i],
                        },
                    )


def test_running_state(student, rng):
    """BatchNorm1d: running statistics are float32 arrays in state_dict(), and no Parameters"""
    for dtype in DTYPES:
        found, _, _, _ = run(student, rng, dtype, {})
        check_equal(
            found["kinds"],
            ["ndarray", "ndarray"],
            what="the types of running_mean and running_var",
            help="A Tensor would carry the graph of every batch along: keep `.data`.",
        )
        check_equal(found["parameters"], 2, what="the number of parameters of BatchNorm1d")
        state = found["state"]
        names = ["bias", "running_mean", "running_var", "weight"]
        check_equal(sorted(state), names, what="the names in state_dict()")
        for i, name in enumerate(("running_mean", "running_var")):
            shape = found["seen"][-1][i].shape
            check_array(state[name], shape, np.float32, what=f"{name} in state_dict()")
            check_equal(state[name], found["seen"][-1][i], what=f"{name} in state_dict()")


def test_batch_norm_serving(student, rng):
    """BatchNorm1d when evaluating: running statistics are used, and stay as they are"""
    for dtype in DTYPES:
        found, _, x, values = run(
            student,
            rng,
            dtype,
            {"eps": 0.01},
            {"weight": lambda d: rng.uniform(0.5, 2, d), "bias": rng.standard_normal},
        )
        mean, var = (part.astype(np.float64) for part in found["seen"][-1])
        gamma, beta = values["weight"].astype(np.float64), values["bias"]
        right = (x - mean) / np.sqrt(var + 0.01) * gamma + beta
        check_values(
            found["y"],
            right,
            np.float32,
            scale=20.0,
            what="BatchNorm1d(x) after eval()",
            help="(x - running_mean) / sqrt(running_var + eps) * weight + bias: one row at a time "
            "must give what a batch gives.",
            diagnoses={
                "the batch's own statistics are used": norm(x, gamma, beta, 0.01, 0)[0],
                "the root of the variance is missing": (x - mean) / (var + 0.01) * gamma + beta,
            },
        )
        for i, name in enumerate(("running_mean", "running_var")):
            if not np.array_equal(found["after"][i], found["seen"][-1][i]):
                fail(
                    f"{name} moved while the module was evaluating.",
                    help="Only training may move it: look at self.training.",
                )


def test_norms_forget_scale(student, rng):
    """a norm's output does not change when its input is scaled and shifted"""
    x, g = rng.standard_normal((12, 6)), np.zeros((12, 6))
    for name, scale, shift in (
        ("BatchNorm1d", rng.uniform(2, 9, 6), rng.uniform(-9, 9, 6)),
        ("LayerNorm", rng.uniform(2, 9, (12, 1)), rng.uniform(-9, 9, (12, 1))),
    ):
        once, other = (
            part(
                student.probe(
                    LAYER, name=name, args=(6,), kwargs={"eps": 1e-12}, values={}, x=inputs, g=g
                ),
                "y",
                name,
            )
            for inputs in (x, x * scale + shift)
        )
        check_array(once, x.shape, np.float64, what=f"{name}(x)")
        check_values(
            other,
            once,
            np.float64,
            scale=1e4,
            what=f"{name} of an input that was scaled and shifted",
            help="Mean and deviation are taken out, so the unit of a feature cannot matter.",
        )
        axis = 0 if name == "BatchNorm1d" else 1
        for got, want, what in (
            (once.mean(axis), 0.0, "mean"),
            (once.var(axis), 1.0, "variance"),
        ):
            if not np.allclose(got, want, atol=1e-6):
                fail(
                    f"the {what} of the output of a fresh {name} is {got[0]:.4g}, not {want:g}.",
                    help="That is what the norm is for.",
                )
