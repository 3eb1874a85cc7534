"""Matrix multiplication against OpenBLAS, and how much of the machine's roof it takes.

python -m tests.benchmarks.kernels_gemm

OpenBLAS chooses its inner loops when it is loaded: every row is measured with its own choice, and
on a machine with AVX-512 with SkylakeX as well, each in a process of its own; the best form counts.
"""

from __future__ import annotations

import sys
from typing import Any

import numpy as np

from .duel import (
    Work,
    clean_environment,
    duel,
    limit_threads,
    one_thread_environment,
    print_rows,
    run_part,
)
from .rows import Row, row, table

# name, (M, K, N), transposed operands, the most that ours / OpenBLAS may be in time
SQUARES = [(256, None), (512, 1.0), (1024, 1.0), (2048, 1 / 0.95)]
SHAPES = [
    ("x W^T, 128x784 by 512x784", (128, 784, 512), "b"),
    ("X^T g, 784x128 by 128x512", (784, 128, 512), "a"),
    ("tall 4096x64 by 64x64", (4096, 64, 64), ""),
    ("ragged 333x333x333", (333, 333, 333), ""),
    ("tiny 16x16x16", (16, 16, 16), ""),
    ("small 48x48x48", (48, 48, 48), ""),
    ("matrix times vector 1024x1024", (1024, 1024, 1), ""),
    ("vector times matrix 1024x1024", (1, 1024, 1024), ""),
]
PART = "tests.benchmarks.kernels_gemm"  # __name__ would be __main__ when run as a script
LEAST_SHARE = 0.85  # of the measured peak, from n = 512 on


def run() -> list[Row]:
    """All rows, the best form of OpenBLAS in each."""
    forms = {"its own choice": ""}
    if _has_avx512():
        forms["SkylakeX"] = "SkylakeX"
    rows: list[Row] = []
    for threads in (1, 2):
        settings = one_thread_environment if threads == 1 else clean_environment
        found = []
        for form, core in forms.items():
            more = {"OPENBLAS_CORETYPE": core} if core else {}
            part = run_part(PART, str(threads), form, environment=settings(**more))
            found.append(part)
        rows += [
            max(same, key=lambda one: one.get("ratio", 0.0)) for same in zip(*found, strict=True)
        ]
    return rows


def measure(threads: int, form: str) -> list[Row]:
    """The rows of this process."""
    import kernels

    gemm = kernels.get("gemm")
    gemm(np.ones((64, 64), np.float32), np.ones((64, 64), np.float32))
    limit_threads(threads)
    rng = np.random.default_rng(0)

    def against(
        name: str, shape: tuple[int, int, int], turned: str, bar: float | None, dtype: Any
    ) -> Row:
        m, k, n = shape
        a = rng.normal(size=(k, m)).astype(dtype).T if "a" in turned else _of(rng, m, k, dtype)
        b = rng.normal(size=(n, k)).astype(dtype).T if "b" in turned else _of(rng, k, n, dtype)
        ours, theirs = np.empty((m, n), dtype), np.empty((m, n), dtype)
        measured = threads == 1 and m == k == n >= 512
        return duel(
            f"gemm {name} {dtype} {threads}T",
            lambda: gemm(a, b, out=ours),
            {("OpenBLAS", form): lambda: np.matmul(a, b, out=theirs)},
            bar=bar,
            seconds=1.0 if m * n * k < 1 << 30 else 2.5,
            threads=threads,
            flops=2.0 * m * n * k if measured else 0.0,
            ceiling=_ceiling(dtype) if measured else None,
            gflops=2e-6 * m * n * k,
        )

    rows = []
    for n, bar in SQUARES:
        if threads > 1:
            bar = 1 / 0.85 if n >= 1024 else None
        for dtype in ("float32", "float64") if n <= 1024 else ("float32",):
            rows.append(against(f"n={n}", (n, n, n), "", bar, dtype))
            work = rows[-1].pop("gflops")
            rows[-1]["gflops"] = round(work / rows[-1]["ours_ms"], 1)
            if threads == 1 and n >= 512:
                shares = rows[-1].pop("shares")
                least = LEAST_SHARE if dtype == "float32" else None
                rows.append(
                    row(f"gemm n={n} {dtype}, share of the peak", shares[1], "", least, most=False, quartiles=shares)
                )  # fmt: skip
    if threads == 1:
        for name, shape, turned in SHAPES:
            rows.append(against(name, shape, turned, None, "float32"))
            rows[-1]["gflops"] = round(rows[-1]["gflops"] / rows[-1]["ours_ms"], 1)
    return rows


def _ceiling(dtype: str) -> tuple[Work, float]:
    """Multiply-adds in registers, and how many operations they are."""
    from kernels import machine

    return lambda: machine.busy(dtype), machine.busy_flops(dtype)


def _of(rng: np.random.Generator, m: int, n: int, dtype: Any) -> Any:
    return rng.normal(size=(m, n)).astype(dtype)


def _has_avx512() -> bool:
    from llvmlite import binding

    return bool(binding.get_host_cpu_features().get("avx512f"))


def main() -> None:
    """With arguments (threads, form) one process's rows; without, the table."""
    if len(sys.argv) == 3:
        print_rows(measure(int(sys.argv[1]), sys.argv[2]))
    else:
        print(table(run()))


if __name__ == "__main__":
    main()
