"""The checks of a run: failures first, the one that is marked explained beside the list."""

from __future__ import annotations

import textwrap

from rich.text import Text
from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.widgets import Input, OptionList, Static
from textual.widgets.option_list import Option

from .. import render
from ..render import Style
from ..state import OPEN, CheckState, RunState

PASSED = "passed"  # the id of the row that stands for every check that passed


class ChecksView(Horizontal):
    """A list, and what the marked check found."""

    def __init__(self, symbols: str) -> None:
        super().__init__()
        self._style = Style(symbols, colour=True)
        self._state = RunState("")
        self._shown: tuple[object, ...] = ()
        self._unfolded = False
        self._filter = ""
        self._chosen: str | None = None  # by the learner; else the first failure is shown
        self._hint: tuple[str, int, str] | None = None

    def compose(self) -> ComposeResult:
        with Vertical(id="check_list"):
            yield Input(placeholder="part of a title", id="check_filter")
            yield OptionList(id="check_options")
        with VerticalScroll(id="check_detail"):
            yield Static("F5 runs the checks; every save runs them again.", markup=False)

    def on_mount(self) -> None:
        self.query_one(Input).display = False

    def on_resize(self) -> None:
        if self._state.stage:
            self._detail()

    @property
    def _width(self) -> int:
        return max(30, self.query_one("#check_detail").content_size.width)

    @property
    def selected(self) -> str | None:
        """The check that is explained."""
        check = self._current()
        return check.id if check else None

    def show(self, state: RunState) -> None:
        """Show a run."""
        if state.phase == "starting" or state.run != self._state.run:
            self._chosen, self._hint = None, None
        self._state = state
        self._list()
        self._detail()

    def show_hint(self, check_id: str, level: int, text: str) -> None:
        """Show a hint under the check it belongs to."""
        self._chosen, self._hint = check_id, (check_id, level, text)
        self._list()
        self._detail()

    def move(self, step: int) -> None:
        """Mark the next or previous failure."""
        failures = [check.id for check in self._state.failures]
        if failures:
            now = failures.index(self.selected) if self.selected in failures else -step
            self._chosen = failures[(now + step) % len(failures)]
            self._list()
            self._detail()

    def on_option_list_option_highlighted(self, event: OptionList.OptionHighlighted) -> None:
        if event.option_id and event.option_id != PASSED and event.option_list.has_focus:
            self._chosen = event.option_id
            self._detail()

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        if event.option_id == PASSED:
            self._unfolded = True
            self._list()

    def on_input_changed(self, event: Input.Changed) -> None:
        self._filter = event.value.casefold()
        self._list()

    def on_input_submitted(self) -> None:
        self.query_one(Input).display = bool(self._filter)
        self.query_one(OptionList).focus()

    # ---- the list -----------------------------------------------------------------------------
    def _rows(self) -> list[tuple[str, Text]]:
        found = [c for c in self._state.checks if self._filter in c.title.casefold()]
        passed = [check for check in found if check.status == "passed"]
        rows = [(check.id, self._row(check)) for check in found if check not in passed]
        fold = bool(self._state.failures) and len(passed) > 1 and not self._unfolded
        if fold:
            mark = Text.from_ansi(self._style.mark("passed"))
            rows.append((PASSED, Text.assemble(mark, f" {len(passed)} passed (enter shows them)")))
        else:
            rows += [(check.id, self._row(check)) for check in passed]
        return rows

    def _row(self, check: CheckState) -> Text:
        if check.status in OPEN:
            return Text(f"{'>' if check.status == 'running' else ' '} {check.title}", "dim")
        return Text.assemble(Text.from_ansi(self._style.mark(check.status)), f" {check.title}")

    def _list(self) -> None:
        rows = self._rows()
        options = self.query_one(OptionList)
        shown = tuple((check_id, row.plain) for check_id, row in rows)
        if shown != self._shown:
            self._shown = shown
            options.clear_options()
            options.add_options([Option(row, id=check_id) for check_id, row in rows])
        ids = [check_id for check_id, _ in rows]
        if self.selected in ids:
            options.highlighted = ids.index(self.selected)

    # ---- the detail ---------------------------------------------------------------------------
    def _current(self) -> CheckState | None:
        checks = {check.id: check for check in self._state.checks}
        if self._chosen in checks:
            return checks[self._chosen]
        failures = self._state.failures
        return failures[0] if failures else None

    def _detail(self) -> None:
        check = self._current()
        lines: list[str] = []
        if self._state.phase == "problem":
            lines = ["The checks could not be run:", *self._state.say.splitlines()]
        elif check is None:
            lines = [_nothing_failing(self._state)]
        elif check.failed:
            lines = render.failure(check.title, check.event, self._style, self._width)
        else:
            lines = [self._style.strong(check.title), f"  {check.status}"]
        if self._hint is not None and (check is None or self._hint[0] == check.id):
            _, level, text = self._hint
            more = ", h for the next" if level < 3 else ""
            lines += ["", self._style.strong(f"Hint {level} of 3{more}")]
            lines += textwrap.wrap(text, self._width)
        elif check is not None and check.failed:
            lines += ["", self._style.faint("h: a hint")]
        self.query_one("#check_detail Static", Static).update(Text.from_ansi("\n".join(lines)))


def _nothing_failing(state: RunState) -> str:
    if state.busy or not state.checks:
        return "Running ..." if state.busy else "F5 runs the checks; every save runs them again."
    if state.phase == "cancelled":
        return "Cancelled. F5 runs the checks again."
    return "Every public check passes. Hidden checks decide the rest: F8 shows what goes in."
