"""Hidden checks of initial weights, plain layers, layers of layers, dropout and the loss."""

import numpy as np

from grader.check import check_array, check_close, check_equal, check_raises, fail
from grader.suites.mlp.oracles import DTYPES, check_values, cross_entropy, part
from grader.suites.mlp.programs import CHAIN, DROPOUT, LAYER, LOSS


def away_from_zero(rng, shape, dtype):
    """Numbers whose side of 0 no rounding decides."""
    return (rng.uniform(0.1, 2.0, shape) * rng.choice((-1.0, 1.0), shape)).astype(dtype)


# ---- initial weights --------------------------------------------------------------------------------
SIZES = ((300, 80), (80, 300), (200, 200))


def drawn(student, name, fan_in, fan_out, rng):
    got = student.call(name, fan_in, fan_out, np.random.default_rng(int(rng.integers(1 << 40))))
    check_array(got, (fan_in, fan_out), np.float32, what=f"{name}({fan_in}, {fan_out}, rng)")
    return got.astype(np.float64)


def check_moment(got, want, room, what, wrong):
    """The mean square `got` is `want` within `room`, relative."""
    if abs(got / want - 1) < room:
        return
    found = [sentence for sentence, value in wrong.items() if abs(got / value - 1) < room]
    fail(
        f"{what} is {got:.3g}, it should be near {want:.3g}.",
        help="The variance is gain squared over fan: 2 / fan_in for kaiming, 2 / (fan_in + fan_out) "
        "for xavier. A uniform U(-b, b) has variance b squared over 3.",
        diagnosis=found[0] if found else "",
    )


def check_initialiser(student, rng, name, variance):
    for fan_in, fan_out in SIZES:
        got = drawn(student, name, fan_in, fan_out, rng)
        n, want = got.size, variance(fan_in, fan_out)
        what = f"{name}({fan_in}, {fan_out}, rng)"
        if abs(got.mean()) > 6 * np.sqrt(want / n):
            fail(f"{what} has mean {got.mean():.3g}, it should be near 0.", help="Draw around 0.")
        wrong = {
            "fan_out was taken for fan_in": variance(fan_out, fan_in),
            "this is half the variance": want / 2,
            "this is twice the variance": 2 * want,
            "b is gain times sqrt(3 / fan): the 3 is missing": want / 3,
            "1 / fan is the variance, not the standard deviation": want**2,
        }
        wrong = {key: value for key, value in wrong.items() if abs(value / want - 1) > 0.3}
        check_moment((got**2).mean(), want, 0.1, f"the mean square of {what}", wrong)
        # Uniform numbers end at b; the fourth moment tells the two shapes apart (9/5 against 3).
        shape = (got**4).mean() / (got**2).mean() ** 2
        if "uniform" in name:
            b = np.sqrt(3 * want)
            if not (np.abs(got).max() <= b * 1.0001 and shape < 2.2):
                fail(
                    f"{what} is not uniform within +-{b:.3g}.",
                    help="rng.uniform(-b, b, (fan_in, fan_out)).",
                )
        elif not 2.6 < shape < 3.4:
            fail(f"{what} is not normal.", help="std * rng.standard_normal((fan_in, fan_out)).")


def test_kaiming_draws(student, rng):
    """kaiming: variance 2 / fan_in, uniform and normal"""
    for name in ("kaiming_uniform", "kaiming_normal"):
        check_initialiser(student, rng, name, lambda fan_in, fan_out: 2 / fan_in)


def test_xavier_draws(student, rng):
    """xavier: variance 2 / (fan_in + fan_out), uniform and normal"""
    for name in ("xavier_uniform", "xavier_normal"):
        check_initialiser(student, rng, name, lambda fan_in, fan_out: 2 / (fan_in + fan_out))


