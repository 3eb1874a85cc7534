"""The app, driven by keys, with a grader that replays events: what a learner sees and can do."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from textual.geometry import Region
from textual.pilot import Pilot
from textual.widgets import Input, OptionList, Static

from assignments import catalog
from lab.actions import ACTIONS, available, binding_id
from lab.app import LabApp
from lab.palette import ActionProvider
from lab.progress import Progress
from lab.screens.confirm import ConfirmScreen
from lab.screens.doctor import DoctorScreen
from lab.screens.help import HelpScreen
from lab.screens.history import HistoryScreen
from lab.screens.home import HomeScreen
from lab.screens.stack import StackScreen
from lab.screens.submit import SubmitScreen
from lab.screens.workbench import WorkbenchScreen
from lab.widgets.checks import ChecksView
from lab.widgets.code import CodeView
from lab.widgets.lesson import LessonView
from lab.widgets.status import StatusBar
from lab.workspace import Workspace

from .recorded import RecordedGrader, public_run, view

STAGE = catalog.stage("softmax")
RUNS = {
    "check": public_run(STAGE, failing="grad_small"),
    "submit": [
        {"event": "run_started", "isolation": "full", "checks": [{"id": "a", "title": "a"}]},
        {"event": "check_finished", "id": "a", "status": "partial"},
        {"event": "run_finished", "duration_s": 1.0, "passed": 0, "total": 1},
        {"event": "graded", "attempt": 1, "view": view(STAGE), "path": "softmax-1.json"},
    ],
}


@pytest.fixture
def make(workspace: Workspace) -> Callable[..., LabApp]:
    def make(**runs: Any) -> LabApp:
        return LabApp(workspace, grader=lambda hear: RecordedGrader(hear, {**RUNS, **runs}))

    return make


def recorded(app: LabApp) -> RecordedGrader:
    assert isinstance(app.grader, RecordedGrader)
    return app.grader


def shown(app: LabApp, selector: str) -> str:
    """The text of a widget of the screen."""
    return str(app.screen.query_one(selector, Static).visual)


async def open_softmax(pilot: Pilot[None]) -> None:
    await pilot.pause()
    await pilot.press("down", "enter")
    await pilot.pause()


async def settled(pilot: Pilot[None]) -> None:
    """Let events be applied and painted."""
    app = pilot.app
    assert isinstance(app, LabApp)
    await pilot.pause()
    app.apply_events()
    await pilot.pause()


async def test_home_says_where_to_go_on(make: Callable[..., LabApp]) -> None:
    app = make()
    async with app.run_test() as pilot:
        await pilot.pause()

        assert isinstance(app.screen, HomeScreen)
        assert "00 Warm-up" in shown(app, "#continue")
        assert "read the lesson and begin" in shown(app, "#continue")


async def test_a_failing_check_is_explained_and_stays_in_the_bar(
    make: Callable[..., LabApp],
) -> None:
    app = make()
    async with app.run_test(size=(100, 30)) as pilot:
        await open_softmax(pilot)
        await pilot.press("f5")
        await settled(pilot)

        detail = shown(app, "#check_detail Static")
        assert "Diagnosis: your gradient is B = 2 times too large" in detail
        assert "the first at [0, 2]" in detail
        bar = str(app.screen.query_one(StatusBar).visual)
        assert "6/7 public checks, failing: softmax_grad" in bar
        options = app.screen.query_one("#check_options", OptionList)
        assert options.option_count == 2  # the failure, and one row for what passed


async def test_passed_checks_unfold(make: Callable[..., LabApp]) -> None:
    app = make()
    async with app.run_test() as pilot:
        await open_softmax(pilot)
        await pilot.press("f5")
        await settled(pilot)
        await pilot.press("3", "down", "enter")
        await pilot.pause()

        assert app.screen.query_one("#check_options", OptionList).option_count == 7


async def test_results_are_remembered(make: Callable[..., LabApp], workspace: Workspace) -> None:
    app = make()
    async with app.run_test() as pilot:
        await open_softmax(pilot)
        await pilot.press("f5")
        await settled(pilot)

    assert Progress(workspace).statuses(STAGE)["grad_small"] == "failed"


async def test_the_keys_scroll_the_lesson_at_once(make: Callable[..., LabApp]) -> None:
    app = make()
    async with app.run_test() as pilot:
        await open_softmax(pilot)
        await pilot.press("pagedown")
        await pilot.pause()

        assert app.screen.query_one(LessonView).scroll_target_y > 0


async def test_hints_come_level_by_level(make: Callable[..., LabApp], workspace: Workspace) -> None:
    app = make()
    async with app.run_test() as pilot:
        await open_softmax(pilot)
        await pilot.press("f5")
        await settled(pilot)
        for level in (1, 2):
            await pilot.press("h")
            await pilot.pause()
            assert f"Hint {level} of 3" in shown(app, "#check_detail Static")

    assert Progress(workspace).hint_level(STAGE, "grad_small") == 2


async def test_a_save_runs_the_checks(make: Callable[..., LabApp], workspace: Workspace) -> None:
    app = make()
    async with app.run_test() as pilot:
        await open_softmax(pilot)
        file = workspace.file(STAGE)
        for turn in range(200):  # until the watcher has settled and seen one
            file.write_text(f"# {turn}\n")
            await pilot.pause(0.05)
            if any(job["job"] == "check" for job in recorded(app).jobs):
                break

        assert {"job": "check", "stage": "softmax", "file": str(file), "only": None} in recorded(
            app
        ).jobs


async def test_events_that_arrive_while_the_app_closes_are_let_go(
    make: Callable[..., LabApp],
) -> None:
    """The timer still ticks when the widgets are gone: a run that ends just then hurts nobody."""
    app = make()
    async with app.run_test() as pilot:
        await open_softmax(pilot)
        recorded(app).pause = True
        await pilot.press("f5")
        await pilot.pause()
    app._hear(
        {
            "run": app.state(STAGE).run,
            "event": "run_finished",
            "passed": 0,
            "total": 1,
            "duration_s": 0.1,
        }
    )

    app.apply_events()

    assert not app._waiting


async def test_escape_cancels_what_runs_before_it_goes_back(make: Callable[..., LabApp]) -> None:
    app = make()
    async with app.run_test() as pilot:
        await open_softmax(pilot)
        recorded(app).pause = True
        await pilot.press("f5")
        await pilot.pause()
        await pilot.press("escape")
        await pilot.pause()
        assert recorded(app).cancelled == 1
        assert isinstance(app.screen, WorkbenchScreen)

        await pilot.press("escape")
        await pilot.pause()
        assert isinstance(app.screen, HomeScreen)


async def test_escape_closes_help_and_lets_the_run_go_on(make: Callable[..., LabApp]) -> None:
    app = make()
    async with app.run_test() as pilot:
        await open_softmax(pilot)
        recorded(app).pause = True
        await pilot.press("f5")
        await pilot.press("f1")
        await pilot.pause()
        await pilot.press("escape")
        await pilot.pause()

        assert isinstance(app.screen, WorkbenchScreen)
        assert recorded(app).cancelled == 0


async def test_submit_says_what_goes_in_before_anything_is_graded(
    make: Callable[..., LabApp], workspace: Workspace
) -> None:
    app = make()
    async with app.run_test(size=(120, 30)) as pilot:
        await open_softmax(pilot)
        await pilot.press("f8")
        await pilot.pause()
        assert isinstance(app.screen, SubmitScreen)
        said = shown(app, "#body")
        for word in (
            "softmax.py",
            "20 hidden checks",
            "correctness 60",
            "self-graded",
            "this is the first",
        ):
            assert word in said
        assert not [job for job in recorded(app).jobs if job["job"] == "submit"]

        await pilot.press("enter")
        await settled(pilot)

        assert "95 of 100 points" in shown(app, "#body")
        assert "1.50x the time of the course's solution" in shown(app, "#body")
        (job,) = [job for job in recorded(app).jobs if job["job"] == "submit"]
        assert job["ledger"] == str(workspace.ledger)


async def test_next_is_there_only_when_the_stage_passes(make: Callable[..., LabApp]) -> None:
    warmup = catalog.stage("warmup")
    app = make(check=public_run(warmup))
    async with app.run_test() as pilot:
        await pilot.pause()
        await pilot.press("enter")
        await pilot.pause()
        await pilot.press("n")
        await pilot.pause()
        assert isinstance(app.screen, WorkbenchScreen) and app.screen.stage.id == "warmup"

        await pilot.press("f5")
        await settled(pilot)
        await pilot.press("n")
        await pilot.pause()
        assert isinstance(app.screen, WorkbenchScreen) and app.screen.stage.id == "softmax"


async def test_reset_asks_and_keeps_a_backup(
    make: Callable[..., LabApp], workspace: Workspace
) -> None:
    file = workspace.file(STAGE)
    file.write_text("# mine\n")
    app = make()
    async with app.run_test() as pilot:
        await open_softmax(pilot)
        await pilot.press("x")
        await pilot.pause()
        assert isinstance(app.screen, ConfirmScreen)
        await pilot.press("n")
        await pilot.pause()
        assert file.read_text() == "# mine\n"

        await pilot.press("x", "y")
        await pilot.pause()
        assert file.read_bytes() == STAGE.starter.read_bytes()
        (backup,) = (workspace.store / "backups").iterdir()
        assert backup.read_text() == "# mine\n"


async def test_a_prediction_is_judged_and_stays(make: Callable[..., LabApp]) -> None:
    app = make()
    async with app.run_test(size=(100, 40)) as pilot:
        await open_softmax(pilot)
        await pilot.press("4")
        await pilot.pause()
        app.screen.query(Input).filter("Card Input").first().focus()
        await pilot.press("1", "enter")
        await pilot.pause()

        assert "You said 1." in str(app.screen.query(".answer").first(Static).visual)


async def test_the_filter_leaves_what_matches(make: Callable[..., LabApp]) -> None:
    app = make(check=public_run(STAGE))
    async with app.run_test() as pilot:
        await open_softmax(pilot)
        await pilot.press("f5")
        await settled(pilot)
        await pilot.press("slash", *"mean")
        await pilot.pause()

        assert app.screen.query_one("#check_options", OptionList).option_count == 1


async def test_history_help_doctor_and_back(make: Callable[..., LabApp]) -> None:
    app = make()
    async with app.run_test() as pilot:
        await pilot.pause()
        for key, screen in (("f9", HistoryScreen), ("f1", HelpScreen), ("f10", DoctorScreen)):
            await pilot.press(key)
            await pilot.pause()
            assert isinstance(app.screen, screen), key
            await app.workers.wait_for_complete()
            if screen is DoctorScreen:
                found = shown(app, "#findings")
                assert "terminal" in found and "workspace" in found
            await pilot.press("escape")
            await pilot.pause()
            assert isinstance(app.screen, HomeScreen)


async def test_the_first_run_makes_a_workspace(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DLSYSLAB_HOME", str(tmp_path / "home"))
    app = LabApp(None, grader=lambda hear: RecordedGrader(hear, RUNS))
    async with app.run_test() as pilot:
        await pilot.pause()
        assert isinstance(app.screen, DoctorScreen)
        app.screen.query_one("#place", Input).value = str(tmp_path / "work")
        await pilot.press("enter")
        await pilot.pause()

        assert isinstance(app.screen, HomeScreen)
        assert (tmp_path / "work" / "01_softmax" / "softmax.py").is_file()
        await app.workers.wait_for_complete()


async def test_a_key_of_ones_own(workspace: Workspace) -> None:
    workspace.keys["check"] = "f4"
    app = LabApp(workspace, grader=lambda hear: RecordedGrader(hear, RUNS))
    async with app.run_test() as pilot:
        await open_softmax(pilot)
        await pilot.press("f4")
        await pilot.pause()

        assert [job["job"] for job in recorded(app).jobs][-1] == "check"


async def test_hostile_output_is_text(make: Callable[..., LabApp]) -> None:
    hostile = public_run(STAGE, failing="loss_small")
    for event in hostile:
        if event.get("id") == "loss_small" and event["event"] == "check_finished":
            event["message"] = "[bold red]not markup[/] [link=x]y[/link]"
    app = make(check=hostile)
    async with app.run_test(size=(140, 44)) as pilot:
        await open_softmax(pilot)
        await pilot.press("f5")
        await settled(pilot)

        assert "[bold red]not markup[/] [link=x]y[/link]" in shown(app, "#check_detail Static")


# ---- the table of actions ---------------------------------------------------------------------------
SCREENS = {
    "home": HomeScreen,
    "workbench": WorkbenchScreen,
    "submit": SubmitScreen,
    "history": HistoryScreen,
    "stack": StackScreen,
}


@pytest.mark.parametrize("action", ACTIONS, ids=binding_id)
def test_every_action_has_a_method_where_it_is_offered(action: Any) -> None:
    method = f"action_{action.id.partition('(')[0]}"
    for place in action.where:
        owner = SCREENS.get(place, LabApp)
        assert hasattr(owner, method), f"{owner.__name__}.{method}"


def test_no_key_means_two_things_on_one_screen() -> None:
    for screen in SCREENS:
        keys = [action.key for action in available(screen)]
        assert len(keys) == len(set(keys)), screen


def test_no_key_is_one_that_terminals_eat() -> None:
    eaten = {f"ctrl+{letter}" for letter in "sbajowh"} | {
        "alt+up",
        "alt+down",
        "alt+left",
        "alt+right",
    }

    assert not eaten & {action.key for action in ACTIONS}


async def test_the_palette_offers_the_actions_of_the_screen(make: Callable[..., LabApp]) -> None:
    app = make()
    async with app.run_test() as pilot:
        await open_softmax(pilot)
        found = [hit async for hit in ActionProvider(app.screen).discover()]

        assert len(found) == len(list(available("workbench")))
        assert ChecksView in [type(widget) for widget in app.screen.walk_children()]


async def test_the_lesson_and_the_code_can_be_marked_and_copied(
    make: Callable[..., LabApp],
) -> None:
    app = make()
    async with app.run_test(size=(80, 24)) as pilot:
        await open_softmax(pilot)
        lesson = app.screen.query_one(LessonView)
        await pilot.pause()
        before = [line.text for line in lesson.render_lines(Region(0, 0, 76, 10))]
        lesson.text_select_all()
        await pilot.pause()

        assert app.screen.get_selected_text() == lesson.text
        assert [line.text for line in lesson.render_lines(Region(0, 0, 76, 10))] == before

        await pilot.press("2")
        await pilot.pause()
        assert "def softmax" in app.screen.query_one(CodeView).text
