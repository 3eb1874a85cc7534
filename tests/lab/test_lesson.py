"""Lessons: every worked example computes to what it says, every line fits, both languages agree."""

from __future__ import annotations

import ast
from typing import Any

import pytest
from rich.cells import cell_len

from assignments import catalog
from assignments.catalog import Stage
from lab.lesson import Block, lines, parse, read

LESSONS = [(stage, language) for stage in catalog.load() for language in ("en", "zh")]
IDS = [f"{stage.id}-{language}" for stage, language in LESSONS]
VALUE = "# -> "


def examples(stage: Stage, language: str) -> list[str]:
    return [block.text for block in read(stage, language) if block.marker == "python recompute"]


def computed(source: str) -> tuple[Any, str]:
    """The value of an example's last expression, and what its comment says it is."""
    code, said = source.rsplit(VALUE, 1)
    tree = ast.parse(code)
    last = tree.body.pop()
    assert isinstance(last, ast.Expr)
    names: dict[str, Any] = {}
    exec(compile(tree, "<lesson>", "exec"), names)
    return eval(compile(ast.Expression(last.value), "<lesson>", "eval"), names), said.strip()


@pytest.mark.parametrize(("stage", "language"), LESSONS, ids=IDS)
def test_every_worked_example_computes_to_what_it_says(stage: Stage, language: str) -> None:
    found = examples(stage, language)

    assert found
    for source in found:
        value, said = computed(source)
        assert repr(value) == said


@pytest.mark.parametrize("stage", catalog.load(), ids=lambda stage: stage.id)
def test_both_languages_have_the_same_structure(stage: Stage) -> None:
    def shape(language: str) -> list[tuple[str, int]]:
        return [
            (b.kind, b.level) for b in read(stage, language) if b.kind not in ("item", "paragraph")
        ]

    assert shape("en") == shape("zh")


@pytest.mark.parametrize("width", [71, 91, 96])  # of 80, 100 and more columns
@pytest.mark.parametrize(("stage", "language"), LESSONS, ids=IDS)
def test_text_fits_the_width(stage: Stage, language: str, width: int) -> None:
    found = lines(read(stage, language), width)

    assert [line for line in found if cell_len(line) > width] == []


def test_markdown_becomes_blocks() -> None:
    found = parse(
        "# T\n\nA *b* **c** `d` $x^2$\n\n- one\n- two\n\n3. x\n4. y\n\n$$\na\n$$\n\n| h |\n|---|\n| v |\n"
    )

    assert [block.kind for block in found] == [
        "heading", "paragraph", "item", "item", "item", "item", "formula", "table",
    ]  # fmt: skip
    assert [block.marker for block in found if block.kind == "item"] == ["-", "-", "3.", "4."]
    assert lines(found[:2], 40) == ["T", "━", "", "A b c d x²"]


def test_a_formula_in_a_line_is_not_torn() -> None:
    block = parse("aaaa $a + b = c$ dddd")

    assert lines(block, 12)[0] == "aaaa"


def test_ascii_lessons_hold_no_other_sign() -> None:
    said = "".join(
        lines(
            parse("## H\n\n- $\\theta \\in \\mathbb{R}$\n\n$$\n\\frac{a}{b}\n$$\n"), 40, ascii=True
        )
    )

    assert said.isascii()


def test_a_stage_without_a_lesson_says_so(tmp_path: Any) -> None:
    from dataclasses import replace

    empty = replace(catalog.stage("softmax"), folder=tmp_path)

    assert read(empty) == (Block("paragraph", read(empty)[0].spans),)
    assert "has no lesson yet" in lines(read(empty), 80)[0]
