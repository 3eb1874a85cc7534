"""Hidden checks of optimisers, clipping and schedules."""

import math

import numpy as np

from grader.check import check_array, check_equal, check_number, fail
from grader.suites.mlp.oracles import DTYPES, adam, check_values, sgd
from grader.suites.mlp.programs import CLIP, STEPS

SHAPES = ((3, 4), (5,), (1, 1))
PLACE = (
    "`p.data -= ...` writes into the array that the model holds; `p.data = ...` makes a new one."
)


def drawn(rng, dtype, steps, missing=0.0):
    start = [rng.standard_normal(shape).astype(dtype) for shape in SHAPES]
    grads = [
        [
            None if rng.random() < missing else rng.standard_normal(shape).astype(dtype)
            for shape in SHAPES
        ]
        for _ in range(steps)
    ]
    return start, grads


def check_steps(found, want, dtype, what, help, twisted=None):
    """Weights after each step, and in the arrays that were there before."""
    for step, (got, right) in enumerate(zip(found["after"], want, strict=True)):
        for i, shape in enumerate(SHAPES):
            check_values(
                got[i],
                right[i],
                dtype,
                terms=4 * (step + 1),
                scale=4.0,
                what=f"a weight of shape {shape} after step {step + 1} of {what}",
                help=help,
                diagnoses={sentence: wrong[step][i] for sentence, wrong in (twisted or {}).items()},
            )
    for got, last in zip(found["given"], found["after"][-1], strict=True):
        if not np.array_equal(got, last):
            fail(f"{what} left the array of a parameter as it was and made a new one.", help=PLACE)


def test_sgd_values(student, rng):
    """SGD: momentum, Nesterov and weight decay over several steps"""
    for dtype in DTYPES:
        for options in (
            {},
            {"momentum": float(rng.uniform(0.5, 0.95))},
            {"momentum": float(rng.uniform(0.5, 0.95)), "nesterov": True},
            {"momentum": 0.8, "weight_decay": float(rng.uniform(0.1, 0.5))},
        ):
            start, grads = drawn(rng, dtype, 4)
            lr = float(rng.uniform(0.05, 0.3))
            found = student.probe(
                STEPS, name="SGD", args=(lr,), kwargs=options, start=start, grads=grads
            )
            twisted = {
                "weight_decay is ignored": {**options, "weight_decay": 0.0},
                "nesterov is ignored": {**options, "nesterov": False},
                "momentum is ignored": {**options, "momentum": 0.0},
            }
            wrong = {
                sentence: sgd(start, grads, lr, **twist)
                for sentence, twist in twisted.items()
                if twist != {"weight_decay": 0.0, "nesterov": False, "momentum": 0.0, **options}
            }
            wrong["u is m u + g, not the average m u + (1 - m) g"] = sgd(
                start, grads, lr, **options, twist="average"
            )
            check_steps(
                found,
                sgd(start, grads, lr, **options),
                dtype,
                f"SGD(params, {lr:.2g}, {options})",
                "g = grad + wd w; u = m u + g; w -= lr * (g + m u if nesterov else u).",
                wrong if options else {},
            )


def test_adam_values(student, rng):
    """Adam: both moments, corrected for their start at 0, eps outside the root, L2 decay"""
    for dtype in DTYPES:
        for options in (
            {},
            {"lr": 0.1, "betas": (float(rng.uniform(0.5, 0.8)), float(rng.uniform(0.6, 0.9)))},
            {"lr": 0.05, "eps": float(rng.uniform(0.05, 0.2))},
            {"lr": 0.05, "weight_decay": float(rng.uniform(0.2, 0.6)), "eps": 0.1},
        ):
            start, grads = drawn(rng, dtype, 5)
            found = student.probe(
                STEPS, name="Adam", args=(), kwargs=options, start=start, grads=grads
            )
            twists = {
                "the moments start at 0, and nothing corrects for it": "uncorrected",
                "eps stands under the root: it belongs beside it": "inside",
            }
            if "weight_decay" in options:
                twists["weight decay is kept out of the gradient: that is AdamW"] = "decoupled"
            # Where eps is tiny, one place is as good as the other.
            wrong = {
                sentence: adam(start, grads, **options, twist=twist)
                for sentence, twist in twists.items()
                if twist != "inside" or "eps" in options
            }
            check_steps(
                found,
                adam(start, grads, **options),
                dtype,
                f"Adam(params, {options})",
                "m and v are averages; divide them by 1 - beta ** t, then w -= lr m / (sqrt(v) + eps).",
                wrong,
            )


