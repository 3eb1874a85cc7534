"""A lesson as text for a terminal: Markdown with its mathematics laid out in two dimensions."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache

from markdown_it import MarkdownIt
from markdown_it.token import Token
from mdit_py_plugins.dollarmath import dollarmath_plugin
from rich.cells import cell_len
from rich.console import Console
from rich.text import Text

from assignments.catalog import Stage

from .maths import MathsError, display, inline

STYLES = {
    "heading": "bold",
    "strong": "bold",
    "emphasis": "italic",
    "code": "cyan",
    "maths": "bright_yellow",
    "faint": "dim",
    "": "",
}
CODE_INDENT = "    "
GAP = re.compile(" {2,}")  # that TeX puts between formulas of one line
GLUE = "\ue000"  # private use: stands for a space inside a formula until its line is broken
# Wrapping asks a console for nothing but its way of measuring cells.
_CONSOLE = Console(width=200, force_terminal=False, color_system=None)


@dataclass(frozen=True, slots=True)
class Span:
    """A piece of a line: `style` is a key of STYLES, or "formula" for TeX to be laid out."""

    text: str
    style: str = ""


@dataclass(frozen=True, slots=True)
class Block:
    """One block: heading, paragraph, item, code, formula, table or rule.

    `level` is the depth of a heading or list item, `marker` an item's, `rows` a table's cells.
    """

    kind: str
    spans: tuple[Span, ...] = ()
    text: str = ""
    level: int = 0
    marker: str = ""
    rows: tuple[tuple[tuple[Span, ...], ...], ...] = ()


def read(stage: Stage, language: str = "en") -> tuple[Block, ...]:
    """The lesson of a stage."""
    file = stage.lesson(language)
    if not file.is_file():
        return (Block("paragraph", (Span(f"{stage.title} has no lesson yet."),)),)
    return parse(file.read_text(encoding="utf-8"))


@cache
def parse(markdown: str) -> tuple[Block, ...]:
    """The blocks of a lesson's text."""
    parser = MarkdownIt("commonmark").enable("table").use(dollarmath_plugin, double_inline=True)
    return tuple(_blocks(parser.parse(markdown)))


def lines(blocks: Iterable[Block], width: int, *, ascii: bool = False) -> list[str]:
    """The lesson as plain lines of at most `width` cells (a formula may be wider)."""
    return [text.plain.rstrip() for text in rendered(blocks, width, ascii=ascii)]


def rendered(blocks: Iterable[Block], width: int, *, ascii: bool = False) -> list[Text]:
    """The lesson as styled lines of at most `width` cells (a formula may be wider)."""
    out: list[Text] = []
    previous = ""
    for block in blocks:
        tight = block.kind == previous == "item"
        if out and not tight:
            out.append(Text())
        out += _rendered(block, width, ascii)
        previous = block.kind
    return out


# ---- from tokens to blocks ------------------------------------------------------------------------
def _blocks(tokens: list[Token]) -> Iterator[Block]:
    markers: list[tuple[str, int]] = []
    fresh_item = False
    place = 0
    while place < len(tokens):
        token = tokens[place]
        if token.type in ("bullet_list_open", "ordered_list_open"):
            first = int(token.attrs.get("start", 1)) if token.type.startswith("ordered") else 0
            markers.append(("1." if first else "-", first))
        elif token.type in ("bullet_list_close", "ordered_list_close"):
            markers.pop()
        elif token.type == "list_item_open":
            fresh_item = True
        elif token.type == "heading_open":
            place += 1
            yield Block("heading", _spans(tokens[place]), level=int(token.tag[1]))
        elif token.type == "inline":
            spans = _spans(token)
            if markers:
                kind, number = markers[-1]
                marker = f"{number}." if kind == "1." else "-"
                if fresh_item and number:
                    markers[-1] = (kind, number + 1)
                yield Block("item", spans, level=len(markers), marker=marker if fresh_item else "")
                fresh_item = False
            else:
                yield Block("paragraph", spans)
        elif token.type in ("fence", "code_block"):
            yield Block("code", text=token.content.rstrip("\n"), marker=token.info.strip())
        elif token.type.startswith("math_block"):
            yield Block("formula", text=token.content.strip())
        elif token.type == "table_open":
            rows, place = _table(tokens, place)
            yield Block("table", rows=rows)
        elif token.type == "hr":
            yield Block("rule")
        place += 1


def _table(tokens: list[Token], place: int) -> tuple[tuple[tuple[tuple[Span, ...], ...], ...], int]:
    rows: list[list[tuple[Span, ...]]] = []
    while tokens[place].type != "table_close":
        if tokens[place].type == "tr_open":
            rows.append([])
        elif tokens[place].type == "inline":
            rows[-1].append(_spans(tokens[place]))
        place += 1
    return tuple(tuple(row) for row in rows), place


