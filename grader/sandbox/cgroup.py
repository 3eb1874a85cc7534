"""A control group for one box: bounds its memory and processes, tells its CPU time, freezes it.

Version 1 (one folder a controller) and version 2 (one folder), where this process may write them.
The name of a group holds the grader's pid and start time, so that groups of dead graders are swept.
"""

from __future__ import annotations

import atexit
import contextlib
import itertools
import os
import subprocess
import time
from functools import cache
from pathlib import Path

import psutil

ROOT = Path("/sys/fs/cgroup")
NAME = "dlsyslab"
CONTROLLERS = ("memory", "pids", "cpuacct", "freezer")  # of version 1
REMOVAL_S = 2.0
GUARD_S = 3.0
SWEEP_S = 5.0  # for all that dead graders left, together
_numbers = itertools.count()


class Cgroup:
    """One group; `folders` maps what is asked of it to where it is answered."""

    def __init__(self, memory_mib: int, processes: int) -> None:
        bases = _bases()
        guard(os.getpid(), *bases.values())
        name = f"{_prefix(os.getpid())}-{next(_numbers)}"
        self.unified = "unified" in bases
        self._made: list[Path] = []
        self._folders: dict[str, Path] = {}
        try:
            for controller, base in bases.items():
                folder = base / name
                folder.mkdir()
                self._made.append(folder)
                self._folders[controller] = folder
            memory = str(memory_mib << 20)
            if self.unified:
                self._write("unified", "memory.max", memory)
                self._write("unified", "memory.swap.max", "0", needed=False)
                self._write("unified", "pids.max", str(processes))
            else:
                self._write("memory", "memory.limit_in_bytes", memory)
                self._write("memory", "memory.swappiness", "0", needed=False)
                self._write("pids", "pids.max", str(processes))
        except OSError:
            self.remove()
            raise

    @property
    def procs_files(self) -> list[Path]:
        """The files into which a process writes its pid to join."""
        return [folder / "cgroup.procs" for folder in self._made]

    def cpu_ns(self) -> int:
        """CPU time of every process that ever was in the group."""
        if not self.unified:
            return int(self._read("cpuacct", "cpuacct.usage"))
        lines = self._read("unified", "cpu.stat").split("\n")
        return next(int(line.split()[1]) for line in lines if line.startswith("usage_usec")) * 1000

    def peak_memory_bytes(self) -> int:
        """The most memory the group ever held; 0 where the kernel does not keep it."""
        try:
            if self.unified:
                return int(self._read("unified", "memory.peak"))
            return int(self._read("memory", "memory.max_usage_in_bytes"))
        except OSError:
            return 0

    def memory_kills(self) -> int:
        """How many processes were killed for the memory of the group."""
        try:
            text = (
                self._read("unified", "memory.events")
                if self.unified
                else self._read("memory", "memory.oom_control")
            )
        except OSError:
            return 0
        found = [line.split()[1] for line in text.split("\n") if line.startswith("oom_kill ")]
        return int(found[0]) if found else 0

    def freeze(self, frozen: bool) -> None:
        """Stop every process of the group, or let all go on; returns when it is so."""
        if self.unified:
            self._write("unified", "cgroup.freeze", "1" if frozen else "0")
            wanted, where = f"frozen {int(frozen)}", ("unified", "cgroup.events")
        else:
            wanted = "FROZEN" if frozen else "THAWED"
            self._write("freezer", "freezer.state", wanted)
            where = ("freezer", "freezer.state")
        ends = time.monotonic() + REMOVAL_S
        while wanted not in self._read(*where) and time.monotonic() < ends:
            time.sleep(0.0002)

    def remove(self) -> None:
        """Take the group away; its processes must have ended."""
        for folder in self._made:
            _remove(folder)
        self._made.clear()

    def _read(self, controller: str, name: str) -> str:
        return (self._folders[controller] / name).read_text()

    def _write(self, controller: str, name: str, value: str, *, needed: bool = True) -> None:
        try:
            (self._folders[controller] / name).write_text(value)
        except OSError:
            if needed:
                raise


def available() -> bool:
    """Whether this process can make groups with all that a box needs."""
    return bool(_bases())


