"""The lesson, laid out for the width there is."""

from __future__ import annotations

from textual.events import Resize

from assignments.catalog import Stage

from .lines import LinesView

READABLE = 96  # cells; longer lines are hard to follow
LANGUAGES = ("en", "zh")


class LessonView(LinesView):
    """A scrolling lesson."""

    def __init__(self, stage: Stage, language: str, *, ascii: bool = False) -> None:
        super().__init__()
        self._stage, self._language, self._ascii = stage, language, ascii
        self._width = 0

    def on_resize(self, event: Resize) -> None:
        # Less the scroll bar, which comes as soon as there is more than a page.
        width = min(self.content_size.width - self.styles.scrollbar_size_vertical, READABLE)
        if width != self._width and width > 0:
            self._width = width
            self._show()

    def turn_language(self) -> None:
        """Show the lesson in the other language."""
        self._language = LANGUAGES[1 - LANGUAGES.index(self._language)]
        self._show()

    def _show(self) -> None:
        from ..lesson import read, rendered

        self.show(rendered(read(self._stage, self._language), self._width, ascii=self._ascii))
