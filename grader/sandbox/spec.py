"""What a box is asked to be."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

READ_FD, WRITE_FD = 3, 4  # of the program inside: requests come on 3, answers go on 4


@dataclass(frozen=True, slots=True)
class Mount:
    """A file or folder that is bound read-only at `target` inside the box."""

    source: Path
    target: str


@dataclass(frozen=True, slots=True)
class BoxSpec:
    """A Python program, what it may see, and what it may use up.

    `program` is what follows the interpreter. `packages` are bound one by one under /opt/site; no
    other installed package can be imported. Sizes are in MiB and KiB as named, times in seconds.
    """

    program: tuple[str, ...]
    packages: tuple[str, ...] = ("numpy",)
    mounts: tuple[Mount, ...] = ()
    environment: Mapping[str, str] = field(default_factory=dict)
    wall_s: float = 120.0
    cpu_s: int = 240
    memory_mib: int = 1024
    processes: int = 64
    file_mib: int = 64
    box_mib: int = 64
    tmp_mib: int = 64
    log_kib: int = 64
    cpus: tuple[int, ...] | None = None
