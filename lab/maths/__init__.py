"""Mathematics in plain text: formulas in a subset of LaTeX, drawn with characters."""

from __future__ import annotations

from .box import Box
from .errors import MathsError
from .inline import write
from .layout import layout
from .parse import parse

__all__ = ["Box", "MathsError", "display", "inline"]


def display(tex: str, *, ascii: bool = False) -> Box:
    """Draw ``tex`` over several lines; ``ascii`` keeps to ASCII characters.

    Raises MathsError for a formula outside the subset.
    """
    return layout(parse(tex), ascii=ascii)


def inline(tex: str, *, ascii: bool = False) -> str:
    """Write ``tex`` on one line; ``ascii`` keeps to ASCII characters.

    Raises MathsError for a formula outside the subset.
    """
    return write(parse(tex), ascii=ascii)
