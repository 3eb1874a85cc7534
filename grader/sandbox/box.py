"""One box: a Python program behind walls, two pipes to it, its limits, and its end.

The program finds requests on descriptor 0 and writes answers to descriptor 1; what it prints goes to
descriptor 2, the log (`worker/main.py` moves them out of a learner's way before anything else).
"""

from __future__ import annotations

import concurrent.futures
import contextlib
import ctypes
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import psutil

from ..errors import SandboxError
from . import bubblewrap, cgroup, plain, seccomp
from .slots import Slot
from .spec import BoxSpec
from .watchdog import WATCHDOG

if TYPE_CHECKING:
    from types import TracebackType

LEVELS = ("full", "reduced", "none")
LEVEL_VARIABLE = "DLSYSLAB_ISOLATION"  # lets a person ask for lower walls
PR_SET_CHILD_SUBREAPER = 36
INFO_S = 10.0  # how long bubblewrap may take to say which process it started
REAP_S = 5.0
SOON_S = 1.0  # within which a box ends whose pipes have closed
TICK_S = 0.05


class Box:
    """A running box; made by `open_box`. Use as a context manager, or call `close`."""

    def __init__(self, spec: BoxSpec, level: str) -> None:
        self._spec = spec
        self.level = level
        self._lock = threading.RLock()
        self._ending: str | None = None
        self._log = bytearray()
        self._init_pid: int | None = None
        self._slot: Slot | None = None
        self._cgroup: cgroup.Cgroup | None = None
        self._folder: str | None = None
        self._closed = False
        self._killed: list[int] = []
        self._deadline = time.monotonic() + spec.wall_s
        self._peak = 0
        self._cpu_ns = 0
        try:
            self._start()
        except BaseException:
            self._release()
            raise
        WATCHDOG.add(self)

    # ---- start ------------------------------------------------------------------------------------
    def _start(self) -> None:
        spec = self._spec
        request_read, self.write_fd = os.pipe()
        self.read_fd, answer_write = os.pipe()
        self._log_fd, log_write = os.pipe()
        os.set_blocking(self._log_fd, False)
        info_read, info_write = os.pipe()
        inside = [request_read, answer_write, log_write, info_write]
        filter_fd: int | None = None
        options_fd: int | None = None
        environment: Mapping[str, str] = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin"}
        folder = "/"
        try:
            if cgroup.available() and self.level != "none":
                self._cgroup = cgroup.Cgroup(spec.memory_mib, spec.processes)
            if self.level == "full":
                filter_fd = seccomp.program_fd()
                if os.getuid() == 0:
                    self._slot = Slot()
                command, options_fd = bubblewrap.command(
                    spec,
                    uid=self._slot.uid if self._slot else None,
                    seccomp_fd=filter_fd,
                    info_fd=info_write,
                    cgroup_files=self._cgroup.procs_files if self._cgroup else (),
                    bound_data=self._cgroup is None,
                )
            else:
                self._folder = folder = tempfile.mkdtemp(prefix="dlsyslab-")
                filter_fd = seccomp.program_fd() if self.level == "reduced" else None
                plain.furnish(spec, folder)
                command = plain.command(
                    spec, folder, walls=self.level == "reduced", seccomp_fd=filter_fd
                )
                environment = plain.environment(spec, folder)
            passed = [fd for fd in (filter_fd, options_fd) if fd is not None]
            if self.level == "full":
                passed.append(info_write)
            self._process = (
                _spawner()
                .submit(
                    subprocess.Popen,
                    command,
                    stdin=request_read,
                    stdout=answer_write,
                    stderr=log_write,
                    pass_fds=passed,
                    env=environment,
                    cwd=folder,
                    start_new_session=True,
                )
                .result()
            )
        except OSError as error:
            os.close(info_read)
            raise SandboxError(f"the box could not be started: {error}") from error
        finally:
            for fd in (*inside, filter_fd, options_fd):
                if fd is not None:
                    os.close(fd)
        try:
            if self.level == "full":
                self._init_pid = self._first_process(info_read)
        finally:
            os.close(info_read)
        self.pid = self._init_pid or self._process.pid

    def _first_process(self, info_fd: int) -> int:
        """The namespace's first process as the host sees it, which we must reap."""
        text = b""
        os.set_blocking(info_fd, False)
        ends = time.monotonic() + INFO_S
        while not text.rstrip().endswith(b"}"):
            try:
                part = os.read(info_fd, 4096)
            except BlockingIOError:
                if time.monotonic() > ends or self._process.poll() is not None:
                    break
                time.sleep(0.0005)
                continue
            if not part:
                break
            text += part
        try:
            return int(json.loads(text)["child-pid"])
        except (ValueError, KeyError):
            said = self.log().decode(errors="replace").strip()
            raise SandboxError(f"bubblewrap could not build the box: {said or text!r}") from None

    # ---- while it runs ------------------------------------------------------------------------
    def alive(self) -> bool:
        """Whether the program still runs."""
        return self._ending is None and self._process.poll() is None

    def restart_clock(self) -> None:
        """Give the box its whole wall time again; for a spare that begins to work only now."""
        self._deadline = time.monotonic() + self._spec.wall_s

    def freeze(self) -> None:
        """Stop every process of the box where it is."""
        self._signal_all(signal.SIGSTOP, frozen=True)

    def thaw(self) -> None:
        """Let every process of the box go on."""
        self._signal_all(signal.SIGCONT, frozen=False)

    def _signal_all(self, number: int, *, frozen: bool) -> None:
        if self._cgroup is not None:
            self._cgroup.freeze(frozen)
            return
        for process in self._processes():
            with contextlib.suppress(psutil.Error):
                process.send_signal(number)

    def cpu_ns(self) -> int:
        """CPU time in nanoseconds of every process of the box since it began."""
        with self._lock:
            if self._closed:
                return self._cpu_ns
            if self._cgroup is not None:
                return self._cgroup.cpu_ns()
            total = 0.0
            for process in self._processes():
                with contextlib.suppress(psutil.Error):
                    times = process.cpu_times()
                    total += times.user + times.system
            self._cpu_ns = max(self._cpu_ns, int(total * 1e9))
            return self._cpu_ns

    def peak_memory_bytes(self) -> int:
        """The most memory that the box held at a time, as far as it was seen."""
        with self._lock:
            if self._closed:
                return self._peak
            if self._cgroup is not None and (peak := self._cgroup.peak_memory_bytes()):
                return peak
            return max(self._peak, self._resident_bytes())

    def log(self) -> bytes:
        """What the program printed so far, at most `log_kib`."""
        with self._lock:
            if not self._closed:
                self._drain()
            return bytes(self._log)

    def ending(self) -> str | None:
        """None while it runs; else why it ended: exited, signal, wall, memory, output or killed."""
        with self._lock:
            if self._ending is None and self._process.poll() is not None:
                self._ending = self._own_end()
            return self._ending

    def wait_ending(self) -> str:
        """Wait until the box has ended (its wall clock sees to that) and say why it did."""
        while (why := self.ending()) is None:
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(TICK_S)
        return why

    def ending_soon(self) -> str | None:
        """Why it ended, for who saw its pipes close: the first process in it may end a moment later.

        None where it goes on nevertheless.
        """
        until = time.monotonic() + SOON_S
        while (why := self.ending()) is None and time.monotonic() < until:
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(TICK_S)
        return why

    def exit_status(self) -> int | None:
        """The status the program exited with; None while it runs or when it did not exit."""
        code = self._process.poll()
        return code if code is not None and 0 <= code < 128 else None

    def _own_end(self) -> str:
        if self._cgroup is not None and not self._closed and self._cgroup.memory_kills():
            return "memory"
        # bubblewrap passes the end of its child on as 128 + signal.
        code = self._process.returncode
        return "signal" if code < 0 or code > 128 else "exited"

    def look(self) -> None:
        """The watchdog's tick: drain the log and end what is past a limit."""
        with self._lock:
            if self._closed:
                return
            if self._process.poll() is not None:
                self.ending()
                WATCHDOG.remove(self)
                return
            self._drain()
            if len(self._log) >= self._spec.log_kib << 10:
                self._kill("output")
            elif time.monotonic() > self._deadline:
                self._kill("wall")
            elif self._cgroup is None:
                self._peak = max(self._peak, self._resident_bytes())
                if self._peak > self._spec.memory_mib << 20:
                    self._kill("memory")

    def _drain(self) -> None:
        room = (self._spec.log_kib << 10) - len(self._log)
        while room > 0:
            try:
                part = os.read(self._log_fd, min(room, 1 << 16))
            except (BlockingIOError, OSError):
                return
            if not part:
                return
            self._log += part
            room -= len(part)

    def _processes(self) -> list[psutil.Process]:
        try:
            first = psutil.Process(self.pid)
            return [first, *first.children(recursive=True)]
        except psutil.Error:
            return []

    def _resident_bytes(self) -> int:
        total = 0
        for process in self._processes():
            with contextlib.suppress(OSError):
                status = Path(f"/proc/{process.pid}/status").read_text()
                for line in status.splitlines():
                    if line.startswith(("RssAnon:", "RssShmem:")):
                        total += int(line.split()[1]) << 10
        return total

    # ---- end ------------------------------------------------------------------------------------
    def _kill(self, why: str) -> None:
        """End everything in the box: the first process takes its namespace with it."""
        if self._ending is None:
            self._ending = self._own_end() if self._process.poll() is not None else why
        if self._cgroup is not None:
            with contextlib.suppress(OSError):
                self._cgroup.freeze(False)  # a frozen process does not die
        victims = [] if self._init_pid else [*self._processes(), *self._strays()]
        with contextlib.suppress(ProcessLookupError):
            if self._init_pid is not None and self._process.poll() is None:
                os.kill(self._init_pid, signal.SIGKILL)
        for victim in victims:
            with contextlib.suppress(psutil.Error):
                victim.kill()
                self._killed.append(victim.pid)
        with contextlib.suppress(ProcessLookupError):
            if self._process.poll() is None and self._init_pid is None:
                os.killpg(self._process.pid, signal.SIGKILL)

    def _strays(self) -> list[psutil.Process]:
        """Processes of a box without a namespace whose parents have ended; as subreaper we got them.

        They are known by the private folder in the environment they were started with.
        """
        found = []
        for process in psutil.Process().children(recursive=True):
            with contextlib.suppress(psutil.Error, OSError):
                if f"TMPDIR={self._folder}" in Path(f"/proc/{process.pid}/environ").read_text():
                    found.append(process)
        return found

    def end(self) -> None:
        """End the program; the pipes to it stay until `close`, for whoever still waits on them."""
        with self._lock:
            if not self._closed:
                self._kill("killed")

    def close(self) -> None:
        """End the box, reap what it was, take its traces away. May be called again."""
        with self._lock:
            if self._closed:
                return
            WATCHDOG.remove(self)
            self._drain()
            self._cpu_ns, self._peak = self.cpu_ns(), self.peak_memory_bytes()
            self.ending()
            self._kill("killed")
            self._reap()
            self._closed = True
            self._release()

    def _reap(self) -> None:
        try:
            self._process.wait(REAP_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        # Orphaned when their parent ended first; as subreaper they are ours to wait for.
        # Parents come first: the children of one that is gone are ours.
        orphans = [self._init_pid] if self._init_pid is not None else self._killed
        for pid in orphans:
            with contextlib.suppress(ChildProcessError):
                os.waitpid(pid, 0)

    def _release(self) -> None:
        for name in ("read_fd", "write_fd", "_log_fd"):
            fd = self.__dict__.pop(name, None)
            if fd is not None:
                os.close(fd)
        if self._cgroup is not None:
            self._cgroup.remove()
            self._cgroup = None
        if self._slot is not None:
            self._slot.release()
        if self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)

    def __enter__(self) -> Box:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


