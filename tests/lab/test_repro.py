"""`lab check --repro` for kernels of a GPU: launches on the engine, findings and counters by line."""

from __future__ import annotations

import runpy
from pathlib import Path

import pytest

from assignments import catalog
from grader.scripts import run_script
from grader.solutions import solution_source
from lab.repro import write_repro


def test_launches_are_repeated_on_the_engine(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    stage = catalog.stage("gpu")
    source = solution_source(stage)
    assert source is not None
    file = tmp_path / stage.file_name
    file.write_bytes(source.replace(b"(TILE, PADDED)", b"(TILE, TILE)"))

    script, calls = write_repro(stage, file, "transpose_memory")
    assert script is not None and calls == 1
    runpy.run_path(str(script))

    said = capsys.readouterr().out
    assert "transpose_tiled  grid (4, 2, 1)  block (32, 8, 1)" in said
    assert "bank-conflict  line" in said and "32.00 wavefronts each" in said
    assert "the result: [[" in said


def test_the_script_runs_in_the_box_too(tmp_path: Path) -> None:
    stage = catalog.stage("gpu")
    source = solution_source(stage)
    assert source is not None
    (tmp_path / stage.file_name).write_bytes(source)
    script, _ = write_repro(stage, tmp_path / stage.file_name, "vecadd_small")
    assert script is not None
    said: list[str] = []

    ended = run_script(stage, script, said.append)

    assert ended.ok, said
    assert "vecadd  grid (2, 1, 1)" in "".join(said)
