"""`lab doctor --warm` compiles, says so, and says where nothing can be kept."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from kernels import ready
from lab.cli import main


def test_warm_reports_every_kernel(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    asked = []
    monkeypatch.setattr(ready, "folder", lambda: tmp_path)
    monkeypatch.setattr(ready, "mode", lambda: "wait")
    monkeypatch.setattr(ready, "warm", lambda progress: asked.append(progress) or {})

    main(["doctor", "--warm", "--json"])

    told = json.loads(capsys.readouterr().out)
    assert len(asked) == 1
    assert told["findings"][-1] == {
        "name": "kernels", "state": "good", "found": f"compiled, in {tmp_path}", "advice": "",
    }  # fmt: skip


def test_a_kernel_that_cannot_be_compiled_is_named(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(ready, "folder", lambda: tmp_path)
    monkeypatch.setattr(ready, "mode", lambda: "wait")
    monkeypatch.setattr(ready, "warm", lambda progress: {"gemm float32": "TypingError: no"})

    main(["doctor", "--warm", "--json"])

    last = json.loads(capsys.readouterr().out)["findings"][-1]
    assert (last["state"], "gemm float32" in last["found"]) == ("fair", True)
