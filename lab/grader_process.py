"""The grading process of the app: a child with a session of its own, JSON lines both ways.

Cancelling ends the child's whole process group, and with it every box; the next job starts another.
"""

from __future__ import annotations

import asyncio
import json
import os
import secrets
import signal
import sys
from collections.abc import Callable
from contextlib import suppress
from typing import Any

Event = dict[str, Any]
STREAM_LIMIT = 64 << 20  # one line holds one event, and a learner's view of a report
GONE = "the grading process ended unexpectedly; F5 starts it again."


class GraderProcess:
    """Jobs out, events in. `hear` gets every event, in order, on the app's loop."""

    def __init__(self, hear: Callable[[Event], None]) -> None:
        self._hear = hear
        self._process: asyncio.subprocess.Process | None = None
        self._reader: asyncio.Task[None] | None = None
        self._run = ""

    @property
    def pid(self) -> int | None:
        """The child's process id, if there is one."""
        return self._process.pid if self._process and self._process.returncode is None else None

    async def warm(self, stage: str) -> None:
        """Have a worker for `stage` ready."""
        await self._send({"job": "warm", "stage": stage})

    async def slots(self) -> None:
        """Ask for the names of all parts of the framework; an event brings them."""
        await self._send({"job": "slots"})

    async def start(self, job: str, **fields: Any) -> str:
        """Start a job and return the id of its run; a job that still runs is cancelled."""
        if self._run:
            await self.cancel()
        self._run = secrets.token_hex(8)
        await self._send({"job": job, "run": self._run, **fields})
        return self._run

    async def cancel(self) -> None:
        """End the running job, with everything it started."""
        self._run = ""
        await self._end(signal.SIGKILL)

    async def close(self) -> None:
        """End the child."""
        self._run = ""
        await self._end(signal.SIGTERM)

    def finished(self) -> None:
        """The job has sent its last event."""
        self._run = ""

    async def _send(self, job: Event) -> None:
        process = await self._ready()
        assert process.stdin is not None
        with suppress(ConnectionError):  # its end is told by the reader
            process.stdin.write(json.dumps(job).encode() + b"\n")
            await process.stdin.drain()

    async def _ready(self) -> asyncio.subprocess.Process:
        if self._process is None or self._process.returncode is not None:
            self._process = await asyncio.create_subprocess_exec(
                sys.executable,
                "-m",
                "grader.session",
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.DEVNULL,
                limit=STREAM_LIMIT,
                start_new_session=True,
            )
            self._reader = asyncio.create_task(self._read(self._process))
        return self._process

    async def _read(self, process: asyncio.subprocess.Process) -> None:
        assert process.stdout is not None
        while line := await process.stdout.readline():
            with suppress(ValueError):
                self._hear(json.loads(line))
        if self._process is process and self._run:
            self._hear({"event": "problem", "run": self._run, "message": GONE})
            self._run = ""

    async def _end(self, number: signal.Signals) -> None:
        process, self._process = self._process, None
        if process is None or process.returncode is not None:
            return
        with suppress(ProcessLookupError):
            os.killpg(process.pid, number)
        try:
            await asyncio.wait_for(process.wait(), 3)
        except TimeoutError:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            await process.wait()
        if self._reader is not None:
            self._reader.cancel()
