"""Small raised and lowered letters: which exist in Unicode, and where scripts go in two dimensions."""

from __future__ import annotations

from collections.abc import Callable

from . import box as boxes
from .box import Box

_SUPERSCRIPTS = dict(
    zip(
        "0123456789+−-=()abcdefghijklmnoprstuvwxyzABDEGHIJKLMNOPRTUVW⊤′*",
        "⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻⁻⁼⁽⁾ᵃᵇᶜᵈᵉᶠᵍʰⁱʲᵏˡᵐⁿᵒᵖʳˢᵗᵘᵛʷˣʸᶻᴬᴮᴰᴱᴳᴴᴵᴶᴷᴸᴹᴺᴼᴾᴿᵀᵁⱽᵂᵀ′*",
        strict=True,
    )
)
_SUBSCRIPTS = dict(
    zip(
        "0123456789+−-=()aehijklmnoprstuvxβγρφχ",
        "₀₁₂₃₄₅₆₇₈₉₊₋₋₌₍₎ₐₑₕᵢⱼₖₗₘₙₒₚᵣₛₜᵤᵥₓᵦᵧᵨᵩᵪ",
        strict=True,
    )
)


def superscript(line: str) -> str | None:
    """Return ``line`` in small raised letters, or None where one of them does not exist."""
    small = [_SUPERSCRIPTS.get(c) for c in line]
    return None if None in small else "".join(c for c in small if c)


def subscript(line: str) -> str | None:
    """Return ``line`` in small lowered letters, or None where one of them does not exist."""
    small = [_SUBSCRIPTS.get(c) for c in line]
    return None if None in small else "".join(c for c in small if c)


def attach(base: Box, sub: Box | None, sup: Box | None, *, ascii: bool) -> Box:
    """Write scripts to the right of ``base``: small letters where they exist, else own lines."""
    rows: dict[int, str] = {}  # row, counted from the top of the base -> script text
    last = base.height - 1
    if sub is not None:
        small = _small(sub, subscript, ascii=ascii)
        if small is not None:
            rows[last] = small
        else:
            # On the baseline a full-size script would read as a factor.
            first = last + 1 if base.baseline == last else last
            rows.update((first + i, line) for i, line in enumerate(sub.lines))
    if sup is not None:
        small = _small(sup, superscript, ascii=ascii)
        if small is not None:
            rows[0] = rows.get(0, "") + small
        else:
            end = -1 if base.baseline == 0 else 0
            start = end - sup.height + 1
            rows.update((start + i, line) for i, line in enumerate(sup.lines))
    top, bottom = min(0, *rows, 0), max(last, *rows, last)
    column = [rows.get(row, "") for row in range(top, bottom + 1)]
    return boxes.beside([base, boxes.ragged(column, base.baseline - top)])


def _small(script: Box, convert: Callable[[str], str | None], *, ascii: bool) -> str | None:
    if script.height > 1:
        return None
    line = script.lines[0]
    if ascii:
        # A prime is raised already.
        return line if convert is superscript and not line.strip("'") else None
    return convert(line)
