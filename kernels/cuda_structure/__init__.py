"""What the compiler makes of a CUDA kernel, seen without a GPU: registers, spills, occupancy, loops.

    from kernels.cuda_structure import examine, missing

Numba's NVVM code goes through nvJitLink, as it does before a launch, and nvdisasm shows the machine
code. All three come with the extra `cuda`; `missing()` says in a sentence what is not there.
The structure bounds the speed from above, it is not the speed: that needs a GPU.
"""

from __future__ import annotations

from .architectures import DEFAULT, Architecture, architecture
from .occupancy import Occupancy, occupancy
from .structure import NotAssessed, Structure, examine, read
from .toolchain import missing

__all__ = [
    "DEFAULT",
    "Architecture",
    "NotAssessed",
    "Occupancy",
    "Structure",
    "architecture",
    "examine",
    "missing",
    "occupancy",
    "read",
]
