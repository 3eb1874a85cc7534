"""Explorations: a claim with knobs to turn, and its curves, computed by a child at every turn."""

from __future__ import annotations

import asyncio
import json
import sys
import textwrap
from contextlib import suppress
from typing import ClassVar

from rich.text import Text
from textual import work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.widgets import Static

from assignments.catalog import ManifestError, Stage
from assignments.explorations import Exploration, Series, Value, explorations

from ..curve import curves
from ..explore import table

LEAST, MOST = 6, 20  # lines of the chart
FRAME = 5  # lines around it: the name of y, the numbers of x, the legend, the name of x, one blank
WIDEST = 96
PATIENCE_S = 20.0
COMPUTING = "Computing ..."


class ExploreView(VerticalScroll, inherit_bindings=False):
    """The explorations of a stage; nothing is read or computed before it is seen.

    The arrows turn knobs here, so the view scrolls by pages only.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("pageup", "page_up", show=False),
        Binding("pagedown", "page_down", show=False),
    ]

    def __init__(self, stage: Stage, *, ascii: bool) -> None:
        super().__init__()
        self._stage, self._ascii = stage, ascii
        self._all: tuple[Exploration, ...] | None = None
        self._place, self._line = 0, 1
        self._settings: dict[str, Value] = {}
        self._series: Series = {}
        self._said = COMPUTING

    def compose(self) -> ComposeResult:
        yield Static(id="explore_about", markup=False)
        yield Static(id="explore_knobs", markup=False)
        yield Static(id="explore_chart", markup=False)

    def on_show(self) -> None:
        if self._all is not None:
            return
        said = "This stage has nothing to explore yet."
        try:
            self._all = explorations(self._stage)
        except ManifestError as error:
            self._all, said = (), f"The explorations of this stage cannot be read: {error}"
        if self._all:
            self._begin()
        else:
            self.query_one("#explore_about", Static).update(said)

    def on_resize(self) -> None:
        self._draw()

    def choose(self, step: int) -> None:
        """Mark the line above or below: that of the explorations, or a knob."""
        if self._all:
            self._line = (self._line + step) % (1 + len(self._all[self._place].knobs))
            self._draw()

    def turn(self, step: int) -> None:
        """Turn what is marked, and compute anew."""
        if not self._all:
            return
        if self._line == 0:
            self._place = (self._place + step) % len(self._all)
            self._begin()
            return
        knob = self._all[self._place].knobs[self._line - 1]
        place = knob.values.index(self._settings[knob.name]) + step
        if 0 <= place < len(knob.values):
            self._settings[knob.name] = knob.values[place]
            self._draw()
            self.compute(self._all[self._place])

    def _begin(self) -> None:
        assert self._all
        shown = self._all[self._place]
        self._settings = shown.start
        self._series, self._said = {}, COMPUTING
        self._draw()
        self.compute(shown)

    @work(exclusive=True, group="explore", exit_on_error=False)
    async def compute(self, shown: Exploration) -> None:
        """Ask a child for the curves: NumPy would cost this process memory, and a key its turn."""
        words = [f"{name}={value}" for name, value in self._settings.items()]
        command = ("-m", "lab", "explore", self._stage.id, shown.id, *words, "--json")
        child = await asyncio.create_subprocess_exec(
            sys.executable,
            *command,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        try:
            out, err = await asyncio.wait_for(child.communicate(), PATIENCE_S)
        except TimeoutError:
            out, err = b"", f"it took more than {PATIENCE_S:.0f} s".encode()
        finally:  # another turn may have come: nobody waits for this one
            if child.returncode is None:
                with suppress(ProcessLookupError):
                    child.kill()
                await child.wait()
        if child.returncode == 0:
            self._series = json.loads(out)["series"]
        else:
            lines = err.decode(errors="replace").strip().splitlines() or ["it ended early"]
            self._series, self._said = {}, f"This cannot be computed: {lines[-1]}"
        self._draw()

    def _draw(self) -> None:
        if not self._all or not self.size.width:
            return
        shown = self._all[self._place]
        inside = max(20, self.size.width - 2)
        text = textwrap.wrap(shown.text, inside)
        about = Text(f"{shown.title}\n", "bold").append("\n".join([*text, ""]), "not bold")
        self.query_one("#explore_about", Static).update(about)
        numbers = ["", *table(self._series, shown.x)]
        room = self.size.height - (1 + len(text) + 2 + len(shown.knobs) + FRAME)
        if room < LEAST + len(numbers):
            numbers = []  # the chart comes first
        height = max(LEAST, min(MOST, room - len(numbers)))
        width = max(20, min(WIDEST, inside - 12))
        lines = curves(self._series, width, height, ascii=self._ascii, log=shown.log)
        if lines:
            lines = [shown.y, *lines, f"{shown.x:>{width}}", *numbers]
        else:
            lines = textwrap.wrap(self._said, inside)
        self.query_one("#explore_chart", Static).update(Text("\n".join(lines), no_wrap=True))
        self.query_one("#explore_knobs", Static).update(self._knobs(self._all, shown))

    def _knobs(self, all_: tuple[Exploration, ...], shown: Exploration) -> Text:
        rows = [("exploration", [one.id for one in all_], shown.id)]
        for knob in shown.knobs:
            values = [f"{value}" for value in knob.values]
            rows.append((knob.title, values, f"{self._settings[knob.name]}"))
        text = Text()
        for line, (name, values, now) in enumerate(rows):
            marked = line == self._line
            line_text = f"{name}: {'  '.join(f'[{v}]' if v == now else v for v in values)}"
            if marked:
                text.append(f"> {line_text}   {'<- ->' if self._ascii else '← →'}\n", "bold")
            else:
                text.append(f"  {line_text}\n")
        return text
