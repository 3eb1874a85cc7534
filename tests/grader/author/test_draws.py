"""A solution that does not pass from every seed is named with the seed and the check."""

from __future__ import annotations

import pytest

from assignments import catalog
from grader.author import draws
from grader.solutions import solution_source


def test_a_right_solution_passes_from_every_seed() -> None:
    assert draws.unlucky(catalog.stage("warmup"), 3, jobs=2) == []


def test_a_seed_that_costs_a_check_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    stage = catalog.stage("warmup")
    source = solution_source(stage)
    assert source is not None
    broken = source + b"\n\ndef add(x, y):\n    raise ValueError('planted')\n"
    monkeypatch.setattr(draws, "solution_source", lambda stage: broken)
    lines: list[str] = []

    found = draws.unlucky(stage, 2, say=lines.append)

    assert len({one.seed for one in found}) == 2
    assert {one.check for one in found} <= {check.id for check in stage.hidden}
    assert all("planted" in one.why for one in found)
    assert len(lines) == len(found) and str(found[0].seed) in lines[0]
