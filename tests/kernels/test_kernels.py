"""Every kernel: complete, equal to its oracle in all forms, and never outside its arrays."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import kernels
from kernels import memory, threads
from kernels.checked import checked
from kernels.kernel import Call, Kernel

HERE = Path(kernels.__file__).parent
KERNELS = kernels.load_all()
DTYPES = ("float32", "float64")
TWIN_ELEMENTS = 6000
BAND = 48  # elements of NaN around every input
CASES = [
    pytest.param(kernel, dtype, id=f"{name}-{dtype}")
    for name, kernel in KERNELS.items()
    if "cpu" in kernel.devices
    for dtype in DTYPES
]


def banded(array: np.ndarray, bands: list[tuple[np.ndarray, np.ndarray]]) -> np.ndarray:
    """A copy with the same strides' order inside a larger buffer of NaN (or 119)."""
    order = sorted(range(array.ndim), key=lambda axis: -abs(array.strides[axis]))
    lying = array.transpose(order)
    steps = [
        max(1, lying.strides[axis] // max(1, lying.strides[axis + 1] * lying.shape[axis + 1]))
        if axis + 1 < lying.ndim and lying.shape[axis + 1] and lying.strides[axis + 1] > 0
        else 1
        for axis in range(lying.ndim)
    ]
    if lying.ndim and lying.size:
        steps[-1] = max(1, abs(lying.strides[-1]) // lying.itemsize)
    broad = [count * step for count, step in zip(lying.shape, steps, strict=True)]
    if lying.ndim and lying.size:  # what lies outside must be really outside
        broad = [
            (count - 1) * step + 1 if axis == 0 else count * step
            for axis, (count, step) in enumerate(zip(lying.shape, steps, strict=True))
        ]
    size = int(np.prod(broad)) if broad else 1
    fill = np.nan if array.dtype.kind == "f" else (1 if array.dtype.kind == "b" else 119)
    room = np.full(size + 2 * BAND, fill, array.dtype)
    inner = room[BAND : BAND + size].reshape(broad)[(*(slice(None, None, s) for s in steps), ...)]
    inner[...] = lying
    bands.append((room, room.copy()))
    return inner.transpose(np.argsort(order)) if array.ndim else inner.reshape(())


def untouched(bands: list[tuple[np.ndarray, np.ndarray]]) -> Iterator[bool]:
    for room, before in bands:
        for edge in (slice(0, BAND), slice(len(room) - BAND, None)):
            yield np.array_equal(room[edge], before[edge], equal_nan=room.dtype.kind == "f")


def copied(call: Call, bands: list[Any] | None = None) -> Call:
    """The same call on arrays of its own, guarded where `bands` collects them."""

    def one(value: Any) -> Any:
        if not isinstance(value, np.ndarray):
            return value
        return value.copy(order="K") if bands is None else banded(value, bands)

    return Call(
        tuple(one(value) for value in call.arrays),
        {name: one(value) for name, value in call.params.items()},
    )


def flat(result: Any) -> list[Any]:
    """The arrays of a result, in order."""
    if isinstance(result, tuple | list):
        return [inner for one in result for inner in flat(one)]
    return [result]


def compare(kernel: Kernel, call: Call, run: Any, *, ulps: float | None = None) -> None:
    """`run` gives what the oracle gives, in the results and in the arrays it was handed."""
    bands: list[tuple[np.ndarray, np.ndarray]] = []
    expected_call, actual_call = copied(call), copied(call, bands)
    expected = kernel.oracle(*expected_call.arrays, **expected_call.params)
    actual = run(*actual_call.arrays, **actual_call.params)

    assert all(untouched(bands)), "an input's guard band was written to"
    pairs = list(zip(flat(actual), flat(expected), strict=True))
    pairs += [
        (one, other)
        for one, other in zip(actual_call.arrays, expected_call.arrays, strict=True)
        if isinstance(other, np.ndarray)
    ]
    for got, wanted in pairs:
        close(got, wanted, kernel.ulps if ulps is None else ulps)


def close(got: Any, wanted: Any, ulps: float) -> None:
    got, wanted = np.asarray(got), np.asarray(wanted)
    assert got.shape == wanted.shape
    assert got.dtype == wanted.dtype
    if wanted.dtype.kind != "f":
        assert np.array_equal(got, wanted)
        return
    finite = np.isfinite(wanted)
    assert np.array_equal(got[~finite], wanted[~finite], equal_nan=True)
    scale = np.abs(wanted[finite]).max(initial=0.0) or 1.0
    worst = np.abs(got[finite] - wanted[finite]).max(initial=0.0)
    assert worst <= ulps * np.finfo(wanted.dtype).eps * scale


def test_the_table_of_homes_is_what_the_files_hold() -> None:
    """A new kernel is in the table, and the table names no other."""
    for home, names in kernels.HOMES.items():
        path = HERE / f"{home}.py"
        if not path.is_file():
            continue
        made = {
            node.args[0].value
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
            if isinstance(node, ast.Call)
            and isinstance(node.func, ast.Name)
            and node.func.id == "Kernel"
            and isinstance(node.args[0], ast.Constant)
        }
        registered = {
            name for name, it in KERNELS.items() if it.oracle.__module__ == f"kernels.{home}"
        }
        assert set(names) == made | registered, f"kernels/__init__.py, HOMES[{home!r}]"


@pytest.mark.parametrize("kernel", KERNELS.values(), ids=list(KERNELS))
def test_a_kernel_has_launcher_and_samples(kernel: Kernel) -> None:
    assert "cpu" in kernel.devices
    for dtype in DTYPES:
        assert kernel.calls(dtype)
    assert kernel.oracle.__doc__, "the oracle is the specification: it says shapes and source"


@pytest.mark.parametrize("workers", [1, 2], ids=["one-thread", "two-threads"])
@pytest.mark.parametrize(("kernel", "dtype"), CASES)
def test_agrees_with_its_oracle_inside_guard_bands(
    kernel: Kernel, dtype: str, workers: int, guard_bands: list[tuple[Any, int, int]]
) -> None:
    with threads.eager(workers):
        for call in kernel.calls(dtype):
            compare(kernel, call, kernel.devices["cpu"])

    for room, start, stop in guard_bands:
        assert not np.any(room[:start] == room[:start]) or room.dtype.kind != "f"
        assert not np.any(room[stop:] == room[stop:]) or room.dtype.kind != "f"
        if room.dtype.kind not in "fb":
            assert np.all(room[:start] == 119) and np.all(room[stop:] == 119)


@pytest.mark.parametrize(("kernel", "dtype"), CASES)
def test_the_checked_twin_stays_inside_and_agrees(kernel: Kernel, dtype: str) -> None:
    """Two widths of registers; calls that would take plain Python long are left out."""
    calls = [
        call
        for call in kernel.calls(dtype)
        if sum(one.size for one in call.arrays if isinstance(one, np.ndarray)) <= TWIN_ELEMENTS
    ]
    with np.errstate(all="ignore"), threads.eager(1), checked(512 if dtype == "float32" else 256):
        for call in calls:
            compare(kernel, call, kernel.devices["cpu"], ulps=4 * kernel.ulps)

    assert calls


@pytest.mark.parametrize("kernel", KERNELS.values(), ids=list(KERNELS))
def test_other_dtypes_go_to_the_oracle(kernel: Kernel) -> None:
    """Half precision is nobody's speciality: the call must still give what NumPy gives."""
    for call in kernel.calls("float64")[:1]:
        half = Call(
            tuple(
                one.astype(np.float16)
                if isinstance(one, np.ndarray) and one.dtype.kind == "f"
                else one
                for one in copied(call).arrays
            ),
            {name: one for name, one in call.params.items() if not isinstance(one, np.ndarray)},
        )
        seen: list[int] = []
        probe = Kernel("a probe", lambda *a, seen=seen, **k: seen.append(1))
        del kernels.kernel.KERNELS["a probe"]
        probe.on("cpu")(lambda *a, **k: pytest.fail("the launcher was called"))
        probe(*half.arrays, **half.params)

        assert seen


def test_empty_arrays_are_aligned_and_banded() -> None:
    made = memory.empty((100, 100), np.float32)

    assert made.ctypes.data % memory.LINE == 0
    assert made.flags.c_contiguous


def test_a_large_buffer_is_used_again_once_nobody_holds_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "LARGE", 1 << 16)
    monkeypatch.setattr(memory, "PAGES", 1 << 12)
    monkeypatch.setattr(memory, "KEPT_BYTES", 8 << 20)
    memory._kept.clear()
    made = memory.empty((100, 500), np.float32)
    place = made.ctypes.data
    view = made[50:, ::2]
    del made
    second = memory.empty((100, 500), np.float32)
    assert not np.shares_memory(second, view)
    del view
    third = memory.empty((100, 499), np.float32)
    assert third.ctypes.data == place
    assert third.ctypes.data % memory.LINE == 0

    del second, third
    rooms = [memory.empty(500_000, np.float64) for _ in range(5)]
    assert sum(one.nbytes for one in memory._kept) <= memory.KEPT_BYTES
    assert len({one.ctypes.data for one in rooms}) == 5
    memory._kept.clear()
