"""History: every attempt, what it earned, what changed since, and the way back to it."""

from __future__ import annotations

from typing import Any, ClassVar

from rich.text import Text
from textual.app import ComposeResult
from textual.containers import VerticalScroll
from textual.widgets import DataTable, Static

from assignments import catalog
from assignments.catalog import Stage
from grader.errors import GraderError
from grader.ledger import Ledger, Run
from grader.views import learner_view

from .. import attempts, render
from ..actions import HISTORY, bindings
from ..render import Style
from ..widgets.keys import KeyBar
from .base import LabScreen


class HistoryScreen(LabScreen):
    """Attempts at one stage, or at all of them."""

    NAME = HISTORY
    BINDINGS: ClassVar[list[Any]] = bindings(HISTORY)

    def __init__(self, stage: Stage | None) -> None:
        super().__init__()
        self._stage = stage
        self._runs: list[Run] = []

    def compose(self) -> ComposeResult:
        of = f" of {self._stage.title}" if self._stage else ""
        yield Static(f"History{of}", id="title")
        yield DataTable(cursor_type="row", id="attempts")
        with VerticalScroll(id="detail"):
            yield Static(id="body", markup=False)
        yield KeyBar()

    def on_mount(self) -> None:
        table = self.query_one(DataTable)
        table.add_columns("Stage", "Attempt", "When (UTC)", "Points", "Status")
        self._runs = attempts.history(self.lab.here, self._stage)[::-1]
        for run in self._runs:
            when = (run.created_at or "").replace("T", " ").removesuffix("Z")
            table.add_row(
                run.stage,
                str(run.attempt),
                when,
                render.points(run.score, run.max_score, run.status),
                (run.status or "").replace("_", " "),
            )
        if not self._runs:
            self._say(Text("No attempts yet: F8 on the workbench makes one."))
        table.focus()

    @property
    def _run(self) -> Run | None:
        row = self.query_one(DataTable).cursor_row
        return self._runs[row] if 0 <= row < len(self._runs) else None

    def on_data_table_row_highlighted(self, event: DataTable.RowHighlighted) -> None:
        run = self._run
        if run is None:
            return
        with Ledger(self.lab.here.ledger) as ledger:
            view = learner_view(ledger.report(run.id))
        self._say(
            Text.from_ansi(
                "\n".join(render.graded(view, Style(self.symbols, colour=True), self._width))
            )
        )

    def action_compare(self) -> None:
        run = self._run
        if run is None:
            return
        try:
            changed = attempts.diff(self.lab.here, catalog.stage(run.stage), run.attempt)
        except GraderError as error:
            self.notify(str(error), severity="warning")
            return
        colours = {"+": "green", "-": "red", "@": "cyan"}
        text = Text()
        for line in changed or ["Your file is as it was then."]:
            text.append(line + "\n", colours.get(line[:1], ""))
        self._say(text)

    def action_restore(self) -> None:
        from .confirm import ConfirmScreen

        run = self._run
        if run is None:
            return
        stage = catalog.stage(run.stage)

        def decided(yes: bool | None) -> None:
            if yes:
                _, backup = attempts.restore(self.lab.here, stage, run.attempt)
                kept = f" What was there is kept: {backup}" if backup else ""
                self.notify(f"{stage.file_name} is as at attempt {run.attempt}.{kept}")

        self.lab.push_screen(
            ConfirmScreen(
                f"Bring back {stage.file_name} of attempt {run.attempt}? A backup is kept."
            ),
            decided,
        )

    def _say(self, text: Text) -> None:
        self.query_one("#body", Static).update(text)
