"""What every screen of the lab shares: the app's type, a name in the action table."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, cast

from textual.screen import Screen

if TYPE_CHECKING:
    from ..app import LabApp


class LabScreen(Screen[None]):
    """A screen; `NAME` is what the action table calls it."""

    NAME: ClassVar[str] = ""

    @property
    def lab(self) -> LabApp:
        """The app, as the type it is."""
        return cast("LabApp", self.app)

    @property
    def symbols(self) -> str:
        """The learner's choice of symbols."""
        return self.lab.workspace.symbols if self.lab.workspace else "unicode"

    @property
    def _width(self) -> int:
        """Cells that text may fill."""
        return max(40, min(100, self.size.width - 6))
