"""The slots of the framework as a list with a mark: one line a slot, under the titles of their kinds."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any, ClassVar

from rich.text import Text
from textual import events
from textual.binding import Binding
from textual.geometry import Region
from textual.strip import Strip

from .lines import LinesView

Row = tuple[str, str]  # a slot and its line, with ANSI codes; a title has no slot


class SlotsView(LinesView):
    """Lines that may change while the mark stays where it is."""

    COMPONENT_CLASSES: ClassVar[set[str]] = {"slots--marked"}
    DEFAULT_CSS = """
    SlotsView > .slots--marked {
        background: $block-cursor-background;
        color: $block-cursor-foreground;
        text-style: $block-cursor-text-style;
    }
    """
    BINDINGS: ClassVar[list[Any]] = [
        Binding("up", "move(-1)", "Up", show=False),
        Binding("down", "move(1)", "Down", show=False),
        Binding("pageup", "page(-1)", "Page up", show=False),
        Binding("pagedown", "page(1)", "Page down", show=False),
        Binding("home", "move(-10000)", "First", show=False),
        Binding("end", "move(10000)", "Last", show=False),
    ]

    def __init__(self) -> None:
        super().__init__()
        self._slots: list[str] = []
        self._place = 0

    @property
    def slots(self) -> list[str]:
        """The slots in the order in which they are shown."""
        return [slot for slot in self._slots if slot]

    @property
    def marked(self) -> str:
        """The slot that is marked; nothing while there is none."""
        return self._slots[self._place] if self._slots else ""

    def mark(self, slot: str) -> None:
        """Mark a slot, and bring it into sight."""
        if slot in self._slots:
            self._go(self._slots.index(slot))

    def show_slots(self, rows: Sequence[Row]) -> None:
        """Show these rows instead; what is marked stays so."""
        marked = self.marked
        self._slots = [slot for slot, _ in rows]
        first = next((place for place, slot in enumerate(self._slots) if slot), 0)
        self._place = self._slots.index(marked) if marked in self._slots and marked else first
        self.show([_text(line) for _, line in rows])

    # ---- the mark -------------------------------------------------------------------------------
    def action_move(self, step: int) -> None:
        places = [place for place, slot in enumerate(self._slots) if slot]
        if places:
            now = places.index(self._place) if self._place in places else 0
            self._go(places[max(0, min(len(places) - 1, now + step))])

    def action_page(self, pages: int) -> None:
        self.action_move(pages * max(1, self.size.height - 1))

    def on_click(self, event: events.Click) -> None:
        place = int(event.get_content_offset_capture(self).y + self.scroll_offset.y)
        if place < len(self._slots) and self._slots[place]:
            self._go(place)

    def _go(self, place: int) -> None:
        before, self._place = self._place, place
        # The title of the first slot is seen with it.
        top = place - 1 if place == 1 else place
        self.scroll_to_region(Region(0, top, 1, place - top + 1), animate=False, force=True)
        self.repaint(before)
        self.repaint(place)

    def render_line(self, y: int) -> Strip:
        """The line `y` of the window, in the colours of the mark where it is marked."""
        place = self.scroll_offset.y + y
        if place != self._place or not self.marked:
            return super().render_line(y)
        style = self.get_component_rich_style("slots--marked")
        width = self.scrollable_content_region.width
        plain = Text(self._lines[place].plain)
        plain.stylize(style)  # the colours of its parts would not be seen on it
        strip = Strip(plain.render(self.app.console), plain.cell_len)
        return strip.crop_extend(0, width, style)


@lru_cache(1024)
def _text(line: str) -> Text:
    """A line as text: most lines are the same again when one slot was switched."""
    return Text.from_ansi(line)
