"""No cold wait: NumPy serves until a kernel's machine code is in the cache.

LAB_KERNELS says what happens where it is not there yet:
    serve   the oracle answers while one child process compiles (the default)
    wait    it is compiled at once (tests, benchmarks)
    numpy   nothing is ever compiled

The cache is the folder `numba-<hash>` in LAB_KERNEL_CACHE, NUMBA_CACHE_DIR or the user's cache
folder; the hash holds the versions, the processor and the options. Each entry's name holds a hash
of its source file and of the kernel files that one imports. A marker `softmax-f-<hash>.ready` says
that every sample call of softmax in float32 has been compiled, so that asking needs no Numba.
"""

from __future__ import annotations

import atexit
import contextlib
import hashlib
import os
import platform
import re
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .kernel import Kernel

MODES = ("serve", "wait", "numpy")
HERE = Path(__file__).parent
LETTERS = {"f": "float32", "d": "float64"}
KEEP_DAYS = 14.0
ENDINGS = (".nbi", ".nbc", ".ready", ".failed")  # what we put into the folder

_OURS = re.compile(r"^\s*from \.(\w*) import (\([^)]*\)|.+)|\bword\(\"(\w+)\"", re.MULTILINE)
_IGNORED = {"NUMBA_CACHE_DIR", "NUMBA_NUM_THREADS", "NUMBA_THREADING_LAYER"}


@cache
def mode() -> str:
    """LAB_KERNELS, or numpy where Numba is not installed."""
    told = os.environ.get("LAB_KERNELS", "serve")
    if told not in MODES:
        raise ValueError(f"LAB_KERNELS is {told!r}. It must be one of {', '.join(MODES)}.")
    import importlib.util

    return told if importlib.util.find_spec("numba") else "numpy"


@cache
def folder() -> Path | None:
    """Where machine code is kept; None where no folder can be had."""
    told = os.environ.get("LAB_KERNEL_CACHE") or os.environ.get("NUMBA_CACHE_DIR")
    try:
        base = Path(told) if told else _user_cache()
        place = base / f"numba-{_setting()}"
        place.mkdir(mode=0o700, parents=True, exist_ok=True)
    except (OSError, RuntimeError):  # RuntimeError: no home folder
        return None
    return place


def _user_cache() -> Path:
    try:
        from platformdirs import user_cache_path
    except ImportError:
        return Path.home() / ".cache" / "dlsyslab"
    return user_cache_path("dlsyslab", appauthor=False)


def _setting() -> str:
    """Everything but the sources that the machine code depends on."""
    from importlib import metadata

    facts = [platform.python_version(), platform.machine(), platform.system(), _processor()]
    facts += [metadata.version(name) for name in ("numba", "llvmlite", "numpy")]
    facts += [
        f"{name}={value}"
        for name, value in sorted(os.environ.items())
        if (name.startswith("NUMBA_") and name not in _IGNORED) or name == "LAB_SIMD_BITS"
    ]
    return _short("\n".join(facts))


def _processor() -> str:
    """The processor's name and abilities, from the system rather than from LLVM."""
    try:
        told = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return platform.processor()
    wanted = ("model name", "cpu family", "model", "flags", "Features", "CPU part")
    first = told.split("\n\n")[0].splitlines()
    return "\n".join(line for line in first if line.split(":")[0].strip() in wanted)


def _short(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:12]


@cache
def stamp(module: str) -> str:
    """A hash of the module's source and of every kernels file it imports, near or far."""
    seen: set[str] = set()
    waiting = [module.rpartition(".")[2]]
    while waiting:
        name = waiting.pop()
        path = HERE / f"{name}.py"
        if name in seen or not path.is_file():
            continue
        seen.add(name)
        for home, names, deferred in _OURS.findall(path.read_text(encoding="utf-8")):
            waiting += [one for one in (home, deferred) if one]
            if not home:
                waiting += re.findall(r"\w+", names)
    sources = [(HERE / f"{name}.py").read_text(encoding="utf-8") for name in sorted(seen)]
    return _short("\0".join(sources) if sources else module)


def _marker(kernel: Kernel, letter: str, ending: str = "ready") -> Path | None:
    place = folder()
    module = getattr(kernel.devices.get("cpu"), "__module__", "") or ""
    return None if place is None else place / f"{kernel.name}-{letter}-{stamp(module)}.{ending}"


def compiled(kernel: Kernel, letter: str) -> bool:
    """Whether the cache holds this kernel for float32 ("f") or float64 ("d")."""
    marker = _marker(kernel, letter)
    return marker is not None and marker.exists()


def request(kernel: Kernel, letter: str) -> bool:
    """Ask the child for a kernel; False where it will never come, so that NumPy goes on serving."""
    failed = _marker(kernel, letter, "failed")
    return failed is not None and not failed.exists() and _child.ask(f"{kernel.name} {letter}")


