"""Submit: what goes in, what is hidden, how often it was tried; then the score, line by line."""

from __future__ import annotations

import hashlib
from typing import Any, ClassVar

from rich.text import Text
from textual.app import ComposeResult
from textual.containers import VerticalScroll
from textual.widgets import Static

from assignments.catalog import Stage

from .. import attempts, render
from ..actions import SUBMIT, bindings
from ..render import Style
from ..state import RunState, headline
from ..widgets.keys import KeyBar
from ..widgets.status import StatusBar
from .base import LabScreen


class SubmitScreen(LabScreen):
    """Enter grades; esc goes back, or ends the grading that goes on."""

    NAME = SUBMIT
    BINDINGS: ClassVar[list[Any]] = bindings(SUBMIT)

    def __init__(self, stage: Stage) -> None:
        super().__init__()
        self.stage = stage

    def compose(self) -> ComposeResult:
        yield Static(f"Submit {self.stage.number:02d} {self.stage.title}", id="title")
        with VerticalScroll():
            yield Static(id="body", markup=False)
        yield StatusBar(self.symbols)
        yield KeyBar()

    def on_mount(self) -> None:
        self.query_one("#body", Static).update(self._before())
        self._bar(self.lab.state(self.stage, "hidden"), "Enter grades; esc goes back.")

    def _before(self) -> Text:
        stage, workspace = self.stage, self.lab.here
        file = workspace.file(stage)
        public = self.lab.state(stage)
        done = attempts.history(workspace, stage)
        text = Text()
        try:
            data = file.read_bytes()
        except OSError:
            return Text(f"{file} cannot be read: go back and press x for the starter.")
        lines = [
            ("What goes in", f"{file} ({len(data):,} bytes, sha256 {hashlib.sha256(data).hexdigest()[:12]})"),
            ("Public checks", headline(public, len(stage.hidden)) if public.checks else "not run since the app started"),
            ("What decides", f"{len(stage.hidden)} hidden checks, with inputs drawn anew"),
            ("Points", ", ".join(f"{name} {points:g}" for name, points in stage.points.items() if points)),
            ("Deadline", "none here; your course may set one"),
            ("Attempts", _attempts(done)),
            ("Worth", "self-graded: signed with your own key, no evidence to anybody else"),
        ]  # fmt: skip
        for name, said in lines:
            text.append(f"{name:<15}", "bold").append(f"{said}\n")
        return text

    async def action_confirm_submit(self) -> None:
        from grader.suites import installed

        state = self.lab.state(self.stage, "hidden")
        if state.busy:
            return
        if not installed(self.stage):
            self.notify(
                f"The hidden checks are not installed here: `lab submit {self.stage.id}` writes a "
                "bundle to hand in.",
                severity="warning",
            )
            return
        await self.lab.submit(self.stage)

    def show_run(self, state: RunState) -> None:
        """Show the hidden run (the app calls this after each batch of events)."""
        if state.suite != "hidden" or state.stage != self.stage.id:
            return
        style = Style(self.symbols, colour=True)
        if state.graded is not None:
            shown = [
                f"Attempt {state.graded['attempt']}",
                *render.graded(state.graded["view"], style, self._width),
                "",
                f"Report: {state.graded['path']}",
            ]
            text = Text.from_ansi("\n".join(shown))
        else:
            text = Text()
            for check in state.checks:
                if check.status in ("waiting", "running"):
                    dots = " ..." if check.status == "running" else ""
                    text.append(f"    {check.title}{dots}\n", "dim")
                else:
                    text.append(Text.from_ansi(render.check_line(check.title, check.event, style)))
                    text.append("\n")
        if state.checks or state.graded is not None:
            self.query_one("#body", Static).update(text)
        say = {"starting": "Starting ...", "cancelled": "Cancelled: this attempt does not count."}
        if state.graded is not None:
            view = state.graded["view"]
            owed = view["status"] == "infrastructure_error"
            points = f"{view['score']:g} of {view['max_score']:g} points"
            said = "No score yet; enter submits again." if owed else points
        else:
            said = say.get(state.phase) or headline(state, 0)
        self._bar(state, said)

    def _bar(self, state: RunState, said: str) -> None:
        self.query_one(StatusBar).show(said, state)
        self.refresh_bindings()


def _attempts(done: list[Any]) -> str:
    if not done:
        return "this is the first"
    best = max(run.score or 0 for run in done)
    return f"{len(done)} so far, best {best:g}; as many as you like"
