"""The one error of the mathematics package."""

from __future__ import annotations


class MathsError(ValueError):
    """A formula outside the supported subset of LaTeX.

    ``what`` says what is wrong, ``position`` is the 0-based index into ``tex`` where it was found,
    and ``allowed`` lists what may stand there (empty where no list helps). ``str(error)`` puts the
    three into one sentence, with positions counted from 1.
    """

    def __init__(
        self, what: str, tex: str, position: int, allowed: tuple[str, ...] = (), hint: str = ""
    ) -> None:
        self.what = what
        self.tex = tex
        self.position = position
        self.allowed = allowed
        excerpt = tex[max(0, position - 12) : position + 20].replace("\n", " ").strip()
        where = f" at character {position + 1}" + (f" (near {excerpt!r})" if excerpt else "")
        advice = hint or ("allowed: " + ", ".join(allowed) if allowed else "")
        super().__init__(f"{what}{where}" + (f"; {advice}" if advice else ""))