class _Child:
    """The one process that compiles for us; it ends with us, or when its pipe is closed."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[str] | None = None
        self._asked: set[str] = set()
        self._lock = threading.Lock()
        self._barred = False

    def ask(self, line: str) -> bool:
        with self._lock:
            if self._barred:
                return False
            if line in self._asked:
                return self._alive()
            self._asked.add(line)
            try:
                if self._process is None:
                    self._process = self._start()
                assert self._process.stdin is not None
                self._process.stdin.write(line + "\n")
                self._process.stdin.flush()
            except OSError:  # no processes for us, or the child has died
                self._barred = True
                return False
            return True

    def _alive(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def _start(self) -> subprocess.Popen[str]:
        code = "import sys; sys.path.insert(0, sys.argv[1]); import kernels.ready as it; it.serve()"
        atexit.register(self.close)
        return subprocess.Popen(
            [sys.executable, "-c", code, str(HERE.parent)],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            text=True,
            env={**os.environ, "LAB_KERNELS": "wait"},
            start_new_session=True,  # Ctrl-C is for the learner's program
        )

    def close(self) -> None:
        """Let it finish the kernel at hand and end."""
        if self._process is not None and self._process.stdin is not None:
            with contextlib.suppress(OSError):
                self._process.stdin.close()
            self._process.poll()
            if self._process.returncode is None:
                self._process.returncode = 0  # nobody waits for it: it ends by itself


_child = _Child()


def serve() -> None:
    """The child: compile what the lines of standard input name, until it is closed."""
    if hasattr(os, "nice"):
        os.nice(5)
    lines: list[str] = []
    ended = threading.Event()
    came = threading.Condition()

    def read() -> None:
        for line in sys.stdin:
            with came:
                lines.append(line)
                came.notify()
        with came:
            ended.set()
            came.notify()

    threading.Thread(target=read, daemon=True).start()
    import kernels

    while True:
        with came:
            while not lines and not ended.is_set():
                came.wait()
            if ended.is_set():
                return
            name, letter = lines.pop(0).split()
        compile_one(kernels.get(name), letter)


def compile_one(kernel: Kernel, letter: str) -> str:
    """Compile every form of a kernel for one dtype by running its samples; the fault, or ""."""
    from . import threads

    with _alone():
        if compiled(kernel, letter):
            return ""
        launcher = kernel.devices["cpu"]
        try:
            for workers in (1, 2):
                with threads.eager(workers):
                    for arrays, params in kernel.calls(LETTERS[letter]):
                        launcher(*arrays, **params)
        except Exception as error:  # whatever it is, NumPy goes on serving
            _write(_marker(kernel, letter, "failed"), f"{type(error).__name__}: {error}\n")
            return f"{type(error).__name__}: {error}".splitlines()[0]
        _write(_marker(kernel, letter), "")
        failed = _marker(kernel, letter, "failed")
        if failed is not None and os.access(failed.parent, os.W_OK):
            failed.unlink(missing_ok=True)
    return ""


def _write(path: Path | None, text: str) -> None:
    try:
        if path is not None:
            path.write_text(text, encoding="utf-8")
    except OSError:
        pass


class _alone:
    """One process at a time compiles into the folder, where the system can lock a file."""

    def __enter__(self) -> None:
        self._file = None
        try:
            import fcntl

            place = folder()
            if place is not None:
                self._file = (place / "lock").open("w")
                fcntl.flock(self._file, fcntl.LOCK_EX)
        except (ImportError, OSError):
            pass

    def __exit__(self, *_: Any) -> None:
        if self._file is not None:
            self._file.close()


def warm(
    names: Sequence[str] | None = None,
    progress: Callable[[int, int, str], None] | None = None,
) -> dict[str, str]:
    """Compile the named kernels, or all, into the cache, and throw out what is old.

    Args:
        names: kernels; None means every one whose file is here.
        progress: called as (done, total, kernel and dtype about to be compiled).

    Returns:
        The fault of each one that could not be compiled, such as {"gemm float64": "..."}.
    """
    if mode() == "numpy":
        return {}
    import kernels

    found = [kernels.get(name) for name in names] if names else kernels.load_all().values()
    jobs = [(one, letter) for one in found if "cpu" in one.devices for letter in LETTERS]
    faults = {}
    for done, (kernel, letter) in enumerate(jobs):
        what = f"{kernel.name} {LETTERS[letter]}"
        if progress is not None:
            progress(done, len(jobs), what)
        fault = compile_one(kernel, letter)
        if fault:
            faults[what] = fault
        kernel.forget()
    if progress is not None:
        progress(len(jobs), len(jobs), "")
    prune()
    return faults


def prune(days: float = KEEP_DAYS) -> int:
    """Remove caches of other settings, and entries of other sources, older than `days`; how many.

    Only folders and files that bear our names are touched.
    """
    place = folder()
    if place is None:
        return 0
    oldest = time.time() - days * 86400
    current = {stamp(path.stem) for path in HERE.glob("*.py")}
    removed = 0
    for other in place.parent.glob("numba-????????????"):
        for file in list(other.iterdir()) if other.is_dir() else []:
            ours = other == place and any(one in file.name for one in current)
            if not ours and (file.suffix in ENDINGS or (file.name == "lock" and other != place)):
                removed += _remove(file, oldest)
        if other != place and other.is_dir() and not any(other.iterdir()):
            other.rmdir()
    return removed


def _remove(file: Path, oldest: float) -> int:
    try:
        if file.stat().st_mtime >= oldest:
            return 0
        file.unlink()
    except OSError:
        return 0
    return 1