def test_missing_gradients(student, rng):
    """optimisers pass over a parameter without gradient: no decay, no momentum, no step counted"""
    start, grads = drawn(rng, np.float64, 6, missing=0.4)
    for i in range(len(SHAPES)):
        grads[i][i] = None  # every parameter is left out at least once, and at different times
        grads[3][i] = rng.standard_normal(SHAPES[i])
    for name, options, oracle, args in (
        ("SGD", {"momentum": 0.9, "weight_decay": 0.3}, sgd, (0.1,)),
        ("Adam", {"lr": 0.05, "weight_decay": 0.3}, adam, ()),
    ):
        found = student.probe(STEPS, name=name, args=args, kwargs=options, start=start, grads=grads)
        wrong = {}
        if name == "Adam":
            wrong["one count of steps serves all parameters: each needs its own"] = adam(
                start, grads, **options, twist="one counter"
            )
        zeros = [
            [np.zeros(s) if g is None else g for g, s in zip(now, SHAPES, strict=True)]
            for now in grads
        ]
        wrong["a missing gradient is taken for zeros"] = oracle(start, zeros, *args, **options)
        check_steps(
            found,
            oracle(start, grads, *args, **options),
            np.float64,
            f"{name} with gradients that are None now and then",
            "`if p.grad is None: continue`, before anything else happens to that parameter.",
            wrong,
        )


def test_rate_and_zero_grad(student, rng):
    """optimisers: lr may be changed between steps, zero_grad sets every grad to None"""
    lrs = [float(lr) for lr in rng.uniform(0.01, 0.3, 4)]
    for name, oracle, args in (("SGD", sgd, (0.5,)), ("Adam", adam, (0.5,))):
        start, grads = drawn(rng, np.float64, 4)
        found = student.probe(
            STEPS, name=name, args=args, kwargs={}, start=start, grads=grads, lrs=lrs
        )
        check_steps(
            found,
            oracle(start, grads, *args, lrs=lrs),
            np.float64,
            f"{name} whose lr changes",
            "Read self.lr in step: a schedule assigns to it.",
        )
        check_equal(
            found["cleared"],
            True,
            what=f"`p.grad is None` for all parameters after {name}.zero_grad()",
            help="None, not zeros: a parameter that is not reached again must be skipped.",
        )


def test_clip_values(student, rng):
    """clip_grad_norm: the joint norm, and all gradients shortened alike"""
    for dtype in DTYPES:
        grads = [
            rng.standard_normal((3, 4)).astype(dtype),
            None,
            (5 * rng.standard_normal(6)).astype(dtype),
        ]
        norm = math.sqrt(sum((g.astype(np.float64) ** 2).sum() for g in grads if g is not None))
        for share in (0.5, 0.01):
            found = student.probe(CLIP, grads=grads, max_norm=share * norm)
            check_number(
                found["norm"],
                norm,
                what="what clip_grad_norm returns",
                rtol=1e-9,
                help="The root of the sum of all squares, added up in float64, before clipping.",
                diagnoses={
                    "this is the norm after clipping": share * norm,
                    "the root is missing": norm**2,
                },
            )
            check_equal(found["grads"][1], None, what="a gradient that was None")
            for got, g in ((found["grads"][i], grads[i]) for i in (0, 2)):
                own = math.sqrt(float((g.astype(np.float64) ** 2).sum()))
                check_values(
                    got,
                    g * share,
                    dtype,
                    what="a gradient after clipping",
                    help="All of them times max_norm / norm: the direction stays.",
                    diagnoses={
                        "each gradient is clipped by itself": g * min(1.0, share * norm / own),
                        "each entry is clipped by itself": np.clip(g, -share * norm, share * norm),
                    },
                )


