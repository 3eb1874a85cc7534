"""Launches: arguments are checked and wrapped, the machine runs, what it saw is collected."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from .errors import LaunchError, Unsupported
from .findings import Finding
from .geometry import Geometry, extents
from .linker import Compiled, Linker
from .machine import Machine
from .program import Program
from .sites import Counter
from .types import SCALARS, Array, Type, scalar_of

BATCH_LANES = 16384  # lanes of a batch: large enough for NumPy, small enough for the cache
LOCAL_BYTES = 1 << 27  # that the local arrays of a batch may take
SECONDS = 60.0


@dataclass(frozen=True)
class Traffic:
    """What a kernel loads from one array.

    Attributes:
        loaded: elements loaded, counted by lanes.
        needed: distinct pairs of block and element: no block can load less.
        distinct_sectors: sectors of 32 bytes that memory delivers at least once.
    """

    array: str
    loaded: int
    needed: int
    distinct_sectors: int

    @property
    def ratio(self) -> float:
        """How often a block loads an element that it loads at all."""
        return self.loaded / self.needed if self.needed else 0.0


@dataclass(frozen=True)
class Launch:
    """What one launch did.

    Attributes:
        kernel, grid, block: what was launched.
        findings: what is wrong, in the order of the source.
        counters: one for each place and array that touches memory.
        traffic: loads of each global array.
        shared_bytes: shared memory of one block.
        barriers: syncthreads per block.
        divergence: active lanes over issued lanes, 1.0 where warps never split.
        flops: float operations.
        stored: names of the arrays that were stored into.
    """

    program: Program
    kernel: str
    grid: tuple[int, int, int]
    block: tuple[int, int, int]
    findings: tuple[Finding, ...]
    counters: tuple[Counter, ...]
    traffic: Mapping[str, Traffic]
    shared_bytes: int
    barriers: float
    divergence: float
    flops: int
    stored: frozenset[str]
    analyzed: bool = True
    extra: Mapping[str, Any] = field(default_factory=dict)

    def of(self, kind: str) -> tuple[Finding, ...]:
        """The findings of one kind."""
        return tuple(one for one in self.findings if one.kind == kind)

    @property
    def global_sectors(self) -> int:
        """Sectors that all requests of global memory move."""
        return sum(one.sectors for one in self.counters if one.space == "global")

    @property
    def loaded_elements(self) -> int:
        """Elements that all lanes load from global memory."""
        return sum(one.loaded for one in self.traffic.values())


class Engine:
    """Runs the kernels of one file.

    Args:
        source: the text of the file; it is parsed, never run.
        filename: how messages name it.

    Raises:
        EngineError: the text is not Python, or its top level asks for something unknown.
    """

    def __init__(self, source: str, filename: str = "<kernel>") -> None:
        self.program = Program(source, filename)
        self._compiled: dict[tuple[str, tuple[Type, ...]], Compiled] = {}

    def compiled(self, name: str, types: tuple[Type, ...]) -> Compiled:
        """The kernel for arguments of these types."""
        key = name, types
        if key not in self._compiled:
            try:
                self._compiled[key] = Linker(self.program).compile(name, types)
            except RecursionError:
                raise Unsupported(None, f"an expression of {name}", "Nest less.") from None
        return self._compiled[key]

    def launch(
        self,
        name: str,
        grid: Geometry,
        block: Geometry,
        *arguments: Any,
        outputs: int = 0,
        analyze: bool = True,
        shared_bytes: int = 0,
        seconds: float = SECONDS,
        batch_lanes: int = BATCH_LANES,
    ) -> Launch:
        """Run `name[grid, block](*arguments)`.

        Args:
            arguments: C-contiguous arrays, which the kernel reads and writes in place, and numbers.
            outputs: how many of the last arrays must be stored into completely.
            analyze: look for races and count accesses; False only computes.
            shared_bytes: dynamic shared memory.
            seconds: the time after which it is given up.

        Raises:
            Unsupported: the engine cannot run the kernel.
            Rejected: Numba would not compile it.
            LaunchError: the arguments or the geometry do not fit.
            Endless: it ran longer than `seconds`.
        """
        function = self.program.kernel(name)
        names = function.parameters
        if len(names) != len(arguments):
            raise LaunchError(
                function.node.lineno,
                name,
                f"has {len(names)} parameters and is given {len(arguments)} arguments",
            )
        types = tuple(_type_of(*pair) for pair in zip(names, arguments, strict=True))
        compiled = self.compiled(name, types)
        local = sum(
            math.prod(one.shape) * one.dtype.bits // 8
            for one in compiled.declarations
            if one.space == "local"
        )
        if local:
            batch_lanes = min(batch_lanes, max(1, LOCAL_BYTES // local))
        machine = Machine(
            extents(grid, "grid"),
            extents(block, "block"),
            compiled.places,
            compiled.names,
            analyze=analyze,
            uses_syncwarp=compiled.uses_syncwarp,
            dynamic_bytes=shared_bytes,
            batch_lanes=batch_lanes,
            seconds=seconds,
        )
        wrapped: list[Any] = []
        for one, value in zip(names, arguments, strict=True):
            if isinstance(value, np.ndarray):
                wrapped.append(machine.wrap(one, value, stored=one in compiled.stores))
            else:
                wrapped.append(_plain(value))
        if compiled.promotion is not None:
            machine.findings.add(compiled.promotion)
        try:
            machine.run(compiled.run, wrapped)
        except OverflowError:
            raise Unsupported(
                function.node.lineno, f"an integer of {name} beyond 64 bits", "Keep it smaller."
            ) from None
        if analyze:
            _check_outputs(machine, compiled, wrapped, outputs)
        return _collect(self.program, name, machine, analyze)


def _type_of(name: str, value: Any) -> Type:
    if isinstance(value, np.ndarray):
        if value.dtype.name not in SCALARS:
            raise LaunchError(None, name, f"has dtype {value.dtype}, which kernels cannot use")
        if not value.flags.c_contiguous:
            raise LaunchError(None, name, "is not C-contiguous", "Pass np.ascontiguousarray of it.")
        if not value.ndim:
            raise LaunchError(None, name, "has no axes", "Pass an array of shape (1,).")
        return Array(SCALARS[value.dtype.name], value.ndim, "global")
    found = scalar_of(value)
    if found is None:
        raise LaunchError(None, name, f"is a {type(value).__name__}", "Pass arrays and numbers.")
    return found


def _plain(value: Any) -> Any:
    """A number as the machine holds it."""
    if isinstance(value, bool | np.bool_):
        return bool(value)
    if isinstance(value, int | np.integer):
        return int(value)
    return value if isinstance(value, np.generic) else np.float64(value)


def _check_outputs(
    machine: Machine, compiled: Compiled, arguments: Sequence[Any], outputs: int
) -> None:
    arrays = [one for one in arguments if one in machine.arrays]
    for array in arrays[len(arrays) - outputs :] if outputs else []:
        stores = [
            one.place.line
            for one in machine.sites
            if one.place.op != "load" and array.name in one.counters
        ]
        machine.unwritten(array, min(stores, default=compiled.function.node.lineno))


def _collect(program: Program, name: str, machine: Machine, analyze: bool) -> Launch:
    counters = [one for site in machine.sites for one in site.counters.values() if one.requests]
    traffic, stored = {}, set()
    for one in machine.arrays if analyze else []:
        loaded = sum(
            c.lanes
            for c in counters
            if c.array == one.name and c.space == "global" and c.place.op == "load"
        )
        traffic[one.name] = Traffic(
            one.name, loaded, one.footprint.pairs, one.footprint.distinct_sectors(one.itemsize)
        )
        if not one.ownership.unwritten().all():
            stored.add(one.name)
    return Launch(
        program,
        name,
        machine.grid,
        machine.block,
        machine.findings.all(),
        tuple(counters),
        traffic,
        machine.shared_bytes,
        machine.barriers / machine.all_blocks,
        machine.active / (32 * machine.issued) if machine.issued else 1.0,
        machine.flops,
        frozenset(stored),
        analyze,
    )
