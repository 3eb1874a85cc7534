"""Calls that a worker gets while checks of other suite files run: what they compile is ready then.

A suite file asks for them by `AHEAD`, a list of tuples (export, argument, ...). Their results and
errors are thrown away, so they decide nothing: a check makes its own calls, and meets its own errors.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any

from .errors import GraderError, WorkerError
from .student import Student

Call = tuple[Any, ...]  # the name of an export, and its arguments


class Ahead:
    """One worker, opened and called in a thread of its own until a check wants it.

    Args:
        open_student: opens the worker; what it raises is left for the check that opens it again.
    """

    def __init__(self, open_student: Callable[[], Student], calls: Sequence[Call]) -> None:
        self._open, self._calls = open_student, calls
        self._turn = threading.Condition()
        self._opening, self._calling, self._lent, self._closed = True, False, False, False
        self._student: Student | None = None
        self._thread = threading.Thread(target=self._work, name="ahead", daemon=True)
        self._thread.start()

    def lend(self) -> Student | None:
        """The worker, without calls from here until `take_back`; None if it could not be opened."""
        with self._turn:
            self._lent = True
            self._turn.wait_for(lambda: not self._opening and not self._calling)
        return self._student

    def take_back(self) -> None:
        """Go on with the calls: the checks that run now are those of another file."""
        with self._turn:
            self._lent = False
            self._turn.notify_all()

    def close(self) -> None:
        """End the worker, in the middle of a call if need be."""
        with self._turn:
            self._closed = True
            self._turn.notify_all()
            self._turn.wait_for(lambda: not self._opening)
        if self._student is not None:
            self._student.worker.box.end()  # its pipes stay open until nobody waits on them
        self._thread.join()
        if self._student is not None:
            self._student.close()

    def _work(self) -> None:
        with suppress(GraderError, WorkerError, OSError):
            self._student = self._open()
        with self._turn:
            self._opening = False
            self._turn.notify_all()
        if self._student is None:
            return
        for name, *arguments in self._calls:
            if not self._may_call():
                return
            with suppress(WorkerError):
                self._student.call(name, *arguments)
            if self._student.alive:
                self._student.output()  # what it printed belongs to no check
            with self._turn:
                self._calling = False
                self._turn.notify_all()
            if not self._student.alive:
                return

    def _may_call(self) -> bool:
        with self._turn:
            self._turn.wait_for(lambda: self._closed or not self._lent)
            self._calling = not self._closed
            return self._calling
