"""Doctor, and the first run: what this machine can do, and where the workspace shall be."""

from __future__ import annotations

from pathlib import Path

from rich.text import Text
from textual import work
from textual.app import ComposeResult
from textual.containers import VerticalScroll
from textual.widgets import Input, Static

from grader.errors import UsageError

from ..render import Style
from ..widgets.keys import KeyBar
from .base import LabScreen

STATUS = {"good": "passed", "fair": "partial", "bad": "failed"}
DEFAULT = "~/dlsyslab"
WELCOME = """\
Welcome. You will build deep learning from its parts: each stage is a lesson, a file of yours, and
checks. Where shall the files be? Enter makes the folder; nothing in it is overwritten.
"""


class DoctorScreen(LabScreen):
    """What was found, one line each; on the first run also the workspace's place."""

    def __init__(self, *, first_run: bool = False) -> None:
        super().__init__()
        self._first_run = first_run

    def compose(self) -> ComposeResult:
        yield Static("Welcome" if self._first_run else "Doctor", id="title")
        with VerticalScroll():
            if self._first_run:
                yield Static(WELCOME, markup=False)
                yield Input(DEFAULT, id="place")
                yield Static("", id="problem", markup=False)
            yield Static("Looking at this machine ...", id="findings", markup=False)
        yield KeyBar()

    def on_mount(self) -> None:
        if self._first_run:
            self.query_one("#place", Input).focus()
        self.look()

    @work(thread=True, exit_on_error=False)
    def look(self) -> None:
        """Examine away from the app's loop: the denial probes take a moment the first time."""
        from ..doctor import examine

        text = Text()
        style = Style(self.symbols, colour=True)
        for finding in examine():
            mark = Text.from_ansi(style.mark(STATUS[finding.state]))
            text.append(mark).append(f" {finding.name:<14}", "bold").append(f"{finding.found}\n")
            if finding.advice:
                text.append(f"    {finding.advice}\n", "yellow")
        self.app.call_from_thread(self.query_one("#findings", Static).update, text)

    def on_input_submitted(self, event: Input.Submitted) -> None:
        from ..workspace import create

        try:
            workspace, _ = create(Path(event.value.strip() or DEFAULT))
        except UsageError as error:
            self.query_one("#problem", Static).update(str(error))
            return
        self.lab.open_home(workspace)
