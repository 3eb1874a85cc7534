"""Job slots: grading processes that take one job at a time, any of which may die at any moment.

A slot is a `grader.session` process of its own. When one dies, its job is given to a fresh one; a job
that has outlived several slots is reported, and the others go on.
"""

from __future__ import annotations

import base64
import json
import os
import queue
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any

from .errors import InfrastructureError
from .outcome import Status, SuiteRun

TRIES = 3


@dataclass(frozen=True, slots=True)
class Job:
    """One phase of judging one submission."""

    run: str
    stage: str
    source: bytes
    seed: int
    phases: tuple[str, ...]
    earlier: Mapping[str, Status] = field(default_factory=dict)
    beside: Mapping[str, bytes] = field(default_factory=dict)  # files of the other stages
    only: tuple[str, ...] | None = None  # ids of the checks to run; None: all

    def to_json(self) -> dict[str, Any]:
        """The job as `session.py` takes it."""
        return {
            "job": "judge",
            "run": self.run,
            "stage": self.stage,
            "source": base64.b64encode(self.source).decode(),
            "seed": self.seed,
            "phases": list(self.phases),
            "earlier": {name: str(status) for name, status in self.earlier.items()},
            "only": self.only,
            "beside": {name: base64.b64encode(data).decode() for name, data in self.beside.items()},
        }


class SlotDied(Exception):
    """The process of a slot ended in the middle of a job."""


class Slot:
    """One grading process. Use as a context manager."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "grader.session"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            encoding="utf-8",
            start_new_session=True,
        )

    @property
    def pid(self) -> int:
        return self._process.pid

    def judge(self, job: Job) -> SuiteRun:
        """Do a job.

        Raises:
            SlotDied: the process ended before its answer.
            InfrastructureError: it says that it cannot judge.
        """
        process = self._process
        assert process.stdin is not None and process.stdout is not None
        try:
            process.stdin.write(json.dumps(job.to_json()) + "\n")
            process.stdin.flush()
            for line in process.stdout:
                event = json.loads(line)
                if event["event"] == "judged":
                    return SuiteRun.from_json(event["result"])
                if event["event"] == "problem":
                    raise InfrastructureError(event["message"])
        except (OSError, ValueError):
            pass  # a torn line or a broken pipe: the process is gone
        raise SlotDied

    def close(self) -> None:
        """End the process and everything it started."""
        with suppress(OSError, ValueError):
            if self._process.stdin is not None:
                self._process.stdin.close()
        try:
            self._process.wait(timeout=2)
        except subprocess.TimeoutExpired:
            with suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()
        if self._process.stdout is not None:
            self._process.stdout.close()

    def __enter__(self) -> Slot:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


Found = Callable[[Job, SuiteRun], None]
Failed = Callable[[Job, str], None]


def run_jobs(jobs: Sequence[Job], count: int, found: Found, failed: Failed) -> None:
    """Do `jobs` on `count` slots at a time.

    `found` and `failed` are called in this thread, one at a time, as answers come.

    Raises:
        Whatever `found` and `failed` raise; the slots are ended first.
    """
    waiting: queue.SimpleQueue[Job] = queue.SimpleQueue()
    answers: queue.SimpleQueue[tuple[Job, SuiteRun | str]] = queue.SimpleQueue()
    for job in jobs:
        waiting.put(job)
    stop = threading.Event()
    threads = [
        threading.Thread(target=_serve, args=(waiting, answers, stop), daemon=True)
        for _ in range(min(count, len(jobs)))
    ]
    for thread in threads:
        thread.start()
    try:
        for _ in jobs:
            job, answer = answers.get()
            if isinstance(answer, SuiteRun):
                found(job, answer)
            else:
                failed(job, answer)
    finally:
        stop.set()
        for thread in threads:
            thread.join(timeout=10)


def _serve(
    waiting: queue.SimpleQueue[Job],
    answers: queue.SimpleQueue[tuple[Job, SuiteRun | str]],
    stop: threading.Event,
) -> None:
    slot = Slot()
    try:
        while not stop.is_set():
            try:
                job = waiting.get_nowait()
            except queue.Empty:
                return
            answer: SuiteRun | str = f"the grading process died {TRIES} times over it."
            for _ in range(TRIES):
                try:
                    answer = slot.judge(job)
                    break
                except SlotDied:
                    slot.close()
                    slot = Slot()
                except InfrastructureError as error:
                    answer = str(error)
                    break
            answers.put((job, answer))
    finally:
        slot.close()
