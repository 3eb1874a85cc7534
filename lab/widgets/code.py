"""The learner's file, to be read beside the lesson; it is written in the learner's own editor."""

from __future__ import annotations

from pathlib import Path

from textual.app import ComposeResult
from textual.containers import VerticalScroll
from textual.widgets import Static

MAX_BYTES = 1 << 20


class CodeView(VerticalScroll):
    """The file with line numbers and colours, as it is on disk."""

    def __init__(self, file: Path) -> None:
        super().__init__()
        self._file = file

    def compose(self) -> ComposeResult:
        yield Static(markup=False)

    def on_show(self) -> None:
        self.reload()

    def reload(self) -> None:
        """Read the file again."""
        from rich.syntax import Syntax

        shown = self.query_one(Static)
        try:
            text = self._file.read_bytes()[:MAX_BYTES].decode(errors="replace")
        except OSError as error:
            shown.update(
                f"{self._file} cannot be read: {error.strerror}. x brings the starter back."
            )
            return
        shown.update(
            Syntax(text, "python", line_numbers=True, word_wrap=False, background_color="default")
        )
