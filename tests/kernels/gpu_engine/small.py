"""Runs small kernels that a test spells out."""

from __future__ import annotations

from typing import Any

import numpy as np

from kernels.gpu_engine import Engine, Launch

HEAD = """\
import math

import numpy as np
from numba import cuda, float32, float64, int16, int32, int64, uint8, uint32, uint64

N = 64
WEIGHTS = np.array([1.0, 2.0, 4.0], np.float32)


"""


def engine(text: str) -> Engine:
    """The engine for some kernels below the usual imports; the first kernel is `kernel`."""
    return Engine(HEAD + text.strip("\n") + "\n")


def launch(text: str, grid: Any, block: Any, *arguments: Any, **more: Any) -> Launch:
    """Run the one kernel `kernel` of a text."""
    return engine(text).launch("kernel", grid, block, *arguments, **more)


def body(statements: str, parameters: str = "x, out") -> str:
    """A kernel of these statements."""
    lines = "\n".join("    " + one for one in statements.strip("\n").splitlines())
    return f"@cuda.jit\ndef kernel({parameters}):\n{lines}\n"


def line_of(text: str, piece: str, nth: int = 1) -> int:
    """The line of the file in which a piece of the text stands."""
    lines = (HEAD + text.strip("\n")).splitlines()
    return [n for n, line in enumerate(lines, 1) if piece in line][nth - 1]


def ramp(n: int, kind: Any = np.float32) -> np.ndarray[Any, Any]:
    """0, 1, 2, ..."""
    return np.arange(n, dtype=kind)


def found(of: Launch) -> list[tuple[str, int | None]]:
    """Kinds and lines."""
    return [(one.kind, one.line) for one in of.findings]
