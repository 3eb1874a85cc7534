"""What `lab bench gpu --structure` shows, from figures that are given."""

from __future__ import annotations

import json

import pytest

from grader import structure
from grader.structure import KernelStructure
from lab.cli import main
from lab.gpu_structure import document, drawn
from lab.render import WIDTH, Style

PLAIN = Style("ascii")
SOURCE = "first\ntotal = 0.0\nscore[c] = total\n"
MATMUL = {
    "architecture": "sm_90",
    "threads": 256,
    "instructions": 900,
    "ffma": 16,
    "hot_loop": 40,
    "ffma_share": 0.4,
    "wide_loads": 2,
    "wide_stores": 1,
    "local": 0,
    "fp64": 0,
    "resources": {
        "registers": 124,
        "stack_bytes": 0,
        "spill_store_bytes": 8,
        "spill_load_bytes": 1200,
        "shared_bytes": 8320,
        "barriers": 1,
    },
    "occupancy": {"blocks": 2, "warps": 16, "share": 0.25, "limiters": ["registers"]},
    "fp64_lines": [],
    "local_lines": [],
}
LEAKING = {**MATMUL, "fp64": 9, "fp64_lines": [[2, 8], [99, 1]], "hot_loop": 0, "ffma": 0}
BOTH = [KernelStructure("matmul", MATMUL), KernelStructure("leaking", LEAKING)]


def test_each_kernel_has_a_row_with_its_figures() -> None:
    lines = list(drawn(BOTH, SOURCE, PLAIN))
    row = next(line for line in lines if line.startswith("matmul"))

    figures = "124 1,208 B 8,320 B 25% by registers 16 of 40, 40%"
    assert " ".join(row.split()) == f"matmul {figures}"
    assert next(line for line in lines if line.startswith("leaking")).endswith("-")
    assert max(map(len, lines)) <= WIDTH + 8
    assert any("Nothing was timed" in line for line in lines)


def test_what_costs_is_quoted_from_the_file() -> None:
    said = "\n".join(drawn(BOTH, SOURCE, PLAIN))

    assert "9 float64 instructions" in said
    assert "8 from line 2  total = 0.0" in said
    assert "1 from line 99" in said


def test_kernels_that_are_not_assessed_stand_together_with_the_reason_once() -> None:
    absent = [KernelStructure(name, None, "not installed: nvdisasm.") for name in "abc"]
    lines = list(drawn(absent, SOURCE, PLAIN))

    assert lines == [". not assessed: a, b, c", "    not installed: nvdisasm."]


def test_a_script_gets_the_same() -> None:
    absent = KernelStructure("c", None, "not installed: nvdisasm.")
    found = json.loads(json.dumps(document("gpu", [*BOTH, absent])))

    assert found["kernels"][0] == {"kernel": "matmul", "structure": MATMUL}
    assert found["kernels"][2]["not_assessed"] == "not installed: nvdisasm."


def test_the_command_ends_well_where_nothing_can_be_assessed(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path
) -> None:
    monkeypatch.setattr(structure, "unavailable", lambda: "not installed: nvdisasm.")
    file = tmp_path / "gpu.py"
    file.write_text("")

    assert main(["bench", "gpu", "--structure", "--file", str(file)]) == 0
    assert "not assessed: vecadd" in capsys.readouterr().out
    assert main(["bench", "gpu", "--structure", "--arch", "x", "--file", str(file)]) == 2
    assert "is not known" in capsys.readouterr().err
