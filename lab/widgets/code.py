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
        self._shown: bytes | None = None  # colouring a file takes longer than a key may

    def compose(self) -> ComposeResult:
        yield Static(markup=False)

    def on_show(self) -> None:
        self.reload()

    def reload(self) -> None:
        """Read the file again."""
        from rich.syntax import Syntax

        shown = self.query_one(Static)
        try:
            content = self._file.read_bytes()[:MAX_BYTES]
        except OSError as error:
            self._shown = None
            shown.update(
                f"{self._file} cannot be read: {error.strerror}. x brings the starter back."
            )
            return
        if content == self._shown:
            return
        self._shown = content
        text = content.decode(errors="replace")
        shown.update(
            Syntax(text, "python", line_numbers=True, word_wrap=False, background_color="default")
        )