# ---- plain layers -----------------------------------------------------------------------------------
def test_linear_values(student, rng):
    """Linear: x W + b for two axes and more, and all three gradients"""
    for dtype in DTYPES:
        for lead, n, m, bias in (
            ((1,), 1, 1, True),
            ((7,), 5, 3, True),
            ((4,), 3, 9, False),
            ((2, 5), 4, 6, True),
            ((3, 1, 4), 6, 2, True),
        ):
            x, W, b, g = (
                rng.standard_normal(shape).astype(dtype)
                for shape in ((*lead, n), (n, m), (m,), (*lead, m))
            )
            values = {"weight": W, "bias": b} if bias else {"weight": W}
            found = student.probe(
                LAYER, name="Linear", args=(n, m), kwargs={"bias": bias}, values=values, x=x, g=g
            )
            x64, g64 = x.astype(np.float64), g.astype(np.float64)
            rows = g64.reshape(-1, m)
            wanted = {
                "y": (x64 @ W + (b if bias else 0.0), n + 1, "x @ weight + bias."),
                "dweight": (x64.reshape(-1, n).T @ rows, len(rows), "All leading axes count."),
                "dx": (g64 @ W.T.astype(np.float64), m, "The gradient must reach x."),
            }
            if bias:
                wanted["dbias"] = (rows.sum(axis=0), len(rows), "The bias has a gradient too.")
            for key, (want, terms, help) in wanted.items():
                check_values(
                    part(found, key, "Linear(x)"),
                    want,
                    dtype,
                    terms=terms,
                    scale=10.0,
                    what=f"{key} of Linear({n}, {m}) for x of shape {x.shape}",
                    help=help,
                    diagnoses={"the bias is missing": x64 @ W} if key == "y" and bias else {},
                )


STARTS = """
import numpy as np

def probe(module, n, m, seed):
    layer = module.Linear(n, m, rng=np.random.default_rng(seed))
    bare = module.Linear(n, m, bias=False, rng=np.random.default_rng(seed))
    return {"weight": layer.weight.data, "bias": layer.bias.data, "parameters": len(layer.parameters()),
            "none": bare.bias is None, "bare": len(bare.parameters()),
            "drawn": module.kaiming_uniform(n, m, np.random.default_rng(seed))}
"""


def test_linear_start(student, rng):
    """Linear: weight as kaiming_uniform draws it, bias zeros, or None if there is none"""
    for n, m in ((40, 30), (1, 7), (5, 1)):
        found = student.probe(STARTS, n=n, m=m, seed=int(rng.integers(1 << 40)))
        check_array(found["drawn"], (n, m), np.float32, what="kaiming_uniform(n, m, rng)")
        check_equal(
            found["weight"],
            found["drawn"],
            what=f"Linear({n}, {m}, rng=rng).weight",
            help="weight = kaiming_uniform(in_features, out_features, rng), as a Parameter.",
        )
        check_equal(found["bias"], np.zeros(m, np.float32), what="a fresh bias")
        check_equal(found["parameters"], 2, what="the number of parameters of Linear")
        check_equal(found["none"], True, what="`Linear(n, m, bias=False).bias is None`")
        check_equal(found["bare"], 1, what="the number of parameters of Linear without bias")


