"""The stage's kernels with inputs, expected results and budgets; shared by the engine's tests."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from kernels.gpu_engine import Engine, Launch
from kernels.gpu_engine.examine import examine
from kernels.gpu_engine.findings import Finding
from kernels.gpu_engine.judge import Budget

SOURCE = Path(__file__).with_name("correct.py").read_text(encoding="utf-8")
ENGINE = Engine(SOURCE, "correct.py")
Array = np.ndarray[Any, Any]
Case = tuple[tuple[Any, ...], Array]


def draw(*shape: int) -> Array:
    """Standard normal float32 numbers, the same for the same shape."""
    return np.random.default_rng(list(shape)).standard_normal(shape).astype(np.float32)


def vecadd(n: int) -> Case:
    a, b = draw(n), draw(n, 1)[:, 0].copy()
    return (a, b), a + b


def window_sum(n: int) -> Case:
    x = draw(n)
    return (x,), np.convolve(np.pad(x, 2), np.ones(5), "valid")


def block_sum(n: int) -> Case:
    x = draw(n)
    return (x,), np.add.reduceat(x.astype(np.float64), np.arange(0, n, 128))


def prefix_sum(n: int) -> Case:
    x = draw(n)
    return (x,), np.cumsum(x.astype(np.float64))


def transpose(m: int, n: int) -> Case:
    x = draw(m, n)
    return (x,), x.T


def matmul(m: int, k: int, n: int) -> Case:
    a, b = draw(m, k), draw(k, n)
    return (a, b), a.astype(np.float64) @ b


def softmax(rows: int, k: int) -> Case:
    x = draw(rows, k)
    x.flat[::7] *= 1e4
    if k > 1:
        x[:, -1] = -np.inf
    z = np.exp(x.astype(np.float64) - x.max(1, keepdims=True))
    return (x,), z / z.sum(1, keepdims=True)


def flash(n: int, m: int, causal: int) -> Case:
    q, k, v = draw(n, 32), draw(m, 32), draw(m, 32) + 1
    scores = (q.astype(np.float64) @ k.T) / np.sqrt(32)
    if causal:
        scores[np.arange(m)[None] > np.arange(n)[:, None] + m - n] = -np.inf
    peak = scores.max(1, keepdims=True)
    p = np.exp(scores - np.where(np.isfinite(peak), peak, 0))
    total = p.sum(1, keepdims=True)
    return (q, k, v), np.divide(p, total, out=np.zeros_like(p), where=total > 0) @ v


@dataclass(frozen=True)
class Kernel:
    """Inputs of one kernel, sizes to run it at, and what it may load."""

    case: Callable[..., Case]
    sizes: tuple[tuple[int, ...], ...]
    even: tuple[int, ...]
    budget: Callable[..., Budget | None] = lambda *size: Budget(1.1)


KERNELS = {
    "vecadd": Kernel(vecadd, ((1,), (1000,)), (4096,)),
    "window_sum": Kernel(window_sum, ((1,), (1000,)), (4096,), lambda n: None),
    "window_sum_shared": Kernel(window_sum, ((1,), (127,), (1000,)), (4096,), lambda n: None),
    "block_sum": Kernel(block_sum, ((1,), (1000,)), (4096,)),
    "block_sum_warps": Kernel(block_sum, ((1,), (1000,)), (4096,)),
    "block_sum_last_warp": Kernel(block_sum, ((1,), (1000,)), (4096,)),
    "prefix_sum": Kernel(prefix_sum, ((1,), (1000,)), (2048,)),
    "transpose_tiled": Kernel(transpose, ((1, 1), (33, 70)), (128, 192)),
    "matmul_thread_tiled": Kernel(
        matmul,
        ((1, 1, 1), (33, 17, 70), (70, 0, 20)),
        (64, 64, 128),
        lambda m, k, n: Budget(None, 2 * m * n * k / 4),
    ),
    "matmul_shared": Kernel(
        matmul,
        ((1, 1, 1), (33, 17, 70), (70, 0, 20)),
        (64, 64, 128),
        lambda m, k, n: Budget(1.1, 2 * m * n * k / 16),
    ),
    "softmax_rows": Kernel(softmax, ((1, 1), (3, 100)), (64, 512), lambda b, k: Budget(3.1)),
    "flash_attention": Kernel(
        flash,
        ((1, 1, 0), (40, 50, 1), (70, 33, 1)),
        (64, 64, 0),
        lambda n, m, causal: Budget(1.1, n * 32 + 2 * m * 32 * -(-n // 32)),
    ),
}


@dataclass(frozen=True)
class Outcome:
    """What a run of a stage kernel gave."""

    launch: Launch | None
    findings: tuple[Finding, ...]
    result: Array
    expected: Array


def run(engine: Engine, name: str, size: tuple[int, ...], *, judged: bool = False) -> Outcome:
    """Run a kernel of a file as the suite does: NaN in the output, grid and block from launch."""
    kernel = KERNELS[name]
    inputs, expected = kernel.case(*size)
    more = (size[-1],) if name == "flash_attention" else ()
    result = np.full(expected.shape, np.nan, np.float32)
    arguments = (*(one.copy() for one in inputs), result, *more)
    done = examine(engine, name, arguments, judged=judged, budget=kernel.budget(*size))
    return Outcome(done.launch, done.findings, result, expected)
