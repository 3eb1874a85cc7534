"""A kernel's structure: the numbers by which a GPU will run it, and the lines that cost most."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from . import toolchain
from .architectures import DEFAULT, Architecture, architecture
from .occupancy import Occupancy, occupancy
from .resources import Resources, read_log
from .sass import Instruction, Listing, parse


@dataclass(frozen=True)
class NotAssessed:
    """Nothing is known of the kernel; `reason` is a sentence that says why."""

    reason: str


@dataclass(frozen=True)
class Structure:
    """What one kernel is for the machine.

    Attributes:
        architecture: such as sm_90.
        resources: what ptxas says.
        threads: of a block.
        occupancy: with blocks of so many threads.
        instructions: of the whole kernel.
        ffma, hot_loop: multiply-adds in float32, and all instructions, of one round of the loop
            that multiplies most, without the loops inside of it; 0, 0 where no loop multiplies.
        wide_loads, wide_stores: accesses of 128 bits to global or shared memory.
        local: loads from and stores to local memory.
        fp64: instructions in float64.
        fp64_lines, local_lines: lines of the kernel's own file from which these come, and how many
            come from each (but for clearing an array); empty without line information.
    """

    architecture: str
    resources: Resources
    threads: int
    occupancy: Occupancy
    instructions: int
    ffma: int
    hot_loop: int
    wide_loads: int
    wide_stores: int
    local: int
    fp64: int
    fp64_lines: tuple[tuple[int, int], ...] = ()
    local_lines: tuple[tuple[int, int], ...] = ()

    @property
    def ffma_share(self) -> float:
        """Share of FFMA in the hot loop: it bounds the share of the float32 peak from above."""
        return self.ffma / self.hot_loop if self.hot_loop else 0.0

    def to_json(self) -> dict[str, Any]:
        """Plain values, for `json.dumps`."""
        return {**asdict(self), "ffma_share": round(self.ffma_share, 4)}


def read(log: str, sass: str, target: Architecture, threads: int, dynamic: int = 0) -> Structure:
    """The structure from what the tools printed; nothing is compiled.

    Args:
        log: of ptxas or nvJitLink, written with -verbose.
        sass: of nvdisasm -c.
        threads: of a block.
        dynamic: bytes of shared memory that the launch asks for.

    Raises:
        ValueError: the log tells no registers.
    """
    resources = read_log(log)
    listing = parse(sass)
    hot = listing.hot_loop()
    return Structure(
        architecture=target.name,
        resources=resources,
        threads=threads,
        occupancy=occupancy(target, threads, resources.registers, resources.shared_bytes + dynamic),
        instructions=len(listing.instructions),
        ffma=sum(one.is_ffma for one in hot),
        hot_loop=len(hot),
        wide_loads=_count(listing, lambda one: one.is_wide_load),
        wide_stores=_count(listing, lambda one: one.is_wide_store),
        local=_count(listing, lambda one: one.is_local),
        fp64=_count(listing, lambda one: one.is_fp64),
    )


def examine(
    kernel: Any,
    signature: Sequence[Any],
    *,
    arch: str = DEFAULT,
    threads: int = 256,
    dynamic: int = 0,
) -> Structure | NotAssessed:
    """Compile a kernel and read its structure. Compile a learner's file in a box only.

    Args:
        kernel: a function with `@cuda.jit` of numba-cuda.
        signature: Numba's types of its arguments.
        arch: the architecture, such as sm_80, sm_90, sm_100.
        threads: of a block.
        dynamic: bytes of shared memory that the launch asks for.

    Raises:
        ValueError: the architecture is not known.
    """
    target = architecture(arch)
    if reason := toolchain.missing():
        return NotAssessed(reason)
    if not hasattr(kernel, "targetoptions"):
        return NotAssessed("it is no kernel of numba-cuda: LAB_CUDA=numba gives kernels of it.")
    from numba.core.errors import NumbaError

    from .compiler import compile_kernel

    try:
        plain = compile_kernel(kernel, signature, target)
        found = read(plain.log, plain.sass, target, threads, dynamic)
        if not found.fp64 and not found.local:
            return found
        lined = parse(compile_kernel(kernel, signature, target, lines=True).sass)
    except (NumbaError, RuntimeError, ValueError) as error:
        said = " ".join(str(error).split())
        return NotAssessed(f"it was not compiled: {said}")
    file = kernel.py_func.__code__.co_filename
    return replace(
        found,
        fp64_lines=lines_of((one for one in lined.instructions if one.is_fp64), file),
        local_lines=lines_of((one for one in lined.instructions if one.is_local_value), file),
    )


def lines_of(instructions: Iterable[Instruction], file: str) -> tuple[tuple[int, int], ...]:
    """How many of the instructions come from each line of `file`, most first.

    One from elsewhere, Numba's own code, counts for the line from which it was called.
    """
    counted: Counter[int] = Counter()
    for one in instructions:
        line = next((line for where, line in one.place if where == file), None)
        if line is not None:
            counted[line] += 1
    return tuple(sorted(counted.items(), key=lambda pair: (-pair[1], pair[0])))


def _count(listing: Listing, test: Callable[[Instruction], bool]) -> int:
    return sum(map(test, listing.instructions))
