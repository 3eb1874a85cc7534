"""Help: what can be done on the screen beneath, and with which key."""

from __future__ import annotations

from rich.text import Text
from textual.app import ComposeResult
from textual.containers import VerticalScroll
from textual.widgets import Static

from ..actions import ACTIONS, available
from ..palette import shown_key
from ..widgets.keys import KeyBar
from .base import LabScreen

ABOUT = """\
Edit your file in any editor; the checks run again at every save. Public checks teach, hidden checks \
decide; F8 shows what goes in before anything is graded. Nothing here needs a network or a mouse.

Everything works as a command too: `lab --help`. In lab.toml, a table [keys] gives an action another \
key, for example check = "f4".
"""


class HelpScreen(LabScreen):
    """An overlay; esc goes back."""

    def __init__(self, screen: str) -> None:
        super().__init__()
        self._beneath = screen

    def compose(self) -> ComposeResult:
        with VerticalScroll():
            yield Static(_text(self._beneath), markup=False)
        yield KeyBar()


def _text(screen: str) -> Text:
    text = Text("Help\n\n", "bold")
    for action in available(screen):
        text.append(f"  {shown_key(action.key):<8}", "bold cyan")
        text.append(f"{action.label:<14}", "bold")
        text.append(f"{action.help}\n")
    text.append("  ctrl+p  ", "bold cyan").append("Commands      ", "bold")
    text.append("all of these, to be searched\n\n")
    elsewhere = [a for a in ACTIONS if screen not in a.where and "" not in a.where]
    if elsewhere:
        text.append("On other screens: ", "bold")
        text.append(", ".join(f"{shown_key(a.key)} {a.label}" for a in elsewhere) + "\n\n")
    return text.append(ABOUT)
