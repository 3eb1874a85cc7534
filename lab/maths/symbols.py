"""Every command and character that stands for one symbol, with its ASCII spelling."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator

from rich.cells import cell_len

from .nodes import Kind, Symbol

_GREEK = {
    "alpha": "α", "beta": "β", "gamma": "γ", "delta": "δ", "epsilon": "ε", "zeta": "ζ", "eta": "η",
    "theta": "θ", "iota": "ι", "kappa": "κ", "lambda": "λ", "mu": "μ", "nu": "ν", "xi": "ξ",
    "omicron": "ο", "pi": "π", "rho": "ρ", "sigma": "σ", "tau": "τ", "upsilon": "υ", "phi": "φ",
    "chi": "χ", "psi": "ψ", "omega": "ω", "Gamma": "Γ", "Delta": "Δ", "Theta": "Θ", "Lambda": "Λ",
    "Xi": "Ξ", "Pi": "Π", "Sigma": "Σ", "Upsilon": "Υ", "Phi": "Φ", "Psi": "Ψ", "Omega": "Ω",
}  # fmt: skip
# The variants share a glyph with the plain letters: few terminal fonts hold both shapes.
_VARIANTS = {
    "varepsilon": "epsilon", "varphi": "phi", "vartheta": "theta", "varrho": "rho",
    "varsigma": "sigma", "varpi": "pi",
}  # fmt: skip

_TABLE: dict[Kind, dict[str, tuple[str, str]]] = {
    Kind.ORDINARY: {
        "partial": ("∂", "d"), "nabla": ("∇", "grad"), "infty": ("∞", "inf"), "ell": ("ℓ", "l"),
        "top": ("⊤", "T"), "forall": ("∀", "forall"), "exists": ("∃", "exists"),
        "vdots": ("⋮", ":"), "ddots": ("⋱", "..."), "emptyset": ("∅", "{}"), "neg": ("¬", "not"),
        "prime": ("′", "'"), "dagger": ("†", "+"),
        "%": ("%", "%"), "_": ("_", "_"), "#": ("#", "#"), "$": ("$", "$"), "&": ("&", "&"),
    },
    Kind.INNER: {
        "ldots": ("…", "..."), "dots": ("…", "..."), "cdots": ("⋯", "..."),
    },
    Kind.BINARY: {
        "cdot": ("·", "*"), "times": ("×", "x"), "cup": ("∪", "union"), "cap": ("∩", "intersect"),
        "odot": ("⊙", "(.)"), "otimes": ("⊗", "(x)"), "oplus": ("⊕", "(+)"), "circ": ("∘", "o"),
        "pm": ("±", "+-"), "mp": ("∓", "-+"), "div": ("÷", "/"), "ast": ("∗", "*"),
        "star": ("⋆", "*"), "setminus": ("∖", "\\"), "land": ("∧", "and"), "lor": ("∨", "or"),
    },
    Kind.RELATION: {
        "in": ("∈", "in"), "notin": ("∉", "not in"), "subset": ("⊂", "subset"),
        "subseteq": ("⊆", "subset="), "le": ("≤", "<="), "leq": ("≤", "<="), "ge": ("≥", ">="),
        "geq": ("≥", ">="), "ne": ("≠", "!="), "neq": ("≠", "!="), "approx": ("≈", "~="),
        "equiv": ("≡", "=="), "to": ("→", "->"), "rightarrow": ("→", "->"),
        "leftarrow": ("←", "<-"), "gets": ("←", "<-"), "Rightarrow": ("⇒", "=>"),
        "Leftrightarrow": ("⇔", "<=>"), "implies": ("⇒", "=>"), "iff": ("⇔", "<=>"),
        "mapsto": ("↦", "|->"), "propto": ("∝", "propto"), "sim": ("∼", "~"), "mid": ("∣", "|"),
        "ll": ("≪", "<<"), "gg": ("≫", ">>"), "lt": ("<", "<"), "gt": (">", ">"),
    },
    Kind.OPENING: {
        "langle": ("⟨", "<"), "lfloor": ("⌊", "floor("), "lceil": ("⌈", "ceil("),
        "{": ("{", "{"), "lbrace": ("{", "{"), "lVert": ("‖", "||"), "lvert": ("|", "|"),
    },
    Kind.CLOSING: {
        "rangle": ("⟩", ">"), "rfloor": ("⌋", ")"), "rceil": ("⌉", ")"),
        "}": ("}", "}"), "rbrace": ("}", "}"), "rVert": ("‖", "||"), "rvert": ("|", "|"),
    },
    Kind.BAR: {"|": ("‖", "||"), "Vert": ("‖", "||"), "vert": ("|", "|")},
    Kind.PUNCTUATION: {"colon": (":", ":")},
}  # fmt: skip

_LARGE = {"sum": ("Σ", "sum"), "prod": ("Π", "prod"), "int": ("∫", "int")}
_FUNCTIONS = [
    "exp",
    "log",
    "ln",
    "sin",
    "cos",
    "tan",
    "sinh",
    "cosh",
    "tanh",
    "sec",
    "csc",
    "cot",
    "arcsin",
    "arccos",
    "arctan",
    "deg",
    "det",
    "dim",
    "ker",
]
_FUNCTIONS_WITH_LIMITS = ["max", "min", "arg", "lim", "sup", "inf", "argmax", "argmin", "Pr"]


def _commands() -> Iterator[tuple[str, Symbol]]:
    for name, letter in _GREEK.items():
        yield name, Symbol(letter, name)
    for name, plain in _VARIANTS.items():
        yield name, Symbol(_GREEK[plain], plain)
    for kind, table in _TABLE.items():
        for name, (text, plain) in table.items():
            yield name, Symbol(text, plain, kind)
    for name, (text, plain) in _LARGE.items():
        # An integral keeps its bounds beside it, as in print.
        yield name, Symbol(text, plain, Kind.LARGE, limits=name != "int")
    for name in _FUNCTIONS:
        yield name, Symbol(name, name, Kind.FUNCTION)
    for name in _FUNCTIONS_WITH_LIMITS:
        # The argument of "arg" is what follows, so only the operator after it takes limits.
        yield name, Symbol(name, name, Kind.FUNCTION, limits=name != "arg")


COMMANDS: dict[str, Symbol] = dict(_commands())
"""Name without the backslash -> symbol."""

SPACES: dict[str, int] = {
    "quad": 2, "qquad": 4, ",": 1, ";": 1, ":": 1, "!": 0, " ": 1, "\n": 1,
}  # fmt: skip
"""Name without the backslash -> cells of white space."""

CHARACTERS: dict[str, Symbol] = {
    "-": Symbol("−", "-", Kind.BINARY),
    "+": Symbol("+", "+", Kind.BINARY),
    "*": Symbol("*", "*", Kind.BINARY),
    "|": Symbol("|", "|", Kind.BAR),
    "/": Symbol("/", "/"),
    ".": Symbol(".", "."),
    "!": Symbol("!", "!", Kind.CLOSING),
    **{c: Symbol(c, c, Kind.RELATION) for c in "=<>:"},
    **{c: Symbol(c, c, Kind.PUNCTUATION) for c in ",;"},
    **{c: Symbol(c, c, Kind.OPENING) for c in "(["},
    **{c: Symbol(c, c, Kind.CLOSING) for c in ")]"},
}
"""ASCII characters that are neither letters nor digits."""

PRIME = COMMANDS["prime"]

DELIMITERS: dict[str, str] = {
    ".": "", "(": "(", ")": ")", "[": "[", "]": "]", "|": "|", "/": "/", "<": "⟨", ">": "⟩",
    **{
        "\\" + name: COMMANDS[name].text
        for name in ["{", "}", "|", "lbrace", "rbrace", "vert", "Vert", "lvert", "rvert", "lVert", "rVert", "langle", "rangle", "lfloor", "rfloor", "lceil", "rceil"]
    },
}  # fmt: skip
"""What may follow \\left and \\right -> the delimiter drawn."""

_BY_TEXT: dict[str, Symbol] = {
    symbol.text: symbol
    for name, symbol in reversed(COMMANDS.items())  # the earlier of two spellings wins
    if len(symbol.text) == 1 and symbol.kind is not Kind.LARGE
}


def character(text: str) -> Symbol:
    """Return the symbol for one character typed as itself (a letter, a digit, a Unicode sign)."""
    known = CHARACTERS.get(text) or _BY_TEXT.get(text)
    return known or Symbol(text, to_ascii(text))


def to_ascii(text: str) -> str:
    """Spell ``text`` in ASCII: known signs by name, accented letters bare, the rest as ``?``."""
    if text.isascii():
        return text
    return "".join(c if c.isascii() else _ascii_character(c) for c in text)


def _ascii_character(text: str) -> str:
    known = _BY_TEXT.get(text)
    if known is not None:
        return known.plain
    bare = "".join(c for c in unicodedata.normalize("NFKD", text) if c.isascii())
    return bare or "?" * cell_len(text)


def alphabet(name: str, letter: str) -> Symbol | None:
    """Return ``letter`` in the alphabet ``mathbb`` or ``mathcal``, or None where it has none."""
    wanted = {"mathbb": "DOUBLE-STRUCK", "mathcal": "SCRIPT"}[name]
    if name == "mathbb" and letter == "1":
        return Symbol("𝟙", "1")
    if len(letter) != 1 or not ("A" <= letter <= "Z"):
        return None
    # The letters that Unicode had before the mathematical block keep their old names there.
    for form in (f"{wanted} CAPITAL {letter}", f"MATHEMATICAL {wanted} CAPITAL {letter}"):
        try:
            return Symbol(unicodedata.lookup(form), letter)
        except KeyError:
            continue
    return None