def open_box(spec: BoxSpec, *, level: str | None = None) -> Box:
    """Start a box.

    Args:
        level: "full", "reduced" or "none"; None takes the best of this machine.

    Raises:
        SandboxError: it could not be built.
    """
    return Box(spec, level or best_level())


@cache
def best_level() -> str:
    """The highest walls that this machine lets us build, no higher than a person asked for."""
    asked = os.environ.get(LEVEL_VARIABLE, "full")
    if asked not in LEVELS:
        raise SandboxError(f"{LEVEL_VARIABLE} is {asked!r}; it may be {', '.join(LEVELS)}.")
    if asked == "full" and sys.platform == "linux" and bubblewrap.installed():
        try:
            with Box(BoxSpec(("-c", "pass"), packages=()), "full") as box:
                box._process.wait(INFO_S)
                if box._process.returncode == 0:
                    return "full"
        except (SandboxError, subprocess.TimeoutExpired):
            pass  # no user namespaces here, say: the next lower walls
    if asked != "none" and sys.platform == "linux" and plain.landlock_works():
        return "reduced"
    return "none"


@cache
def _spawner() -> concurrent.futures.ThreadPoolExecutor:
    """A thread that lives as long as this process: a box dies with the thread that started it."""
    if sys.platform == "linux":
        # Orphans of a box come to us, to be reaped here instead of lingering as zombies.
        ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    return concurrent.futures.ThreadPoolExecutor(1, "spawner")
