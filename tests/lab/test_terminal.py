"""The app in a real terminal: it paints, answers keys, gives the terminal back, leaves nothing running."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import select
import signal
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pyte
import pytest

from lab.app import HUNG_UP
from lab.workspace import Workspace

ROWS, COLUMNS = 30, 100
PATIENCE_S = 30.0
# What a terminal answers when it is asked who it is; the emulator only listens.
QUERIES = (
    (re.compile(rb"\x1b\[\?2026\$p"), b"\x1b[?2026;2$y"),
    (re.compile(rb"\x1b\[c"), b"\x1b[?62;c"),
)


class Terminal:
    """The app behind a pseudo-terminal, and a screen that shows what it paints."""

    def __init__(self, folder: Path) -> None:
        self.screen = pyte.Screen(COLUMNS, ROWS)
        self._stream = pyte.ByteStream(self.screen)
        self.said = b""
        self._fd, inside = pty.openpty()
        fcntl.ioctl(inside, termios.TIOCSWINSZ, struct.pack("HHHH", ROWS, COLUMNS, 0, 0))
        self.before = termios.tcgetattr(inside)
        self._inside = inside
        self.process = subprocess.Popen(
            [sys.executable, "-m", "lab"],
            stdin=inside,
            stdout=inside,
            stderr=inside,
            cwd=folder,
            start_new_session=True,
            env={**os.environ, "TERM": "xterm-256color"},
        )

    def read(self, timeout: float) -> bool:
        """Take in what was painted; whether there was anything."""
        if not select.select([self._fd], [], [], timeout)[0]:
            return False
        part = os.read(self._fd, 1 << 16)
        self.said += part
        for query, answer in QUERIES:
            if query.search(part):
                os.write(self._fd, answer)
        # The emulator does not know private modes with a dollar sign.
        self._stream.feed(re.sub(rb"\x1b\[[?>=<][0-9;]*\$?[a-zA-Z]", b"", part))
        return True

    def press(self, keys: bytes) -> None:
        os.write(self._fd, keys)

    def until(self, seen: Callable[[str], bool]) -> str:
        """The text of the screen as soon as `seen` says yes."""
        ends = time.monotonic() + PATIENCE_S
        while time.monotonic() < ends:
            self.read(0.1)
            text = "\n".join(self.screen.display)
            if seen(text):
                return text
        raise AssertionError("\n".join(self.screen.display))

    def attributes(self) -> list[object]:
        return list(termios.tcgetattr(self._inside))

    def ended(self) -> int:
        ends = time.monotonic() + PATIENCE_S
        while self.process.poll() is None and time.monotonic() < ends:
            self.read(0.1)
        return self.process.wait(1)

    def close(self) -> None:
        if self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()
        os.close(self._fd)
        os.close(self._inside)


@pytest.fixture
def terminal(workspace: Workspace) -> Iterator[Terminal]:
    opened = Terminal(workspace.root)
    yield opened
    opened.close()


def test_from_first_paint_to_a_failing_check_and_out(terminal: Terminal) -> None:
    terminal.until(lambda text: "00 Warm-up" in text)
    terminal.press(b"\r")
    terminal.until(lambda text: "1 Lesson" in text)
    terminal.press(b"\x1b[15~")  # F5
    terminal.until(lambda text: "0/5 public checks" in text and "add is yours to write" in text)
    children = psutil.Process(terminal.process.pid).children(recursive=True)
    assert children

    terminal.press(b"\x11")  # ctrl+q
    assert terminal.ended() == 0

    assert b"\x1b[?1049l" in terminal.said  # the screen it found is back
    assert b"\x1b[?25h" in terminal.said  # and so is the cursor
    assert terminal.attributes() == terminal.before
    _, alive = psutil.wait_procs(children, timeout=10)
    assert alive == []


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_an_app_that_is_told_to_end_ends_and_its_grader_with_it(
    terminal: Terminal, number: signal.Signals
) -> None:
    terminal.until(lambda text: "00 Warm-up" in text)
    terminal.press(b"\r")
    terminal.until(lambda text: "1 Lesson" in text)
    terminal.press(b"\x1b[15~")
    terminal.until(lambda text: "0/5 public checks" in text)
    children = psutil.Process(terminal.process.pid).children(recursive=True)

    terminal.process.send_signal(number)

    assert terminal.ended() == (0 if number == signal.SIGTERM else HUNG_UP)
    _, alive = psutil.wait_procs(children, timeout=10)
    assert alive == []
    if number == signal.SIGTERM:
        assert terminal.attributes() == terminal.before


def test_a_killed_app_leaves_no_grader_behind(terminal: Terminal) -> None:
    terminal.until(lambda text: "00 Warm-up" in text)
    terminal.press(b"\r")
    terminal.until(lambda text: "1 Lesson" in text)
    terminal.press(b"\x1b[15~")
    terminal.until(lambda text: "0/5 public checks" in text)
    children = psutil.Process(terminal.process.pid).children(recursive=True)

    terminal.process.kill()
    terminal.process.wait()

    _, alive = psutil.wait_procs(children, timeout=10)
    assert alive == []


def test_escape_ends_a_training_and_leaves_no_box_behind(terminal: Terminal) -> None:
    terminal.until(lambda text: "00 Warm-up" in text)
    terminal.press(b"\x1bOR")  # F3
    terminal.until(lambda text: " slots run your code" in text)
    terminal.press(b"4\x1b[15~")  # the GPT, which trains for a while; F5
    terminal.until(lambda text: "GPT: step" in text)
    children = psutil.Process(terminal.process.pid).children(recursive=True)
    assert len(children) > 1

    terminal.press(b"\x1b")
    terminal.until(lambda text: "Cancelled at step" in text)

    _, alive = psutil.wait_procs(children, timeout=10)
    assert alive == []
    terminal.press(b"\x11")
    assert terminal.ended() == 0
