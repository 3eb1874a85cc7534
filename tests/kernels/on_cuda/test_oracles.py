"""Every kernel on CUDA gives what its oracle gives, and the engine finds nothing wrong with it."""

from __future__ import annotations

import ast
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import kernels
from kernels import on_cuda
from kernels.gpu_engine import Launch
from kernels.kernel import KERNELS, Call, Kernel
from kernels.on_cuda.array import CudaArray, to_device

NAMES = [name for names in on_cuda.HOMES.values() for name in names]
HERE = Path(on_cuda.__file__).parent
# float32 functions of the device are not those of NumPy, and sums go another way.
LOOSER = 4.0


def calls_of(name: str) -> list[Call]:
    """The kernel's samples; of gemm without the stacks of one, which here are what they stack."""
    calls = kernels.get(name).calls("float32")
    if name != "gemm":
        return calls
    return [one for one in calls if one.arrays[0].shape[:1] != (1,) or one.arrays[0].ndim < 3]


def there(value: Any) -> Any:
    """Arrays on the device; labels and indices may stay on the host."""
    if isinstance(value, np.ndarray) and (value.dtype.kind in "fb" or value.dtype == np.uint8):
        return to_device(value)
    return value


def plain(value: Any) -> Any:
    return np.ascontiguousarray(value) if isinstance(value, np.ndarray) else value


def back(value: Any) -> list[Any]:
    """The arrays of a result, on the host."""
    if isinstance(value, tuple | list):
        return [inner for one in value for inner in back(one)]
    return [value.numpy() if isinstance(value, CudaArray) else value]


def copied(call: Call) -> Call:
    """The same call on arrays of its own."""

    def one(value: Any) -> Any:
        return value.copy(order="K") if isinstance(value, np.ndarray) else value

    return Call(tuple(map(one, call.arrays)), {k: one(v) for k, v in call.params.items()})


def close(got: Any, wanted: Any, ulps: float) -> None:
    got, wanted = np.asarray(got), np.asarray(wanted)
    assert got.shape == wanted.shape
    assert got.dtype == wanted.dtype
    if wanted.dtype.kind != "f":
        np.testing.assert_array_equal(got, wanted)
        return
    finite = np.isfinite(wanted)
    np.testing.assert_array_equal(got[~finite], wanted[~finite])
    scale = np.abs(wanted[finite]).max(initial=0.0) or 1.0
    worst = np.abs(got[finite] - wanted[finite]).max(initial=0.0)
    assert worst <= ulps * np.finfo(wanted.dtype).eps * scale


@pytest.mark.parametrize("name", NAMES)
def test_agrees_with_its_oracle_and_nothing_is_found(name: str, launches: list[Launch]) -> None:
    kernel = kernels.get(name)
    on_cuda.load(name)
    for call in calls_of(name):
        mine, theirs = copied(call), copied(call)
        in_place = name.endswith("_step")
        arrays = [there(plain(one) if in_place else one) for one in mine.arrays]
        found = kernel.devices["cuda"](*arrays, **{k: there(v) for k, v in mine.params.items()})
        expected = kernel.oracle(*theirs.arrays, **theirs.params)

        for got, wanted in zip(back(found), back(expected), strict=True):
            if wanted is not None:
                close(got, wanted, LOOSER * kernel.ulps)
        for got, wanted in zip(arrays, theirs.arrays, strict=True):
            if isinstance(got, CudaArray) and wanted.dtype.kind == "f":
                close(got.numpy(), wanted, LOOSER * kernel.ulps)  # what is changed in place

    assert launches
    assert [one for launch in launches for one in launch.findings] == []


def test_the_table_of_homes_is_what_the_files_register() -> None:
    for home, names in on_cuda.HOMES.items():
        tree = ast.parse((HERE / f"{home}.py").read_text(encoding="utf-8"))
        registered = [
            node.func.value.attr if isinstance(node.func.value, ast.Attribute) else home
            for node in ast.walk(tree)
            if isinstance(node, ast.Call)
            and isinstance(node.func, ast.Attribute)
            and node.func.attr == "on"
        ]
        assert sorted(registered) == sorted(names), f"kernels/on_cuda/__init__.py, HOMES[{home!r}]"


def test_every_kernel_has_a_launcher() -> None:
    assert sorted(NAMES) == sorted(one for names in kernels.HOMES.values() for one in names)


def test_a_kernel_without_a_launcher_says_so() -> None:
    with pytest.raises(NotImplementedError, match=r"scan: .*not written for CUDA"):
        on_cuda.load("scan")


def test_a_step_on_a_transposed_view_is_refused() -> None:
    p, g = to_device(np.ones((4, 3), np.float32).T), to_device(np.ones((3, 4), np.float32))
    on_cuda.load("sgd_step")
    with pytest.raises(ValueError, match="transposed view"):
        kernels.get("sgd_step").devices["cuda"](p, g, lr=0.1)


def test_a_kernel_goes_where_its_arrays_lie(monkeypatch: pytest.MonkeyPatch) -> None:
    a, b = np.ones((3, 4), np.float32), np.ones((4, 2), np.float32)
    found = kernels.get("gemm")(to_device(a), to_device(b))

    assert isinstance(found, CudaArray)
    np.testing.assert_array_equal(found.numpy(), a @ b)
    with pytest.raises(TypeError, match="gemm: an array of the host meets one of the device"):
        kernels.get("gemm")(a, to_device(b))
    monkeypatch.setitem(KERNELS, "scan", Kernel("scan", np.cumsum))
    with pytest.raises(NotImplementedError, match=r"scan: .*not written for CUDA"):
        KERNELS["scan"](to_device(a))
