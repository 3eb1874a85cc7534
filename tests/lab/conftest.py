"""A workspace of each test's own."""

from __future__ import annotations

from pathlib import Path

import pytest

from assignments import catalog
from assignments.catalog import Stage
from grader.keys import HOME_VARIABLE
from grader.solutions import solution_source
from lab.workspace import Workspace, create


@pytest.fixture
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Workspace:
    """A fresh workspace, which is the current folder."""
    monkeypatch.setenv(HOME_VARIABLE, str(tmp_path / "home"))
    made, _ = create(tmp_path / "work")
    monkeypatch.chdir(made.root)
    return made


@pytest.fixture
def softmax() -> Stage:
    return catalog.stage("softmax")


@pytest.fixture
def warmup() -> Stage:
    return catalog.stage("warmup")


def solution(stage: Stage) -> bytes:
    """The stage's own solution."""
    source = solution_source(stage)
    assert source is not None
    return source
