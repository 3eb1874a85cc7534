"""The same compiled loop on parts of a batch, by a few Python threads.

Compiled code holds no lock of the interpreter, so two calls run at the same time. A part costs
about 30 us to hand over, which suits kernels of milliseconds; their sequential form is the only
one that has to be compiled.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

_pool: ThreadPoolExecutor | None = None
_size = 0


def spread(work: Callable[[int, int, int], None], count: int, threads: int) -> None:
    """Call `work(part, start, stop)` for `threads` nearly equal parts of range(count).

    The caller does the first part itself. An exception of any part is raised here, after all ended.
    """
    threads = max(1, min(threads, count))
    if threads == 1:
        work(0, 0, count)
        return
    bounds = [count * part // threads for part in range(threads + 1)]
    pool = _workers(threads - 1)
    others = [pool.submit(work, part, bounds[part], bounds[part + 1]) for part in range(1, threads)]
    try:
        work(0, bounds[0], bounds[1])
    finally:
        faults = [one.exception() for one in others]
    for fault in faults:
        if fault is not None:
            raise fault


def _workers(count: int) -> ThreadPoolExecutor:
    global _pool, _size
    if _pool is None or _size < count:
        if _pool is not None:
            _pool.shutdown(wait=False)
        _pool, _size = ThreadPoolExecutor(count, thread_name_prefix="kernels"), count
    return _pool


def _forget() -> None:
    """A forked child has the pool's object but none of its threads."""
    global _pool, _size
    _pool, _size = None, 0


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget)
