"""A kernel: what must come out (the oracle), and how each device computes it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, NamedTuple, TypeVar

import numpy as np

from . import ready

Launcher = Callable[..., Any]
F = TypeVar("F", bound=Callable[..., Any])

KERNELS: dict[str, Kernel] = {}

# What NumPy does before a kernel's machine code is worth loading (which takes a tenth of a second,
# and the first time half of one) or, where there is none yet, worth compiling. Counted, not timed: the same program must give the same bits.
FIRST_CALLS, FIRST_ELEMENTS = 64, 1 << 23
FLOAT32, FLOAT64 = np.dtype(np.float32), np.dtype(np.float64)
_LETTERS = {FLOAT32: "f", FLOAT64: "d"}


class Call(NamedTuple):
    """One way to call a kernel: the arrays by position, the rest by name."""

    arrays: tuple[Any, ...]
    params: dict[str, Any]


def call(*arrays: Any, **params: Any) -> Call:
    """A sample: `call(x, out=buffer)`."""
    return Call(arrays, params)


class Kernel:
    """A numerical kernel, called as `kernel(*arrays, **params)` on raw arrays.

    The oracle is plain NumPy and the specification. Where the floating arrays are all float32 or
    all float64 the launcher registered with `.on("cpu")` computes, and where one lies on the device
    the one registered with `.on("cuda")`; any other mixture, a launcher
    that is not compiled yet (see `ready`) or not yet worth loading, and LAB_KERNELS=numpy go to
    the oracle.
    `@kernel.samples` registers `(dtype, rng) -> list of call(...)`: small calls of every shape
    class that together need every compiled form. They are what the tests check and what is
    compiled in advance.

    Args:
        name: unique; also the name in messages and of the marker in the cache.
        oracle: the specification.
        ulps: how far results may lie from the oracle, in units of the dtype's epsilon times the
            largest magnitude in the expected array.
    """

    __slots__ = ("_calls", "_elements", "_live", "_sampler", "devices", "name", "oracle", "ulps")

    def __init__(self, name: str, oracle: Callable[..., Any], *, ulps: float = 64.0) -> None:
        self.name = name
        self.oracle = oracle
        self.ulps = ulps
        self.devices: dict[str, Launcher] = {}
        self._live: dict[np.dtype[Any] | None, Launcher] = {}
        self._sampler: Callable[[Any, np.random.Generator], Iterable[Call]] | None = None
        self._calls = self._elements = 0
        KERNELS[name] = self

    def __repr__(self) -> str:
        return f"<kernel {self.name} on {', '.join(self.devices) or 'NumPy only'}>"

    def __call__(self, *arrays: Any, **params: Any) -> Any:
        # The common case costs three identity tests an array: no lock, no look at the environment.
        dtype = None
        for array in arrays:
            if array.__class__ is np.ndarray:
                found = array.dtype
                if found is not dtype and (found is FLOAT32 or found is FLOAT64):
                    if dtype is not None:
                        return self.oracle(*arrays, **params)
                    dtype = found
                elif found.kind not in "fiub" or (found is not dtype and found.kind == "f"):
                    return self.oracle(*arrays, **params)
            elif getattr(array, "device", "cpu") == "cuda":
                return self._on_device(arrays, params)
        run = self._live.get(dtype)
        if run is None:
            run = self._choose(dtype, arrays)
        return run(*arrays, **params)

    def _on_device(self, arrays: tuple[Any, ...], params: dict[str, Any]) -> Any:
        """What the launcher for CUDA gives.

        Raises:
            NotImplementedError: the kernel is not written for CUDA.
            TypeError: some of the numbers lie on the host.
        """
        if any(one.__class__ is np.ndarray and one.dtype.kind == "f" for one in arrays):
            raise TypeError(
                f"{self.name}: an array of the host meets one of the device. Bring both to one "
                "place: kernels.on_cuda.array.to_device(x), or x.numpy()."
            )
        if "cuda" not in self.devices:
            from . import on_cuda

            on_cuda.load(self.name)
        return self.devices["cuda"](*arrays, **params)

    def on(self, device: str) -> Callable[[F], F]:
        """Register the launcher of `device` ("cpu" or "cuda")."""

        def register(launcher: F) -> F:
            self.devices[device] = launcher
            self._live.clear()
            return launcher

        return register

    def samples(self, sampler: F) -> F:
        """Register the function that makes this kernel's sample calls."""
        self._sampler = sampler
        return sampler

    def calls(self, dtype: Any, seed: int = 0) -> list[Call]:
        """The sample calls in `dtype`; the same seed gives the same numbers."""
        if self._sampler is None:
            return []
        return list(self._sampler(np.dtype(dtype), np.random.default_rng(seed)))

    def forget(self) -> None:
        """Choose anew at the next call (after LAB_KERNELS or the cache has changed)."""
        self._live.clear()

    def _choose(self, dtype: np.dtype[Any] | None, arrays: tuple[Any, ...]) -> Launcher:
        """Who serves this dtype from now on, or the oracle for this call alone."""
        launcher = self.devices.get("cpu")
        mode = ready.mode()
        if launcher is None or dtype is None or mode == "numpy":
            self._live[dtype] = self.oracle
        elif mode == "wait":
            self._live[dtype] = launcher
        elif not self._worth_loading(arrays):
            return self.oracle
        elif ready.compiled(self, _LETTERS[dtype]):
            self._live[dtype] = launcher
        elif not ready.request(self, _LETTERS[dtype]):
            self._live[dtype] = self.oracle
        else:
            return self.oracle
        return self._live[dtype]

    def _worth_loading(self, arrays: tuple[Any, ...]) -> bool:
        """Whether so much has been asked of this kernel that more is to be expected."""
        self._calls += 1
        self._elements += sum(getattr(array, "size", 1) for array in arrays)
        return self._calls > FIRST_CALLS or self._elements > FIRST_ELEMENTS
