"""How fast a learner's products are: by the size of the tile, beside OpenBLAS and under the roof.

Everything here is shown and nothing is scored: a submission is timed against the course's solution.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from assignments.catalog import Stage

    from .render import Style

N = 512
TILES = (8, 16, 32, 64, 128, 256, 512)
SWEPT = "matmul_cache_tiled"
ROUNDS = 5
ENOUGH_S = 0.5  # of rounds: a slow product is not timed five times
BAR = 40

Times = Callable[[str, tuple[int, ...]], float]


@dataclass(frozen=True, slots=True)
class Speed:
    """One line: GFLOP/s, or None where the function did not give a product."""

    name: str
    gflops: float | None


def measure(stage: Stage, source: bytes) -> list[Speed]:
    """The products of the learner's file in its box, by the clock of this side; then OpenBLAS.

    Raises:
        WorkerError: the file cannot be loaded.
    """
    import numpy as np

    from grader.desk import Desk
    from grader.spares import Spares

    a, b = np.random.default_rng(0).standard_normal((2, N, N), np.float32)
    with Spares() as spares, Desk(stage, source, spares) as desk:
        student = desk.student("tiles")
        kept = student.put(a), student.put(b)

        def seconds(name: str, more: tuple[int, ...]) -> float:
            program = f"def probe(module, args): return module.{name}(*args).shape[0]"
            student.probe(program, args=(*kept, *more))  # compiles
            return _least(lambda: student.probe(program, args=(*kept, *more)))

        found = speeds([export.name for export in stage.exports], seconds)
    return [*found, Speed("OpenBLAS", _gflops(_least(lambda: a @ b)))]


def speeds(exports: Sequence[str], seconds: Times) -> list[Speed]:
    """A line for each tile, and one for each other product among `exports`."""
    from grader.errors import WorkerError

    works: list[tuple[str, str, tuple[int, ...]]] = [
        (f"tile {tile}", SWEPT, (tile,)) for tile in TILES
    ]
    works += [
        (name, name, ()) for name in exports if name.startswith("matmul_") and name != SWEPT
    ]  # fmt: skip
    found = []
    for title, name, more in works:
        try:
            found.append(Speed(title, _gflops(seconds(name, more))))
        except WorkerError:
            found.append(Speed(title, None))
    return found


def _gflops(seconds: float) -> float:
    return 2e-9 * N**3 / seconds


def _least(work: Callable[[], object]) -> float:
    work()
    times: list[float] = []
    while len(times) < ROUNDS and sum(times) < ENOUGH_S:
        began = time.perf_counter()
        work()
        times.append(time.perf_counter() - began)
    return min(times)


def document(found: Sequence[Speed], roof: float) -> dict[str, Any]:
    """The JSON of `lab bench tiling --tiles --json`."""
    return {
        "n": N,
        "roof_gflops": round(roof, 1),
        "gflops": {
            speed.name: None if speed.gflops is None else round(speed.gflops, 2) for speed in found
        },
    }


def drawn(found: Sequence[Speed], roof: float, style: Style) -> list[str]:
    """Bars on one scale, the roof being the whole width."""
    mark = "#" if style.symbols == "ascii" else "█"
    lines = [f"{SWEPT} and the others at n = {N}, GFLOP/s: shown, never scored", ""]
    for speed in [*found, Speed("roof of one thread", roof)]:
        if speed.gflops is None:
            lines.append(f"  {speed.name:<22}{'-':>7}  not written, or not right yet")
            continue
        bar = mark * max(1, min(BAR, round(BAR * speed.gflops / roof)))
        lines.append(f"  {speed.name:<22}{speed.gflops:>7.1f}  {bar}")
    return lines
