"""One kernel of a file from end to end: its own launch, the run, the findings."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from .errors import EngineError
from .findings import KINDS, Finding
from .host import launch_geometry
from .judge import Budget, judge
from .launch import SECONDS, Engine, Launch


@dataclass(frozen=True)
class Examination:
    """What is known of one kernel at one size.

    Attributes:
        findings: what is wrong, in the order of the source; an error is among them.
        launch: the run; None where there was none.
        error: why there was none: `Unsupported` means that nothing is known of the kernel,
            any other error that it is wrong.
    """

    findings: tuple[Finding, ...]
    launch: Launch | None = None
    error: EngineError | None = None


def examine(
    engine: Engine,
    name: str,
    arguments: Sequence[Any],
    *,
    outputs: int = 1,
    judged: bool = False,
    budget: Budget | None = None,
    seconds: float = SECONDS,
) -> Examination:
    """Run `kernel[launch(name, *arguments)](*arguments)` and say what is wrong with it.

    Args:
        engine: the engine of the file.
        arguments: arrays, outputs last and filled with NaN, and numbers. Outputs are written.
        outputs: how many of the last arrays must be stored into completely.
        judged: hold the counters against bounds too; for shapes that are multiples of 64.
        budget: what the kernel may load, where it is judged.
        seconds: the time after which the kernel is given up.
    """
    try:
        geometry = launch_geometry(engine.program, name, arguments)
        if isinstance(geometry, Finding):
            return Examination((geometry,))
        launch = engine.launch(name, *geometry, *arguments, outputs=outputs, seconds=seconds)
    except EngineError as error:
        return Examination((error.finding(),), None, error)
    found = launch.findings + (judge(launch, budget) if judged else ())
    ordered = sorted(found, key=lambda one: (one.line or 0, KINDS.index(one.kind)))
    return Examination(tuple(ordered), launch)
