"""One-line layouts."""

from __future__ import annotations

import pytest

from lab.maths import inline


@pytest.mark.parametrize(
    ("tex", "line"),
    [
        (r"x_i^2 + e^{-x}", "xᵢ² + e⁻ˣ"),
        (r"\frac{1}{B} X^\top (P - Y)", "(1/B) Xᵀ(P − Y)"),
        (r"\frac{a + b}{c d}", "(a + b)/(cd)"),
        (r"\frac{ab}{c}", "ab/c"),
        (r"\frac{\partial L}{\partial W}", "∂L/∂W"),
        (r"\frac{\exp(z_i)}{\sum_{j=1}^k \exp(z_j)}", "exp(zᵢ)/(Σⱼ₌₁ᵏ exp(zⱼ))"),
        (r"\frac{p}{\mathrm{softmax}(z)}", "p/softmax(z)"),
        (r"\frac{p}{a(b + c)}", "p/(a(b + c))"),
        (r"\frac{\frac{a}{b}}{c}", "(a/b)/c"),
        (r"\log \frac{a}{b}", "log (a/b)"),
        (r"x - \frac{a}{b} = 0", "x − a/b = 0"),
        (r"W_{d} x", "W_d x"),
        (r"\mathbb{R}^{B \times n}", "ℝ^(B×n)"),
        (r"x_{i,j}^{(t+1)}", "x_(i,j)⁽ᵗ⁺¹⁾"),
        (r"\sqrt{d_k} \sqrt{a+b} \sqrt[3]{x}", "√dₖ√(a + b)³√x"),
        (r"{(a+b)}^2 \left(\frac{a}{b}\right)^2", "((a + b))²(a/b)²"),
        (r"\hat{y} + \vec{AB}", "ŷ + vec(AB)"),
        (r"\begin{pmatrix} a & b \\ c & d \end{pmatrix}", "(a, b; c, d)"),
        (r"\begin{cases} x & x > 0 \\ 0 & \text{else} \end{cases}", "{x, x > 0; 0, else}"),
        (r"\begin{aligned} a &= b \\ &= c \end{aligned}", "a = b; = c"),
        (r"\underbrace{a + b}_{n}", "(a + b)ₙ"),
        (r"f'' + x'^2", "f″ + x′²".replace("″", "′′")),
    ],
)
def test_formula_is_written_on_one_line(tex: str, line: str) -> None:
    assert inline(tex) == line


@pytest.mark.parametrize(
    ("tex", "line"),
    [
        (r"x_i^2 + e^{-x}", "x_i^2 + e^(-x)"),
        (r"\alpha\beta \le \theta x", "alpha beta <= theta x"),
        (r"\mathbb{R}^{B \times n}", "R^(B x n)"),
        (r"x^{(t+1)}", "x^(t+1)"),
        (r"\sqrt{x} + \sqrt[n]{x}", "sqrt(x) + root(n, x)"),
        (r"\hat{y} \in \{0, \ldots, k\}", "hat(y) in {0, ..., k}"),
        (r"\sum_{i \in S} \lfloor x_i \rfloor", "sum_(i in S) floor(x_i)"),
        (r"f'(x)", "f'(x)"),
        ("θ + é", "theta + e"),
    ],
)
def test_formula_is_written_in_ascii_where_asked(tex: str, line: str) -> None:
    assert inline(tex, ascii=True) == line
