"""Predict, then measure: questions with an answer that can be worked out, and why it is so."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import tomli

from assignments.catalog import Stage


@dataclass(frozen=True, slots=True)
class Question:
    """A question; `answer` is a number, or the place of the right one among `choices`."""

    id: str
    text: str
    unit: str
    answer: float
    tolerance: float
    choices: tuple[str, ...]
    explanation: str

    def right(self, typed: str) -> bool | None:
        """Whether what was typed is right; None if it is no answer at all."""
        try:
            value = float(typed.replace(",", "").replace("_", "").strip())
        except ValueError:
            return None
        if not math.isfinite(value):
            return None
        if self.choices:
            return value - 1 == self.answer if 1 <= value <= len(self.choices) else None
        return abs(value - self.answer) <= max(self.tolerance * abs(self.answer), 1e-9)

    @property
    def shown_answer(self) -> str:
        """The right answer as people write it."""
        if self.choices:
            return self.choices[int(self.answer)]
        number = f"{self.answer:,.0f}" if self.answer == int(self.answer) else f"{self.answer:g}"
        return f"{number} {self.unit}".strip()


def questions(stage: Stage) -> tuple[Question, ...]:
    """The questions of a stage."""
    return _read(stage.folder / "predict.toml")


@cache
def _read(file: Path) -> tuple[Question, ...]:
    if not file.is_file():
        return ()
    content = tomli.loads(file.read_text(encoding="utf-8"))
    return tuple(_question(entry) for entry in content.get("question", ()))


def _question(entry: dict[str, Any]) -> Question:
    return Question(
        id=entry["id"],
        text=entry["text"].strip(),
        unit=entry.get("unit", ""),
        answer=float(entry["answer"]),
        tolerance=float(entry.get("tolerance", 0.0)),
        choices=tuple(entry.get("choices", ())),
        explanation=entry["explanation"].strip(),
    )
