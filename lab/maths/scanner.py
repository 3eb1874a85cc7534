"""Tokens of a formula, with their places in the source."""

from __future__ import annotations

import re

from .errors import MathsError
from .symbols import SPACES

END = "the end"  # no token is longer than one character without a backslash

_COMMAND = re.compile(r"\\(?:[A-Za-z]+|.|\n)")
_ROW_DISTANCE = re.compile(r"\s*\[\s*-?[0-9.]+\s*(?:pt|em|ex|mm)\s*\]")


class Scanner:
    """A cursor over ``tex``; white space between tokens is skipped."""

    def __init__(self, tex: str) -> None:
        self.tex = tex
        self.position = 0
        self._skip_space()

    def peek(self) -> str:
        """Return the token at the cursor: a character, a command with its backslash, or END."""
        if self.position >= len(self.tex):
            return END
        if self.tex[self.position] != "\\":
            return self.tex[self.position]
        found = _COMMAND.match(self.tex, self.position)
        if found is None:
            raise MathsError("backslash without a command", self.tex, self.position)
        return found.group()

    def take(self) -> None:
        """Move past the token at the cursor."""
        if self.position < len(self.tex):
            self.position += len(self.peek())
        self._skip_space()

    def skip_row_distance(self) -> None:
        """Move past the optional distance of a row break, such as ``[4pt]``."""
        found = _ROW_DISTANCE.match(self.tex, self.position)
        if found is not None:
            self.position = found.end()
            self._skip_space()

    def raw_text(self, owner: str) -> str:
        """Read ``{...}`` as words: spaces count, runs of them as one, escapes stand for signs."""
        start = self.position
        if self.peek() != "{":
            raise MathsError(f"{owner} lacks an argument", self.tex, start, ("{...}",))
        self.position += 1
        depth = 1
        words: list[str] = []
        while depth:
            token = self.peek()
            if token == END:
                raise MathsError(f"{owner}{{ without its }}", self.tex, start)
            if token == "{":
                depth += 1
            elif token == "}":
                depth -= 1
            elif token == "~" or token.isspace():
                words.append(" ")
            else:
                words.append(self._word(token))
            self.position += len(token)
        self._skip_space()
        return re.sub(" +", " ", "".join(words))

    def _word(self, token: str) -> str:
        if not token.startswith("\\"):
            if token.isprintable():
                return token
            raise MathsError(f"control character {token!r}", self.tex, self.position)
        if token[1:] in ("{", "}", "%", "_", "#", "$", "&"):
            return token[1:]
        if token[1:] in SPACES:
            return " " * min(1, SPACES[token[1:]])
        raise MathsError(
            f"{token} inside words", self.tex, self.position, ("\\{", "\\}", "\\%", "\\_", "\\,")
        )

    def _skip_space(self) -> None:
        while self.position < len(self.tex) and self.tex[self.position].isspace():
            self.position += 1
