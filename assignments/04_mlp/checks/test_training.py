"""Public checks of optimisers, batches and the network, in the order a learner builds."""

import numpy as np

from grader.check import check_close, check_equal, check_number, fail


def near(got, want, **fields):
    check_close(got, np.asarray(want, np.float64), rtol=1e-9, atol=1e-9, **fields)


STEPS = """
import numpy as np
from reference import Parameter, Tensor

def probe(module, name, args, kwargs, start, grads):
    p, idle = Parameter(start), Parameter(start)
    optimiser = getattr(module, name)([p, idle], *args, **kwargs)
    after = []
    for g in grads:
        optimiser.zero_grad()
        p.grad = Tensor(g)
        optimiser.step()
        after.append(p.data.copy())
    return [after, idle.data]
"""


def steps(student, name, args, kwargs, start, grads, want, help, wrong):
    after, idle = student.probe(
        STEPS, name=name, args=args, kwargs=kwargs, start=start, grads=grads
    )
    for i, (got, right) in enumerate(zip(after, want, strict=True)):
        near(
            got,
            right,
            what=f"the weights after step {i + 1} of {name}{args} {kwargs}",
            help=help,
            diagnoses={text: values[i] for text, values in wrong.items()},
        )
    near(idle, start, what="a parameter without gradient", help="`if p.grad is None: continue`.")


def test_sgd_small(student):
    """SGD rolls on with momentum"""
    start, g = np.array([1.0, -2.0]), np.array([1.0, 10.0])
    steps(
        student, "SGD", (0.1,), {"momentum": 0.5}, start, [g, g],
        [start - 0.1 * g, start - 0.25 * g],
        "u = momentum * u + g, from 0; w -= lr * u. The second step is 1.5 times the first.",
        {"momentum is ignored": [start - 0.1 * g, start - 0.2 * g],
         "u is m u + g, not m u + (1 - m) g": [start - 0.05 * g, start - 0.125 * g]},
    )  # fmt: skip
    steps(
        student, "SGD", (0.1,), {"momentum": 0.5, "nesterov": True}, start, [g],
        [start - 0.15 * g],
        "Nesterov steps along g + momentum * u.",
        {"nesterov is ignored": [start - 0.1 * g]},
    )  # fmt: skip
    steps(
        student, "SGD", (0.1,), {"weight_decay": 0.5}, start, [g],
        [start - 0.1 * (g + 0.5 * start)],
        "The decay joins the gradient: g = grad + weight_decay * w.",
        {"weight_decay is ignored": [start - 0.1 * g]},
    )  # fmt: skip


def test_adam_small(student):
    """Adam's first step is lr, whatever the gradient's size"""
    start, g = np.array([1.0, -2.0]), np.array([0.001, -1000.0])
    step = 0.1 * g / (np.abs(g) + 1e-8)
    steps(
        student, "Adam", (0.1,), {}, start, [g, g],
        [start - step, start - 2 * step],
        "m_hat = m / (1 - b1 ** t) and v_hat = v / (1 - b2 ** t), with t from 1.",
        {"the moments start at 0, and nothing corrects for it": [
            start - 0.1 * 0.1 * g / (np.sqrt(0.001) * np.abs(g) + 1e-8), start]},
    )  # fmt: skip


CLIP = """
import numpy as np
from reference import Parameter, Tensor

def probe(module, grads, max_norm):
    params = [Parameter(np.zeros(2)) for _ in grads]
    for p, g in zip(params, grads):
        p.grad = None if g is None else Tensor(g)
    norm = module.clip_grad_norm(params, max_norm)
    return [norm, [None if p.grad is None else p.grad.data for p in params]]
"""


def test_clip_small(student):
    """clip_grad_norm shortens all gradients together"""
    grads = [np.array([3.0, 0.0]), None, np.array([0.0, 4.0])]
    norm, after = student.probe(CLIP, grads=grads, max_norm=1.0)
    check_number(
        norm,
        5.0,
        what="what clip_grad_norm returns for gradients [3, 0] and [0, 4]",
        help="The root of all squares together, before anything is shortened.",
        diagnoses={"this is the norm after clipping": 1.0, "the root is missing": 25.0},
    )
    near(
        after[0],
        [0.6, 0.0],
        what="the first gradient for max_norm 1",
        help="Everything times max_norm / norm = 1/5.",
        diagnoses={"each gradient is clipped by itself": np.array([1.0, 0.0])},
    )
    near(after[2], [0.0, 0.8], what="the other gradient", help="Everything times 1/5.")
    norm, after = student.probe(CLIP, grads=grads, max_norm=6.0)
    near(
        after[0],
        grads[0],
        what="a gradient when the norm is below max_norm",
        help="Leave it alone.",
    )


