"""Boxes of machines without bubblewrap: a process of its own, with Landlock's walls where they are.

`reduced` is Landlock (files, TCP, signals), the seccomp list and limits of the process; `none` is a
process. The worker protocol is the same, so a learner's code cannot forge anything in either; what
lacks is the protection of the machine, and the report says so.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from functools import cache
from pathlib import Path

from .interpreter import SITE_IN_BOX, executable, site_folders
from .spec import BoxSpec

LAUNCHER = Path(__file__).parent / "launcher.py"


def furnish(spec: BoxSpec, folder: str) -> None:
    """Copy what would be mounted into the private `folder`, each at its own place below it."""
    for mount in spec.mounts:
        place = Path(folder + mount.target)
        place.parent.mkdir(parents=True, exist_ok=True)
        copy = shutil.copytree if mount.source.is_dir() else shutil.copyfile
        copy(mount.source, place)


def command(spec: BoxSpec, folder: str, *, walls: bool, seccomp_fd: int | None) -> list[str]:
    """The command that runs the program of `spec` in the private `folder`."""
    targets = {mount.target for mount in spec.mounts}
    program = [folder + part if part in targets else part for part in spec.program]
    inner = [str(executable()), "-I", "-S", "-B", *program]
    if not walls:
        return inner
    readable = [
        "/usr", "/lib", "/lib64", "/etc/ld.so.cache", "/dev/null", "/dev/urandom", "/proc/self",
        "/sys/devices/system/cpu", sys.base_prefix, *site_folders(spec.packages),
        folder,
    ]  # fmt: skip
    limits = {
        "CPU": spec.cpu_s,
        "FSIZE": spec.file_mib << 20,
        "NOFILE": 256,
        "CORE": 0,
        "DATA": spec.memory_mib << 20,
        "AS": (spec.memory_mib + 4096) << 20,
    }
    task = {
        "read": readable,
        "write": [folder],
        "limits": limits,
        "filter": seccomp_fd,
        "cpus": list(spec.cpus) if spec.cpus else None,
        "command": inner,
    }
    return [str(executable()), "-I", "-S", "-B", str(LAUNCHER), json.dumps(task)]


def environment(spec: BoxSpec, folder: str) -> dict[str, str]:
    """A fixed environment, nothing of the caller's."""
    return {
        "PATH": "/usr/bin:/bin",
        "HOME": folder,
        "TMPDIR": folder,
        "LANG": "C.UTF-8",
        "PYTHONHASHSEED": "0",
        "NUMBA_CACHE_DIR": f"{folder}/.numba",
        "DLSYS_SITE": os.pathsep.join((folder + SITE_IN_BOX, *site_folders(spec.packages))),
        "DLSYS_DATA": f"{folder}/data",
        **spec.environment,
    }


@cache
def landlock_works() -> bool:
    """Whether this kernel builds Landlock's walls."""
    task: dict[str, object] = {"read": ["/usr", sys.base_prefix], "write": [], "limits": {}, "filter": None,
            "cpus": None, "command": [str(executable()), "-I", "-S", "-c", "pass"]}  # fmt: skip
    done = subprocess.run(
        [str(executable()), "-I", "-S", "-B", str(LAUNCHER), json.dumps(task)],
        capture_output=True,
        check=False,
        stdin=subprocess.DEVNULL,
    )
    return done.returncode == 0
