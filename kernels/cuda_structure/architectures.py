"""What one multiprocessor of each architecture holds, as NVIDIA documents it.

Source: CUDA C++ Programming Guide 12.9, "Compute Capabilities", table "Technical Specifications per
Compute Capability". Each figure equals that of `cuda::arch_traits` in NVIDIA's headers of toolkit
13.5 (cccl/cuda/__device/arch_traits.h), against which a test holds it where they are installed; the
units in which registers and shared memory are given out are those of cuda_occupancy.h there.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

KIB = 1024
WARP = 32
DEFAULT = "sm_90"


@dataclass(frozen=True)
class Architecture:
    """Resources of one multiprocessor.

    Attributes:
        name: such as sm_90.
        threads, blocks, registers, shared_bytes: how many can be resident at once.
        block_shared_bytes: the most that one block may ask for.
        reserved_bytes: shared memory that the system takes for each block.
        shared_unit: bytes in which shared memory is given out.
    """

    name: str
    threads: int
    blocks: int
    shared_bytes: int
    block_shared_bytes: int
    reserved_bytes: int = KIB
    shared_unit: int = 128
    registers: int = 65_536
    thread_registers: int = 255
    register_unit: int = 256  # registers that a warp gets at a time
    quarters: int = 4  # a warp's registers lie in one of these, so warps come in fours

    @property
    def capability(self) -> tuple[int, int]:
        """Major and minor number, as Numba wants them."""
        digits = self.name.removeprefix("sm_")
        return int(digits[:-1]), int(digits[-1])


ARCHITECTURES = {
    one.name: one
    for one in (
        Architecture("sm_75", 1024, 16, 64 * KIB, 64 * KIB, reserved_bytes=0, shared_unit=256),
        Architecture("sm_80", 2048, 32, 164 * KIB, 163 * KIB),
        Architecture("sm_86", 1536, 16, 100 * KIB, 99 * KIB),
        Architecture("sm_89", 1536, 24, 100 * KIB, 99 * KIB),
        Architecture("sm_90", 2048, 32, 228 * KIB, 227 * KIB),
        Architecture("sm_100", 2048, 32, 228 * KIB, 227 * KIB),
        Architecture("sm_120", 1536, 24, 100 * KIB, 99 * KIB),
    )
}


def architecture(name: str) -> Architecture:
    """The architecture of that name; `90`, `9.0` and `sm_90` mean the same.

    Raises:
        ValueError: it is none that is known here.
    """
    digits = re.sub(r"^(sm|compute)_?|\.", "", name.strip().lower())
    known = ARCHITECTURES.get(f"sm_{digits}")
    if known is None:
        raise ValueError(
            f"the architecture {name!r} is not known. Use one of {', '.join(ARCHITECTURES)}."
        )
    return known
