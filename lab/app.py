"""The terminal app: screens over the same core as the commands; grading happens in a child process."""

from __future__ import annotations

import asyncio
import gc
import os
import shlex
import shutil
import signal
import subprocess
from base64 import b64encode
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from textual.app import App
from textual.binding import Binding

from assignments.catalog import Stage

from .actions import bindings
from .grader_process import Event, GraderProcess
from .palette import ActionProvider
from .progress import Progress
from .state import RunState
from .training import KEY as TRAINING
from .training import TrainState
from .workspace import Workspace, find, remember, remembered

if TYPE_CHECKING:
    from grader.stack import Parts

TICK_S = 0.05  # events are applied in batches: a burst of them paints once
HUNG_UP = 128 + signal.SIGHUP
EDITORS = ("nano", "vim", "vi")


class LabApp(App[None]):
    """The lab.

    Args:
        workspace: the learner's, or None where there is none yet.
        grader: makes the grading process; tests give one that replays recorded events.
    """

    CSS_PATH = "app.tcss"
    TITLE = "lab"
    COMMANDS: ClassVar[set[Any]] = {ActionProvider}
    BINDINGS: ClassVar[list[Any]] = [
        *bindings(""),
        Binding("ctrl+p", "command_palette", "Commands", id="palette", priority=True),
    ]
    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (100, "-wide")]

    def __init__(
        self,
        workspace: Workspace | None,
        *,
        grader: Callable[[Callable[[Event], None]], GraderProcess] = GraderProcess,
    ) -> None:
        super().__init__()
        if "TEXTUAL_ANIMATIONS" not in os.environ:
            self.animation_level = "none"  # a key is answered at once, over a slow line too
        self.workspace = workspace
        self.grader = grader(self._hear)
        self.states: dict[tuple[str, str], RunState | TrainState] = {}
        self.slots: tuple[str, ...] = ()  # of the framework; the grading process knows them
        self._waiting: list[Event] = []
        self._job: tuple[str, str] | None = None

    # ---- life ---------------------------------------------------------------------------------
    def on_ready(self) -> None:
        # What has been loaded stays: going through all of it once more, as the collector of
        # garbage does now and then, would hold up a key for a twentieth of a second.
        gc.freeze()

    def on_mount(self) -> None:
        self._heed_signals()
        self.set_interval(TICK_S, self.apply_events)
        if self.workspace is None:
            self._welcome()
        else:
            self.open_home(self.workspace)

    def _heed_signals(self) -> None:
        """End in order when told to, and at all when the terminal is gone (even where a shell has
        hang-ups ignored: the app would go on unseen, reading a dead terminal in a circle)."""
        loop = asyncio.get_running_loop()
        with suppress(NotImplementedError, RuntimeError):  # not the main thread, or no POSIX
            loop.add_signal_handler(
                signal.SIGTERM, lambda: self.run_worker(self.action_quit(), exit_on_error=False)
            )
            loop.add_signal_handler(signal.SIGHUP, lambda: self.run_worker(self._hang_up()))

    async def _hang_up(self) -> None:
        await self.grader.close()
        os._exit(HUNG_UP)  # there is no terminal to give back

    def _welcome(self) -> None:
        from .screens.doctor import DoctorScreen

        self.push_screen(DoctorScreen(first_run=True))

    def open_home(self, workspace: Workspace) -> None:
        """Show Home for `workspace`."""
        from .screens.home import HomeScreen

        self.workspace = workspace
        remember(workspace)
        with suppress(KeyError):
            self.set_keymap(dict(workspace.keys))
        while len(self.screen_stack) > 1:
            self.pop_screen()
        self.push_screen(HomeScreen())

    async def on_unmount(self) -> None:
        await self.grader.close()

    async def action_quit(self) -> None:
        await self.grader.close()
        self.exit()

    # ---- runs ---------------------------------------------------------------------------------
    @property
    def here(self) -> Workspace:
        """The workspace; screens that need one exist only when there is one."""
        assert self.workspace is not None
        return self.workspace

    def state(self, stage: Stage, suite: str = "public") -> RunState:
        """What is known of the last run of a suite."""
        known = self.states.get((stage.id, suite))
        return known if isinstance(known, RunState) else RunState(stage.id, suite)

    @property
    def training(self) -> TrainState:
        """What is known of the last training."""
        known = self.states.get(TRAINING)
        return known if isinstance(known, TrainState) else TrainState()

    async def check(self, stage: Stage) -> None:
        """Run the public checks."""
        state = self.state(stage)
        await self._start(
            state, "check", stage=stage.id, file=str(self.here.file(stage)), only=None
        )

    async def train(self, model: str, parts: Parts) -> None:
        """Train a model on the learner's own stack."""
        await self._start(
            TrainState(model, plugged=len(parts.choice)),
            "train",
            model=model,
            files={name: b64encode(data).decode() for name, data in parts.files.items()},
            choice=parts.choice,
            seed=0,
        )

    async def submit(self, stage: Stage) -> None:
        """Grade by the hidden checks and keep the attempt."""
        workspace = self.here
        await self._start(
            self.state(stage, "hidden"),
            "submit",
            stage=stage.id,
            file=str(workspace.file(stage)),
            ledger=str(workspace.ledger),
            reports=str(workspace.reports),
            learner=workspace.learner.get("id") or workspace.learner.get("name") or "me",
            claims=workspace.learner,
            beside=[str(path) for path in workspace.beside(stage)],
        )

    async def _start(self, state: RunState | TrainState, job: str, **fields: Any) -> None:
        if self._job is not None:
            self._cancelled()
        run = await self.grader.start(job, **fields)
        self._job = state.key
        self._set(state.started(run))

    async def cancel(self) -> bool:
        """End the run that goes on; whether there was one."""
        if self._job is None:
            return False
        await self.grader.cancel()
        self._cancelled()
        return True

    def _cancelled(self) -> None:
        if self._job is not None:
            self._set(self.states[self._job].cancelled())
            self._job = None

    def _hear(self, event: Event) -> None:
        if event.get("event") == "slots":
            self.slots = tuple(event["names"])
            show = getattr(self.screen, "show_slots", None) if self.is_running else None
            if show is not None and self.screen.is_mounted:
                show()
        else:
            self._waiting.append(event)

    def apply_events(self) -> None:
        """Apply what the grading process said since the last tick, and paint once."""
        if not self._waiting or self._job is None or not self.is_running:
            self._waiting.clear()  # a closing app has no widgets left to show them
            return
        batch, self._waiting = self._waiting, []
        before = self.states[self._job]
        after = before.after(batch)
        kinds = {event.get("event") for event in batch if event.get("run") == before.run}
        if after.ends(kinds):
            self._job = None
            self.grader.finished()
            if isinstance(after, RunState):
                self._finished(after)
        if after is not before:
            self._set(after)

    def _finished(self, state: RunState) -> None:
        if state.suite == "public" and state.checks:
            from assignments import catalog

            statuses = {check.id: check.status for check in state.checks}
            Progress(self.here).keep_checks(catalog.stage(state.stage), statuses)

    def _set(self, state: RunState | TrainState) -> None:
        self.states[state.key] = state
        show = getattr(self.screen, "show_run", None)
        if show is not None and self.screen.is_mounted:  # a new screen asks when it is built
            show(state)

    # ---- actions of every screen --------------------------------------------------------------
    def action_help(self) -> None:
        from .screens.help import HelpScreen

        if not isinstance(self.screen, HelpScreen):
            self.push_screen(HelpScreen(getattr(self.screen, "NAME", "")))

    async def action_back(self) -> None:
        # Over a page of help or of history, esc closes the page; the run below goes on.
        if hasattr(self.screen, "show_run") and await self.cancel():
            self.notify("Cancelled; nothing is left running.")
        elif len(self.screen_stack) > 2:
            self.pop_screen()

    def edit(self, file: Path) -> bool:
        """Open `file` in the learner's editor; whether there was one."""
        wanted = os.environ.get("VISUAL") or os.environ.get("EDITOR") or ""
        command = shlex.split(wanted) or [name for name in EDITORS if shutil.which(name)][:1]
        if not command or not shutil.which(command[0]):
            self.notify(
                f"Set EDITOR to your editor, or open {file} in any editor: saves are noticed.",
                severity="warning",
            )
            return False
        with self.suspend():
            subprocess.run([*command, str(file)], check=False)
        self.refresh()
        return True


def main() -> int:
    """Open the app on the workspace here, else the one last used, else the first-run screen."""
    LabApp(find() or remembered()).run()
    return 0


__all__ = ["LabApp", "main"]
