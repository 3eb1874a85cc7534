"""The bar above the footer: how the run stands; a single failure is always visible in it."""

from __future__ import annotations

from collections.abc import Sized
from typing import Protocol

from rich.text import Text
from textual.widgets import Static

from ..render import Style


class Standing(Protocol):
    """What the bar shows of a run of checks or of a training."""

    @property
    def failures(self) -> Sized: ...
    @property
    def complete(self) -> bool: ...
    @property
    def busy(self) -> bool: ...
    @property
    def isolation(self) -> str: ...


class StatusBar(Static):
    """One line."""

    def __init__(self, symbols: str) -> None:
        super().__init__(markup=False)
        self._style = Style(symbols, colour=True)

    def show(self, said: str, state: Standing) -> None:
        """Say `said` about `state`."""
        text = Text(no_wrap=True, overflow="ellipsis")
        if state.failures:
            text.append(Text.from_ansi(self._style.mark("failed"))).append(" ")
        elif state.complete and not state.busy:
            text.append(Text.from_ansi(self._style.mark("passed"))).append(" ")
        if state.isolation not in ("", "full"):
            text.append(f"isolation: {state.isolation}  ", "yellow")
        self.update(text.append(said), layout=False)  # one line, whatever it says