def test_flatten_relu(student, rng):
    """Flatten and ReLU: values and gradients"""
    for dtype in DTYPES:
        for shape in ((3, 2, 4), (1, 5), (2, 3, 1, 2)):
            x, g = away_from_zero(rng, shape, dtype), rng.standard_normal(shape).astype(dtype)
            flat = (shape[0], x.size // shape[0])
            for name, want, up, down in (
                ("Flatten", x.reshape(flat), g.reshape(flat), g),
                ("ReLU", np.maximum(x, 0), g, g * (x > 0)),
            ):
                found = student.probe(LAYER, name=name, args=(), values={}, x=x, g=up)
                check_values(part(found, "y", name), want, dtype, what=f"{name}()(x)")
                check_values(part(found, "dx", name), down, dtype, what=f"the gradient of {name}")


def linear(rng, n, m, dtype=np.float64):
    return (
        "Linear",
        (n, m),
        {
            "weight": rng.standard_normal((n, m)).astype(dtype),
            "bias": rng.standard_normal(m).astype(dtype),
        },
    )


def applied(entry, x):
    return x @ entry[2]["weight"] + entry[2]["bias"]


def test_sequential_chains(student, rng):
    """Sequential: modules in order, a list that may grow, every parameter found"""
    first, second, last = linear(rng, 4, 6), linear(rng, 6, 3), linear(rng, 3, 5)
    x = rng.standard_normal((7, 4))
    found = student.probe(CHAIN, entry=("Sequential", (first, second), {}), x=x, extra=last)
    check_values(
        part(found, "y", "Sequential"),
        applied(last, applied(second, applied(first, x))),
        np.float64,
        terms=50,
        what="a Sequential of two layers to whose `layers` a third was appended",
        help="`self.layers = list(modules)`, and forward goes through self.layers.",
    )
    check_equal(found["parameters"], 6, what="the number of its parameters")
    found = student.probe(CHAIN, entry=("Sequential", (), {}), x=x)
    check_values(part(found, "y", "Sequential"), x, np.float64, what="Sequential()(x)")


def test_residual_values(student, rng):
    """Residual: x + module(x), and both ways back"""
    for dtype in DTYPES:
        entry = linear(rng, 5, 5, dtype)
        x, g = (rng.standard_normal((6, 5)).astype(dtype) for _ in range(2))
        found = student.probe(CHAIN, entry=("Residual", (entry,), {}), x=x, g=g)
        W = entry[2]["weight"].astype(np.float64)
        check_values(
            part(found, "y", "Residual"),
            x + applied(entry, x.astype(np.float64)),
            dtype,
            terms=6,
            scale=5.0,
            what="Residual(Linear(5, 5))(x)",
            help="What the module computes is added to its input.",
            diagnoses={"x itself is not added": applied(entry, x.astype(np.float64))},
        )
        check_values(
            part(found, "dx", "Residual"),
            g + g @ W.T,
            dtype,
            terms=6,
            scale=5.0,
            what="the gradient for x",
            help="It reaches x on both ways.",
            diagnoses={
                "the direct way is missing": g @ W.T,
                "the way through the module is missing": g,
            },
        )
        check_equal(found["parameters"], 2, what="the number of parameters of Residual(Linear)")


# ---- dropout ----------------------------------------------------------------------------------------
def check_mask(y, x, p, what):
    """The mask that made `y` of `x`, after looking at its values and its share of zeros."""
    check_array(y, x.shape, y.dtype if type(y) is np.ndarray else x.dtype, what=what)
    mask = y.astype(np.float64) / x
    alive = mask != 0
    kept = mask[alive]
    if kept.size and not np.allclose(kept, 1 / (1 - p), rtol=1e-5):
        fail(
            f"{what}: an element that survived was multiplied by {kept[0]:.4g}, it should be "
            f"1 / (1 - p) = {1 / (1 - p):.4g}.",
            help="Dividing the survivors keeps the mean what it is without dropout.",
            diagnosis="survivors are not divided by 1 - p"
            if np.allclose(kept, 1.0)
            else "survivors are divided by p: p is the probability of zero"
            if np.allclose(kept, 1 / p)
            else "",
        )
    zeros = 1 - alive.mean()
    room = 6 * np.sqrt(p * (1 - p) / x.size)
    if abs(zeros - p) > room:
        fail(
            f"{what}: {zeros:.1%} of the elements are zero, p = {p:.0%} should be.",
            help="p is the probability of zero: keep where a uniform number is at least p.",
            diagnosis="p is taken for the probability of keeping"
            if abs(1 - zeros - p) < room
            else "",
        )
    return alive


def test_dropout_training(student, rng):
    """Dropout: zero with probability p, the rest divided by 1 - p, a new mask at every call"""
    for dtype in DTYPES:
        p = float(rng.uniform(0.15, 0.4)) if dtype is np.float32 else float(rng.uniform(0.6, 0.8))
        x, g = away_from_zero(rng, (120, 70), dtype), away_from_zero(rng, (120, 70), dtype)
        found = student.probe(DROPOUT, p=p, x=x, g=g, seed=int(rng.integers(1 << 40)))
        alive = check_mask(found["y"], x, p, "Dropout(p)(x)")
        again = check_mask(found["again"], x, p, "a second call")
        if (alive == alive[0]).all() or (alive == alive[:, :1]).all():
            fail(
                "all rows, or all columns, of Dropout(p)(x) share one mask.",
                help="One draw for each element: rng.random(x.shape).",
            )
        if (alive == again).all():
            fail("two calls of Dropout have the same mask.", help="Draw a new one in forward.")
        check_values(
            found["dx"],
            g * alive / (1 - p),
            dtype,
            what="the gradient of Dropout",
            help="It goes through the same mask, and is divided by 1 - p too.",
        )


def test_dropout_edges(student, rng):
    """Dropout: p = 0 changes nothing, p = 1 leaves zeros"""
    x, g = (rng.standard_normal((5, 4)).astype(np.float32) for _ in range(2))
    for p, want, down in ((0.0, x, g), (1.0, 0 * x, 0 * g)):
        found = student.probe(DROPOUT, p=p, x=x, g=g, seed=int(rng.integers(1 << 40)))
        help = "Nothing survives p = 1, so nothing needs to be divided by 0."
        check_values(found["y"], want, np.float32, what=f"Dropout({p})(x)", help=help)
        check_values(found["dx"], down, np.float32, what=f"the gradient of Dropout({p})", help=help)


def test_dropout_serving(student, rng):
    """Dropout: when evaluating it is the identity, and its generator stays where it is"""
    x, g = (rng.standard_normal((6, 5)).astype(np.float32) for _ in range(2))
    found = student.probe(DROPOUT, p=0.5, x=x, g=g, seed=int(rng.integers(1 << 40)))
    check_close(
        found["served"],
        x,
        what="Dropout(0.5)(x) after eval()",
        help="`self.training` is False then: return x.",
    )
    check_equal(
        found["kept"],
        True,
        what="`rng` is in the same state after a call in evaluation",
        help="Do not draw a mask that nobody needs: serving must not disturb training.",
    )


# ---- the loss ---------------------------------------------------------------------------------------
def test_loss_values(student, rng):
    """CrossEntropyLoss: the mean over the batch, and its gradient"""
    for dtype in DTYPES:
        for B, K in ((1, 2), (1, 1), (5, 3), (33, 10)):
            logits = (3 * rng.standard_normal((B, K))).astype(dtype)
            labels = rng.integers(0, K, B)
            up = float(rng.uniform(0.5, 2.0))
            found = student.probe(LOSS, logits=logits, labels=labels, up=up)
            loss, grad = cross_entropy(logits, labels)
            shown = f"for logits of shape ({B}, {K})"
            check_values(
                part(found, "loss", "the loss"),
                loss,
                dtype,
                terms=B + K,
                scale=10.0,
                what=f"CrossEntropyLoss {shown}",
                help="log(sum of exp(row)) minus the label's logit, then the mean over the rows.",
                diagnoses={"this is the sum over the batch": loss * B, "the sign is wrong": -loss}
                if B > 1
                else {},
            )
            check_values(
                part(found, "grad", "the loss"),
                up * grad,
                dtype,
                terms=B + K,
                scale=4.0 / B,
                what=f"its gradient {shown}",
                help="(softmax - one-hot) / B, times whatever comes from above.",
            )


def test_loss_extreme(student, rng):
    """CrossEntropyLoss: finite and right at logits of 100,000"""
    for dtype in DTYPES:
        logits = rng.choice((-1e5, 0.0, 1e5), (12, 6)).astype(dtype)
        logits += rng.standard_normal(logits.shape).astype(dtype)
        labels = rng.integers(0, 6, 12)
        found = student.probe(LOSS, logits=logits, labels=labels)
        loss, grad = cross_entropy(logits, labels)
        help = "exp overflows: take each row's largest logit out first (ops.logsumexp does)."
        check_values(
            part(found, "loss", "it"), loss, dtype, scale=1e5, what="the loss at 1e5", help=help
        )
        check_values(
            part(found, "grad", "it"),
            grad,
            dtype,
            # A rounding of logits of this size moves every probability.
            scale=2e3 if dtype is np.float32 else 1e5,
            what="its gradient at 1e5",
            help=help,
        )


# ---- arguments that cannot be -----------------------------------------------------------------------
def test_arguments_checked(student, rng):
    """shapes that do not fit, labels that cannot be and impossible probabilities raise ValueError"""
    x, g = rng.standard_normal((4, 5)), np.zeros((4, 5))
    for name, args, wrong in (
        ("Linear", (6, 5), x),
        ("BatchNorm1d", (5,), x[:, :4]),
        ("BatchNorm1d", (5,), x[:, :1]),
        ("LayerNorm", (5,), x[:, :4]),
        ("LayerNorm", (5,), x[:, :1]),
    ):
        check_raises(
            ValueError,
            student.probe,
            LAYER,
            name=name,
            args=args,
            values={},
            x=wrong,
            g=g,
            what=f"{name}{args} of x of shape {wrong.shape}",
            help="One column would be stretched over all of them without a word: compare the shapes.",
        )
    narrow = ("Residual", (linear(rng, 5, 1),), {})
    check_raises(
        ValueError,
        student.probe,
        CHAIN,
        entry=narrow,
        x=x,
        what="Residual of a module that makes (4, 1) of (4, 5)",
        help="Broadcasting would hide it: compare the shapes before you add.",
    )
    for label in (-1, 5):
        labels = rng.integers(0, 5, 4)
        labels[int(rng.integers(4))] = label
        check_raises(
            ValueError,
            student.probe,
            LOSS,
            logits=x,
            labels=labels,
            what=f"CrossEntropyLoss with a label of {label} for 5 classes",
            help="An index of -1 counts from the end: look before you index.",
        )
    for p in (-0.1, 1.1):
        check_raises(ValueError, student.Dropout, p, what=f"Dropout({p})")
    check_raises(
        ValueError,
        student.DataLoader,
        (x, x[:3]),
        2,
        what="a DataLoader of arrays of different lengths",
        help="Row i of each belongs together; without equal lengths there is no row 3 of the other.",
    )
