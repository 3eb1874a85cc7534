"""Convolution and pooling beside PyTorch's NCHW and channels_last, float32.

python -m tests.benchmarks.kernels_conv

One thread in every library, CPU time; the two-thread rows are wall time and carry no bar.
"""

from __future__ import annotations

import sys
from typing import Any

from .duel import (
    Work,
    clean_environment,
    duel,
    limit_threads,
    one_thread_environment,
    print_rows,
    run_part,
)
from .rows import Row, table

HERE = "tests.benchmarks.kernels_conv"
Bars = tuple[float | None, float | None, float | None]
# Name, (N, C, H = W, O, window, padding, stride, groups), bars of forward, d input, d weight
CASES: tuple[tuple[str, tuple[int, ...], Bars], ...] = (
    ("3x3 32->64 32x32", (32, 32, 32, 64, 3, 1, 1, 1), (1.0, 0.9, 0.85)),
    ("3x3 1->32 28x28", (32, 1, 28, 32, 3, 1, 1, 1), (0.8, None, None)),
    ("3x3 32->64 28x28", (32, 32, 28, 64, 3, 1, 1, 1), (None, None, None)),
    ("5x5 16->32 28x28", (32, 16, 28, 32, 5, 2, 1, 1), (None, None, None)),
    ("1x1 64->128 16x16", (32, 64, 16, 128, 1, 0, 1, 1), (None, None, None)),
    ("3x3 stride 2 32->64", (32, 32, 32, 64, 3, 1, 2, 1), (None, None, None)),
    ("3x3 depthwise 64 28x28", (32, 64, 28, 64, 3, 1, 1, 64), (None, None, None)),
)


def run() -> list[Row]:
    """The rows, from a process with one thread in every library and one with two."""
    return [
        *run_part(HERE, "measure", "1", environment=one_thread_environment()),
        *run_part(HERE, "measure", "2", environment=clean_environment(LAB_THREADS="2")),
    ]


def measure(threads: int) -> list[Row]:
    """The rows, in this process."""
    limit_threads(threads)
    if threads > 1:
        return _convolution(f"{CASES[0][0]}, two threads", CASES[0][1], (None, None, None), threads)
    rows = [one for case in CASES for one in _convolution(*case, threads)]
    return [*rows, *_first_layer(), *_pooling()]


def _floats(*shape: int) -> Any:
    import numpy as np

    return np.random.default_rng(sum(shape)).standard_normal(shape).astype(np.float32)


def _convolution(name: str, sizes: tuple[int, ...], bars: Bars, threads: int) -> list[Row]:
    import torch

    import kernels

    n, c, height, filters, window, p, s, groups = sizes
    conv2d = kernels.get("conv2d")
    input_grad, weight_grad = kernels.get("conv2d_input_grad"), kernels.get("conv2d_weight_grad")
    x, w = _floats(n, c, height, height), _floats(filters, c // groups, window, window)
    b = _floats(filters)
    y = conv2d(x, w, b, s, p, 1, groups)
    g = _floats(*y.shape)
    peers: list[dict[tuple[str, str], Work]] = [{}, {}, {}]
    backward = torch.ops.aten.convolution_backward
    for form in ("contiguous_format", "channels_last"):
        tx, tw, tg = (
            torch.from_numpy(one).contiguous(memory_format=getattr(torch, form))
            for one in (x, w, g)
        )
        tb = torch.from_numpy(b)
        rest = (None, [s, s], [p, p], [1, 1], False, [0, 0], groups)
        key = ("torch", form)
        peers[0][key] = lambda tx=tx, tw=tw, tb=tb: torch.conv2d(  # type: ignore[misc]
            tx, tw, tb, stride=s, padding=p, groups=groups
        )
        peers[1][key] = lambda tx=tx, tw=tw, tg=tg, rest=rest: backward(  # type: ignore[misc]
            tg, tx, tw, *rest, [True, False, False]
        )
        peers[2][key] = lambda tx=tx, tw=tw, tg=tg, rest=rest: backward(  # type: ignore[misc]
            tg, tx, tw, *rest, [False, True, False]
        )
    ours: list[Work] = [
        lambda: conv2d(x, w, b, s, p, 1, groups),
        lambda: input_grad(g, w, x.shape, s, p, 1, groups),
        lambda: weight_grad(g, x, w.shape, s, p, 1, groups),
    ]
    names = ("forward", "d input", "d weight")
    flops = 2 * y.size * w[0].size
    moved = x.nbytes + w.nbytes + y.nbytes
    return [
        duel(
            f"conv {name}: {what}",
            mine,
            theirs,
            bar=bar,
            threads=threads,
            seconds=0.4 if bar is None else 1.5,
            flops=flops,
            moved=moved,
        )
        for what, mine, theirs, bar in zip(names, ours, peers, bars, strict=True)
    ]


def _first_layer() -> list[Row]:
    import kernels
    from kernels.im2col import conv2d_im2col

    conv2d = kernels.get("conv2d")
    x, w, b = _floats(32, 1, 28, 28), _floats(32, 1, 3, 3), _floats(32)
    return [
        duel(
            "conv 3x3 1->32 28x28: forward / im2col + BLAS",
            lambda: conv2d(x, w, b, 1, 1),
            {("numpy", "im2col + BLAS"): lambda: conv2d_im2col(x, w, b, 1, 1)},
            bar=1.0,
            seconds=0.4,
        )
    ]


def _pooling() -> list[Row]:
    import torch

    import kernels

    pool, backward = kernels.get("max_pool2d"), kernels.get("max_pool2d_backward")
    x = _floats(32, 64, 28, 28)
    y, index = pool(x, 2)
    g = _floats(*y.shape)
    forward_peers: dict[tuple[str, str], Work] = {}
    backward_peers: dict[tuple[str, str], Work] = {}
    unpool = torch.ops.aten.max_pool2d_with_indices_backward
    for form in ("contiguous_format", "channels_last"):
        tx, tg = (
            torch.from_numpy(one).contiguous(memory_format=getattr(torch, form)) for one in (x, g)
        )
        _, places = torch.nn.functional.max_pool2d(tx, 2, return_indices=True)
        forward_peers["torch", form] = lambda tx=tx: torch.nn.functional.max_pool2d(  # type: ignore[misc]
            tx, 2, return_indices=True
        )
        backward_peers["torch", form] = lambda tx=tx, tg=tg, places=places: unpool(  # type: ignore[misc]
            tg, tx, [2, 2], [2, 2], [0, 0], [1, 1], False, places
        )
    name = "max pool 2x2 32x64x28x28"
    return [
        duel(f"{name}: forward", lambda: pool(x, 2), forward_peers, bar=None, seconds=0.4),
        duel(
            f"{name}: backward",
            lambda: backward(g, index, x.shape, 2),
            backward_peers,
            bar=None,
            seconds=0.4,
        ),
    ]


def main() -> None:
    """Print the table, or as `measure N` the rows for `run`."""
    if sys.argv[1:2] == ["measure"]:
        print_rows(measure(int(sys.argv[2])))
    else:
        print(table(run()))


if __name__ == "__main__":
    main()
