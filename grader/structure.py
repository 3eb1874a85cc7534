"""The structure of a learner's GPU kernels, as the compiler sees it; no GPU is needed.

The file is run and compiled in a box. What comes back is shown to the learner and never scored:
whoever forges it fools nobody but himself.
"""

from __future__ import annotations

import contextlib
import importlib.metadata
import importlib.util
import json
import os
import select
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from . import sandbox
from .errors import UsageError
from .sandbox import Box, BoxSpec, Mount
from .sandbox.interpreter import SITE_IN_BOX
from .student import clean

if TYPE_CHECKING:
    from assignments.catalog import Stage

PROGRAM = "/opt/box/structure.py"
HERE = Path(__file__).parent
ROOT = HERE.parent
OURS = ("kernels/__init__.py", "kernels/cuda.py", "kernels/cuda_structure")
PACKAGES = ("numpy", "numba", "llvmlite", "numba_cuda", "cuda", "nvidia", "packaging")
DISTRIBUTIONS = ("numba-cuda", "cuda-bindings", "cuda-core", "cuda-pathfinder")  # ask for versions
HOOK = "_numba_cuda_redirector"  # puts numba-cuda in the place of the target that Numba ships
SECONDS = 300.0
MEMORY_MIB = 3072
MOST_LINE = 1 << 16  # bytes of one answer
MAX_TEXT = 400
# Sizes of the arguments with which a file is asked for its blocks; an int is one that is passed.
KERNELS: Mapping[str, Mapping[str, tuple[list[int] | int, ...]]] = {
    "gpu": {
        "vecadd": ([4096], [4096], [4096]),
        "window_sum": ([4096], [4096]),
        "window_sum_shared": ([4096], [4096]),
        "block_sum": ([4096], [32]),
        "prefix_sum": ([4096], [4096]),
        "transpose_tiled": ([256, 256], [256, 256]),
        "matmul_thread_tiled": ([256, 256], [256, 256], [256, 256]),
        "matmul_shared": ([256, 256], [256, 256], [256, 256]),
        "softmax_rows": ([256, 1024], [256, 1024]),
        "flash_attention": ([256, 32], [256, 32], [256, 32], [256, 32], 1),
    }
}


@dataclass(frozen=True, slots=True)
class KernelStructure:
    """One kernel: its `structure` as `kernels.cuda_structure.Structure.to_json` gives it.

    Where it was not assessed, `structure` is None and `reason` says why.
    """

    kernel: str
    structure: Mapping[str, Any] | None
    reason: str = ""


def unavailable() -> str:
    """Why nothing can be assessed on this machine, in a sentence; empty where it can."""
    from kernels.cuda_structure import missing

    return missing()


def structures(stage: Stage, source: bytes, arch: str) -> Iterator[KernelStructure]:
    """The kernels of a learner's file, one after the other, as they are compiled.

    Raises:
        UsageError: the stage has no kernels for a GPU, or the architecture is not known.
        SandboxError: the box could not be built.
    """
    from kernels.cuda_structure import architecture

    kernels = KERNELS.get(stage.id)
    if kernels is None:
        raise UsageError(f"stage {stage.id} has no kernels for a GPU: {', '.join(KERNELS)} has.")
    try:
        target = architecture(arch).name
    except ValueError as error:
        raise UsageError(str(error)) from None
    if reason := unavailable():
        yield from (KernelStructure(name, None, reason) for name in kernels)
        return
    question = {
        "filename": stage.file_name,
        "source": source.decode("utf-8-sig", errors="replace"),
        "arch": target,
        "kernels": kernels,
    }
    waiting = dict.fromkeys(kernels)
    with sandbox.open_box(_spec()) as box:
        for answer in _answers(box, json.dumps(question).encode() + b"\n"):
            found = _read(answer)
            if found is not None and found.kernel in waiting:
                del waiting[found.kernel]
                yield found
        why = _why(box) if waiting else ""
    yield from (KernelStructure(name, None, why) for name in waiting)


