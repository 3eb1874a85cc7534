"""Predict, then measure: one question after another; the first answer stays."""

from __future__ import annotations

from rich.text import Text
from textual.app import ComposeResult
from textual.containers import Vertical, VerticalScroll
from textual.widgets import Input, Static

from assignments.catalog import Stage

from ..predict import Question, questions
from ..progress import Progress


class PredictView(VerticalScroll):
    """The questions of a stage."""

    def __init__(self, stage: Stage, progress: Progress) -> None:
        super().__init__()
        self._stage, self._progress = stage, progress

    def compose(self) -> ComposeResult:
        found = questions(self._stage)
        if not found:
            yield Static("This stage has no questions yet.", markup=False)
        for question in found:
            yield Card(self._stage, question, self._progress)


class Card(Vertical):
    """One question, its input, and after the answer what is right and why."""

    def __init__(self, stage: Stage, question: Question, progress: Progress) -> None:
        super().__init__()
        self._stage, self._question, self._progress = stage, question, progress

    def compose(self) -> ComposeResult:
        question = self._question
        text = Text(question.text, "bold")
        for number, choice in enumerate(question.choices, 1):
            text.append(f"\n  {number}  {choice}", "")
        yield Static(text, markup=False)
        answered = self._progress.prediction(self._stage, question.id)
        if answered is None:
            unit = f" ({question.unit})" if question.unit else ""
            yield Input(placeholder=f"your prediction{unit}, then enter")
            yield Static("", classes="answer", markup=False)
        else:
            yield Static(self._told(answered), classes="answer", markup=False)

    def on_input_submitted(self, event: Input.Submitted) -> None:
        event.stop()
        if self._question.right(event.value) is None:
            wanted = "the number of a choice" if self._question.choices else "a number"
            self.query_one(".answer", Static).update(f"{event.value!r} is not {wanted}.")
            return
        self._progress.keep_prediction(self._stage, self._question.id, event.value)
        self.query_one(".answer", Static).update(self._told(event.value))
        event.input.remove()

    def _told(self, answered: str) -> Text:
        right = self._question.right(answered)
        text = Text(f"You said {answered}. ", "green" if right else "yellow")
        text.append("Right: " if right else "It is ")
        text.append(f"{self._question.shown_answer}.\n", "bold")
        return text.append(self._question.explanation)
