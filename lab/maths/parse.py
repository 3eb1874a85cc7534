"""LaTeX text to a tree of nodes: a recursive-descent parser for the supported subset."""

from __future__ import annotations

from .arguments import (
    ACCENTS,
    ALPHABETS,
    BIG,
    ENVIRONMENTS,
    FRACTIONS,
    IGNORED,
    LETTERS,
    TEXTS,
    letters_to_word,
    unknown_command,
)
from .errors import MathsError
from .nodes import (
    Accent,
    Brace,
    Fenced,
    Fraction,
    Grid,
    Kind,
    Node,
    Root,
    Row,
    Script,
    Space,
    Symbol,
    Text,
)
from .scanner import END, Scanner
from .symbols import COMMANDS, DELIMITERS, PRIME, SPACES, alphabet, character

MAX_DEPTH = 40  # far beyond any readable formula, and far below Python's recursion limit

_CELL_ENDS = frozenset({"&", "\\\\"})


def parse(tex: str) -> Node:
    """Parse one formula, written without its dollar signs.

    Lines that are separated by ``\\\\`` outside every environment are read as aligned equations.
    Raises MathsError for an unknown command, an unbalanced brace or anything else outside the
    subset.
    """
    parser = _Parser(tex)
    rows = parser.rows(frozenset({END}))
    if len(rows) == 1 and len(rows[0]) == 1:
        return rows[0][0]
    return Grid("aligned", rows)


