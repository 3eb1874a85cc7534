"""Occupancy against cases worked out by hand from NVIDIA's rules."""

from __future__ import annotations

import re

import pytest

from kernels.cuda_structure import architecture, occupancy
from kernels.cuda_structure.architectures import ARCHITECTURES
from kernels.cuda_structure.toolchain import toolkit

SM75, SM80, SM86, SM90, SM120 = map(architecture, ("75", "80", "86", "90", "120"))
KIB = 1024


@pytest.mark.parametrize(
    ("target", "threads", "registers", "shared", "blocks", "limiters"),
    [
        # 32 registers: 1,024 a warp, 16 warps a quarter, 64 in all: threads and registers at once.
        (SM90, 256, 32, 0, 8, ("threads", "registers")),
        # 33 are given out as 40: 1,280 a warp, 12 a quarter, 48 in all.
        (SM90, 256, 33, 0, 6, ("registers",)),
        # 120 registers: 3,840 a warp, 4 a quarter, 16 in all; the register file undivided holds 17.
        (SM90, 32, 120, 0, 16, ("registers",)),
        # 124 are 128: 4,096 a warp, 16 warps in all, and a block has 8.
        (SM90, 256, 124, 8320, 2, ("registers",)),
        # 48 KiB and the system's 1 KiB: 228 / 49.
        (SM90, 64, 32, 48 * KIB, 4, ("shared memory",)),
        (SM80, 64, 32, 48 * KIB, 3, ("shared memory",)),
        (SM90, 32, 16, 0, 32, ("blocks",)),
        (SM86, 32, 16, 0, 16, ("blocks",)),
        (SM90, 1024, 16, 0, 2, ("threads",)),
        # 33 threads are two warps.
        (SM90, 33, 16, 0, 32, ("threads", "blocks")),
        # Without shared memory it is no bound, though nothing is reserved.
        (SM75, 32, 16, 0, 16, ("blocks",)),
        # As cuda_occupancy.h of toolkit 13.5 counts them.
        (SM75, 96, 73, 25553, 2, ("shared memory",)),
        (SM75, 224, 89, 9999, 2, ("registers",)),
        (SM75, 192, 132, 28886, 2, ("registers", "shared memory")),
        (SM80, 64, 164, 25553, 6, ("registers", "shared memory")),
        (SM80, 160, 158, 3333, 2, ("registers",)),
        (SM80, 416, 31, 2222, 4, ("threads", "registers")),
        (SM86, 256, 49, 8888, 4, ("registers",)),
        (SM86, 448, 38, 47773, 2, ("shared memory",)),
        (SM86, 384, 27, 15554, 4, ("threads",)),
        (SM90, 32, 211, 9999, 8, ("registers",)),
        (SM90, 416, 36, 2222, 3, ("registers",)),
        (SM90, 32, 55, 11110, 19, ("shared memory",)),
        (SM120, 256, 34, 39996, 2, ("shared memory",)),
        (SM120, 128, 68, 29997, 3, ("shared memory",)),
        (SM120, 320, 83, 36663, 2, ("registers", "shared memory")),
        # What cannot be launched at all.
        (SM90, 1024, 80, 0, 0, ("registers",)),
        (SM86, 64, 32, 100 * KIB, 0, ("shared memory",)),
    ],
)
def test_blocks_and_what_allows_no_more(  # type: ignore[no-untyped-def]
    target, threads: int, registers: int, shared: int, blocks: int, limiters: tuple[str, ...]
) -> None:
    found = occupancy(target, threads, registers, shared)

    assert (found.blocks, found.limiters) == (blocks, limiters)
    assert found.warps == blocks * -(-threads // 32)
    assert found.share == found.warps * 32 / target.threads


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_the_figures_are_those_of_the_toolkit(name: str) -> None:
    folder = toolkit()
    header = folder and folder / "include" / "cccl" / "cuda" / "__device" / "arch_traits.h"
    if header is None or not header.is_file():
        pytest.skip("needs the toolkit's headers (extra `cuda`)")
    text = header.read_text(encoding="utf-8")
    found = re.search(rf"arch_traits<arch_id::{name}>\(\) noexcept\s*{{(.*?)\n}}", text, re.DOTALL)
    assert found is not None
    given = dict(re.findall(r"__traits\.(\w+)\s*= ([\d *]+);", found[1]))
    common = dict(re.findall(r"__traits\.(\w+)\s*= ([\d *]+);", text))
    reserved = 1024 if int(name[3:]) >= 80 else 0
    assert "(__cc >= compute_capability{80}) ? 1024 : 0" in text

    target = architecture(name)
    assert target.shared_bytes == _product(given["max_shared_memory_per_multiprocessor"])
    assert target.blocks == _product(given["max_blocks_per_multiprocessor"])
    assert target.threads == _product(given["max_threads_per_multiprocessor"])
    assert target.registers == _product(common["max_registers_per_multiprocessor"])
    assert target.thread_registers == _product(common["max_registers_per_thread"])
    assert target.reserved_bytes == reserved
    assert target.block_shared_bytes == target.shared_bytes - reserved


def _product(text: str) -> int:
    made = 1
    for factor in text.split("*"):
        made *= int(factor)
    return made


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_nothing_more_fits_than_there_is(name: str) -> None:
    target = architecture(name)
    for threads in (32, 96, 256, 1024):
        for registers in (16, 37, 64, 255):
            for shared in (0, 1000, 17 * KIB, 48 * KIB):
                found = occupancy(target, threads, registers, shared)
                assert found.share <= 1
                assert found.blocks * threads * registers <= target.registers
                assert found.blocks * (shared + target.reserved_bytes) <= target.shared_bytes
                assert found.limiters


def test_more_registers_never_help() -> None:
    shares = [occupancy(SM90, 128, registers).share for registers in range(1, 257)]

    assert shares == sorted(shares, reverse=True)
    assert shares[-1] == 0  # no thread can have 256


def test_architectures_are_known_by_several_spellings() -> None:
    assert architecture("9.0") is architecture("90") is architecture("SM_90")
    assert SM90.capability == (9, 0) and architecture("sm_120").capability == (12, 0)
    with pytest.raises(ValueError, match="sm_42' is not known"):
        architecture("sm_42")


def test_a_block_has_threads() -> None:
    with pytest.raises(ValueError, match="has one thread at least"):
        occupancy(SM90, 0, 16)
