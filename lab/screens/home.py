"""Home: where to go on, and every stage with how far it is."""

from __future__ import annotations

from typing import Any, ClassVar

from rich.text import Text
from textual.app import ComposeResult
from textual.widgets import OptionList, Static
from textual.widgets.option_list import Option

from ..actions import HOME, bindings
from ..progress import Progress, StageProgress, next_stage
from ..render import Style
from ..widgets.keys import KeyBar
from .base import LabScreen

STATUS = {"complete": "passed", "submitted": "partial"}


class HomeScreen(LabScreen):
    """The first screen of a workspace."""

    NAME = HOME
    BINDINGS: ClassVar[list[Any]] = bindings(HOME)

    def compose(self) -> ComposeResult:
        yield Static("deep-learning systems lab", id="title")
        yield Static(id="continue")
        yield OptionList(id="stages")
        yield Static(id="legend")
        yield KeyBar()

    def on_mount(self) -> None:
        self._fill()
        self.query_one("#stages", OptionList).focus()

    def on_screen_resume(self) -> None:
        self._fill()

    def _fill(self) -> None:
        stages = Progress(self.lab.here).stages()
        current = next_stage(stages)
        style = Style(self.symbols, colour=True)
        self.query_one("#continue", Static).update(_card(current))
        options = self.query_one("#stages", OptionList)
        marked = options.highlighted
        options.clear_options()
        options.add_options([Option(_row(one, style), id=one.stage.id) for one in stages])
        place = next(i for i, one in enumerate(stages) if one.stage.id == current.stage.id)
        options.highlighted = place if marked is None else marked
        self.query_one("#legend", Static).update(f"Workspace {self.lab.here.root}")

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        self.open(str(event.option_id))

    def action_open_stage(self) -> None:
        options = self.query_one("#stages", OptionList)
        if options.highlighted is not None:
            self.open(str(options.get_option_at_index(options.highlighted).id))

    def open(self, stage_id: str) -> None:
        """Open the workbench of a stage."""
        from assignments import catalog

        from .workbench import WorkbenchScreen

        self.lab.push_screen(WorkbenchScreen(catalog.stage(stage_id)))

    def action_history(self) -> None:
        from .history import HistoryScreen

        self.lab.push_screen(HistoryScreen(None))

    def action_stack(self) -> None:
        from .stack import StackScreen

        self.lab.push_screen(StackScreen())

    def action_doctor(self) -> None:
        from .doctor import DoctorScreen

        self.lab.push_screen(DoctorScreen())


def _card(one: StageProgress) -> Text:
    stage = one.stage
    text = Text()
    text.append(f"{stage.number:02d} {stage.title}\n", "bold")
    text.append(f"{stage.summary}\n")
    text.append(_next_step(one), "bold green")
    return text


def _next_step(one: StageProgress) -> str:
    total = len(one.stage.public)
    return {
        "new": "Enter: read the lesson and begin.",
        "started": f"Enter: go on; {one.passed}/{total} public checks pass.",
        "ready": f"Enter, then F8: submit; {len(one.stage.hidden)} hidden checks decide.",
        "submitted": f"Enter: go on; best so far {one.score or 0:g} of {one.max_score or 0:g}.",
        "complete": "Every stage is complete.",
    }[one.state]


def _row(one: StageProgress, style: Style) -> Text:
    stage = one.stage
    mark = Text.from_ansi(style.mark(STATUS.get(one.state, "skipped")))
    row = Text.assemble(" ", mark, f" {stage.number:02d} {stage.title:<30.30} ")
    if one.score is not None:
        row.append(f"{one.score:g} of {one.max_score:g}, attempts: {one.attempts}")
    elif one.passed is not None:
        row.append(f"{one.passed}/{len(stage.public)} public; {len(stage.hidden)} hidden", "dim")
    else:
        row.append(f"{len(stage.public)} public checks, {len(stage.hidden)} hidden", "dim")
    return row
