"""The tree of a formula: what `parse` builds, and what the layouts draw."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, auto


class Kind(Enum):
    """The part a symbol plays in a row; it decides the spaces around it."""

    ORDINARY = auto()
    BINARY = auto()
    PREFIX = auto()  # a binary sign that stands where an operand is expected: -x
    RELATION = auto()
    OPENING = auto()
    CLOSING = auto()
    BAR = auto()  # | opens and closes alike
    PUNCTUATION = auto()
    FUNCTION = auto()
    LARGE = auto()  # sums, products and integrals
    INNER = auto()  # fractions, matrices, dots


@dataclass(frozen=True, slots=True)
class Symbol:
    """A glyph or a name; ``plain`` is its ASCII spelling, ``limits`` puts scripts above and below."""

    text: str
    plain: str
    kind: Kind = Kind.ORDINARY
    limits: bool = False


@dataclass(frozen=True, slots=True)
class Text:
    """Upright words, spaces included."""

    text: str


@dataclass(frozen=True, slots=True)
class Space:
    """Explicit white space of ``cells`` terminal cells."""

    cells: int


@dataclass(frozen=True, slots=True)
class Row:
    """Nodes side by side on one baseline."""

    items: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Fraction:
    numerator: Node
    denominator: Node


@dataclass(frozen=True, slots=True)
class Root:
    body: Node
    index: Node | None = None


@dataclass(frozen=True, slots=True)
class Script:
    """A base with a subscript, a superscript or both."""

    base: Node
    sub: Node | None = None
    sup: Node | None = None


@dataclass(frozen=True, slots=True)
class Fenced:
    """A body between two delimiters that grow with it; an empty string is an invisible delimiter."""

    left: str
    right: str
    body: Node


@dataclass(frozen=True, slots=True)
class Grid:
    """Rows of cells: a matrix, a case distinction or aligned equations, by ``environment``."""

    environment: str
    rows: tuple[tuple[Node, ...], ...]


@dataclass(frozen=True, slots=True)
class Accent:
    """A mark over the body (``underline``: under it), by its LaTeX name."""

    name: str
    body: Node


@dataclass(frozen=True, slots=True)
class Brace:
    """A horizontal brace over or under the body, with an optional label beyond it."""

    body: Node
    below: bool
    label: Node | None = None


Node = (
    Symbol | Text | Space | Row | Fraction | Root | Script | Fenced | Grid | Accent | Brace
)  # closed: the layouts match on all of them
