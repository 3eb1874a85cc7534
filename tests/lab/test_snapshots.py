"""Every screen at three sizes, as pictures. `make snapshots` takes them anew; look before you commit."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from textual.pilot import Pilot
from textual.widgets import Static

from assignments import catalog
from lab.app import LabApp
from lab.screens.home import HomeScreen
from lab.screens.submit import SubmitScreen
from lab.screens.workbench import WorkbenchScreen
from lab.workspace import Workspace

from .recorded import LINEAR, RecordedGrader, public_run, training, view

STAGE = catalog.stage("softmax")
SIZES = [(80, 24), (100, 30), (140, 44)]
Keys = list[str]


@pytest.fixture
def app(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> LabApp:
    # What differs from machine to machine must not be in a picture.
    def no_watcher(screen: WorkbenchScreen) -> None:
        screen._watching("on")

    monkeypatch.setattr(WorkbenchScreen, "watch_file", no_watcher)
    monkeypatch.setattr(
        HomeScreen, "_fill", _then(HomeScreen._fill, "#legend", "Workspace ~/dlsyslab")
    )
    monkeypatch.setattr(
        SubmitScreen, "_before", lambda screen: "What goes in  softmax.py (1,769 bytes)"
    )
    runs = {
        "check": public_run(STAGE, failing="grad_small"),
        "submit": [
            {"event": "run_started", "isolation": "full", "checks": []},
            {"event": "graded", "attempt": 1, "view": view(STAGE), "path": "softmax-1.json"},
        ],
        "train mlp": training(odd=LINEAR),
        "train lenet": training(150, "lenet")[:5],
    }
    return LabApp(workspace, grader=lambda hear: RecordedGrader(hear, runs))


def _then(fill: Callable[[Any], None], selector: str, text: str) -> Callable[[Any], None]:
    def filled(screen: Any) -> None:
        fill(screen)
        screen.query_one(selector, Static).update(text)

    return filled


SCREENS: dict[str, Keys] = {
    "home": [],
    "lesson": ["down", "enter"],
    "checks": ["down", "enter", "f5"],
    "hint": ["down", "enter", "f5", "h"],
    "predict": ["down", "enter", "4"],
    "explore": [*["down"] * 9, "enter", "5"],
    "submit": ["down", "enter", "f8"],
    "score": ["down", "enter", "f8", "enter"],
    "history": ["f9"],
    "stack": ["f3", "down", "down", "w"],
    "training": ["f3", "w", "2", "f5"],
    "broken": ["f3", "w", "f5"],
    "help": ["down", "enter", "f1"],
    "reset": ["down", "enter", "x"],
}


@pytest.mark.parametrize("size", SIZES, ids=lambda size: f"{size[0]}x{size[1]}")
@pytest.mark.parametrize("screen", SCREENS)
def test_snapshot(
    snap_compare: Callable[..., bool], app: LabApp, screen: str, size: tuple[int, int]
) -> None:
    async def drive(pilot: Pilot[None]) -> None:
        for key in SCREENS[screen]:
            await pilot.pause()
            await pilot.press(key)
            await pilot.pause()
            app.apply_events()
        await app.workers.wait_for_complete()
        await pilot.pause()

    assert snap_compare(app, run_before=drive, terminal_size=size)


def test_every_screen_has_a_picture() -> None:
    modules = {
        path.stem for path in (Path(__file__).parents[2] / "lab" / "screens").glob("[a-z]*.py")
    }

    # The doctor's findings are this machine's; confirm is shown by `reset`, the workbench by its tabs.
    assert modules - {"base", "doctor", "confirm", "workbench"} <= set(SCREENS)
