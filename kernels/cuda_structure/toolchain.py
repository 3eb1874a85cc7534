"""Which of the tools are there: Numba's CUDA compiler, nvJitLink, nvdisasm."""

from __future__ import annotations

import importlib.util
import shutil
from functools import cache
from pathlib import Path

INSTALL = (
    "`pip install -e '.[cuda]'` in the lab's folder brings them, about 800 MB; no GPU is needed."
)


@cache
def toolkit() -> Path | None:
    """The folder in which NVIDIA's packages lay libraries and tools, the newest one."""
    found = importlib.util.find_spec("nvidia")
    folders = list(found.submodule_search_locations or ()) if found is not None else []
    return next((one for at in folders for one in sorted(Path(at).glob("cu[0-9]*"))[::-1]), None)


@cache
def disassembler() -> Path | None:
    """nvdisasm of the package nvidia-cuda-nvdisasm, else the one of a toolkit on the path.

    An older one than the compiler may not know the compiler's files, so the package comes first.
    """
    folder = toolkit()
    for name in ("nvdisasm", "nvdisasm.exe"):
        if folder is not None and (folder / "bin" / name).is_file():
            return folder / "bin" / name
    elsewhere = shutil.which("nvdisasm")
    return Path(elsewhere) if elsewhere else None


def missing() -> str:
    """A sentence on what is not installed; empty where a kernel's structure can be read."""
    needed = {
        "numba-cuda": _is_there("numba_cuda"),
        "nvJitLink": _is_there("cuda.bindings.nvjitlink"),
        "nvdisasm": disassembler() is not None,
    }
    absent = [name for name, there in needed.items() if not there]
    if not absent:
        return ""
    return f"not installed: {', '.join(absent)}. {INSTALL}"


def _is_there(module: str) -> bool:
    try:
        return importlib.util.find_spec(module) is not None
    except ImportError:  # a package above it is not there
        return False
