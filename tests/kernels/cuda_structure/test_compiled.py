"""Real kernels through the real compiler; skipped where the extra `cuda` is not installed."""

from __future__ import annotations

import importlib
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from kernels.cuda_structure import NotAssessed, Structure, architecture, examine, missing, toolchain

needs_compiler = pytest.mark.skipif(bool(missing()), reason="needs numba-cuda (extra `cuda`)")


@pytest.fixture(scope="module")
def known() -> Any:
    return importlib.import_module(".known", __package__)


def structure(kernel: Any, signature: Any, **options: Any) -> Structure:
    found = examine(kernel, signature, **options)
    assert isinstance(found, Structure), found
    return found


def text_of(kernel: Any, line: int) -> str:
    lines = Path(kernel.py_func.__code__.co_filename).read_text(encoding="utf-8").splitlines()
    return str(lines[line - 1])


@needs_compiler
def test_a_literal_of_float64_is_found_where_it_costs(known: Any) -> None:
    leaking = structure(known.leaking, (known.A1,) * 2, threads=32)

    assert leaking.fp64 > 0
    assert "float64: the literal above is" in text_of(known.leaking, leaking.fp64_lines[0][0])
    assert structure(known.tight, (known.A1,) * 2, threads=32).fp64 == 0


@needs_compiler
@pytest.mark.parametrize("arch", ["sm_80", "sm_90"])
def test_it_is_found_in_a_device_function_too_and_again_the_second_time(
    known: Any, arch: str
) -> None:
    found = structure(known.leaking_elsewhere, (known.A1,) * 2, arch=arch)

    assert found.architecture == arch
    text = text_of(known.leaking_elsewhere, found.fp64_lines[0][0])
    assert "float64 in here" in text


@needs_compiler
def test_four_floats_at_a_time_are_one_load_and_one_by_one_they_are_none(known: Any) -> None:
    wide = structure(known.copy4, (known.A1,) * 2)
    narrow = structure(known.copy1, (known.A1,) * 2)

    assert (wide.wide_loads, wide.wide_stores) == (1, 1)
    assert (narrow.wide_loads, narrow.wide_stores) == (0, 0)
    assert wide.occupancy.share == 1 and wide.occupancy.limiters == ("threads",)


@needs_compiler
def test_too_few_registers_spill_and_enough_do_not(known: Any) -> None:
    spilling = structure(known.spilling, (known.A2,) * 3)
    roomy = structure(known.roomy, (known.A2,) * 3)

    assert spilling.resources.registers == 32
    assert spilling.resources.spill_store_bytes > 100 and spilling.local > 0
    assert roomy.resources.registers > known.MANY
    assert roomy.resources.spill_store_bytes == roomy.local == 0
    assert roomy.occupancy.limiters == ("registers",)
    # What is spilled costs instructions of the loop that should multiply.
    assert spilling.ffma == roomy.ffma == known.MANY
    assert roomy.ffma_share > 2 * spilling.ffma_share


@needs_compiler
def test_an_index_from_the_data_puts_the_array_into_local_memory(known: Any) -> None:
    found = structure(known.indexed, (known.A1,) * 2, threads=32)

    assert found.resources.stack_bytes == 16 * 4
    assert found.resources.spill_store_bytes == 0
    assert "seen[int(x[" in text_of(known.indexed, found.local_lines[0][0])


@needs_compiler
def test_a_large_tile_limits_occupancy(known: Any) -> None:
    found = structure(known.hoarding, (known.A1,) * 2, threads=64)

    assert found.resources.shared_bytes == 48 * 1024 and found.resources.barriers == 1
    assert found.occupancy.limiters == ("shared memory",)
    assert (found.occupancy.blocks, found.occupancy.share) == (4, 8 / 64)


@needs_compiler
def test_the_hot_loop_is_the_inner_one(known: Any) -> None:
    found = structure(known.nested, (known.A1,) * 2)

    assert found.ffma == 1 and found.hot_loop < 8


@needs_compiler
def test_ptx_is_for_the_architecture_that_was_asked(known: Any) -> None:
    from kernels.cuda_structure.compiler import to_ptx

    text = to_ptx(known.copy4, (known.A1,) * 2, architecture("sm_80"))
    assert ".target sm_80" in text and "ld.v4.f32" in text


@needs_compiler
def test_what_numba_refuses_is_not_assessed(known: Any) -> None:
    found = examine(known.refused, (known.A1,) * 2)

    assert isinstance(found, NotAssessed) and "it was not compiled" in found.reason


@needs_compiler
def test_nothing_of_the_stand_in_for_a_gpu_is_left_behind(known: Any) -> None:
    dispatcher = importlib.import_module("numba.cuda.dispatcher")
    asked = dispatcher.get_current_device
    examine(known.leaking_elsewhere, (known.A1,) * 2)

    assert dispatcher.get_current_device is asked
    assert not known.halved.overloads and not known.halved.targetoptions.get("lineinfo")


def test_without_the_extra_nothing_is_assessed_and_a_sentence_says_why(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(toolchain, "_is_there", lambda module: False)
    found = examine(SimpleNamespace(), ())

    assert isinstance(found, NotAssessed)
    assert found.reason.startswith("not installed: numba-cuda, nvJitLink")
    assert "'.[cuda]'" in found.reason


def test_an_unknown_architecture_is_an_error_with_or_without_the_extra() -> None:
    with pytest.raises(ValueError, match="is not known"):
        examine(SimpleNamespace(), (), arch="sm_1")


@needs_compiler
def test_a_plain_function_is_no_kernel() -> None:
    found = examine(len, ())

    assert isinstance(found, NotAssessed) and "LAB_CUDA=numba" in found.reason
