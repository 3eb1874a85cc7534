"""The bottom line: what the keys do here and now.

Textual's own Footer makes a widget for each key anew whenever the focus moves, and keeps the old ones
(80 MiB after two hundred tabs); one line of text does the same.
"""

from __future__ import annotations

from rich.text import Text
from textual.screen import Screen
from textual.widgets import Static


class KeyBar(Static):
    """One line of keys and labels, read from the bindings that are active."""

    def __init__(self) -> None:
        super().__init__(markup=False)
        self._said = ""

    def on_mount(self) -> None:
        self.screen.bindings_updated_signal.subscribe(self, self._show)
        self._show(self.screen)

    def _show(self, screen: Screen[object]) -> None:
        text = Text(no_wrap=True, overflow="ellipsis")
        for active in screen.active_bindings.values():
            binding = active.binding
            if binding.show and active.enabled:
                key = self.app.get_key_display(binding)
                text.append(f" {key}", "bold").append(f" {binding.description} ")
        if text.plain != self._said:
            self._said = text.plain
            self.update(text)
