"""Warm workers: single-use processes with interpreter and packages loaded, waiting for a file."""

from __future__ import annotations

import contextlib
import platform
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from . import mirror, sandbox
from .sandbox import Box, BoxSpec, Mount
from .wire.frames import Channel

if TYPE_CHECKING:
    from types import TracebackType

HERE = Path(__file__).parent
BOX_FOLDER = "/opt/box"
# Of the data sets only what a learner's process may know: test labels stay on the trusted side.
DATA_FILES: Mapping[str, tuple[str, ...]] = {
    "digits": (
        "train-images-idx3-ubyte.gz",
        "train-labels-idx1-ubyte.gz",
        "test-images-idx3-ubyte.gz",
    ),
}
DATA_ROOT = HERE.parent / "reference"
STARTUP_S = 30.0  # of interpreter and packages, beyond the time for the file itself
# What Numba is told where its code runs for a moment only: half of its time goes into optimising.
QUICK = {"NUMBA_OPT": "0", "NUMBA_LOOP_VECTORIZE": "0", "NUMBA_SLP_VECTORIZE": "0"}
CPU_PER_WALL = 2  # processors that a box may keep busy


@dataclass(frozen=True, slots=True)
class WorkerEnvironment:
    """What a worker may see and use; equal environments share spares."""

    packages: tuple[str, ...]
    data: tuple[str, ...] = ()
    hides: tuple[str, ...] = ()
    runs: str = "python"
    bans: tuple[str, ...] = ()  # a stage's number, then names that raise BannedError there
    memory_mib: int = 1024
    processes: int = 64
    log_kib: int = 64
    cpu_s: int | None = None
    cpus: tuple[int, ...] | None = None
    threads: int = 1
    wall_s: float = 120.0
    quick: bool = False  # compiles without optimising


class Worker:
    """A box with a worker in it, and the channel to it."""

    def __init__(self, box: Box) -> None:
        self.box = box
        self.channel = Channel(box.read_fd, box.write_fd)

    def close(self) -> None:
        """End the box and everything in it."""
        self.box.close()


def start_worker(environment: WorkerEnvironment) -> Worker:
    """Open a box with a worker that loads its packages and then waits."""
    return Worker(sandbox.open_box(box_spec(environment)))


def box_spec(environment: WorkerEnvironment) -> BoxSpec:
    """The box of a worker of that kind."""
    threads = str(environment.threads)
    return BoxSpec(
        program=(f"{BOX_FOLDER}/main.py",),
        packages=mirror.foreign(environment.packages),
        mounts=(
            *_program_mounts(environment),
            *_data_mounts(environment.data),
            *mirror.mounts(environment.packages, environment.hides),
        ),
        environment={
            "DLSYS_WARM": ",".join(environment.packages),
            "DLSYS_RUNS": environment.runs,
            "OMP_NUM_THREADS": threads,
            "OPENBLAS_NUM_THREADS": threads,
            "MKL_NUM_THREADS": threads,
            "NUMBA_NUM_THREADS": threads,
            # A box lives for seconds: compiling would cost more than NumPy takes for the whole.
            "LAB_KERNELS": "numpy",
            **(QUICK if environment.quick else {}),
            **_ban_variables(environment.bans),
        },
        wall_s=environment.wall_s + STARTUP_S,
        cpu_s=environment.cpu_s or int((environment.wall_s + STARTUP_S) * CPU_PER_WALL),
        memory_mib=environment.memory_mib,
        processes=environment.processes,
        log_kib=environment.log_kib,
        cpus=environment.cpus,
    )


def _ban_variables(bans: tuple[str, ...]) -> dict[str, str]:
    """What installs the bans in a worker; what gets round them finds BLAS at its slowest."""
    if not bans:
        return {}
    core = {"OPENBLAS_CORETYPE": "Prescott"} if platform.machine() in ("x86_64", "AMD64") else {}
    return {"DLSYS_BANS": ",".join(bans), **core}


def _program_mounts(environment: WorkerEnvironment) -> tuple[Mount, ...]:
    names = ["main.py", "serve.py", "failure.py"]
    if environment.bans:
        names.append("bans.py")
    if environment.runs == "gpu_engine":
        names.append("interpret.py")
    files = [(name, HERE / "worker" / name) for name in names]
    files += [
        (f"wire/{name}", HERE / "wire" / name) for name in ("__init__.py", "codec.py", "frames.py")
    ]
    return tuple(Mount(source, f"{BOX_FOLDER}/{name}") for name, source in files)


def _data_mounts(names: tuple[str, ...]) -> tuple[Mount, ...]:
    return tuple(
        Mount(DATA_ROOT / name / file, f"/data/{name}/{file}")
        for name in names
        for file in DATA_FILES[name]
    )


class Spares:
    """Keeps a warm worker for each environment that was asked for; each is used once."""

    def __init__(self, depth: int = 1, *, lasting: bool = True) -> None:
        self._depth = depth
        self.lasting = lasting  # beyond one run: the next one finds a worker warm
        self._waiting: dict[WorkerEnvironment, list[Worker]] = {}
        self._lock = threading.Lock()
        self._closed = False

    def warm(self, environment: WorkerEnvironment) -> None:
        """Have a worker of `environment` ready."""
        with self._lock:
            waiting = self._waiting.setdefault(environment, [])
            while len(waiting) < self._depth and not self._closed:
                waiting.append(start_worker(environment))

    def take(self, environment: WorkerEnvironment, *, last: bool = False) -> Worker:
        """A worker of its own for the caller; another one starts to warm up in its place.

        Args:
            last: the caller will want no more of them for now.
        """
        with self._lock:
            waiting = self._waiting.setdefault(environment, [])
            while waiting:
                worker = waiting.pop(0)
                if worker.box.alive():
                    worker.box.restart_clock()  # waiting is not working
                    break
                worker.close()
            else:
                worker = start_worker(environment)
        # A pinned worker is for timing: warming its successor would disturb what is timed.
        if environment.cpus is None and not last:
            self.warm(environment)
        return worker

    def close(self) -> None:
        """End every worker that waits."""
        with self._lock:
            self._closed = True
            for waiting in self._waiting.values():
                while waiting:
                    with contextlib.suppress(OSError):
                        waiting.pop().close()

    def __enter__(self) -> Spares:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


__all__ = ["Spares", "Worker", "WorkerEnvironment", "start_worker"]
