"""The screen of the own stack, driven by keys, with trainings that are replayed."""

from __future__ import annotations

from base64 import b64decode
from collections.abc import Callable
from typing import Any

import pytest
from textual.geometry import Region
from textual.pilot import Pilot
from textual.widgets import Static

from assignments import catalog
from lab.app import LabApp
from lab.palette import ActionProvider
from lab.screens.help import HelpScreen
from lab.screens.home import HomeScreen
from lab.screens.stack import StackScreen
from lab.stack import Stack
from lab.widgets.slots import SlotsView
from lab.widgets.status import StatusBar
from lab.widgets.training import TrainingView
from lab.workspace import Workspace
from reference import wiring

from .recorded import LINEAR, RecordedGrader, training

RUNS = {
    "train mlp": training(unseen={"accuracy": 0.975}),
    "train lenet": training(150, "lenet"),
    "train lstm": training(300, "lstm", unseen={"loss": 2.0, "guess": 4.0}),
    "train gpt": training(300, "gpt", odd=LINEAR, unseen={"loss": 2.0, "guess": 4.0}),
}


@pytest.fixture
def make(workspace: Workspace) -> Callable[..., LabApp]:
    def make(**runs: Any) -> LabApp:
        changed = {f"train {name}": events for name, events in runs.items()}
        return LabApp(workspace, grader=lambda hear: RecordedGrader(hear, {**RUNS, **changed}))

    return make


async def press(pilot: Pilot[None], *keys: str) -> None:
    """Press keys, and let what they bring be applied and painted."""
    app = pilot.app
    assert isinstance(app, LabApp)
    for key in keys:
        await pilot.press(key)
        await pilot.pause()
        app.apply_events()
        await pilot.pause()


async def opened(pilot: Pilot[None], *keys: str) -> None:
    await pilot.pause()
    await press(pilot, "f3", *keys)
    assert isinstance(pilot.app.screen, StackScreen)


def row(app: LabApp, slot: str) -> str:
    """The line of a slot, as it is in the list."""
    lines = app.screen.query_one(SlotsView).text.splitlines()
    return next(line for line in lines if slot in line.split())


def panel(app: LabApp) -> str:
    """What the panel of the training says, its lines joined."""
    return " ".join(app.screen.query_one(TrainingView).text.split())


def bar(app: LabApp) -> str:
    return str(app.screen.query_one(StatusBar).visual)


def trainings(app: LabApp) -> list[dict[str, Any]]:
    assert isinstance(app.grader, RecordedGrader)
    return [job for job in app.grader.jobs if job["job"] == "train"]


# ---- the slots ----------------------------------------------------------------------------------
async def test_every_slot_is_listed_with_whose_code_fills_it(
    make: Callable[..., LabApp], workspace: Workspace
) -> None:
    Stack(workspace).use("layer:LayerNorm", "attention")
    app = make()
    async with app.run_test(size=(100, 30)) as pilot:
        await opened(pilot)

        assert row(app, "layer:Linear") == "· layer:Linear             reference    mlp could"
        assert row(app, "layer:LayerNorm").split()[2:] == ["attention.py", "never", "submitted"]
        assert "no stage fills it" in row(app, "kernel:gemm")
        slots = app.screen.query_one(SlotsView).slots
        assert len(slots) == len(set(slots)) == len(Stack(workspace).fillings()) + 2
        count = len(wiring.wired())
        title = str(app.screen.query_one("#title", Static).visual)
        assert f"1 of {count} slots run your code" in title


async def test_enter_hands_a_slot_round(make: Callable[..., LabApp], workspace: Workspace) -> None:
    app = make()
    async with app.run_test() as pilot:
        await opened(pilot)
        app.screen.query_one(SlotsView).mark("layer:LayerNorm")
        seen = []
        for _ in range(3):
            await press(pilot, "enter")
            seen.append(row(app, "layer:LayerNorm").split()[2])

        assert seen == ["attention.py", "mlp.py", "reference"]
        assert app.screen.query_one(SlotsView).marked == "layer:LayerNorm"
        now = {one.slot: one for one in Stack(workspace).fillings()}
        assert now["layer:LayerNorm"].chosen and not now["layer:Linear"].chosen

        await press(pilot, "a")
        assert not {o.slot: o for o in Stack(workspace).fillings()}["layer:LayerNorm"].chosen


async def test_a_whole_file_goes_in_and_out(
    make: Callable[..., LabApp], workspace: Workspace
) -> None:
    app = make()
    async with app.run_test() as pilot:
        await opened(pilot)
        app.screen.query_one(SlotsView).mark("layer:Linear")
        await press(pilot, "w")
        owners = {one.slot: one.owner for one in Stack(workspace).fillings()}
        assert owners["optim:Adam"] == owners["layer:LayerNorm"] == "mlp"
        assert owners["layer:Conv2d"] == "reference"

        app.screen.query_one(SlotsView).mark("layer:LayerNorm")
        await press(pilot, "enter", "enter")  # the course's part, then the other file
        await press(pilot, "w", "w")
        owners = {one.slot: one.owner for one in Stack(workspace).fillings()}
        assert owners["layer:GPT"] == owners["layer:LayerNorm"] == "reference"
        assert owners["layer:Linear"] == "mlp"