def _spec() -> BoxSpec:
    mounts = [Mount(HERE / "worker" / "structure.py", PROGRAM)]
    mounts += [Mount(ROOT / one, f"{SITE_IN_BOX}/{one}") for one in OURS]
    return BoxSpec(
        (PROGRAM,),
        packages=PACKAGES,
        mounts=(*mounts, *_beside_packages()),
        environment={"LAB_CUDA": "numba", "NUMBA_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"},
        wall_s=SECONDS,
        cpu_s=int(SECONDS),
        memory_mib=MEMORY_MIB,
    )


def _beside_packages() -> Iterator[Mount]:
    """What the packages need of their installation that is in no package's folder."""
    hook = importlib.util.find_spec(HOOK)
    if hook is not None and hook.origin is not None:
        yield Mount(Path(hook.origin), f"{SITE_IN_BOX}/{HOOK}.py")
    for name in DISTRIBUTIONS:
        with contextlib.suppress(importlib.metadata.PackageNotFoundError):
            files = importlib.metadata.files(name) or ()
            for file in (one for one in files if one.name == "METADATA"):
                folder = Path(str(file.locate())).parent
                yield Mount(folder, f"{SITE_IN_BOX}/{folder.name}")


def _answers(box: Box, question: bytes) -> Iterator[bytes]:
    """Ask, then every line of the answer up to its end; a line without end is none."""
    try:
        rest = memoryview(question)
        while rest:
            rest = rest[os.write(box.write_fd, rest) :]
    except BrokenPipeError:
        return
    held, ends = b"", time.monotonic() + SECONDS
    while len(held) < MOST_LINE:
        left = max(0.0, ends - time.monotonic())
        if not select.select([box.read_fd], [], [], left)[0]:
            return
        part = os.read(box.read_fd, 1 << 16)
        if not part:
            return
        *lines, held = (held + part).split(b"\n")
        yield from lines


def _read(line: bytes) -> KernelStructure | None:
    """An answer as what it should be; it came from a box."""
    try:
        said = json.loads(line)
        name = clean(str(said["kernel"]))[:MAX_TEXT]
        if "structure" not in said:
            return KernelStructure(name, None, clean(str(said["reason"]))[:MAX_TEXT])
        return KernelStructure(name, _checked(said["structure"]))
    except (ValueError, LookupError, TypeError, AttributeError, ArithmeticError, RecursionError):
        return None


COUNTS = [
    "threads",
    "instructions",
    "ffma",
    "hot_loop",
    "wide_loads",
    "wide_stores",
    "local",
    "fp64",
]
RESOURCES = [
    "registers",
    "stack_bytes",
    "spill_store_bytes",
    "spill_load_bytes",
    "shared_bytes",
    "barriers",
]


def _checked(found: Mapping[str, Any]) -> dict[str, Any]:
    """Rebuilt from plain numbers and known words, so that nothing else gets to a terminal."""
    occupancy = found["occupancy"]
    first, *others = occupancy["limiters"]
    return {
        "architecture": clean(str(found["architecture"]))[:16],
        **{name: int(found[name]) for name in COUNTS},
        "ffma_share": float(found["ffma_share"]),
        "resources": {name: int(found["resources"][name]) for name in RESOURCES},
        "occupancy": {
            "blocks": int(occupancy["blocks"]),
            "warps": int(occupancy["warps"]),
            "share": float(occupancy["share"]),
            "limiters": [clean(str(one))[:20] for one in (first, *others[:3])],
        },
        **{
            name: [[int(line), int(count)] for line, count in found[name]]
            for name in ("fp64_lines", "local_lines")
        },
    }


def _why(box: Box) -> str:
    """Why a box ended before it had answered for every kernel: the last line that it said."""
    ending = box.wait_ending()
    if ending != "exited":
        return f"the compiler was ended ({ending})."
    said = clean(box.log().decode(errors="replace")).strip().splitlines()
    return said[-1][:MAX_TEXT] if said else "the compiler gave no answer."
