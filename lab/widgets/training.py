"""A training on the own stack: its curve while it grows, then what it came to, or what broke."""

from __future__ import annotations

import textwrap

from rich.text import Text
from textual import events

from grader.models import MODELS, SECONDS

from .. import render
from ..curve import curve
from ..render import Style
from ..training import TrainState
from .lines import LinesView

LOWEST, MARGIN = 5, 8  # lines of a curve; columns beside it for its labels
IDLE = """\
At most {steps} steps or {seconds} s, in the box; {parts}.

F5 begins. First your parts are compared with the course's own over three steps: a part that does \
something else is named."""
NOTHING = "nothing of yours is plugged in yet: enter plugs in the marked slot, w its whole file"
OPEN_BOX = {
    "none": "No isolation here: your files run with your own rights. F10 on Home says what to do.",
    "reduced": "Isolation is reduced here: F10 on Home says which walls lack.",
}
REMEDY = "Enter lets the course's own part run there; F7 opens your file."


class TrainingView(LinesView):
    """What is told of one training."""

    def __init__(self, symbols: str) -> None:
        super().__init__()
        self._style = Style(symbols, colour=True)
        self._state = TrainState()
        self._plugged = 0

    def tell(self, state: TrainState, plugged: int) -> None:
        """Show a training; `plugged` slots would run the learner's code in the next one."""
        plugged = plugged if state.phase == "idle" else 0  # else it is told with the training
        if (state, plugged) != (self._state, self._plugged):
            self._state, self._plugged = state, plugged
            self._lay_out()

    def on_resize(self, event: events.Resize) -> None:
        self._lay_out()

    def _lay_out(self) -> None:
        state = self._state
        width = max(24, self.scrollable_content_region.width)
        said = [Text(line, "bold") for line in textwrap.wrap(MODELS[state.model].title, width)]
        words = [Text(line) for line in self._words(width)]
        if state.found is not None and not state.found.ok and words:
            words[0] = Text.assemble(Text.from_ansi(self._style.mark("failed")), " ", words[0])
        said += words
        free = self.size.height - len(said) - 1  # the range of steps takes a line
        if state.points and (free >= LOWEST or state.busy):  # else what broke needs the room
            gap = free > LOWEST
            height = max(LOWEST, free - gap)
            lines = curve(
                state.points,
                width - MARGIN,
                height,
                ascii=self._style.symbols == "ascii",
                total=state.steps,
            )
            said += [Text()] * gap + [Text(line) for line in lines]
        self.show(said)

    def _words(self, width: int) -> list[str]:
        state = self._state
        if state.found is not None:
            found = render.trained(state.found, state.plugged, REMEDY)
            # The sign of what broke stands before the first line.
            indent = "" if state.found.ok else "  "
            wrapped = [
                textwrap.wrap(sentence, width - 2, subsequent_indent=indent) for sentence in found
            ]
            return [line for lines in wrapped for line in lines]
        if state.phase == "problem":
            return [
                line
                for part in ("The training could not be run:", *state.say.splitlines())
                for line in textwrap.wrap(part, width)
            ]
        if state.phase != "idle":
            return textwrap.wrap(OPEN_BOX.get(state.isolation, ""), width)
        parts = f"{self._plugged} slots run your code" if self._plugged else NOTHING
        text = IDLE.format(steps=state.about.steps, seconds=SECONDS, parts=parts)
        return [line for part in text.split("\n") for line in (textwrap.wrap(part, width) or [""])]
