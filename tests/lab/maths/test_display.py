"""Two-dimensional layouts, line by line as the reader sees them."""

from __future__ import annotations

import pytest

from lab.maths import display

DRAWN: dict[str, str] = {
    r"\mathrm{softmax}(z)_i = \frac{\exp(z_i)}{\sum_{j=1}^{k} \exp(z_j)}": """
                 exp(zᵢ)
softmax(z)ᵢ = ─────────────
                k
                Σ  exp(zⱼ)
               j=1
""",
    r"p_i = \frac{e^{z_i}}{\sum_j e^{z_j}}": """
        zᵢ
       e
pᵢ = ───────
         zⱼ
      Σ e
      j
""",
    r"\operatorname{logsumexp}(z) = m + \log \sum_{j=1}^{k} e^{z_j - m}, \quad m = \max_j z_j": """
                        k   zⱼ−m
logsumexp(z) = m + log  Σ  e    ,  m = max zⱼ
                       j=1              j
""",
    r"\nabla_\Theta L = \frac{1}{B} X^\top (P - Y)": """
       1
∇ L = ─── Xᵀ(P − Y)
 Θ     B
""",
    r"\frac{\partial L}{\partial W} = \frac{1}{B} \sum_{i=1}^{B} x_i^\top (p_i - y_i)": """
∂L    1   B
── = ───  Σ  xᵢᵀ(pᵢ − yᵢ)
∂W    B  i=1
""",
    r"\theta \leftarrow \theta - \frac{\eta}{B} X^\top (Z - I_y)": """
         η
θ ← θ − ─── Xᵀ(Z − I )
         B          y
""",
    r"W = \begin{bmatrix} w_{11} & w_{12} \\ w_{21} & -1 \end{bmatrix}": """
W = ⎡w₁₁  w₁₂⎤
    ⎣w₂₁  −1 ⎦
""",
    r"\begin{pmatrix} \frac{1}{2} & 0 \\ 0 & 1 \end{pmatrix} x": """
⎛ 1    ⎞
⎜───  0⎟
⎜ 2    ⎟ x
⎜      ⎟
⎝ 0   1⎠
""",
    r"\mathrm{relu}(x) = \begin{cases} x & x > 0 \\ 0 & \text{otherwise} \end{cases}": """
          ⎧ x  x > 0
relu(x) = ⎨
          ⎩ 0  otherwise
""",
    r"\begin{aligned} a &= b + c \\ &\le -f \end{aligned}": """
a = b + c
  ≤ −f
""",
    r"a = b \\ c = d": """
a = b
c = d
""",
    r"\sqrt{d_k} + \sqrt{x^2 + y^2} + \sqrt[3]{2}": """
       ▁▁▁▁▁▁▁
√dₖ + √x² + y² + ³√2
""",
    r"\sqrt{\frac{a}{b}} + \sqrt[q]{x}": """
 ┌───
 │ a    q
 │─── +  √x
√│ b
""",
    r"\frac{\frac{a}{b} + 1}{c}": """
  a
 ─── + 1
  b
─────────
    c
""",
    r"\frac{1}{1 + e^{-x}}": """
   1
───────
1 + e⁻ˣ
""",
    r"\hat{y}_i = \arg\max_j \bar{x}_{ij} + \overline{x + y}": """
                   ▁▁▁▁▁
ŷᵢ = arg max x̄ᵢⱼ + x + y
          j
""",
    r"\underbrace{-z_y}_{\text{correct}} + \underbrace{\log \sum_j e^{z_j}}_{\text{all classes}}": """
                  zⱼ
  −z    +  log Σ e
    y          j
  ╰┬╯      ╰───┬───╯
correct   all classes
""",
    r"\overbrace{a + b}^{n} + \underline{xy}": """
  n
╭─┴─╮
a + b + xy
        ▔▔
""",
    r"\left( \frac{a}{b} \right)^2 + \left\{ \frac{x}{y} \right.": """
⎛ a ⎞²   ⎧ x
⎜───⎟  + ⎨───
⎝ b ⎠    ⎩ y
""",
    r"X \in \mathbb{R}^{B \times n}, \quad y \in \{0, 1, \ldots, k - 1\}^B": """
     B×n
X ∈ ℝ   ,  y ∈ {0, 1, …, k − 1}ᴮ
""",
    r"\mathcal{L}(\theta) = -\log p_\theta(y \mid x)": """
ℒ(θ) = −log p (y ∣ x)
             θ
""",
    r"f'(x) = \lim_{h \to 0} \frac{f(x+h) - f(x)}{h}": """
            f(x + h) − f(x)
f′(x) = lim ───────────────
        h→0        h
""",
    r"x^{(t+1)}_{i,j} = \lVert x - y \rVert_2^2": """
x⁽ᵗ⁺¹⁾ = ‖x − y‖₂²
 i,j
""",
}

