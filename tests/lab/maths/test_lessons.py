"""Every formula of every lesson is in the subset and fits a screen of 80 columns."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

import assignments
from lab.maths import display, inline

WIDTH = 76  # 80 columns less the margins of the page

_CODE = re.compile(r"^(`{3,}|~{3,}).*?^\1[`~]*\s*?$|(`+)[^`].*?\2", re.DOTALL | re.MULTILINE)
_FORMULA = re.compile(r"(?<!\\)\$\$(.+?)\$\$|(?<![\\$])\$(?!\s)([^$]+?)(?<![\\\s])\$", re.DOTALL)


def formulas_of(page: str) -> list[str]:
    """Return the formulas of a Markdown page, those in code left out."""
    found = _FORMULA.findall(_CODE.sub("", page))
    return [block or line for block, line in found]


def _every_formula() -> Iterator[object]:
    folder = Path(assignments.__file__).parent
    for lesson in sorted(folder.glob("*/lesson*.md")):
        for n, tex in enumerate(formulas_of(lesson.read_text(encoding="utf-8")), start=1):
            yield pytest.param(tex, id=f"{lesson.parent.name}/{lesson.name}-{n}")


@pytest.mark.parametrize("tex", _every_formula())
def test_formula_of_a_lesson_fits_the_page(tex: str) -> None:
    for ascii in (False, True):
        box = display(tex, ascii=ascii)
        assert inline(tex, ascii=ascii)
        assert ascii or box.width <= WIDTH, f"{box.width} cells wide: {tex}"


def test_formulas_are_found_outside_code() -> None:
    page = "a $x$ and `$y$`\n\n$$\nz\n$$\n\n```\n$ echo $HOME\n```\n\nit costs \\$5 or \\$6, $w$.\n"

    assert [tex.strip() for tex in formulas_of(page)] == ["x", "z", "w"]
