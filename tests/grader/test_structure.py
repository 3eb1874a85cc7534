"""The structure of a learner's kernels: what comes out of the box, and what is made of it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from assignments import catalog
from grader import structure
from grader.errors import UsageError
from grader.structure import KERNELS, KernelStructure, structures, unavailable

GPU = catalog.stage("gpu")
STARTER = (GPU.folder / "starter.py").read_bytes()
needs_compiler = pytest.mark.skipif(bool(unavailable()), reason="needs numba-cuda (extra `cuda`)")
FILE = """
import os
from numba import cuda, float32

print("said by the file", os.getpid())

@cuda.jit
def vecadd(a, b, out):
    i = cuda.grid(1)
    if i < out.size:
        out[i] = a[i] + 2.0 * b[i]

@cuda.jit
def window_sum(x, out):
    out[0] = [x[0], {}][0]

@cuda.jit
def block_sum(x, out):
    raise NotImplementedError("block_sum is yours to write")

@cuda.jit
def prefix_sum(x, out):
    out[0] = x[0]

def launch(name, *args):
    if name == "prefix_sum":
        raise NotImplementedError("later")
    return 1, (32, 4)
"""
KNOWN = {
    "architecture": "sm_90",
    "ffma_share": 0.25,
    "resources": dict.fromkeys(structure.RESOURCES, 3),
    "occupancy": {"blocks": 2, "warps": 16, "share": 0.25, "limiters": ["registers"]},
    "fp64_lines": [[7, 2]],
    "local_lines": [],
    **dict.fromkeys(structure.COUNTS, 5),
}


def test_every_kernel_of_the_stage_is_looked_at() -> None:
    assert set(KERNELS) == {"gpu"}
    exports = {one.name: one.signature for one in GPU.exports}
    assert exports.keys() - KERNELS["gpu"].keys() == {"launch"}
    for name, shapes in KERNELS["gpu"].items():
        assert len(shapes) == exports[name].count(",") + 1


def test_without_the_extra_each_kernel_is_not_assessed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(structure, "unavailable", lambda: "not installed: nvdisasm.")
    found = list(structures(GPU, STARTER, "sm_90"))

    assert [one.kernel for one in found] == list(KERNELS["gpu"])
    assert all(one.structure is None and "nvdisasm" in one.reason for one in found)


@pytest.mark.parametrize(("stage", "arch"), [("softmax", "sm_90"), ("gpu", "sm_1")])
def test_what_makes_no_sense_is_said(stage: str, arch: str) -> None:
    with pytest.raises(UsageError):
        list(structures(catalog.stage(stage), b"", arch))


def test_an_answer_is_rebuilt_from_what_it_should_be() -> None:
    forged = {**KNOWN, "more": "x" * 9}
    forged["occupancy"] = {**KNOWN["occupancy"], "limiters": ["\x1b[2Jregisters"]}  # type: ignore[dict-item]
    found = structure._read(json.dumps({"kernel": "k", "structure": forged}).encode())

    assert found == KernelStructure("k", KNOWN)


@pytest.mark.parametrize(
    "answer",
    [
        b"not json",
        b"[]",
        b"7",
        b'{"kernel": "k"}',
        b'{"kernel": "k", "structure": {}}',
        b"[" * 100_000,
        json.dumps({"kernel": "k", "structure": {**KNOWN, "ffma": float("inf")}}).encode(),
        json.dumps({"kernel": "k", "structure": {**KNOWN, "fp64_lines": [1]}}).encode(),
        json.dumps({"kernel": "k", "structure": {**KNOWN, "occupancy": {"limiters": []}}}).encode(),
    ],
)
def test_an_answer_that_is_none_is_dropped(answer: bytes) -> None:
    assert structure._read(answer) is None


@needs_compiler
def test_a_file_is_compiled_in_a_box_kernel_by_kernel(capfd: pytest.CaptureFixture[str]) -> None:
    found = {one.kernel: one for one in structures(GPU, FILE.encode(), "sm_90")}
    vecadd = found["vecadd"].structure

    assert found.keys() == KERNELS["gpu"].keys()
    assert vecadd is not None
    assert vecadd["threads"] == 128 and vecadd["resources"]["registers"] > 8
    assert vecadd["occupancy"]["limiters"] == ["threads"]
    line = FILE.splitlines().index("        out[i] = a[i] + 2.0 * b[i]") + 1
    assert vecadd["fp64"] > 0 and vecadd["fp64_lines"][0][0] == line
    assert "it was not compiled" in found["window_sum"].reason
    assert found["block_sum"].reason == "it is not written yet."
    assert "launch has no grid and block" in found["prefix_sum"].reason
    assert found["softmax_rows"].reason == "the file has no kernel softmax_rows."
    assert "said by the file" not in capfd.readouterr().out


@needs_compiler
@pytest.mark.parametrize(
    ("source", "why"),
    [
        (b"raise ValueError('no')", "ValueError: no"),
        (b"import os; os._exit(3)", "the compiler gave no answer."),
        (b"1 +", "SyntaxError"),
    ],
)
def test_a_file_that_does_not_load_is_not_assessed(source: bytes, why: str) -> None:
    found = list(structures(GPU, source, "sm_90"))

    assert len(found) == len(KERNELS["gpu"])
    assert all(one.structure is None and why in one.reason for one in found)


@needs_compiler
def test_the_starter_is_not_written_yet() -> None:
    assert {one.reason for one in structures(GPU, STARTER, "sm_90")} == {"it is not written yet."}


def test_the_program_inside_is_no_part_of_the_trusted_side() -> None:
    """Nothing of ours imports what runs a learner's file."""
    for path in Path(structure.__file__).parent.glob("*.py"):
        assert "worker.structure" not in path.read_text(encoding="utf-8")
