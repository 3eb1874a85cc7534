"""Rows and maps beside PyTorch's and NumPy's, float32: softmax, norms, activations, optimisers.

python -m tests.benchmarks.kernels_rows

Every row is measured in one thread and one process; small arrays show the cost of a call.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

from .duel import duel, limit_threads, one_thread_environment, print_rows, run_part
from .rows import Row, table

SHAPES = ((1024, 1024), (8192, 256), (128, 10))
MANY = 10_000_000


def run() -> list[Row]:
    """The rows, from a process with one thread in every library."""
    return run_part(
        "tests.benchmarks.kernels_rows", "measure", environment=one_thread_environment()
    )


def measure() -> list[Row]:
    """The rows, in this process."""
    import numpy as np
    import torch

    limit_threads(1)
    rng = np.random.default_rng(0)
    rows: list[Row] = []
    for shape in SHAPES:
        rows += _rows_of(rng, shape, torch)
    rows += _maps(rng, torch)
    rows += _small(rng, torch)
    rows += _optimizers(rng, torch)
    return rows


def _rows_of(rng: Any, shape: tuple[int, int], torch: Any) -> list[Row]:
    import numpy as np

    import kernels
    from kernels import memory

    softmax, backward = kernels.get("softmax"), kernels.get("softmax_backward")
    log_softmax, logsumexp = kernels.get("log_softmax"), kernels.get("logsumexp")
    norm, norm_backward = kernels.get("layer_norm"), kernels.get("layer_norm_backward")
    large = shape[0] * shape[1] > 100_000
    # Arrays as both frameworks make them, from the start of a cache line.
    x, g, y = (memory.empty(shape, np.float32) for _ in range(3))
    for one in (x, g, y):
        one[...] = rng.normal(size=shape)
    gamma, beta = rng.normal(size=(2, shape[1])).astype(np.float32)
    # Both read and write the same memory: copies would crowd each other out of the cache.
    tx, tg, ty = (torch.from_numpy(one) for one in (x, g, y))
    tgamma, tbeta = torch.from_numpy(gamma), torch.from_numpy(beta)
    probs = softmax(x)
    tprobs = torch.from_numpy(probs)
    _, mean, rstd = norm(x, gamma, beta, eps=1e-5)
    _, tmean, trstd = torch.native_layer_norm(tx, (shape[1],), tgamma, tbeta, 1e-5)
    name = f"{shape[0]}x{shape[1]}"
    ops = torch.ops.aten
    return [
        duel(
            f"softmax {name}",
            lambda: softmax(x, out=y),
            {
                ("torch", "out="): lambda: torch.softmax(tx, 1, out=ty),
                ("torch", "new"): lambda: torch.softmax(tx, 1),
            },
            bar=0.5 if large else None,
            moved=2 * x.nbytes,
        ),
        duel(
            f"softmax backward {name}",
            lambda: backward(g, probs),
            {("torch", "new"): lambda: ops._softmax_backward_data(tg, tprobs, 1, torch.float32)},
            bar=None,
            moved=3 * x.nbytes,
        ),
        duel(
            f"log_softmax {name}",
            lambda: log_softmax(x),
            {("torch", "new"): lambda: torch.log_softmax(tx, 1)},
            bar=None,
            moved=2 * x.nbytes,
        ),
        duel(
            f"logsumexp {name}",
            lambda: logsumexp(x),
            {("torch", "new"): lambda: torch.logsumexp(tx, 1)},
            bar=0.55 if large else None,
            moved=x.nbytes,
        ),
        duel(
            f"layer_norm {name}, out=",
            lambda: norm(x, gamma, beta, eps=1e-5, out=y),
            {
                ("torch", "native"): lambda: torch.native_layer_norm(
                    tx, (shape[1],), tgamma, tbeta, 1e-5
                ),
                ("torch", "functional"): lambda: torch.nn.functional.layer_norm(
                    tx, (shape[1],), tgamma, tbeta, 1e-5
                ),
            },
            bar=0.65 if large else None,
            moved=2 * x.nbytes,
        ),
        duel(
            f"layer_norm {name}, new arrays",
            lambda: norm(x, gamma, beta, eps=1e-5),
            {
                ("torch", "native"): lambda: torch.native_layer_norm(
                    tx, (shape[1],), tgamma, tbeta, 1e-5
                )
            },
            bar=0.65 if large else None,
            moved=2 * x.nbytes,
        ),
        duel(
            f"layer_norm backward {name}",
            lambda: norm_backward(g, x, gamma, mean, rstd),
            {
                ("torch", "native"): lambda: ops.native_layer_norm_backward(
                    tg, tx, (shape[1],), tmean, trstd, tgamma, tbeta, (True, True, True)
                )
            },
            bar=None,
            moved=3 * x.nbytes,
        ),
    ]


def _maps(rng: Any, torch: Any) -> list[Row]:
    """Ten million elements. The loops are also timed into a given array, as `out=` does."""
    import numpy as np

    import kernels
    from kernels import activations, gelu, maps

    x = rng.normal(size=MANY).astype(np.float32)
    y = np.empty_like(x)
    tx, ty = torch.from_numpy(x), torch.from_numpy(y)
    positive = np.abs(x) + np.float32(0.1)
    tpositive = torch.from_numpy(positive)
    functional = torch.nn.functional
    forms: list[tuple[str, Any, Any, Callable[[], Any], Callable[[], Any], float | None]] = [
        (
            "gelu (exact)",
            gelu.gelu_loop,
            x,
            lambda: functional.gelu(tx),
            lambda: torch.ops.aten.gelu.out(tx, out=ty),
            0.2,
        ),
        (
            "gelu_tanh",
            gelu.gelu_tanh_loop,
            x,
            lambda: functional.gelu(tx, approximate="tanh"),
            lambda: torch.ops.aten.gelu.out(tx, approximate="tanh", out=ty),
            0.2,
        ),
        ("exp", maps.exp_loop, x, lambda: tx.exp(), lambda: torch.exp(tx, out=ty), None),
        (
            "log",
            maps.log_loop,
            positive,
            lambda: tpositive.log(),
            lambda: torch.log(tpositive, out=ty),
            None,
        ),
        ("erf", maps.erf_loop, x, lambda: tx.erf(), lambda: torch.erf(tx, out=ty), None),
        ("tanh", activations.tanh_loop, x, lambda: tx.tanh(), lambda: torch.tanh(tx, out=ty), None),
        (
            "sigmoid",
            activations.sigmoid_loop,
            x,
            lambda: tx.sigmoid(),
            lambda: torch.sigmoid(tx, out=ty),
            None,
        ),
    ]
    rows = []
    for name, loop, source, new, into, bar in forms:
        kernel = kernels.get(name.split(" ")[0])
        # GELU's loops are told to write past the cache, as the kernel does at this size.
        past = (True,) if name.startswith("gelu") else ()
        rows.append(
            duel(
                f"{name} 10M, new arrays",
                lambda it=kernel, at=source: it(at),
                {("torch", "new"): new},
                bar=bar,
                moved=2 * x.nbytes,
            )
        )
        rows.append(
            duel(
                f"{name} 10M, out=",
                lambda it=loop, at=source, past=past: it(0, MANY, at, y, *past),
                {("torch", "out="): into},
                bar=bar,
                moved=2 * x.nbytes,
            )
        )
    return rows


def _small(rng: Any, torch: Any) -> list[Row]:
    """What a training step of a small model calls."""
    import numpy as np

    import kernels

    functional = torch.nn.functional
    entropy, back = kernels.get("cross_entropy"), kernels.get("cross_entropy_backward")
    relu, gelu = kernels.get("relu"), kernels.get("gelu")
    rows = []
    for batch in (32, 128):
        x = rng.normal(size=(batch, 10)).astype(np.float32)
        labels = rng.integers(0, 10, batch)
        tx, tlabels = torch.from_numpy(x), torch.from_numpy(labels)
        _, probs = entropy(x, labels)
        rows += [
            duel(
                f"cross_entropy {batch}x10",
                lambda x=x, labels=labels: entropy(x, labels),
                {("torch", "new"): lambda x=tx, t=tlabels: functional.cross_entropy(x, t)},
                bar=None,
            ),
            duel(
                f"cross_entropy backward {batch}x10",
                lambda probs=probs, labels=labels: back(1.0, probs, labels),
                {
                    ("NumPy", "oracle"): lambda probs=probs, labels=labels: back.oracle(
                        1.0, probs, labels
                    )
                },
                bar=None,
            ),
            duel(
                f"relu {batch}x10",
                lambda x=x: relu(x),
                {
                    ("torch", "new"): lambda x=tx: torch.relu(x),
                    ("NumPy", "new"): lambda x=x: np.maximum(x, 0),
                },
                bar=None,
            ),
            duel(
                f"gelu {batch}x10",
                lambda x=x: gelu(x),
                {("torch", "new"): lambda x=tx: functional.gelu(x)},
                bar=None,
            ),
        ]
    h = rng.normal(size=(128, 512)).astype(np.float32)
    b = rng.normal(size=512).astype(np.float32)
    th, tb = torch.from_numpy(h), torch.from_numpy(b)
    bias_relu, sums = kernels.get("bias_relu"), kernels.get("sum_columns")
    rows += [
        duel(
            "bias_relu 128x512",
            lambda: bias_relu(h, b),
            {
                ("torch", "add, relu_"): lambda: torch.relu_(th + tb),
                ("NumPy", "add, maximum"): lambda: np.maximum(h + b, 0),
            },
            bar=None,
        ),
        duel(
            "sum_columns 128x512",
            lambda: sums(h),
            {
                ("torch", "sum"): lambda: th.sum(0),
                ("NumPy", "sum"): lambda: h.sum(0),
                ("NumPy", "ones @"): lambda: np.ones(128, np.float32) @ h,
            },
            bar=None,
        ),
    ]
    return rows


def _optimizers(rng: Any, torch: Any) -> list[Row]:
    import numpy as np

    import kernels

    adam = kernels.get("adam_step")
    rows = []
    for size, bar in ((MANY, 0.95), (670_000, None), (1000, None)):
        p, g, m = (rng.normal(size=size).astype(np.float32) for _ in range(3))
        v = m * m
        parameter = torch.nn.Parameter(torch.from_numpy(p.copy()))
        parameter.grad = torch.from_numpy(g.copy())
        peers = {
            ("torch", "fused=True"): torch.optim.Adam([parameter], lr=1e-3, fused=True).step,
        }
        rows.append(
            duel(
                f"adam_step {size}",
                lambda p=p, g=g, m=m, v=v: adam(p, g, m, v, lr=1e-3, step=5),
                peers,
                bar=bar,
                moved=7 * p.nbytes,  # reads four arrays, writes three
            )
        )
    return rows


def main() -> None:
    """Print the table, or as `measure` the rows for `run`."""
    if sys.argv[1:] == ["measure"]:
        print_rows(measure())
    else:
        print(table(run()))


if __name__ == "__main__":
    main()
