"""The host's side of `numba.cuda` on the engine: what `cuda` is where there is no GPU.

from kernels.cuda import cuda, float32

@cuda.jit
def add(a, b, out): ...

add[blocks, threads](a, b, out)      computes
add.launch(blocks, threads, a, ...)  computes and analyses
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from .errors import LaunchError
from .geometry import Geometry
from .launch import Engine, Launch

Array = np.ndarray[Any, Any]


@functools.lru_cache(maxsize=64)
def _engine(file: str, changed_ns: int) -> Engine:
    """The engine of a file in its present state."""
    del changed_ns
    return Engine(Path(file).read_text(encoding="utf-8"), file)


class DeviceArray(np.ndarray):
    """An array that plays one in the memory of a GPU."""

    def copy_to_host(self, ary: Array | None = None, stream: Any = 0) -> Array:
        """The values as a plain array, or written into one."""
        if ary is None:
            return np.array(self, subok=False)
        ary[...] = self
        return ary

    def copy_to_device(self, ary: Array, stream: Any = 0) -> None:
        """Take the values of an array of the host."""
        self[...] = ary


class EngineKernel:
    """A function decorated with `cuda.jit`: its file is parsed, the function never called."""

    def __init__(self, function: Callable[..., Any]) -> None:
        self.function = function
        functools.update_wrapper(self, function)

    @property
    def engine(self) -> Engine:
        """The engine of the file that the function stands in."""
        file = inspect.getsourcefile(self.function)
        if file is None or not Path(file).exists():
            raise LaunchError(None, self.function.__name__, "stands in no file", "Save it in one.")
        return _engine(file, Path(file).stat().st_mtime_ns)

    def __getitem__(self, configuration: tuple[Any, ...]) -> Callable[..., None]:
        """`kernel[grid, block]`, or with a stream and bytes of dynamic shared memory."""
        grid, block, *rest = configuration
        shared = rest[1] if len(rest) > 1 else 0

        def run(*arguments: Any) -> None:
            self._run(grid, block, arguments, analyze=False, shared_bytes=shared)

        return run

    def launch(
        self, grid: Geometry, block: Geometry, *arguments: Any, outputs: int = 0, **more: Any
    ) -> Launch:
        """Run and look on: what `Engine.launch` returns."""
        return self._run(grid, block, arguments, outputs=outputs, **more)

    def _run(
        self, grid: Geometry, block: Geometry, arguments: tuple[Any, ...], **more: Any
    ) -> Launch:
        plain = [np.asarray(one) if isinstance(one, np.ndarray) else one for one in arguments]
        return self.engine.launch(self.function.__name__, grid, block, *plain, **more)

    def __call__(self, *arguments: Any) -> Any:
        """Kernels are launched and device functions are called by kernels.

        Raises:
            LaunchError: always.
        """
        name = self.function.__name__
        raise LaunchError(
            None, name, "runs on the device only", f"Launch it: {name}[grid, block](...)."
        )


class Stream:
    """Work in order; on the engine everything is."""

    def synchronize(self) -> None:
        """Nothing is pending."""


class EngineCuda:
    """What the host uses of `cuda`; the names of the device stand in parsed source only."""

    implementation = "engine"

    def jit(self, function: Callable[..., Any] | None = None, **options: Any) -> Any:
        """Decorate a kernel or, with device=True, a device function."""
        if function is None:
            return EngineKernel
        return EngineKernel(function)

    def to_device(self, values: Any, stream: Stream | None = None) -> DeviceArray:
        """A copy of an array."""
        return np.array(values, order="C").view(DeviceArray)

    def device_array(self, shape: Any, dtype: Any = np.float64, **more: Any) -> DeviceArray:
        """An array with arbitrary values."""
        return np.empty(shape, dtype).view(DeviceArray)

    def device_array_like(self, values: Array, stream: Stream | None = None) -> DeviceArray:
        """An array of the same shape and type, with arbitrary values."""
        return np.empty(values.shape, values.dtype).view(DeviceArray)

    def stream(self) -> Stream:
        """A stream."""
        return Stream()

    def synchronize(self) -> None:
        """Nothing is pending."""

    def is_available(self) -> bool:
        """No GPU: kernels run all the same."""
        return False

    def __getattr__(self, name: str) -> Any:
        raise AttributeError(
            f"cuda.{name}: the engine knows it inside of kernels only, if at all. On the host "
            "there are jit, to_device, device_array, device_array_like, stream and synchronize."
        )