async def test_a_slot_that_no_stage_fills_says_so(
    make: Callable[..., LabApp], workspace: Workspace
) -> None:
    app = make()
    async with app.run_test() as pilot:
        await opened(pilot)
        app.screen.query_one(SlotsView).mark("kernel:gemm")
        await press(pilot, "enter", "w", "a")

        said = {note.message for note in app._notifications}
        assert said == {"kernel:gemm: no stage fills it, the course's own part runs."}
        assert not (workspace.store / "stack.json").exists()


async def test_a_file_that_is_not_there_is_told_and_not_trained_on(
    make: Callable[..., LabApp], workspace: Workspace
) -> None:
    workspace.file(catalog.stage("mlp")).unlink()
    app = make()
    async with app.run_test() as pilot:
        await opened(pilot, "enter")
        assert "no file yet" in row(app, "layer:BatchNorm1d")
        await press(pilot, "f5")

        first, second = (note.message for note in app._notifications)
        assert first.startswith("mlp.py is not there yet: x on the stage's workbench brings")
        assert "mlp.py is not there: `lab init` brings the starter" in second
        assert trainings(app) == []


# ---- training -----------------------------------------------------------------------------------
async def test_what_is_plugged_in_is_what_is_trained(
    make: Callable[..., LabApp], workspace: Workspace
) -> None:
    file = workspace.file(catalog.stage("mlp"))
    app = make()
    async with app.run_test(size=(100, 30)) as pilot:
        await opened(pilot, "w")
        file.write_bytes(b"# saved after the screen was opened\n")
        await press(pilot, "f5")

        (job,) = trainings(app)
        assert job["model"] == "mlp"
        assert ("layer:Linear", "mlp") in job["choice"]
        assert {name: b64decode(data) for name, data in job["files"].items()} == {
            "mlp": file.read_bytes()
        }
        assert "Unseen digits: 97.5% right." in panel(app)
        assert "it did the same with your parts as with the course's own" in panel(app)
        assert "MLP: 400 steps, the last loss 0.310" in bar(app)


async def test_the_curve_is_there_while_it_goes_on_and_fits_the_panel(
    make: Callable[..., LabApp],
) -> None:
    app = make()
    async with app.run_test(size=(80, 24)) as pilot:
        await opened(pilot, "2", "f5")

        view = app.screen.query_one(TrainingView)
        lines = view.text.splitlines()
        assert lines[0] == "LeNet on the digits, enlarged to 28 x 28"
        assert lines[-1].split() == ["1", "150"]
        assert len(lines) <= view.size.height
        assert max(len(line) for line in lines) <= view.size.width
        assert "LeNet: step 140 of 150" in bar(app)


async def test_what_broke_has_the_room_before_the_curve(make: Callable[..., LabApp]) -> None:
    app = make()
    async with app.run_test(size=(80, 24)) as pilot:
        await opened(pilot, "4", "f5")

        view = app.screen.query_one(TrainingView)
        assert len(view.text.splitlines()) <= view.size.height
        assert "Enter lets the course's own part run there" in panel(app)


async def test_the_marked_line_has_the_colours_of_the_mark(make: Callable[..., LabApp]) -> None:
    app = make()
    async with app.run_test(size=(100, 30)) as pilot:
        await opened(pilot, "down")
        view = app.screen.query_one(SlotsView)

        strips = view.render_lines(Region(0, 0, 60, 4))
        wanted = view.get_component_rich_style("slots--marked").bgcolor
        grounds = [{one.style and one.style.bgcolor for one in strip} for strip in strips]
        assert grounds[2] == {wanted}
        assert wanted not in grounds[1] | grounds[3]


async def test_what_is_painted_is_what_is_there(make: Callable[..., LabApp]) -> None:
    """Lines are kept as they were painted; one that changed must be painted anew."""
    app = make()
    async with app.run_test(size=(100, 30)) as pilot:
        await opened(pilot)
        view = app.screen.query_one(SlotsView)

        def painted() -> list[str]:
            return [strip.text.rstrip() for strip in view.render_lines(Region(0, 0, 62, high))]

        high = view.size.height
        view.mark("softmax")
        await pilot.pause()
        before = painted()
        await press(pilot, "w")
        assert painted() != before
        top = view.scroll_offset.y
        assert painted() == [line.rstrip() for line in view.text.splitlines()[top : top + high]]


