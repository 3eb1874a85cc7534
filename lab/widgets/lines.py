"""Lines that scroll. Only those in sight are painted: turning to a long lesson takes no time."""

from __future__ import annotations

from collections.abc import Sequence

from rich.cells import cell_len
from rich.style import Style
from rich.text import Text
from textual.geometry import Region, Size
from textual.scroll_view import ScrollView
from textual.selection import Selection
from textual.strip import Strip


class LinesView(ScrollView, can_focus=True):
    """Laid-out lines of text, which may be marked with the mouse and copied."""

    ALLOW_SELECT = True

    def __init__(self) -> None:
        super().__init__()
        self._lines: list[Text] = []
        self._strips: dict[int, Strip] = {}
        self._base = Style()

    @property
    def text(self) -> str:
        """What is shown, and what scrolling would show."""
        return "\n".join(line.plain for line in self._lines)

    def show(self, lines: Sequence[Text]) -> None:
        """Show these lines instead; where there are as many, only those that differ are painted."""
        before, self._lines = self._lines, list(lines)
        width = max((cell_len(line.plain.rstrip()) for line in lines), default=0)
        size = Size(width, len(lines))
        if size == self.virtual_size and len(before) == len(lines):
            for row, (old, new) in enumerate(zip(before, lines, strict=True)):
                if old is not new and (old != new or old.style != new.style):
                    self.repaint(row)
            return
        self._strips.clear()
        self.virtual_size = size
        self.refresh()

    def repaint(self, row: int) -> None:
        """Paint one line anew."""
        self._strips.pop(row, None)
        y = row - self.scroll_offset.y
        if 0 <= y < self.size.height:
            self.refresh(Region(0, y, self.size.width, 1))

    def render_lines(self, crop: Region) -> list[Strip]:
        """The lines of the window; what their style is, is looked up through all parents: once."""
        self._base = self.rich_style
        return super().render_lines(crop)

    def render_line(self, y: int) -> Strip:
        """The line `y` of the window."""
        left, top = self.scroll_offset
        row, width = top + y, self.scrollable_content_region.width
        style = self._base
        if row >= len(self._lines):
            return Strip.blank(width, style)
        strip = self._strip(row).crop_extend(left, left + width, style)
        return strip.apply_style(style).apply_offsets(left, row)

    def _strip(self, row: int) -> Strip:
        marked = self.text_selection.get_span(row) if self.text_selection else None
        if marked is None and row in self._strips:
            return self._strips[row]
        text = self._lines[row]
        if marked is not None:
            start, end = marked
            text = text.copy()
            text.stylize(
                self.screen.get_component_rich_style("screen--selection"),
                start,
                len(text) if end == -1 else end,
            )
        if not text.spans:
            text = text.copy()
            text.stylize(text.style)  # which `render` would forget
        strip = Strip(text.render(self.app.console), text.cell_len)
        if marked is None:
            self._strips[row] = strip
        return strip

    # ---- marking --------------------------------------------------------------------------------
    def get_selection(self, selection: Selection) -> tuple[str, str] | None:
        """What is marked, and how it ends."""
        return selection.extract(self.text), "\n"

    def selection_updated(self, selection: Selection | None) -> None:
        """Paint what is marked."""
        self.refresh()
