"""What holds for every formula, by random trees and random text."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.cells import cell_len

from lab.maths import Box, MathsError, display, inline
from lab.maths.arguments import ALLOWED
from lab.maths.inline import write
from lab.maths.layout import layout
from lab.maths.nodes import (
    Accent,
    Brace,
    Fenced,
    Fraction,
    Grid,
    Node,
    Root,
    Row,
    Script,
    Space,
    Symbol,
    Text,
)
from lab.maths.symbols import CHARACTERS, COMMANDS, DELIMITERS, character

steady = settings(max_examples=150, deadline=None, derandomize=True, database=None)

_symbols = st.sampled_from(
    [*COMMANDS.values(), *CHARACTERS.values(), *map(character, "abxyzT019é")]
)
_leaves = st.one_of(
    _symbols,
    st.builds(Symbol, st.text("aθ损", min_size=1, max_size=3), st.sampled_from(["a", "θ"])),
    st.builds(Text, st.text("ab é损失θ", max_size=5)),
    st.builds(Space, st.integers(0, 3)),
)
_marks = st.sampled_from(sorted(set(DELIMITERS.values())))
_accents = st.sampled_from(["hat", "bar", "tilde", "vec", "dot", "overline", "underline"])
_environments = st.sampled_from(["pmatrix", "bmatrix", "vmatrix", "matrix", "cases", "aligned"])


def _branches(nodes: st.SearchStrategy[Node]) -> st.SearchStrategy[Node]:
    maybe = st.none() | nodes
    cells = st.lists(nodes, max_size=3).map(tuple)
    return st.one_of(
        st.builds(Row, st.lists(nodes, max_size=5).map(tuple)),
        st.builds(Fraction, nodes, nodes),
        st.builds(Root, nodes, maybe),
        st.builds(Script, nodes, maybe, maybe),
        st.builds(Fenced, _marks, _marks, nodes),
        st.builds(Grid, _environments, st.lists(cells, max_size=3).map(tuple)),
        st.builds(Accent, _accents, nodes),
        st.builds(Brace, nodes, st.booleans(), maybe),
    )


formulas: st.SearchStrategy[Node] = st.recursive(_leaves, _branches, max_leaves=12)


@steady
@given(formulas, st.booleans())
def test_box_is_rectangular_with_its_baseline_inside(node: Node, ascii: bool) -> None:
    box = layout(node, ascii=ascii)

    assert {cell_len(line) for line in box.lines} == {box.width}
    assert 0 <= box.baseline < box.height


@steady
@given(formulas)
def test_ascii_layouts_hold_only_ascii(node: Node) -> None:
    assert all(line.isascii() for line in layout(node, ascii=True).lines)
    assert write(node, ascii=True).isascii()


@steady
@given(formulas, st.booleans())
def test_inline_form_is_one_printable_line(node: Node, ascii: bool) -> None:
    line = write(node, ascii=ascii)

    assert len(line.splitlines()) <= 1
    assert "\t" not in line


@steady
@given(formulas, formulas)
def test_row_is_as_wide_as_its_parts_and_their_gap(left: Node, right: Node) -> None:
    row = layout(Row((left, right)))

    parts = layout(Row((left,))).width + layout(Row((right,))).width
    assert parts <= row.width <= parts + 1


@steady
@given(
    st.lists(
        st.sampled_from([*ALLOWED, *"{}{}{}^_&~[]()|'-+=<,.;:!/%#ax19 \n\\", "{pmatrix}", "θ"]),
        max_size=12,
    ).map("".join)
)
def test_any_text_is_laid_out_or_refused_as_a_formula(tex: str) -> None:
    try:
        box = display(tex)
    except MathsError as error:
        assert 0 <= error.position <= len(tex)
    else:
        assert box.height >= 1
        assert display(tex, ascii=True).height >= 1
        assert "\n" not in inline(tex)


@pytest.mark.parametrize(
    ("lines", "baseline"), [(("a", "ab"), 0), (("a",), 1), (("a",), -1), ((), 0), (("损", "a"), 0)]
)
def test_box_refuses_ragged_lines_and_a_baseline_outside(
    lines: tuple[str, ...], baseline: int
) -> None:
    with pytest.raises(ValueError, match=r"baseline|width"):
        Box(lines, baseline)
