"""Explorations as a learner meets them: the command, and the tab where keys turn the knobs."""

from __future__ import annotations

import json
import math
from pathlib import Path

import pytest
from textual.pilot import Pilot
from textual.widgets import Static, TabbedContent

from assignments import explorations
from lab.app import LabApp
from lab.cli import main
from lab.curve import curves
from lab.explore import table
from lab.widgets.explore import ExploreView
from lab.workspace import Workspace

from .recorded import RecordedGrader

Capture = pytest.CaptureFixture[str]


# ---- the command --------------------------------------------------------------------------------
def test_the_command_draws_and_says_what_can_be_turned(capsys: Capture) -> None:
    assert main(["explore", "mlp", "depth", "v=2"]) == 0

    said = capsys.readouterr().out
    assert "Fifty layers of ReLU" in said
    assert "v (variance of a weight times the inputs): 1  [2]  3" in said
    assert "activations" in said and "gradients" in said


def test_the_command_gives_the_numbers(capsys: Capture) -> None:
    assert main(["explore", "autodiff", "outputs=10", "--json"]) == 0

    found = json.loads(capsys.readouterr().out)
    assert found["settings"] == {"outputs": 10}
    assert found["series"]["reverse mode"][0] == [0.0, 10.0]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["nothing"], "mlp has depth, descent, valley; 'nothing' is none of them."),
        (["gap=1"], "depth has no knob 'gap'; it has v."),
        (["v=7"], "v is '7'; allowed are 1, 2, 3."),
        (["depth", "width"], "one exploration at a time: 'depth' or 'width'?"),
    ],
)
def test_what_is_not_there_is_said(words: list[str], said: str, capsys: Capture) -> None:
    assert main(["explore", "mlp", *words]) == 2

    assert said in capsys.readouterr().err


def test_the_table_has_five_points_of_each_curve() -> None:
    line = [(float(k), float(k * k)) for k in range(9)]

    assert table({"square": line, "same": line[:1] * 9}, "k") == [
        "k        0   2   4   6   8",
        "square   0   4  16  36  64",
        "k        0   0   0   0   0",
        "same     0   0   0   0   0",
    ]
    assert table({"square": line, "other": line}, "k")[1:] == [
        "square   0   4  16  36  64",
        "other    0   4  16  36  64",
    ]
    assert table({}, "k") == []


def test_curves_bear_their_marks_and_leave_out_what_has_no_logarithm() -> None:
    lines = curves({"a": [(0, 1), (1, 100)], "b": [(0, 0), (1, 10)]}, 9, 3, ascii=True, log=True)

    assert lines == [
        "100 |        *",
        "    |        o",
        "  1 |*",
        "     0       1",
        "     * a   o b",
    ]
    assert curves({"a": [(0, math.nan)]}) == []


# ---- the tab ------------------------------------------------------------------------------------
async def test_keys_turn_the_knobs_and_the_chart_follows(workspace: Workspace) -> None:
    app = LabApp(workspace, grader=lambda hear: RecordedGrader(hear, {}))
    async with app.run_test(size=(100, 34)) as pilot:
        await opened(app, pilot)
        first = shown(app, "chart")
        assert "How much of the picture" in shown(app, "about") and "● 3 x 3" in first
        assert "> stride of every third layer: 1  [2]  3" in shown(app, "knobs")

        await pilot.press("right")
        await computed(app, pilot)
        assert "1  2  [3]" in shown(app, "knobs")
        assert shown(app, "chart") != first

        await pilot.press("up", "right")
        assert "What unfolding costs" in shown(app, "about")
        assert "> exploration: sight  [copies]" in shown(app, "knobs")


async def test_a_bad_file_is_told_in_the_tab_and_nothing_else_suffers(
    workspace: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bad = tmp_path / "05_cnn" / explorations.FILE
    bad.parent.mkdir()
    bad.write_text("[[exploration]]\nid = 3\n")
    monkeypatch.setattr("lab.widgets.explore.explorations", lambda stage: explorations.read(bad))
    app = LabApp(workspace, grader=lambda hear: RecordedGrader(hear, {}))
    async with app.run_test(size=(100, 34)) as pilot:
        await opened(app, pilot)
        assert "cannot be read: 05_cnn/explore.toml: id is 3" in shown(app, "about")

        await pilot.press("right", "up", "1")
        assert app.screen.query_one(TabbedContent).active == "lesson"


async def test_a_child_that_hangs_is_ended_and_told(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("lab.widgets.explore.PATIENCE_S", 0.0)
    app = LabApp(workspace, grader=lambda hear: RecordedGrader(hear, {}))
    async with app.run_test(size=(100, 34)) as pilot:
        await opened(app, pilot)

        assert "This cannot be computed: it took more than 0 s" in shown(app, "chart")


async def opened(app: LabApp, pilot: Pilot[None]) -> None:
    """The tab of the stage cnn, its first curves computed."""
    await pilot.press(*["down"] * 5, "enter")
    await pilot.press("5")
    await computed(app, pilot)


async def computed(app: LabApp, pilot: Pilot[None]) -> None:
    if computing := [worker for worker in app.workers if worker.group == "explore"]:
        await app.workers.wait_for_complete(computing)  # an empty list would mean all workers
    await pilot.pause()


def shown(app: LabApp, name: str) -> str:
    view = app.screen.query_one(ExploreView)
    return str(view.query_one(f"#explore_{name}", Static).visual)
