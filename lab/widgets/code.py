"""The learner's file, to be read beside the lesson; it is written in the learner's own editor."""

from __future__ import annotations

from pathlib import Path

from rich.text import Text

from .lines import LinesView

MAX_BYTES = 1 << 20


class CodeView(LinesView):
    """The file with line numbers and colours, as it is on disk."""

    def __init__(self, file: Path) -> None:
        super().__init__()
        self._file = file
        self._shown: bytes | None = None  # colouring a file takes longer than a key may

    def on_show(self) -> None:
        self.reload()

    def reload(self) -> None:
        """Read the file again."""
        from rich.syntax import Syntax

        try:
            content = self._file.read_bytes()[:MAX_BYTES]
        except OSError as error:
            self._shown = None
            gone = f"{self._file} cannot be read: {error.strerror}. x brings the starter back."
            self.show(list(Text(gone).wrap(self.app.console, max(20, self.content_size.width))))
            return
        if content == self._shown:
            return
        self._shown = content
        text = content.decode(errors="replace")
        code = Syntax(text, "python", background_color="default").highlight(text)
        code.expand_tabs(4)
        lines = code.split()
        digits = len(str(len(lines)))
        self.show(
            [
                Text.assemble((f"{number:>{digits}} ", "dim"), line)
                for number, line in enumerate(lines, start=1)
            ]
        )