def test_clip_short(student, rng):
    """clip_grad_norm: short gradients keep every bit, and without any the norm is 0.0"""
    for dtype in DTYPES:
        grads = [rng.standard_normal(shape).astype(dtype) for shape in SHAPES]
        norm = math.sqrt(sum((g.astype(np.float64) ** 2).sum() for g in grads))
        for factor in (1.5, 1e6):
            found = student.probe(CLIP, grads=grads, max_norm=factor * norm)
            for got, g in zip(found["grads"], grads, strict=True):
                check_equal(
                    got,
                    g,
                    what="a gradient that was short enough",
                    help="Multiply only if norm > max_norm: a factor of 0.9999 changes every bit.",
                )
    found = student.probe(CLIP, grads=[None, None], max_norm=1.0)
    check_number(found["norm"], 0.0, what="clip_grad_norm without any gradient")


def schedule(step, total, base, warmup=0):
    if step >= total:
        return 0.0
    if step < warmup:
        return base * (step + 1) / warmup
    return base / 2 * (1 + math.cos(math.pi * (step - warmup) / (total - warmup)))


def test_schedule_values(student, rng):
    """cosine_schedule: warm-up, half a cosine, 0 from the end on"""
    for warmup in (0, int(rng.integers(2, 9))):
        total, base = int(rng.integers(20, 40)), float(rng.uniform(0.01, 1.0))
        for step in (0, 1, warmup - 1, warmup, warmup + 1, total // 2, total - 1, total, total + 7):
            if step < 0:
                continue
            got = student.cosine_schedule(
                step, total, base, **({"warmup": warmup} if warmup else {})
            )
            check_number(
                float(got) if type(got) is int else got,
                schedule(step, total, base, warmup),
                what=f"cosine_schedule({step}, {total}, {base:.3g}, {warmup})",
                rtol=1e-9,
                atol=1e-12,
                help="base_lr (step + 1) / warmup, then base_lr / 2 (1 + cos(pi share)) with the share "
                "of the way from warmup to total, then 0.",
                diagnoses={
                    "the warm-up starts at 0: it is (step + 1) / warmup": base
                    * step
                    / max(1, warmup),
                    "total includes the warm-up: the way is total - warmup long": base
                    / 2
                    * (1 + math.cos(math.pi * (step - warmup) / total)),
                },
            )


def test_optimizers_keep_gradients(student, rng):
    """steps and clipping leave the arrays of gradients as they were"""
    for dtype in DTYPES:
        start, grads = drawn(rng, dtype, 1)
        for name, args, options in (
            ("SGD", (0.1,), {"momentum": 0.9, "nesterov": True, "weight_decay": 0.1}),
            ("Adam", (), {"weight_decay": 0.1}),
        ):
            found = student.probe(
                STEPS, name=name, args=args, kwargs=options, start=start, grads=grads
            )
            for got, g in zip(found["grads"], grads[0], strict=True):
                check_equal(
                    got,
                    g,
                    what=f"a gradient after a step of {name}",
                    help="`g += ...` writes into p.grad: make a new array.",
                )
            for got, p in zip(found["given"], start, strict=True):
                check_array(got, p.shape, dtype, what=f"a weight after a step of {name}")
        found = student.probe(CLIP, grads=grads[0], max_norm=0.01)
        for got, g in zip(found["grads"], grads[0], strict=True):
            check_array(got, g.shape, dtype, what="a clipped gradient")