async def test_a_choice_made_in_another_terminal_is_kept_and_trained_on(
    make: Callable[..., LabApp], workspace: Workspace
) -> None:
    app = make()
    async with app.run_test() as pilot:
        await opened(pilot)
        Stack(workspace).use("layer:ReLU", "mine")
        await press(pilot, "enter")
        Stack(workspace).use("layer:Linear", "mine")
        await press(pilot, "f5")

        (job,) = trainings(app)
        assert {slot for slot, _ in job["choice"]} == {
            "layer:BatchNorm1d", "layer:ReLU", "layer:Linear",
        }  # fmt: skip


async def test_another_model_can_be_chosen_but_not_while_one_trains(
    make: Callable[..., LabApp],
) -> None:
    app = make()
    async with app.run_test() as pilot:
        await opened(pilot, "3")
        assert "[3 LSTM]" in str(app.screen.query_one("#models", Static).visual)
        await press(pilot, "f5")
        assert "50% of log(vocabulary)" in panel(app)

        await press(pilot, "2", "f5", "1")
        assert [job["model"] for job in trainings(app)] == ["lstm", "lenet"]
        assert "[2 LeNet]" in str(app.screen.query_one("#models", Static).visual)
        assert "LeNet: step" in bar(app)


async def test_the_slot_that_broke_is_named_and_marked_and_enter_takes_it_out(
    make: Callable[..., LabApp], workspace: Workspace
) -> None:
    app = make()
    async with app.run_test(size=(100, 30)) as pilot:
        await opened(pilot, "w", "4", "f5")

        assert "Broken: layer:Linear" in bar(app)
        assert "✗ Beside the course's own parts, the slot layer:Linear (mlp.py)" in panel(app)
        assert "the loss of step 1 is 2.43608, it should be 2.43168" in panel(app)
        assert row(app, "layer:Linear").startswith("✗")
        assert app.screen.query_one(SlotsView).marked == "layer:Linear"

        await press(pilot, "enter")
        assert row(app, "layer:Linear").split()[:3] == ["·", "layer:Linear", "reference"]
        assert ("layer:Linear", "mlp") not in Stack(workspace).parts().choice


async def test_what_a_file_says_of_itself_is_never_markup(make: Callable[..., LabApp]) -> None:
    app = make(mlp=training(odd={**LINEAR, "text": "[bold red]not markup[/]"}))
    async with app.run_test(size=(140, 44)) as pilot:
        await opened(pilot, "f5")

        assert "[bold red]not markup[/]" in panel(app)


async def test_escape_ends_the_training_before_it_goes_back(make: Callable[..., LabApp]) -> None:
    app = make()
    async with app.run_test() as pilot:
        await opened(pilot, "2", "f5", "escape")
        assert isinstance(app.grader, RecordedGrader) and app.grader.cancelled == 1
        assert isinstance(app.screen, StackScreen)
        assert "Cancelled at step 140" in bar(app)

        await press(pilot, "escape")
        assert isinstance(app.screen, HomeScreen)
        await press(pilot, "f3")
        assert "[2 LeNet]" in str(app.screen.query_one("#models", Static).visual)


async def test_a_training_goes_on_under_a_page_of_help(make: Callable[..., LabApp]) -> None:
    app = make()
    async with app.run_test() as pilot:
        await opened(pilot, "w", "2", "f5")
        await press(pilot, "f1")
        assert isinstance(app.screen, HelpScreen)
        run = app.training.run
        app._hear({"run": run, **training(150, "lenet", odd=LINEAR)[-1]})
        app.apply_events()
        await press(pilot, "escape")

        assert row(app, "layer:Linear").startswith("✗")
        assert "Broken: layer:Linear" in bar(app)


async def test_low_walls_and_none_are_told(make: Callable[..., LabApp]) -> None:
    started = {**training()[0], "isolation": "none"}
    app = make(mlp=[started, *training()[1:3]])
    async with app.run_test(size=(100, 30)) as pilot:
        await opened(pilot, "f5")

        assert "isolation: none" in bar(app)
        assert "No isolation here: your files run with your own rights." in panel(app)


async def test_a_box_that_cannot_be_built_is_told(make: Callable[..., LabApp]) -> None:
    app = make(mlp=[{"event": "problem", "message": "the box could not be built: bwrap is gone."}])
    async with app.run_test(size=(100, 30)) as pilot:
        await opened(pilot, "f5")

        assert "The training could not be run: the box could not be built" in panel(app)
        assert not app.training.busy


async def test_it_is_in_the_bar_of_home_and_in_the_palette(make: Callable[..., LabApp]) -> None:
    app = make()
    async with app.run_test() as pilot:
        await pilot.pause()
        assert "Stack" in str(app.screen.query_one("KeyBar", Static).visual)
        await press(pilot, "f3")

        assert "Switch" in str(app.screen.query_one("KeyBar", Static).visual)
        titles = [str(hit.display) async for hit in ActionProvider(app.screen).discover()]
        assert {"Train (F5)", "Whole file (w)", "GPT (4)"} <= set(titles)
