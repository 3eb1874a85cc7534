"""Threads that help with one loop: each runs the same machine code over its part of a range.

Numba could make a second, parallel form of every loop, at three times the price of compiling the
first. Our loops give up the interpreter's lock, so plain threads run the one form at the same time;
to wake one takes some 10 us, which `threads.split` asks for only where the work is many times that.
"""

from __future__ import annotations

import itertools
import os
import threading
from collections.abc import Callable
from queue import SimpleQueue
from typing import Any

_Job = tuple[Callable[..., Any], tuple[Any, ...], "SimpleQueue[Any]"]

_inboxes: list[SimpleQueue[_Job]] = []
_lock = threading.Lock()


def run(function: Callable[..., Any], start: int, stop: int, workers: int, *arrays: Any) -> Any:
    """Call `function(first, last, *arrays)` on `workers` parts of [start, stop) at the same time.

    Returns:
        What the calls returned, the least of it where it is numbers.
    """
    ends = _ends(stop - start, workers)
    results = _together(
        function,
        [(start + first, start + last, *arrays) for first, last in itertools.pairwise(ends)],
    )
    return None if results[0] is None else min(results)


def spread(work: Callable[[int, int, int], None], count: int, workers: int) -> None:
    """Call `work(part, first, last)` for `workers` nearly equal parts of range(count)."""
    workers = max(1, min(workers, count))
    ends = _ends(count, workers)
    _together(work, [(part, ends[part], ends[part + 1]) for part in range(workers)])


def _ends(size: int, parts: int) -> list[int]:
    return [size * part // parts for part in range(parts + 1)]


def _together(function: Callable[..., Any], given: list[tuple[Any, ...]]) -> list[Any]:
    """The results of one call each, the first of them made by this thread.

    An exception of any is raised here, once all have ended: nobody may still write into the arrays.
    """
    answers: SimpleQueue[Any] = SimpleQueue()
    for arguments, inbox in zip(given[1:], _hired(len(given) - 1), strict=True):
        inbox.put((function, arguments, answers))
    results, fault = [], None
    try:
        results.append(function(*given[0]))
    except BaseException as error:
        fault = error
    for _ in given[1:]:
        answer = answers.get()
        if isinstance(answer, BaseException):
            fault = answer
        else:
            results.append(answer)
    if fault is not None:
        raise fault
    return results


def _hired(count: int) -> list[SimpleQueue[_Job]]:
    """The inboxes of that many threads, begun where there are fewer."""
    with _lock:
        while len(_inboxes) < count:
            inbox: SimpleQueue[_Job] = SimpleQueue()
            threading.Thread(target=_serve, args=(inbox,), name="kernels", daemon=True).start()
            _inboxes.append(inbox)
        return _inboxes[:count]


def _serve(inbox: SimpleQueue[_Job]) -> None:
    while True:
        function, arguments, answers = inbox.get()
        try:
            answers.put(function(*arguments))
        except BaseException as error:
            answers.put(error)
        del function, arguments, answers  # or the last arrays would live on


def _forget() -> None:
    """A forked child has none of the threads."""
    global _lock
    _inboxes.clear()
    _lock = threading.Lock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget)
