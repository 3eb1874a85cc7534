"""A GPU of NumPy: runs a Numba CUDA kernel's own source in warp lockstep, and looks on.

    engine = Engine(source)
    launch = engine.launch("vecadd", 4, 256, a, b, out, outputs=1)
    launch.findings        races, divergent barriers, accesses outside, float64, ...
    report(launch)         the same with the counters of each line, as text

The file is parsed, never imported: `program` reads names and constants, the typing modules type
functions as Numba does, the translating modules write NumPy source over vectors of lanes, and
`machine` runs it: `lanes` (masks), `access` (memory), `shadow` and `ownership` (races), `barriers`,
`warps`, `atomics`. `judge` holds the counters against bounds, `host` interprets a file's own `launch`,
`examine` does everything for one kernel, `device` is the host's side of `cuda` without a GPU.
"""

from __future__ import annotations

from .errors import Endless, EngineError, LaunchError, Rejected, Unsupported
from .findings import KINDS, Finding
from .launch import Engine, Launch, Traffic

__all__ = [
    "KINDS",
    "Endless",
    "Engine",
    "EngineError",
    "Finding",
    "Launch",
    "LaunchError",
    "Rejected",
    "Traffic",
    "Unsupported",
]
