"""What the walls and the wire cost: a call, a large array, a box, a file.

python -m tests.benchmarks.protocol
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from grader.spares import WorkerEnvironment, start_worker
from grader.student import Student

from .rows import Row, quartiles, row, table

ENVIRONMENT = WorkerEnvironment(packages=("numpy",))
SOURCE = b"def f(x):\n    return x\n"
CALLS, TRIPS, STARTS = 3000, 60, 12
LARGE = 1 << 20  # float64: 8 MiB there and back


@dataclass(frozen=True)
class Patience:
    """Deadlines that no run of the benchmark meets."""

    import_s: float = 30.0
    call_s: float = 30.0


def run() -> list[Row]:
    """The rows, times in ms, each with its quartiles."""
    opened, starts, loads = [], [], []
    try:
        for _ in range(STARTS):
            began = time.perf_counter()
            worker = start_worker(ENVIRONMENT)
            student = Student(worker, SOURCE, "first.py", limits=Patience())
            starts.append(_since(began))
            opened.append(student)
            loads.append(
                _timed(lambda it=student: it.request("load", filename="second.py", source=SOURCE))
            )
        student = opened[-1]
        small, large = np.ones((3, 4), np.float32), np.random.default_rng(0).normal(size=LARGE)
        return [
            _row("a call with a number", _each(lambda: student.f(1.0), CALLS), 0.06),
            _row("a call with a small array", _each(lambda: student.f(small), CALLS), None),
            _row("8 MiB there and back", _each(lambda: student.f(large), TRIPS), 10.0),
            _row("start of a box with NumPy, file loaded", starts, None),
            _row("load of a file into a warm box", loads, None),
        ]
    finally:
        for student in opened:
            student.close()


def _since(began: float) -> float:
    return 1e3 * (time.perf_counter() - began)


def _timed(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return _since(began)


def _each(work: Callable[[], object], times: int) -> list[float]:
    for _ in range(times // 10):
        work()
    return [_timed(work) for _ in range(times)]


def _row(name: str, took: list[float], bar: float | None) -> Row:
    return row(name, quartiles(took)[1], "ms", bar, quartiles=quartiles(took))


def main() -> None:
    """Print the table."""
    print(table(run()))


if __name__ == "__main__":
    main()