def test_schedule_small(student):
    """cosine_schedule rises, falls and ends at 0"""
    for step, want in ((0, 0.5), (1, 1.0), (2, 1.0), (6, 0.5), (10, 0.0), (11, 0.0)):
        got = student.cosine_schedule(step, 10, 1.0, warmup=2)
        check_number(
            float(got) if type(got) is int else got,
            want,
            what=f"cosine_schedule({step}, 10, 1.0, warmup=2)",
            atol=1e-12,
            help="(step + 1) / 2 in the warm-up; then half a cosine over the 8 steps that are left.",
            diagnoses={"the first step of the warm-up is not 0: (step + 1) / warmup": step / 2},
        )


LOADER = """
import numpy as np

def probe(module, X, y, shuffle):
    loader = module.DataLoader((X, y), 4, shuffle, np.random.default_rng(3))
    epochs = [[list(batch) for batch in loader] for _ in range(2)]
    return [len(loader), epochs]
"""


def test_loader_small(student):
    """DataLoader keeps rows together and drops none"""
    X, y = 10.0 * np.arange(10.0)[:, None], np.arange(10)
    length, (first, _) = student.probe(LOADER, X=X, y=y, shuffle=False)
    check_equal(length, 3, what="len of a DataLoader of 10 rows, 4 a batch", help="4 + 4 + 2 rows.")
    check_equal(len(first), 3, what="the number of batches", help="The last one has 2 rows.")
    near(first[2][0], X[8:], what="the last batch", help="It is smaller, and not left out.")
    _, (first, second) = student.probe(LOADER, X=X, y=y, shuffle=True)
    orders = [np.concatenate([batch[1] for batch in epoch]) for epoch in (first, second)]
    if not np.array_equal(np.sort(orders[0]), y):
        fail("a shuffled epoch does not hold every row once.", help="rng.permutation(N).")
    rows = np.concatenate([batch[0] for batch in first])
    near(
        rows, X[orders[0]], what="the rows of X beside those of y", help="One order for all arrays."
    )
    if np.array_equal(*orders):
        fail("both epochs have the same order.", help="Draw the permutation in __iter__.")


FALLS = """
import numpy as np
from reference import Tensor

def probe(module, X, y):
    rng = np.random.default_rng(5)
    model = module.mlp_resnet(64, 32, 2, 10, rng)
    size = sum(p.data.size for p in model.parameters())
    model = module.mlp_resnet(2, 16, 1, 2, rng)
    loss, opt = module.CrossEntropyLoss(), module.Adam(model.parameters(), 0.01)
    seen = []
    for _ in range(30):
        opt.zero_grad()
        found = loss(model(Tensor(X)), y)
        found.backward()
        opt.step()
        seen.append(float(found.item()))
    return [size, seen]
"""


def test_resnet_small(student):
    """mlp_resnet has 4,746 parameters and a loss that falls"""
    rng = np.random.default_rng(11)
    X = rng.standard_normal((60, 2)).astype(np.float32)
    size, seen = student.probe(FALLS, X=X, y=(X[:, 0] * X[:, 1] > 0).astype(np.int64))
    check_equal(
        size,
        4746,
        what="the number of numbers that mlp_resnet(64, 32, 2, 10) learns",
        help="64 x 32 + 32, two blocks of 1,168, and 32 x 10 + 10: every Linear has a bias, every "
        "BatchNorm1d weight and bias.",
    )
    if not seen[-1] < 0.6 * seen[0]:
        fail(
            f"the loss went from {seen[0]:.3f} to {seen[-1]:.3f} in 30 steps of Adam; it should fall "
            "to less than 60 %.",
            help="Are all layers in a list that Module finds? Does the gradient reach the first one?",
        )
