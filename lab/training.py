"""What the app knows of a training on the own stack, and how an event changes it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, fields, replace

from grader.models import MODELS, Model, Trained

from .state import Event

KEY = ("", "train")  # among the runs of stages and suites
FIELDS = tuple(field.name for field in fields(Trained))


@dataclass(frozen=True, slots=True)
class TrainState:
    """A training as the screen shows it.

    `phase` is idle, starting, running, done, cancelled or problem; `plugged` counts the slots that
    run the learner's code in it; `say` is the line about a problem.
    """

    model: str = "gpt"
    plugged: int = 0
    run: str = ""
    phase: str = "idle"
    steps: int = 0
    points: tuple[tuple[int, float], ...] = ()
    isolation: str = ""
    say: str = ""
    found: Trained | None = None

    @property
    def key(self) -> tuple[str, str]:
        return KEY

    @property
    def about(self) -> Model:
        """The model that is trained."""
        return MODELS[self.model]

    @property
    def busy(self) -> bool:
        return self.phase in ("starting", "running")

    @property
    def failures(self) -> tuple[str, ...]:
        """The slots in which something went wrong; a trouble without a slot counts too."""
        if self.found is None or self.found.ok:
            return ()
        return self.found.slots or ("",)

    @property
    def complete(self) -> bool:
        return self.found is not None and self.found.ok

    def started(self, run: str) -> TrainState:
        """This training was asked for."""
        return replace(self, run=run, phase="starting", points=(), say="", found=None)

    def cancelled(self) -> TrainState:
        """It was ended by the learner; its curve stays."""
        return replace(self, phase="cancelled", run="")

    def after(self, events: Iterable[Event]) -> TrainState:
        """This state after `events`, in order; those of other runs change nothing."""
        state, points = self, list(self.points)
        for event in events:
            if event.get("run") == self.run and self.run:
                if event.get("event") == "step":
                    points.append((event["step"], event["loss"]))
                else:
                    state = _reduce(state, event)
        if len(points) > len(self.points):
            state = replace(state, points=tuple(points))
        return state

    def ends(self, kinds: set[object]) -> bool:
        """Whether events of these kinds end it."""
        return bool({"trained", "problem"} & kinds)


def _reduce(state: TrainState, event: Event) -> TrainState:
    kind = event.get("event")
    if kind == "train_started":
        return replace(
            state, phase="running", steps=event["steps"], isolation=event["isolation"], say=""
        )
    if kind == "trained":
        return replace(state, phase="done", found=Trained(**{name: event[name] for name in FIELDS}))
    if kind == "problem":
        return replace(state, phase="problem", say=event["message"])
    return state


def headline(state: TrainState) -> str:
    """The line about a training."""
    said = {
        "idle": f"F5 trains the {state.about.name}.",
        "starting": "Opening the box ...",
        "cancelled": f"Cancelled{_at(state)}; nothing is left running. F5 trains again.",
        "problem": "The training could not be run: " + (state.say.splitlines() or [""])[-1],
    }
    if state.phase in said:
        return said[state.phase]
    if state.phase == "running" and not state.points:
        return "Loading your parts and comparing them with the course's own ..."
    if state.phase == "running":
        step, loss = state.points[-1]
        return f"{state.about.name}: step {step} of {state.steps}, loss {loss:.4f}"
    if state.failures:
        slots = [slot for slot in state.failures if slot]
        more = f" and {len(slots) - 1} more" if len(slots) > 1 else ""
        return f"Broken: {slots[0]}{more}" if slots else "Broken outside the slots"
    assert state.found is not None
    return f"{state.about.name}: {state.found.steps} steps, the last loss {state.found.loss:.3f}"


def _at(state: TrainState) -> str:
    return f" at step {state.points[-1][0]}" if state.points else ""


__all__ = ["KEY", "TrainState", "headline"]
