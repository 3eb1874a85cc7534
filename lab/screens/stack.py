"""The own stack: whose code fills each slot of the framework, and models trained on the mixture."""

from __future__ import annotations

from typing import Any, ClassVar

from rich.text import Text
from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical
from textual.widgets import Static

from grader.errors import GraderError
from grader.models import MODELS

from .. import render
from ..actions import STACK, bindings
from ..render import Style
from ..stack import AUTO, REFERENCE, Filling, Stack, grouped
from ..training import TrainState, headline
from ..widgets.keys import KeyBar
from ..widgets.slots import SlotsView
from ..widgets.status import StatusBar
from ..widgets.training import TrainingView
from .base import LabScreen


class StackScreen(LabScreen):
    """Enter switches a slot, F5 trains; esc ends the training that goes on, or goes back."""

    NAME = STACK
    BINDINGS: ClassVar[list[Any]] = bindings(STACK)

    def __init__(self) -> None:
        super().__init__()
        self._model = "mlp"
        self._fillings: list[Filling] = []
        self._broken: set[str] = set()  # until they are switched, or trained again
        self._judged = ""  # the run that they are known from

    @property
    def _style(self) -> Style:
        return Style(self.symbols, colour=True)

    def compose(self) -> ComposeResult:
        yield Static(id="title")
        with Horizontal(id="stack"):
            yield SlotsView()
            with Vertical(id="training"):
                yield Static(id="models", markup=False)
                yield TrainingView(self.symbols)
        yield StatusBar(self.symbols)
        yield KeyBar()

    def on_mount(self) -> None:
        if self.lab.training.phase != "idle":
            self._model = self.lab.training.model
        self.query_one(SlotsView).focus()
        if not self.lab.slots:
            self.run_worker(self.lab.grader.slots(), exit_on_error=False)

    def on_screen_resume(self) -> None:
        self._stack = Stack(self.lab.here)  # the files and scores may be others by now
        self._fill()
        self.show_run(self.lab.training)

    # ---- the slots ------------------------------------------------------------------------------
    @property
    def _mine(self) -> int:
        return sum(one.mine for one in self._fillings)

    @property
    def _marked(self) -> Filling | None:
        slot = self.query_one(SlotsView).marked
        if not slot:
            return None
        filled = (one for one in self._fillings if one.slot == slot)
        return next(filled, Filling(slot, REFERENCE))

    def _fill(self) -> None:
        self._fillings = self._stack.fillings()
        rows: list[tuple[str, str]] = []
        for title, group in self._groups().items():
            rows.append(("", self._style.strong(title)))
            rows += [(one.slot, self._row(one)) for one in group]
        self.query_one(SlotsView).show_slots(rows)
        dot = "·" if self.symbols == "unicode" else "-"
        self.query_one("#title", Static).update(
            f"Own stack  {dot}  {self._mine} of {len(self._fillings)} slots run your code",
            layout=False,
        )
        self._tell()

    def _groups(self) -> dict[str, list[Filling]]:
        """The slots by kind; those that no stage fills come last, once their names are known."""
        groups = grouped(self._fillings)
        wired = {one.slot for one in self._fillings}
        others = [slot for slot in self.lab.slots if slot not in wired]
        if others:
            groups["Only the course's part"] = [Filling(slot, REFERENCE) for slot in others]
        return groups

    def show_slots(self) -> None:
        """Show the slots that no stage fills, too (the app calls this when it knows them)."""
        self._fill()

    def _row(self, one: Filling) -> str:
        standing = self._stack.standing(one.owner) if one.mine else ""
        mark = "failed" if one.slot in self._broken else ""
        return render.filling(one, standing, self._style, mark=mark)

    def action_switch(self) -> None:
        one = self._marked
        if one is None or not self._can_be_filled(one):
            return
        then = self._stack.switch(one.slot)
        self._broken.discard(one.slot)
        self._warn_of(then.owner if then.mine else "")
        self._fill()

    def action_switch_file(self) -> None:
        stage = self._file_of(self._marked)
        if not stage:
            return
        does = self._stack.switch_file(stage)
        self._broken -= {one.slot for one in self._fillings if stage in one.stages}
        self._warn_of(stage if does else "")
        self._fill()

    def action_auto(self) -> None:
        one = self._marked
        if one is not None and self._can_be_filled(one):
            self._stack.use(one.slot, AUTO)
            self._fill()

    def _can_be_filled(self, one: Filling) -> bool:
        """Whether a stage that is here has something for the slot; says so if none has."""
        if not one.stages:
            self.notify(f"{one.slot}: no stage fills it, the course's own part runs.")
        return bool(one.stages)

    def action_edit(self) -> None:
        stage = self._file_of(self._marked)
        if stage and not self._warn_of(stage):
            self.lab.edit(self._stack.file(stage))

    def _file_of(self, one: Filling | None) -> str:
        """The stage whose file the keys for a whole file mean: the one that fills the slot, or could."""
        if one is None or not self._can_be_filled(one):
            return ""
        return one.owner if one.mine else one.stages[0]

    def _warn_of(self, stage: str) -> bool:
        """Say so if the file of `stage` is not there; whether it is missing."""
        missing = bool(stage) and not self._stack.file(stage).is_file()
        if missing:
            self.notify(
                f"{stage}.py is not there yet: x on the stage's workbench brings the starter.",
                severity="warning",
            )
        return missing

    # ---- training -------------------------------------------------------------------------------
    def action_model(self, model: str) -> None:
        if self.lab.training.busy:
            self.notify("A training goes on: esc ends it.", severity="warning")
            return
        self._model = model
        self._tell()

    async def action_train(self) -> None:
        self._stack = Stack(self.lab.here)
        self._broken.clear()
        self._fill()
        try:
            parts = self._stack.parts()
        except GraderError as error:
            self.notify(str(error), severity="warning")
            return
        await self.lab.train(self._model, parts)

    def show_run(self, state: object) -> None:
        """Show a training (the app calls this after each batch of events)."""
        if not isinstance(state, TrainState):
            return
        if state.busy:
            self._model = state.model
        if state.phase == "done" and state.run != self._judged:
            self._judged, self._broken = state.run, set(state.failures)
            self._fill()
            if state.failures:
                self.query_one(SlotsView).mark(state.failures[0])
        self._tell()

    def _tell(self) -> None:
        state = self.lab.training
        if state.model != self._model:
            state = TrainState(self._model)
        models = Text(no_wrap=True, overflow="ellipsis")
        for number, model in enumerate(MODELS.values(), 1):
            chosen = model.id == self._model
            said = f"[{number} {model.name}]" if chosen else f" {number} {model.name} "
            models.append(f"{said} ", "bold" if chosen else "")
        self.query_one("#models", Static).update(models, layout=False)
        self.query_one(TrainingView).tell(state, self._mine)
        self.query_one(StatusBar).show(headline(state), state)
