"""A Numba CUDA kernel on its way to machine code, without a driver.

The way is that of a launch: Numba's intermediate code, optimised by nvJitLink as a whole, assembled
for one architecture. Line information changes what the assembler does by a register or two, so it
is asked for only when lines are wanted.
"""

from __future__ import annotations

import importlib
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from .. import cuda as resolver
from .architectures import Architecture
from .toolchain import disassembler

SECONDS = 60.0  # of nvdisasm


@dataclass(frozen=True)
class Compiled:
    """What the tools say of a kernel.

    Attributes:
        log: of nvJitLink, with ptxas' resource usage in it.
        sass: nvdisasm's listing.
    """

    log: str
    sass: str


def compile_kernel(
    kernel: Any, signature: Sequence[Any], target: Architecture, *, lines: bool = False
) -> Compiled:
    """Machine code of `kernel` for arguments of the types `signature`.

    Args:
        kernel: a function with `@cuda.jit`; its options count (fastmath, max_registers ...).
        lines: have the listing tell the source line of each instruction.

    Raises:
        numba.core.errors.NumbaError: Numba refuses the kernel.
        RuntimeError: nvJitLink or nvdisasm does.
    """
    code = _intermediate(kernel, signature, target, lines)
    most = kernel.targetoptions.get("max_registers")
    options = [*(["-lineinfo"] if lines else []), *([f"-maxrregcount={most}"] if most else [])]
    cubin, log = _link(code, target, *options)
    return Compiled(log, _disassemble(cubin, lines))


def to_ptx(kernel: Any, signature: Sequence[Any], target: Architecture) -> str:
    """The PTX that is assembled: NVIDIA's documented assembly, before registers are given out.

    Raises: as `compile_kernel`.
    """
    return _link(_intermediate(kernel, signature, target, False), target, "-ptx")[0].decode()


def _intermediate(
    kernel: Any, signature: Sequence[Any], target: Architecture, lines: bool
) -> bytes:
    numba_cuda = resolver.compiler()
    options = kernel.targetoptions
    with _as_if_present(target), _fresh(_device_functions(kernel, {}), lines):
        code, _ = numba_cuda.compile(
            kernel.py_func,
            tuple(signature),
            device=False,
            abi="numba",
            output="ltoir",
            cc=target.capability,
            lineinfo=lines,
            fastmath=options.get("fastmath", False),
            opt=options.get("opt", True),
            launch_bounds=options.get("launch_bounds"),
        )
    return bytes(code)


@contextmanager
def _as_if_present(target: Architecture) -> Iterator[None]:
    """Let device functions be compiled for `target`: Numba asks the present GPU what it is."""
    dispatcher: Any = importlib.import_module("numba.cuda.dispatcher")
    asked = dispatcher.get_current_device
    dispatcher.get_current_device = lambda: SimpleNamespace(compute_capability=target.capability)
    try:
        yield
    finally:
        dispatcher.get_current_device = asked


@contextmanager
def _fresh(functions: dict[int, Any], lines: bool) -> Iterator[None]:
    """Have device functions compiled anew, with line information or without."""
    before = {key: one.targetoptions.get("lineinfo") for key, one in functions.items()}
    for one in functions.values():
        one.overloads.clear()
        one.targetoptions["lineinfo"] = lines
    try:
        yield
    finally:
        for key, one in functions.items():
            one.overloads.clear()
            one.targetoptions["lineinfo"] = before[key]


def _device_functions(function: Any, found: dict[int, Any]) -> dict[int, Any]:
    """The functions with `@cuda.jit(device=True)` that `function` may call, and theirs."""
    plain = function.py_func
    cells = [cell.cell_contents for cell in plain.__closure__ or ()]
    for value in [*(plain.__globals__.get(name) for name in plain.__code__.co_names), *cells]:
        if hasattr(value, "targetoptions") and hasattr(value, "py_func") and id(value) not in found:
            found[id(value)] = value
            _device_functions(value, found)
    return found


def _link(code: bytes, target: Architecture, *options: str) -> tuple[bytes, str]:
    """nvJitLink's output and its log."""
    nvjitlink: Any = importlib.import_module("cuda.bindings.nvjitlink")
    given = [f"-arch={target.name}", "-lto", "-verbose", *options]
    handle = nvjitlink.create(len(given), given)
    try:
        try:
            nvjitlink.add_data(handle, nvjitlink.InputType.LTOIR, code, len(code), "kernel")
            nvjitlink.complete(handle)
        except nvjitlink.nvJitLinkError as error:
            log = bytearray(nvjitlink.get_error_log_size(handle))
            nvjitlink.get_error_log(handle, log)
            said = bytes(log).decode(errors="replace").strip("\0\n ")
            raise RuntimeError(f"nvJitLink: {said or error}") from None
        size, get = (
            (nvjitlink.get_linked_ptx_size, nvjitlink.get_linked_ptx)
            if "-ptx" in options
            else (nvjitlink.get_linked_cubin_size, nvjitlink.get_linked_cubin)
        )
        made = bytearray(size(handle))
        get(handle, made)
        log = bytearray(nvjitlink.get_info_log_size(handle))
        if log:
            nvjitlink.get_info_log(handle, log)
        return bytes(made).rstrip(b"\0") if "-ptx" in options else bytes(made), log.decode()
    finally:
        nvjitlink.destroy(handle)


def _disassemble(cubin: bytes, lines: bool) -> str:
    tool = disassembler()
    if tool is None:
        raise RuntimeError("there is no nvdisasm.")
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "kernel.cubin"
        file.write_bytes(cubin)
        done = subprocess.run(
            [tool, "-c", *(["-gi"] if lines else []), file],
            capture_output=True,
            text=True,
            check=False,
            stdin=subprocess.DEVNULL,
            timeout=SECONDS,
        )
    if done.returncode:
        raise RuntimeError(f"nvdisasm: {done.stderr.strip()}")
    return done.stdout
