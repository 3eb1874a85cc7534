"""How many blocks one multiprocessor holds at a time, and what stands in the way of more.

Blocks are bounded by threads, by registers (given to warps in units of 256, in each quarter of the
register file apart), by shared memory (in units, and some of it reserved) and by their own number.
Occupancy is the share of the multiprocessor's warps that are resident.
Source: CUDA C++ Best Practices Guide 13, "Occupancy"; cuda_occupancy.h of the toolkit.
"""

from __future__ import annotations

from dataclasses import dataclass

from .architectures import WARP, Architecture


@dataclass(frozen=True)
class Occupancy:
    """What fits.

    Attributes:
        blocks, warps: resident on one multiprocessor.
        share: of the warps that it could hold, 0 to 1.
        limiters: what allows no block more: threads, registers, shared memory, blocks.
    """

    blocks: int
    warps: int
    share: float
    limiters: tuple[str, ...]


def occupancy(
    target: Architecture, threads: int, registers: int, shared_bytes: int = 0
) -> Occupancy:
    """Occupancy by blocks of `threads`, each thread with `registers`.

    Args:
        shared_bytes: of one block, static and dynamic together.

    Raises:
        ValueError: a block without threads.
    """
    if threads < 1:
        raise ValueError(f"a block of {threads} threads. It has one thread at least.")
    warps = -(-threads // WARP)
    bounds = {
        "threads": target.threads // (warps * WARP),
        "registers": _by_registers(target, warps, registers),
        "shared memory": _by_shared_memory(target, shared_bytes),
        "blocks": target.blocks,
    }
    blocks = min(bounds.values())
    limiters = tuple(name for name, bound in bounds.items() if bound == blocks)
    return Occupancy(blocks, blocks * warps, blocks * warps * WARP / target.threads, limiters)


def _by_registers(target: Architecture, warps: int, registers: int) -> int:
    if registers < 1:
        return target.threads  # no bound: others are below it
    if registers > target.thread_registers:
        return 0
    of_warp = _up(registers * WARP, target.register_unit)
    quarter = target.registers // target.quarters // of_warp
    return quarter * target.quarters // warps


def _by_shared_memory(target: Architecture, shared_bytes: int) -> int:
    if shared_bytes > target.block_shared_bytes:
        return 0
    taken = _up(shared_bytes + target.reserved_bytes, target.shared_unit)
    return target.shared_bytes // taken if taken else target.threads


def _up(value: int, unit: int) -> int:
    return -(-value // unit) * unit