@cache
def _bases() -> dict[str, Path]:
    """Where groups can be made: {"unified": ...}, one entry a controller of version 1, or {}."""
    if (ROOT / "cgroup.controllers").is_file():
        base = ROOT / NAME
        try:
            base.mkdir(exist_ok=True)
            (ROOT / "cgroup.subtree_control").write_text("+memory +pids +cpu")
            (base / "cgroup.subtree_control").write_text("+memory +pids +cpu")
        except OSError:
            return {}
        bases = {"unified": base}
    else:
        bases = {controller: ROOT / controller for controller in CONTROLLERS}
    if not all(base.is_dir() and os.access(base, os.W_OK) for base in bases.values()):
        return {}
    for base in bases.values():
        _sweep(base)
    return bases


def _sweep(base: Path) -> None:
    """Remove the groups of graders that are no more; what is left in them is killed."""
    dead = []
    for folder in base.glob(f"{NAME}-*-*-*"):
        _, pid, ticks, _ = folder.name.rsplit("-", 3)
        if _start_ticks(int(pid)) != int(ticks):
            dead.append(folder)
            with contextlib.suppress(OSError):
                for line in (folder / "cgroup.procs").read_text().split():
                    with contextlib.suppress(ProcessLookupError, psutil.Error):
                        psutil.Process(int(line)).kill()
            _thaw(folder)
    ends = time.monotonic() + SWEEP_S
    for folder in dead:
        _remove(folder, ends)


def _thaw(folder: Path) -> None:
    """Of a frozen group nothing dies (version 1), however it was killed."""
    for name, word in (("freezer.state", "THAWED"), ("cgroup.freeze", "0")):
        if (folder / name).is_file():
            with contextlib.suppress(OSError):
                (folder / name).write_text(word)


def _remove(folder: Path, ends: float | None = None) -> None:
    ends = time.monotonic() + REMOVAL_S if ends is None else ends
    while True:
        try:
            folder.rmdir()
            return
        except FileNotFoundError:
            return
        except OSError:
            if time.monotonic() > ends:
                return
            time.sleep(0.001)


# Waits until its input closes, as it does however the grader ends; then what the grader had frozen
# is killed and let go, so that it dies, and the groups are taken away.
_GUARD = """
read -r _
for base; do for group in "$base/$PREFIX"-*; do
    [ -d "$group" ] || continue
    while read -r pid; do kill -9 "$pid"; done < "$group/cgroup.procs"
    [ -f "$group/freezer.state" ] && echo THAWED > "$group/freezer.state"
    [ -f "$group/cgroup.freeze" ] && echo 0 > "$group/cgroup.freeze"
done; done
for turn in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do
    left=
    for base; do for group in "$base/$PREFIX"-*; do
        [ -d "$group" ] && { rmdir "$group" || left=yes; }
    done; done
    [ "$left" ] || exit 0
    sleep 0.1
done
"""


@cache
def guard(pid: int, *bases: Path) -> subprocess.Popen[bytes]:
    """A shell that outlives this process for a moment and leaves nothing of its groups.

    Args:
        pid: of this process: a fork of it needs a guard of its own.
    """
    process = subprocess.Popen(
        ["/bin/sh", "-c", _GUARD, "guard", *map(str, bases)],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env={"PATH": "/usr/bin:/bin", "PREFIX": _prefix(pid)},
        start_new_session=True,  # a ctrl-c at the terminal is not for it
    )
    atexit.register(_dismiss, process)
    return process


def _dismiss(process: subprocess.Popen[bytes]) -> None:
    """Let the guard end, which takes away what is left; it was not started by a fork of this."""
    assert process.stdin is not None
    process.stdin.close()
    with contextlib.suppress(subprocess.TimeoutExpired, ChildProcessError):
        process.wait(GUARD_S)


def _prefix(pid: int) -> str:
    return f"{NAME}-{pid}-{_start_ticks(pid)}"


def _start_ticks(pid: int) -> int:
    """When process `pid` began, in the kernel's ticks; 0 if there is none."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return 0
    return int(stat.rpartition(")")[2].split()[19])
