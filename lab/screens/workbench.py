"""The workbench of one stage: lesson, code, checks, predictions; checks run again at every save."""

from __future__ import annotations

from typing import Any, ClassVar

from textual import work
from textual.app import ComposeResult
from textual.widgets import Input, Static, TabbedContent, TabPane

from assignments import catalog
from assignments.catalog import Stage

from .. import attempts, hints
from ..actions import BENCH, bindings
from ..progress import Progress
from ..state import RunState, headline
from ..widgets.checks import ChecksView
from ..widgets.code import CodeView
from ..widgets.explore import ExploreView
from ..widgets.keys import KeyBar
from ..widgets.lesson import LessonView
from ..widgets.predict import PredictView
from ..widgets.status import StatusBar
from .base import LabScreen

DEBOUNCE_MS = 60  # an editor's write-and-rename is one save
STEP_MS = 20
# What a tab gives the keys to: what scrolls, or the list of checks.
FOCUS = {
    "lesson": "LessonView",
    "code": "CodeView",
    "checks": "#check_options",
    "predict": "PredictView",
    "explore": "ExploreView",
}


class WorkbenchScreen(LabScreen):
    """Where a stage is solved."""

    NAME = BENCH
    BINDINGS: ClassVar[list[Any]] = bindings(BENCH)

    def __init__(self, stage: Stage) -> None:
        super().__init__()
        self.stage = stage
        self.watching = "off"
        self._language = ""

    def compose(self) -> ComposeResult:
        stage = self.stage
        yield Static(f"{stage.number:02d} {stage.title}", id="title")
        with TabbedContent(initial="lesson", id="tabs"):
            with TabPane("1 Lesson", id="lesson"):
                yield LessonView(stage, self.lab.here.language, ascii=self.symbols == "ascii")
            with TabPane("2 Code", id="code"):
                yield CodeView(self.lab.here.file(stage))
            with TabPane("3 Checks", id="checks"):
                yield ChecksView(self.symbols)
            with TabPane("4 Predict", id="predict"):
                yield PredictView(stage, Progress(self.lab.here))
            with TabPane("5 Explore", id="explore"):
                yield ExploreView(stage, ascii=self.symbols == "ascii")
        yield StatusBar(self.symbols)
        yield KeyBar()

    def on_mount(self) -> None:
        self.show_run(self.lab.state(self.stage))
        self.query_one(LessonView).focus()  # the keys scroll what is read first
        self.watch_file()
        self.run_worker(self.lab.grader.warm(self.stage.id), exit_on_error=False)

    def show_run(self, state: RunState) -> None:
        """Show the public run (the app calls this after each batch of events)."""
        if state.suite != "public" or state.stage != self.stage.id:
            return
        self.query_one(ChecksView).show(state)
        self.query_one(StatusBar).show(headline(state, len(self.stage.hidden)), state)
        self.refresh_bindings()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """`n` exists only when there is a next stage and this one's public checks pass."""
        if action == "knob":
            return self.query_one(TabbedContent).active == "explore"
        if action == "next_stage":
            return self._next() is not None and self.lab.state(self.stage).complete
        return True

    # ---- the file -----------------------------------------------------------------------------
    @work(exclusive=True, group="watch", exit_on_error=False)
    async def watch_file(self) -> None:
        """Run the checks at every save; say so when saves cannot be noticed."""
        from watchfiles import awatch

        file = self.lab.here.file(self.stage)
        self._watching("on")
        try:
            async for changes in awatch(
                file.parent, debounce=DEBOUNCE_MS, step=STEP_MS, recursive=False
            ):
                if any(path.endswith(f"/{file.name}") for _, path in changes) and file.is_file():
                    self.query_one(CodeView).reload()
                    await self.lab.check(self.stage)
        except (OSError, RuntimeError) as error:
            self._watching("off (F5 checks)")
            self.notify(
                f"Saves cannot be noticed here ({error}); F5 runs the checks.", severity="warning"
            )

    def _watching(self, how: str) -> None:
        self.watching = how
        title = f"{self.stage.number:02d} {self.stage.title}"
        self.query_one("#title", Static).update(f"{title}  ·  watch: {how}")

    # ---- actions ------------------------------------------------------------------------------
    async def action_check(self) -> None:
        if not self.lab.here.file(self.stage).is_file():
            self.notify("Your file is gone: x brings the starter back.", severity="warning")
            return
        self.query_one(TabbedContent).active = "checks"
        self.query_one(CodeView).reload()
        await self.lab.check(self.stage)

    def action_watch(self) -> None:
        if self.watching == "on":
            self.workers.cancel_group(self, "watch")
            self._watching("off")
        else:
            self.watch_file()

    async def action_edit(self) -> None:
        if self.lab.edit(self.lab.here.file(self.stage)) and self.watching != "on":
            await self.action_check()

    def action_submit(self) -> None:
        from .submit import SubmitScreen

        self.lab.push_screen(SubmitScreen(self.stage))

    def action_history(self) -> None:
        from .history import HistoryScreen

        self.lab.push_screen(HistoryScreen(self.stage))

    def action_tab(self, name: str) -> None:
        self.query_one(TabbedContent).active = name
        self.query_one(FOCUS[name]).focus()

    def action_knob(self, way: str) -> None:
        view = self.query_one(ExploreView)
        if way in ("up", "down"):
            view.choose(1 if way == "down" else -1)
        else:
            view.turn(1 if way == "more" else -1)

    def action_hint(self) -> None:
        view = self.query_one(ChecksView)
        progress = Progress(self.lab.here)
        check = view.selected
        if check is None:
            statuses = progress.statuses(self.stage)
            check = next((c.id for c in self.stage.public if statuses.get(c.id) != "passed"), None)
        if check is None:
            self.notify("Every public check passes; submit with F8.")
            return
        level = min(progress.hint_level(self.stage, check) + 1, hints.LEVELS)
        progress.take_hint(self.stage, check, level)
        self.action_tab("checks")
        view.show_hint(check, level, hints.hint(self.stage, check, level))

    def action_next_failure(self) -> None:
        self.action_tab("checks")
        self.query_one(ChecksView).move(1)

    def action_previous_failure(self) -> None:
        self.action_tab("checks")
        self.query_one(ChecksView).move(-1)

    def action_filter(self) -> None:
        self.action_tab("checks")
        self.query_one(ChecksView).query_one(Input).display = True
        self.query_one(ChecksView).query_one(Input).focus()

    def action_language(self) -> None:
        self.query_one(LessonView).turn_language()

    def _next(self) -> Stage | None:
        later = [stage for stage in catalog.load() if stage.number > self.stage.number]
        return later[0] if later else None

    def action_next_stage(self) -> None:
        following = self._next()
        if following is not None:
            self.lab.switch_screen(WorkbenchScreen(following))

    def action_reset(self) -> None:
        from .confirm import ConfirmScreen

        def decided(yes: bool | None) -> None:
            if yes:
                backup = attempts.reset(self.lab.here, self.stage)
                kept = f" Your file is kept: {backup}" if backup else ""
                self.notify(f"{self.stage.file_name} is the starter again.{kept}")
                self.query_one(CodeView).reload()

        self.lab.push_screen(
            ConfirmScreen(f"Replace {self.stage.file_name} by the starter? A backup is kept."),
            decided,
        )
