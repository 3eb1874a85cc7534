"""One thread that keeps every box of this process within its time, memory and output."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable
from typing import Protocol

TICK_S = 0.05  # how late a limit may be noticed


class Watched(Protocol):
    """What the watchdog asks of a box at every tick; it ends the box itself."""

    def look(self) -> None: ...


class Watchdog:
    """Looks at every registered box, again and again, while there is one."""

    def __init__(self) -> None:
        self._boxes: set[Watched] = set()
        self._lock = threading.Lock()
        self._wake = threading.Event()
        self._thread: threading.Thread | None = None

    def add(self, box: Watched) -> None:
        """Watch `box` from now on."""
        with self._lock:
            self._boxes.add(box)
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="watchdog", daemon=True)
                self._thread.start()
        self._wake.set()

    def remove(self, box: Watched) -> None:
        """Watch `box` no more."""
        with self._lock:
            self._boxes.discard(box)

    def _run(self) -> None:
        pause: Callable[[float | None], bool] = self._wake.wait
        while True:
            with self._lock:
                boxes = list(self._boxes)
                if not boxes:
                    self._wake.clear()
            if not boxes:
                pause(None)  # nothing to watch: sleep until a box is added
                continue
            for box in boxes:
                with contextlib.suppress(OSError):
                    box.look()
            threading.Event().wait(TICK_S)


WATCHDOG = Watchdog()