def _spans(token: Token) -> tuple[Span, ...]:
    spans: list[Span] = []
    style = ""
    for child in token.children or ():
        if child.type == "strong_open":
            style = "strong"
        elif child.type == "em_open":
            style = "emphasis"
        elif child.type in ("strong_close", "em_close"):
            style = ""
        elif child.type in ("softbreak", "hardbreak"):
            spans.append(Span(" ", style))
        elif child.type == "code_inline":
            spans.append(Span(child.content, "code"))
        elif child.type.startswith("math_inline"):
            spans.append(Span(child.content, "formula"))
        elif child.content:
            spans.append(Span(child.content, style))
    return tuple(spans)


# ---- from blocks to lines -------------------------------------------------------------------------
def _rendered(block: Block, width: int, ascii: bool) -> list[Text]:
    if block.kind == "heading":
        text = _joined(block.spans, ascii)
        text.stylize(STYLES["heading"])
        found = _wrapped(text, width)
        if block.level == 1:
            rule = ("=" if ascii else "━") * max(cell_len(line.plain.rstrip()) for line in found)
            found.append(Text(rule, STYLES["faint"]))
        return found
    if block.kind == "item":
        indent = "  " * (block.level - 1)
        first = f"{indent}{_bullet(block.marker, ascii)} " if block.marker else f"{indent}  "
        return _hanging(_joined(block.spans, ascii), first, " " * cell_len(first), width)
    if block.kind == "code":
        return _code(block, width)
    if block.kind == "formula":
        return _formula(block.text, width, ascii)
    if block.kind == "table":
        return _table_lines(block, width, ascii)
    if block.kind == "rule":
        return [Text(("-" if ascii else "─") * min(width, 40), STYLES["faint"])]
    return _wrapped(_joined(block.spans, ascii), width)


def _bullet(marker: str, ascii: bool) -> str:
    return "•" if marker == "-" and not ascii else marker


def _joined(spans: Iterable[Span], ascii: bool) -> Text:
    text = Text()
    for span in spans:
        if span.style == "formula":
            text.append(_inline(span.text, ascii), STYLES["maths"])
        else:
            text.append(span.text, STYLES[span.style])
    return text


def _inline(tex: str, ascii: bool) -> str:
    try:
        # A formula in a line is one word: breaking it at a space would tear it.
        return inline(tex, ascii=ascii).replace(" ", GLUE)
    except MathsError:
        return tex


def _formula(tex: str, width: int, ascii: bool) -> list[Text]:
    try:
        box = display(tex, ascii=ascii)
    except MathsError:
        return [Text(f"{CODE_INDENT}{tex}", STYLES["code"])]
    shown = list(box.lines)
    if box.width > width:
        shown = [inline(tex, ascii=ascii)]
        if cell_len(shown[0]) > width:  # formulas side by side, then
            shown = GAP.split(shown[0])
    indent = " " * max(0, min(len(CODE_INDENT), width - box.width))
    return [Text(indent + line, STYLES["maths"]) for line in shown]


def _code(block: Block, width: int) -> list[Text]:
    # A recomputed example ends in a comment with its value; the comment is the point of it.
    out: list[Text] = []
    for line in block.text.splitlines():
        style = STYLES["strong"] if line.startswith("# ->") else STYLES["code"]
        code = line.lstrip()
        first = CODE_INDENT + line[: len(line) - len(code)]
        if cell_len(first + code) <= width:
            out.append(Text(first + code, style))
        else:
            out += _hanging(Text(code, style), first, first + CODE_INDENT, width)
    return out


def _table_lines(block: Block, width: int, ascii: bool) -> list[Text]:
    cells = [[_joined(cell, ascii) for cell in row] for row in block.rows]
    count = max(len(row) for row in cells)
    widths = [
        max(cell_len(row[column].plain) for row in cells if column < len(row))
        for column in range(count)
    ]
    spare = width - 2 * (count - 1) - sum(widths)
    if spare < 0:  # the widest column gives way, and wraps
        widest = widths.index(max(widths))
        widths[widest] = max(8, widths[widest] + spare)
    out: list[Text] = []
    for number, row in enumerate(cells):
        columns = [_wrapped(cell, size) for cell, size in zip(row, widths, strict=False)]
        for line in range(max(len(column) for column in columns)):
            text = Text()
            for column, size in zip(columns, widths, strict=False):
                part = column[line].copy() if line < len(column) else Text()
                part.rstrip()
                part.pad_right(size - cell_len(part.plain))
                text.append(part).append("  ")
            text.rstrip()
            if number == 0:
                text.stylize(STYLES["strong"])
            out.append(text)
        if number == 0:
            out.append(
                Text("  ".join(("-" if ascii else "─") * size for size in widths), STYLES["faint"])
            )
    return out


def _hanging(text: Text, first: str, later: str, width: int) -> list[Text]:
    lines = _wrapped(text, width - cell_len(later))
    return [Text(later if number else first).append(line) for number, line in enumerate(lines)]


def _wrapped(text: Text, width: int) -> list[Text]:
    found = list(text.wrap(_CONSOLE, max(8, width)))
    for line in found:
        line.plain = line.plain.replace(GLUE, " ")
    return found
