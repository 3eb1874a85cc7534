"""Formulas outside the subset are refused with what, where and what is allowed."""

from __future__ import annotations

import pytest

from lab.maths import MathsError, display, inline
from lab.maths.arguments import ALLOWED


def refusal(tex: str) -> MathsError:
    with pytest.raises(MathsError) as caught:
        display(tex)
    return caught.value


def test_unknown_command_is_named_with_its_place_and_the_nearest_command() -> None:
    error = refusal(r"a + \summ_i x")

    assert error.what == r"unknown command \summ"
    assert error.position == 4
    assert r"\sum" in error.allowed
    assert "at character 5" in str(error)
    assert r"did you mean \sum?" in str(error)


def test_command_like_no_other_lists_all_commands() -> None:
    assert str(refusal(r"\xyzzyplugh")).endswith("allowed: " + ", ".join(ALLOWED))


def test_every_listed_command_is_known_to_the_parser() -> None:
    for command in ALLOWED:
        try:
            display(command + " ")
        except MathsError as error:
            assert "unknown command" not in str(error)


@pytest.mark.parametrize(
    ("tex", "what", "position"),
    [
        (r"\frac{a}{b", "formula ends without }", 9),
        ("a}", "'}' closes nothing", 1),
        (r"\text{a", r"\text{ without its }", 5),
        (r"\frac{a}", r"\frac lacks an argument", 8),
        ("x^", "^ lacks an argument", 2),
        ("x^2^3", "second superscript on one symbol", 3),
        ("{a & b}", "'&' outside a row of cells", 3),
        (r"{a \\ b}", r"'\\' outside a row of cells", 3),
        (r"\left( x", r"formula ends without \right", 7),
        (r"x \right)", r"\right without \left", 2),
        (r"\left x", r"\left lacks a delimiter", 6),
        (r"\begin{array} a \end{array}", "unknown environment 'array'", 6),
        (r"\begin{cases} a \end{matrix}", r"\begin{cases} closed by \end{matrix}", 20),
        (r"\end{cases}", r"\end without \begin", 0),
        (r"\mathbb{x}", r"\mathbb of anything but capital letters", 0),
        ("50%", "bare '%'", 2),
        ("\\", "backslash without a command", 0),
        ("a\x1bb", "control character '\\x1b'", 1),
        (r"\text{a\frac}", r"\frac inside words", 7),
    ],
)
def test_mistake_is_named_with_its_place(tex: str, what: str, position: int) -> None:
    error = refusal(tex)

    assert (error.what, error.position) == (what, position)


@pytest.mark.parametrize("opening", ["{", "\\hat", "\\sqrt{", "x^{", "\\left("])
def test_deep_nesting_is_refused_before_python_runs_out_of_stack(opening: str) -> None:
    assert "nested deeper" in refusal(opening * 500).what


def test_deepest_nesting_allowed_is_laid_out() -> None:
    tex = "{" * 39 + "x" + "}" * 39

    assert display(tex).lines == ("x",)
    assert inline(tex) == "x"
