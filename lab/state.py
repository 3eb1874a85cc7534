"""What the app knows of a run, and how an event changes it: a pure function, no screen in sight."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

Event = Mapping[str, Any]
OPEN = ("waiting", "running")
LAST_EVENTS = {"public": "run_finished", "hidden": "graded"}


@dataclass(frozen=True, slots=True)
class CheckState:
    """One check: `status` is waiting, running, or a verdict; `event` is its end."""

    id: str
    title: str
    status: str = "waiting"
    event: Event = field(default_factory=dict)

    @property
    def failed(self) -> bool:
        """Whether it ended otherwise than passed."""
        return self.status not in (*OPEN, "passed")


@dataclass(frozen=True, slots=True)
class RunState:
    """A run of a suite as the screens show it.

    `phase` is idle, starting, running, done, cancelled or problem; `say` is the line about it.
    """

    stage: str
    suite: str = "public"
    run: str = ""
    phase: str = "idle"
    checks: tuple[CheckState, ...] = ()
    isolation: str = ""
    say: str = ""
    duration_s: float = 0.0
    graded: Mapping[str, Any] | None = None

    @property
    def key(self) -> tuple[str, str]:
        return self.stage, self.suite

    @property
    def passed(self) -> int:
        return sum(check.status == "passed" for check in self.checks)

    @property
    def failures(self) -> tuple[CheckState, ...]:
        return tuple(check for check in self.checks if check.failed)

    @property
    def busy(self) -> bool:
        return self.phase in ("starting", "running")

    @property
    def complete(self) -> bool:
        """Whether every check of the run passed."""
        return bool(self.checks) and self.passed == len(self.checks)

    def started(self, run: str) -> RunState:
        """A run was asked for; the checks on the screen stay until the first event of it."""
        return replace(self, run=run, phase="starting", say="", graded=None)

    def cancelled(self) -> RunState:
        """The run was ended by the learner; what did not finish has no verdict."""
        checks = tuple(
            replace(check, status="waiting") if check.status == "running" else check
            for check in self.checks
        )
        return replace(self, phase="cancelled", checks=checks, say="Cancelled.", run="")

    def after(self, events: Iterable[Event]) -> RunState:
        """This state after all of `events`, in order."""
        return reduce_all(self, events)

    def ends(self, kinds: set[object]) -> bool:
        """Whether events of these kinds end it."""
        return bool({LAST_EVENTS[self.suite], "problem"} & kinds)


def reduce(state: RunState, event: Event) -> RunState:
    """`state` after `event`; events of other runs change nothing."""
    if event.get("run") != state.run or not state.run:
        return state
    kind = event.get("event")
    if kind == "run_started":
        checks = tuple(CheckState(entry["id"], entry["title"]) for entry in event["checks"])
        return replace(
            state,
            phase="running",
            checks=checks,
            isolation=event["isolation"],
            say="",
            duration_s=0.0,
        )
    if kind == "check_started":
        return _with(state, event["id"], "running", {})
    if kind == "check_finished":
        return _with(state, event["id"], event["status"], event)
    if kind == "sample":
        return replace(state, say=f"timing: pair {event.get('pair')} of {event.get('of')}")
    if kind == "run_finished":
        return replace(state, phase="done", say="", duration_s=event["duration_s"])
    if kind == "graded":
        return replace(state, phase="done", graded=dict(event), say="")
    if kind == "problem":
        return replace(state, phase="problem", say=event["message"])
    return state


def reduce_all(state: RunState, events: Iterable[Event]) -> RunState:
    """`state` after all of `events`, in order."""
    for event in events:
        state = reduce(state, event)
    return state


def headline(state: RunState, hidden: int) -> str:
    """The line that every bar shows. Never "all passed" while hidden checks remain."""
    if state.phase == "problem":
        return "The checks could not be run: " + (state.say.strip().splitlines() or [""])[-1]
    if not state.checks:
        return "Starting ..." if state.busy else "F5 runs the checks."
    total = len(state.checks)
    open_checks = sum(check.status in OPEN for check in state.checks)
    said = f"{state.passed}/{total} {state.suite} checks"
    if state.failures:
        said += f", failing: {state.failures[0].title}"
    if state.busy:
        return (
            f"{said} ({total - open_checks} of {total} done{'; ' + state.say if state.say else ''})"
        )
    if state.suite == "public" and not state.failures:
        said += f"; {hidden} hidden checks decide the rest"
    return said


def _with(state: RunState, check_id: str, status: str, event: Event) -> RunState:
    checks = tuple(
        replace(check, status=status, event=event) if check.id == check_id else check
        for check in state.checks
    )
    return replace(state, checks=checks)
