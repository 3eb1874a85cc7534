"""How many threads a kernel may use, and when a second one pays.

Kernels call no BLAS from inside a parallel region, so the two pools never run at the same time.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

LEAST = 100_000  # elements of cheap work below which waking a thread costs more than it brings

_count: int | None = None
_least: int | None = None
_prepared = False


def count() -> int:
    """Threads for one kernel: LAB_THREADS, or as many as there are processors for us."""
    global _count
    if _count is None:
        told = os.environ.get("LAB_THREADS", "")
        _count = int(told) if told.isdigit() and int(told) > 0 else _processors()
    return _count


def split(work: int, least: int = LEAST) -> int:
    """Threads for `work` units, at least `least` of them each; 1 means: the sequential form."""
    if _least is not None:
        least = _least
    if work < 2 * least:
        return 1
    return max(1, min(count(), work // max(1, least)))


@contextmanager
def eager(threads: int = 2) -> Iterator[None]:
    """In here every kernel takes its parallel form, however small the work (warming, tests)."""
    global _count, _least
    was = _count, _least
    _count, _least = min(threads, _pool()), 0 if threads > 1 else None
    try:
        yield
    finally:
        _count, _least = was


@contextmanager
def limit(threads: int) -> Iterator[None]:
    """In here no kernel uses more than `threads` threads."""
    global _count
    was = _count
    _count = min(threads, _pool())
    try:
        yield
    finally:
        _count = was


def prepare() -> None:
    """Set Numba's pool up for our measure; called before the first kernel is built.

    The omp layer comes first (1.4 us a region; workqueue takes 40 to 160). Its threads spin for a
    short while and then sleep: endless spinning starves whatever else runs on the machine.
    """
    global _prepared
    if _prepared:
        return
    _prepared = True
    if "OMP_WAIT_POLICY" not in os.environ:
        os.environ.setdefault("GOMP_SPINCOUNT", "20000")
    import numba.core.config

    config: Any = numba.core.config

    if "NUMBA_THREADING_LAYER" not in os.environ and config.THREADING_LAYER == "default":
        config.THREADING_LAYER_PRIORITY = ["omp", "tbb", "workqueue"]
    if "NUMBA_NUM_THREADS" not in os.environ and "numba.np.ufunc.omppool" not in sys.modules:
        config.NUMBA_NUM_THREADS = max(2, count(), min(config.NUMBA_NUM_THREADS, _processors()))


def _pool() -> int:
    """The most threads that Numba's pool has or will have; two can be asked of any machine."""
    return max(2, count())


def _processors() -> int:
    """Processors that we may run on, less where a control group grants less time."""
    mine = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return max(1, min(mine, _quota(Path("/sys/fs/cgroup"))))


def _quota(root: Path) -> int:
    """Whole processors granted by the control group (version 2, then 1); many where no limit is."""
    unlimited = 1 << 16
    try:
        quota, period = (root / "cpu.max").read_text().split()
    except (OSError, ValueError):
        try:
            quota = (root / "cpu" / "cpu.cfs_quota_us").read_text().strip()
            period = (root / "cpu" / "cpu.cfs_period_us").read_text().strip()
        except OSError:
            return unlimited
    if not quota.isdigit() or not period.isdigit() or int(period) == 0:
        return unlimited  # "max", or -1
    return max(1, int(quota) // int(period))
