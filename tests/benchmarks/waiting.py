"""What a learner waits for: commands, the first paint, a key, a save. In a real pseudo-terminal.

python -m tests.benchmarks.waiting
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import psutil

from assignments import catalog
from grader.solutions import solution_source
from lab.workspace import create

from ..lab.test_terminal import Terminal
from .rows import Row, quartiles, row, table

STAGE = catalog.stage("softmax")
F5 = b"\x1b[15~"
UP, DOWN, PAGE_UP, PAGE_DOWN = b"\x1b[A", b"\x1b[B", b"\x1b[5~", b"\x1b[6~"


def commands() -> list[Row]:
    """Wall time of whole processes, as a shell sees it."""
    rows = []
    lab = str(Path(sys.executable).with_name("lab"))
    for name, bar in (("--version", 0.12), ("list", 0.12)):
        took = [_timed([lab, name]) for _ in range(15)]
        rows.append(row(f"lab {name}", quartiles(took)[1], "s", bar, quartiles=quartiles(took)))
    return rows


def _timed(command: list[str]) -> float:
    began = time.perf_counter()
    subprocess.run(command, check=True, capture_output=True)
    return time.perf_counter() - began


def app() -> list[Row]:
    """First paint, keys, saves and memory of the app."""
    with tempfile.TemporaryDirectory() as scratch:
        os.environ["DLSYSLAB_HOME"] = f"{scratch}/home"
        workspace, _ = create(Path(scratch) / "work")
        paints = [_first_paint(workspace.root) for _ in range(7)]
        terminal = Terminal(workspace.root)
        try:
            rows = _in_the_app(terminal, workspace.file(STAGE))
        finally:
            terminal.close()
    return [row("first paint", quartiles(paints)[1], "s", 0.7, quartiles=quartiles(paints)), *rows]


def _first_paint(folder: Path) -> float:
    began = time.perf_counter()
    terminal = Terminal(folder)
    try:
        terminal.until(lambda text: "00 Warm-up" in text)
        return time.perf_counter() - began
    finally:
        terminal.close()


def _in_the_app(terminal: Terminal, file: Path) -> list[Row]:
    terminal.until(lambda text: "00 Warm-up" in text)
    moves = _keys(terminal, (DOWN, UP), 60)
    terminal.press(DOWN + b"\r")
    terminal.until(lambda text: "1 Lesson" in text)
    moves += _keys(terminal, (DOWN, PAGE_DOWN, DOWN, UP, PAGE_UP, UP), 120)
    turns = _keys(terminal, (b"2", b"1"), 120)
    terminal.press(b"3")
    terminal.until(lambda text: "F5 runs the checks" in text)
    terminal.press(F5)
    terminal.until(lambda text: "0/7 public checks, failing" in text and "done)" not in text)
    firsts, completes = [], []
    solution, starter = solution_source(STAGE), STAGE.starter.read_bytes()
    assert solution is not None
    for turn in range(10):
        right = turn % 2 == 0
        seen = "7/7 public checks;" if right else "0/7 public checks, failing"
        file.write_bytes((solution if right else starter) + f"\n# {turn}\n".encode())
        began = time.perf_counter()
        terminal.until(lambda text: "done)" in text or "Starting" in text)
        firsts.append(time.perf_counter() - began)
        terminal.until(lambda text, seen=seen: seen in text and "done)" not in text)  # type: ignore[misc]
        completes.append(time.perf_counter() - began)
    memory = psutil.Process(terminal.process.pid).memory_info().rss / 2**20
    busy = _while_grading(terminal)
    return [
        row(
            "key to paint, moving and scrolling, p95",
            _p95(moves),
            "ms",
            30,
            quartiles=quartiles(moves),
        ),
        row("key to paint, another tab, p95", _p95(turns), "ms", 30, quartiles=quartiles(turns)),
        row(
            "key to help and back while grading, p95",
            _p95(busy),
            "ms",
            60,
            quartiles=quartiles(busy),
        ),
        row(
            "save to first event on the screen",
            statistics.median(firsts),
            "s",
            0.4,
            quartiles=quartiles(firsts),
        ),
        row(
            "save to softmax complete",
            statistics.median(completes),
            "s",
            1.5,
            quartiles=quartiles(completes),
        ),
        row("memory of the app", memory, "MiB", 80),
    ]


def _keys(terminal: Terminal, keys: tuple[bytes, ...], count: int) -> list[float]:
    """Milliseconds from each of `count` keys to the first bytes of its paint."""
    found = []
    for turn in range(count):
        while terminal.read(0.05):
            pass
        began = time.perf_counter()
        terminal.press(keys[turn % len(keys)])
        terminal.read(2.0)
        found.append((time.perf_counter() - began) * 1000)
    return found


def _while_grading(terminal: Terminal) -> list[float]:
    """As `_keys`, while the hidden checks run: the screen paints their marks in between."""
    found: list[float] = []
    terminal.press(b"\x1b[19~")  # F8
    terminal.until(lambda text: "What goes in" in text)
    terminal.press(b"\r")
    terminal.until(lambda text: "hidden checks" in text and "done" in text)
    ends = time.monotonic() + 2.0
    while time.monotonic() < ends:
        # Help and back: both paint the whole screen.
        began = time.perf_counter()
        terminal.press(b"\x1bOP")
        terminal.until(lambda text: "On other screens" in text)
        found.append((time.perf_counter() - began) * 1000)
        terminal.press(b"\x1b")
        terminal.until(lambda text: "On other screens" not in text)
    return found


def _p95(values: list[float]) -> float:
    return sorted(values)[int(0.95 * (len(values) - 1))]


def run() -> list[Row]:
    """Everything a learner waits for."""
    return [*commands(), *app()]


if __name__ == "__main__":
    print(table(run()))