class _Parser:
    def __init__(self, tex: str) -> None:
        self.scanner = Scanner(tex)
        self.depth = 0

    def fail(self, what: str, position: int, *allowed: str, hint: str = "") -> MathsError:
        return MathsError(what, self.scanner.tex, position, allowed, hint)

    def rows(self, ends: frozenset[str]) -> tuple[tuple[Row, ...], ...]:
        """Read cells up to one of ``ends``, which stays unread; an empty last row is dropped."""
        rows: list[list[Row]] = [[]]
        while True:
            rows[-1].append(self.row(ends | _CELL_ENDS))
            if self.scanner.peek() == "&":
                self.scanner.take()
            elif self.scanner.peek() == "\\\\":
                self.scanner.take()
                self.scanner.skip_row_distance()
                rows.append([])
            else:
                break
        if len(rows) > 1 and rows[-1] == [Row(())]:
            rows.pop()
        return tuple(tuple(row) for row in rows)

    def row(self, ends: frozenset[str]) -> Row:
        """Read nodes up to one of ``ends``, which stays unread."""
        start = self.scanner.position
        self.depth += 1
        if self.depth > MAX_DEPTH:
            raise self.fail(f"formula nested deeper than {MAX_DEPTH} levels", start)
        items: list[Node] = []
        while (token := self.scanner.peek()) not in ends:
            if token == END:
                raise self.fail(f"formula ends without {' or '.join(sorted(ends))}", start)
            items.extend(self.scripted())
        self.depth -= 1
        return Row(tuple(items))

    def scripted(self) -> tuple[Node, ...]:
        """Read one node with the scripts that follow it; nothing for a command without effect."""
        base: Node | None = Row(()) if self.scanner.peek() in ("^", "_", "'") else self.atom()
        if base is None:
            return ()
        sub: Node | None = None
        sup: Node | None = None
        primes: list[Node] = []
        while (token := self.scanner.peek()) in ("^", "_", "'"):
            position = self.scanner.position
            self.scanner.take()
            if token == "'":
                primes.append(PRIME)
            elif (sub if token == "_" else sup) is not None:
                kind = "subscript" if token == "_" else "superscript"
                raise self.fail(f"second {kind} on one symbol", position, hint="group with braces")
            elif token == "_":
                sub = self.argument("_")
            else:
                sup = self.argument("^")
        if primes:
            sup = Row((*primes, *((sup,) if sup is not None else ())))
        if isinstance(base, Brace) and base.label is None:
            if base.below:
                base, sub = Brace(base.body, True, sub), None
            else:
                base, sup = Brace(base.body, False, sup), None
        return (base,) if sub is None and sup is None else (Script(base, sub, sup),)

    def argument(self, owner: str) -> Node:
        """Read a group or a single symbol; a group of one node is that node."""
        position = self.scanner.position
        token = self.scanner.peek()
        if token in ("}", "&", "\\\\", "^", "_", END):
            raise self.fail(f"{owner} lacks an argument", position, "{...}", "a symbol")
        if token == "{":
            group = self.group()
            return group.items[0] if len(group.items) == 1 else group
        self.depth += 1
        if self.depth > MAX_DEPTH:
            raise self.fail(f"formula nested deeper than {MAX_DEPTH} levels", position)
        node = self.atom()
        self.depth -= 1
        return node if node is not None else Row(())

    def group(self) -> Row:
        self.scanner.take()
        row = self.row(frozenset({"}"}))
        self.scanner.take()
        return row

    def atom(self) -> Node | None:
        position = self.scanner.position
        token = self.scanner.peek()
        if token == "{":
            return self.group()
        self.scanner.take()
        if token == END:
            raise self.fail("formula ends too early", position)
        if token == "}":
            raise self.fail("'}' closes nothing", position, hint="write \\} for a drawn brace")
        if token in _CELL_ENDS:
            raise self.fail(f"'{token}' outside a row of cells", position, *_environment_names())
        if token in ("%", "#", "$"):
            raise self.fail(f"bare {token!r}", position, "\\" + token)
        if token == "~":
            return Space(1)
        if token.startswith("\\"):
            return self.command(token[1:], position)
        if not token.isprintable():
            raise self.fail(f"control character {token!r}", position)
        return character(token)

    def command(self, name: str, position: int) -> Node | None:
        if name in COMMANDS:
            return COMMANDS[name]
        if name in SPACES:
            return Space(SPACES[name])
        if name in IGNORED:
            return None
        if name in BIG:
            drawn = self.delimiter("\\" + name)
            return character(drawn) if drawn else Row(())
        if name in FRACTIONS:
            return Fraction(self.argument("\\" + name), self.argument("\\" + name))
        if name == "sqrt":
            return self.root()
        if name in ACCENTS:
            return Accent(ACCENTS[name], self.argument("\\" + name))
        if name in ("underbrace", "overbrace"):
            return Brace(self.argument("\\" + name), below=name == "underbrace")
        if name in TEXTS:
            return Text(self.scanner.raw_text("\\" + name))
        if name == "operatorname":
            return self.operator()
        if name in LETTERS:
            return letters_to_word(self.argument("\\" + name))
        if name in ALPHABETS:
            return self.styled(name, position)
        if name == "left":
            return self.fenced()
        if name == "begin":
            return self.environment()
        if name == "right":
            raise self.fail("\\right without \\left", position)
        if name == "end":
            raise self.fail("\\end without \\begin", position)
        raise unknown_command(name, self.scanner.tex, position)

    def root(self) -> Root:
        index: Node | None = None
        if self.scanner.peek() == "[":
            self.scanner.take()
            index = self.row(frozenset({"]"}))
            self.scanner.take()
        return Root(self.argument("\\sqrt"), index)

    def operator(self) -> Symbol:
        limits = self.scanner.peek() == "*"
        if limits:
            self.scanner.take()
        name = self.scanner.raw_text("\\operatorname")
        return Symbol(name, character(name).plain, Kind.FUNCTION, limits)

    def styled(self, name: str, position: int) -> Node:
        argument = self.argument("\\" + name)
        items = argument.items if isinstance(argument, Row) else (argument,)
        styled: list[Node] = []
        for item in items:
            symbol = alphabet(name, item.text) if isinstance(item, Symbol) else None
            if symbol is None:
                raise self.fail(f"\\{name} of anything but capital letters", position, "A to Z")
            styled.append(symbol)
        return styled[0] if len(styled) == 1 else Row(tuple(styled))

    def delimiter(self, owner: str) -> str:
        position = self.scanner.position
        token = self.scanner.peek()
        if token not in DELIMITERS:
            raise self.fail(f"{owner} lacks a delimiter", position, *DELIMITERS)
        self.scanner.take()
        return DELIMITERS[token]

    def fenced(self) -> Fenced:
        left = self.delimiter("\\left")
        body = self.row(frozenset({"\\right"}))
        self.scanner.take()
        return Fenced(left, self.delimiter("\\right"), body)

    def environment(self) -> Grid:
        position = self.scanner.position
        name = self.scanner.raw_text("\\begin")
        if name not in ENVIRONMENTS:
            raise self.fail(f"unknown environment {name!r}", position, *_environment_names())
        rows = self.rows(frozenset({"\\end"}))
        self.scanner.take()
        position = self.scanner.position
        closed = self.scanner.raw_text("\\end")
        if closed != name:
            raise self.fail(f"\\begin{{{name}}} closed by \\end{{{closed}}}", position)
        return Grid(ENVIRONMENTS[name], rows)


def _environment_names() -> tuple[str, ...]:
    return tuple(f"\\begin{{{name}}}" for name in ENVIRONMENTS)