DRAWN_ASCII: dict[str, str] = {
    r"p_i = \frac{e^{z_i}}{\sum_{j=1}^k e^{z_j}}": """
         z
          i
        e
p  = ---------
 i         z
       k    j
      sum e
      j=1
""",
    r"X \in \mathbb{R}^{B \times n}, \theta \le \alpha\beta": """
      B x n
X in R     , theta <= alpha beta
""",
    r"\hat{y}_i + \sqrt{x + 1} + f'": """
^      _____
y  + \\/x + 1 + f'
 i
""",
    r"\left[ \frac{a}{b} \right] = \begin{cases} 1 & y \ne j \\ 0 & \text{else} \end{cases}": """
[ a ]   / 1  y != j
[---] = <
[ b ]   \\ 0  else
""",
    r"\left\lfloor \frac{a}{b} \right\rfloor": """
|  a  |
| --- |
|_ b _|
""",
}


def shown(tex: str, *, ascii: bool = False) -> str:
    box = display(tex, ascii=ascii)
    return "\n".join(line.rstrip() for line in box.lines)


@pytest.mark.parametrize("tex", DRAWN)
def test_formula_is_drawn_line_by_line(tex: str) -> None:
    assert shown(tex) == DRAWN[tex].strip("\n")


@pytest.mark.parametrize("tex", DRAWN_ASCII)
def test_formula_is_drawn_in_ascii_where_asked(tex: str) -> None:
    assert shown(tex, ascii=True) == DRAWN_ASCII[tex].strip("\n")


@pytest.mark.parametrize(
    ("tex", "line"),
    [
        ("a+b=c", "a + b = c"),
        ("-a - -b", "−a − −b"),
        ("x=-1", "x = −1"),
        ("f(\\cdot)", "f(·)"),
        ("|-x| - 1", "|−x| − 1"),
        ("x^{-1} a_{i+1}", "x⁻¹aᵢ₊₁"),
        (r"\log x + \log(x)", "log x + log(x)"),
        (r"n\log n", "n log n"),
        ("a,b;c", "a, b; c"),
        (r"a\quad b\,c\!d", "a  b cd"),
        (r"a := b", "a := b"),
        (r"1{,}000", "1,000"),
        (r"\exp\left(x\right)", "exp(x)"),
        (r"\text{loss}W", "loss W"),
        (r"\mathbb{1}\{y = j\}", "𝟙{y = j}"),
        (r"x^{}", "x"),
        ("", ""),
    ],
)
def test_spaces_follow_the_part_a_sign_plays(tex: str, line: str) -> None:
    assert shown(tex) == line


def test_baseline_is_the_line_of_the_fraction_rule() -> None:
    box = display(r"a = \frac{b}{c}")

    assert (box.baseline, box.height, box.width) == (1, 3, 7)
    assert box.lines[box.baseline] == "a = ───"


def test_superscript_is_raised_as_soon_as_one_small_letter_is_missing() -> None:
    assert shown("e^{z}") == "eᶻ"
    assert shown("e^{qz}") == " qz\ne"


def test_wide_characters_count_as_two_cells() -> None:
    box = display(r"\frac{\text{损失}}{n}")

    assert box.width == 4
    assert box.lines == ("损失", "────", " n  ")


def test_limits_stand_beside_the_operator_inside_a_script() -> None:
    assert shown(r"e^{\sum_i x_i}") == " Σᵢ xᵢ\ne"
