"""Commands that take arguments, grouped by what they build, and the error for all others."""

from __future__ import annotations

from difflib import get_close_matches

from .errors import MathsError
from .nodes import Node, Row, Symbol, Text
from .symbols import COMMANDS, SPACES

FRACTIONS = frozenset({"frac", "tfrac", "dfrac"})
TEXTS = frozenset({"text", "textrm", "textbf", "textit", "texttt"})
LETTERS = frozenset({"mathrm", "mathbf", "mathit", "mathsf", "mathtt", "boldsymbol"})
ALPHABETS = frozenset({"mathbb", "mathcal"})
IGNORED = frozenset({"displaystyle", "textstyle", "limits", "nonumber"})
BIG = frozenset({"big", "Big", "bigl", "bigr", "Bigl", "Bigr", "bigg", "biggl", "biggr"})
ACCENTS = {
    "hat": "hat", "widehat": "hat", "bar": "bar", "tilde": "tilde", "widetilde": "tilde",
    "vec": "vec", "dot": "dot", "overline": "overline", "underline": "underline",
}  # fmt: skip
ENVIRONMENTS = {
    "pmatrix": "pmatrix", "bmatrix": "bmatrix", "vmatrix": "vmatrix", "matrix": "matrix",
    "cases": "cases", "aligned": "aligned", "align": "aligned", "align*": "aligned",
}  # fmt: skip
STRUCTURES = frozenset(
    {"sqrt", "left", "right", "begin", "end", "operatorname", "underbrace", "overbrace", "\\"}
)

ALLOWED: tuple[str, ...] = tuple(
    sorted(
        "\\" + name
        for name in {*COMMANDS, *SPACES, *ACCENTS} - {"\n", " "}
        | FRACTIONS | TEXTS | LETTERS | ALPHABETS | IGNORED | BIG | STRUCTURES
    )
)  # fmt: skip
"""Every command of the subset, backslash included."""


def unknown_command(name: str, tex: str, position: int) -> MathsError:
    """Build the error for ``\\name``: the nearest commands where any is near, else all of them."""
    near = get_close_matches("\\" + name, ALLOWED, n=4, cutoff=0.7)
    hint = "did you mean " + " or ".join(near) + "?" if near else ""
    return MathsError(f"unknown command \\{name}", tex, position, ALLOWED, hint)


def letters_to_word(node: Node) -> Node:
    """Join a row of letters and digits into one upright word; leave any other node as it is."""
    if isinstance(node, Row) and node.items:
        letters = [i.text for i in node.items if isinstance(i, Symbol) and i.text.isalnum()]
        if len(letters) == len(node.items):
            return Text("".join(letters))
    return node
