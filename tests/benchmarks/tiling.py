"""The solution of stage 08, plain Numba, beside OpenBLAS and NumPy, one thread: information, no bars.

python -m tests.benchmarks.tiling

What a first call takes, which compiles, has rows of its own and is never part of the others. OpenBLAS
is measured with its own choice of inner loops and, where the processor has AVX-512, with SkylakeX.
"""

from __future__ import annotations

import importlib.util
import sys
import time
from collections.abc import Callable
from types import ModuleType
from typing import Any

import numpy as np

from assignments import catalog
from grader.solutions import FOLDER

from .duel import duel, limit_threads, one_thread_environment, print_rows, run_part
from .kernels_gemm import _has_avx512
from .rows import Row, row, table

PART = "tests.benchmarks.tiling"
PRODUCTS = (
    ("matmul_naive", 512),
    ("matmul_reordered", 512),
    ("matmul_cache_tiled", 512),
    ("matmul_register_tiled", 512),
    ("matmul_tiled", 512),
    ("matmul_tiled", 1024),
)
TILE = 128


def run() -> list[Row]:
    """All rows; of those against OpenBLAS the best form counts."""
    forms = {"its own choice": ""} | ({"SkylakeX": "SkylakeX"} if _has_avx512() else {})
    parts = []
    for form, core in forms.items():
        more = {"OPENBLAS_CORETYPE": core} if core else {}
        parts.append(run_part(PART, form, environment=one_thread_environment(**more)))
    return [max(same, key=lambda one: one.get("ratio", 0.0)) for same in zip(*parts, strict=True)]


def measure(form: str) -> list[Row]:
    """The rows of this process."""
    solution = _solution()
    rng = np.random.default_rng(0)
    limit_threads(1)
    rows, first = [], []

    def compiled(name: str, work: Callable[[], Any]) -> Callable[[], Any]:
        began = time.process_time()
        work()
        first.append(row(f"tiling {name}, first call", time.process_time() - began, "s", None))
        return work

    for name, n in PRODUCTS:
        a, b = rng.standard_normal((2, n, n), np.float32)
        more = (TILE,) if name == "matmul_cache_tiled" else ()
        product = getattr(solution, name)
        work = lambda product=product, a=a, b=b, more=more: product(a, b, *more)  # noqa: E731
        rows.append(
            duel(
                f"tiling {name} n={n}",
                compiled(name, work) if n == 512 else work,
                {("OpenBLAS", form): lambda a=a, b=b: np.matmul(a, b)},  # type: ignore[misc]
                bar=None,
                seconds=1.0,
                flops=2.0 * n**3,
                moved=12.0 * n * n,
            )
        )
        rows[-1]["gflops"] = round(2e-6 * n**3 / rows[-1]["ours_ms"], 1)
    x, gamma, beta = _drawn(rng, (1024, 1024), (1024,), (1024,))
    image, w = _drawn(rng, (8, 32, 32, 32), (64, 32, 3, 3))
    for name, args, peer in (
        ("softmax_fused", (x,), _softmax),
        ("layernorm_fused", (x, gamma, beta, 1e-5), _layernorm),
        ("conv2d_direct", (image, w, 1), _im2col),
    ):
        fused = getattr(solution, name)
        work = compiled(name, lambda fused=fused, args=args: fused(*args))  # type: ignore[misc]
        rows.append(
            duel(
                f"tiling {name}",
                work,
                {("NumPy", form): lambda peer=peer, args=args: peer(*args)},  # type: ignore[misc]
                bar=None,
                seconds=1.0,
            )
        )
    return rows + first


def _solution() -> ModuleType:
    """The solution as a module of its own, as a worker would load it."""
    path = FOLDER / catalog.stage("tiling").file_name
    spec = importlib.util.spec_from_file_location("tiling_solution", path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def _drawn(rng: np.random.Generator, *shapes: tuple[int, ...]) -> list[Any]:
    return [rng.standard_normal(shape, np.float32) for shape in shapes]


def _softmax(x: Any) -> Any:
    e = np.exp(x - x.max(1, keepdims=True))
    e /= e.sum(1, keepdims=True)
    return e


def _layernorm(x: Any, gamma: Any, beta: Any, eps: float) -> Any:
    d = x - x.mean(1, keepdims=True)
    return d / np.sqrt((d * d).mean(1, keepdims=True) + np.float32(eps)) * gamma + beta


def _im2col(x: Any, w: Any, padding: int) -> Any:
    """The product that OpenBLAS does over a matrix of windows."""
    x = np.pad(x, ((0, 0), (0, 0), (padding,) * 2, (padding,) * 2))
    windows = np.lib.stride_tricks.sliding_window_view(x, w.shape[2:], (2, 3))
    columns = windows.transpose(0, 1, 4, 5, 2, 3).reshape(len(x), w[0].size, -1)
    y = w.reshape(len(w), -1) @ columns
    return y.reshape(len(x), len(w), *windows.shape[2:4])


def main() -> None:
    """With an argument (the form of OpenBLAS) one process's rows; without, the table."""
    if len(sys.argv) == 2:
        print_rows(measure(sys.argv[1]))
    else:
        print(table(run()))


if __name__ == "__main__":
    main()
