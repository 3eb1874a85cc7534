"""Ours against the best form of a peer, interleaved in one process: one row a duel.

One thread is measured in CPU time of the whole process, so that what else runs on the machine does
not count and a peer's second thread would; several threads in wall time.

    limit_threads(1)
    row = duel("softmax 1024x1024", lambda: softmax(x, out=y),
               {("torch", "out="): lambda: torch.softmax(t, -1, out=u)}, bar=0.5)
"""

from __future__ import annotations

import gc
import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from .rows import Row, quartiles, row

ROOT = Path(__file__).parents[2]
SAMPLE_S = 0.002  # shorter work is repeated up to this, so that the clock's step does not matter
# Threads of one library look for work for a while before they sleep, and take the processor from the
# next one's. With several threads each sample comes after so much of its own work.
SETTLE_S = 0.25
FOREIGN = (
    *("OPENBLAS_", "MKL_", "OMP_", "GOMP_", "KMP_", "NUMBA_", "GOTO_", "BLIS_"),
    *("TORCH_", "XLA_", "JAX_"),
)
KEPT = ("NUMBA_CACHE_DIR",)

Work = Callable[[], object]


def clean_environment(**more: str) -> dict[str, str]:
    """The environment without the variables that change how fast a library computes."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(FOREIGN) or name in KEPT
    }
    return {**kept, "LAB_KERNELS": "wait", **more}


def one_thread_environment(**more: str) -> dict[str, str]:
    """The same for one thread in every library."""
    names = ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS", "LAB_THREADS")
    return clean_environment(**dict.fromkeys(names, "1"), **more)


def run_part(module: str, *arguments: str, environment: Mapping[str, str]) -> list[Row]:
    """The rows that `python -m module arguments` prints as its last line, from a fresh process.

    Libraries read their variables when they are loaded, so each setting needs a process of its own.
    """
    done = subprocess.run(
        [sys.executable, "-m", module, *arguments],
        cwd=ROOT,
        env=dict(environment),
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    return list(json.loads(done.stdout.splitlines()[-1]))


def limit_threads(threads: int) -> None:
    """That many threads in our kernels and in every library that is loaded."""
    import numba

    numba.set_num_threads(threads)  # first: launching its pool resets the pool it shares with torch
    from kernels import threads as ours

    ours._count = threads
    if "threadpoolctl" in sys.modules or _has("threadpoolctl"):
        import threadpoolctl

        threadpoolctl.threadpool_limits(limits=threads, user_api="blas")
    if "torch" in sys.modules:
        sys.modules["torch"].set_num_threads(threads)


def _has(module: str) -> bool:
    import importlib.util

    return importlib.util.find_spec(module) is not None


def interleave(
    works: Mapping[Any, Work], *, seconds: float = 1.5, threads: int = 1, least: int = 7
) -> dict[Any, list[float]]:
    """Milliseconds of each work, one sample a round, the order turned round in every second one."""
    clock = time.process_time if threads == 1 else time.perf_counter
    repeats = {}
    for name, work in works.items():
        work()
        work()
        began = time.perf_counter()
        work()
        repeats[name] = max(1, round(SAMPLE_S / max(time.perf_counter() - began, 1e-7)))
    took: dict[Any, list[float]] = {name: [] for name in works}
    names, rounds = list(works), 0
    gc.collect()
    gc.disable()
    try:
        end = time.perf_counter() + seconds * len(names)
        while rounds < least or (time.perf_counter() < end and rounds < 400):
            for name in names if rounds % 2 == 0 else reversed(names):
                work, times = works[name], repeats[name]
                if threads > 1:
                    _settle(work)
                began = clock()
                for _ in range(times):
                    work()
                took[name].append(1e3 * (clock() - began) / times)
            rounds += 1
    finally:
        gc.enable()
    return took


def _settle(work: Work) -> None:
    ends = time.perf_counter() + SETTLE_S
    while time.perf_counter() < ends:
        work()


def duel(
    name: str,
    ours: Work,
    peers: Mapping[tuple[str, str], Work],
    *,
    bar: float | None,
    seconds: float = 1.5,
    threads: int = 1,
    flops: float = 0.0,
    moved: float = 0.0,
    ceiling: tuple[Work, float] | None = None,
    **more: Any,
) -> Row:
    """Our time over that of the quickest peer form; the bar is the most that is allowed.

    Args:
        peers: (library, form) such as ("torch", "channels_last") -> what it does.
        bar: the most that ours / peer may be; None makes the row an information.
        threads: 1 compares CPU time, more compare wall time.
        flops, moved: operations, and bytes read and written once each: with one thread the row
            then says which share of the machine's roof ours reaches.
        ceiling: work that keeps the multiply-adds busy, and its operations; it takes its turn in
            every round, so that ours is compared with what the processor gave just then.
        more: further fields of the row.
    """
    works = {"ours": ours, **peers} | ({"ceiling": ceiling[0]} if ceiling else {})
    took = interleave(works, seconds=seconds, threads=threads)
    mine = took.pop("ours")
    if ceiling:
        more["shares"] = shares_of_peak(mine, flops, took.pop("ceiling"), ceiling[1])
    if threads == 1 and not ceiling and (flops or moved):
        from .roofline import share

        more |= share(statistics.median(mine), flops, moved)
    return decide(name, mine, took, bar=bar, threads=threads, **more)


def shares_of_peak(
    ours: Sequence[float], flops: float, ceiling: Sequence[float], most: float
) -> list[float]:
    """Quartiles of what share of the ceiling's operations a second ours does, round by round."""
    return quartiles([flops / most * top / one for one, top in zip(ours, ceiling, strict=True)])


def decide(
    name: str,
    ours: Sequence[float],
    peers: Mapping[tuple[str, str], Sequence[float]],
    *,
    bar: float | None,
    **more: Any,
) -> Row:
    """The row that these samples (ms) give: ratio of medians, quartiles of the rounds' ratios."""
    best = min(peers, key=lambda form: statistics.median(peers[form]))
    mine, theirs = statistics.median(ours), statistics.median(peers[best])
    ratios = [one / other for one, other in zip(ours, peers[best], strict=True)]
    return row(
        name,
        mine / theirs,
        "x peer",
        bar,
        ours_ms=round(mine, 5),
        peer=best[0],
        peer_form=best[1],
        peer_ms=round(theirs, 5),
        ratio=round(mine / theirs, 4),
        quartiles=[round(one, 4) for one in quartiles(ratios)],
        ratio_of_minima=round(min(ours) / min(peers[best]), 4),
        others={" ".join(form): round(statistics.median(peers[form]), 5) for form in peers},
        **more,
    )


def print_rows(rows: Sequence[Row]) -> None:
    """What `run_part` reads."""
    print(json.dumps(list(rows)))
