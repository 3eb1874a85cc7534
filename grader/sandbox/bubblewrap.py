"""The command line of a box: limits, then bubblewrap, then a user of its own, then Python.

As root the mounts are made with root's rights (an interpreter under a closed home can be bound) and
`setpriv` drops to the slot's user inside. As an ordinary user bubblewrap makes a user namespace,
forbids further ones and drops every capability.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Sequence
from functools import cache
from pathlib import Path, PurePosixPath

from .interpreter import (
    SITE_IN_BOX,
    executable_in_box,
    interpreter_mounts,
    package_mounts,
)
from .spec import BoxSpec, Mount

BASE_ENVIRONMENT = {
    "PATH": "/usr/bin:/bin",
    "HOME": "/box",
    "TMPDIR": "/tmp",
    "LANG": "C.UTF-8",
    "PYTHONHASHSEED": "0",
    "MALLOC_ARENA_MAX": "2",  # glibc would reserve 64 MiB of addresses a thread
    # Freed memory is kept: given back and fetched anew it costs a page fault each 4 KiB, and a
    # clean solution with one temporary more is timed at half as long again.
    "MALLOC_MMAP_THRESHOLD_": str(32 << 20),
    "MALLOC_TRIM_THRESHOLD_": str(128 << 20),
    "NUMBA_CACHE_DIR": "/box/.numba",
    "NUMBA_THREADING_LAYER": "workqueue",
    "DLSYS_SITE": SITE_IN_BOX,
    "DLSYS_DATA": "/data",
}
SYSTEM_LINKS = ("bin", "lib", "lib32", "lib64", "sbin")
OPEN_FILES = 256
# What the learner's user needs in /etc to look like a system: nothing but a name for itself.
PASSWD = "learner:x:{uid}:{uid}::/box:/bin/false\n"


@cache
def installed() -> bool:
    """Whether bubblewrap and the tools beside it are there."""
    return all(shutil.which(name) for name in ("bwrap", "prlimit", "taskset", "setpriv"))


def command(
    spec: BoxSpec,
    *,
    uid: int | None,
    seccomp_fd: int | None,
    info_fd: int,
    cgroup_files: Sequence[Path],
    bound_data: bool,
) -> tuple[list[str], int]:
    """The whole command, and a descriptor to be passed on: it holds bubblewrap's options.

    The first process of the box is bubblewrap, whose command line everybody inside can read: it
    must not tell where things lie on this machine.

    Args:
        uid: the slot's user (as root), or None for a user namespace.
        bound_data: bound memory by limits of the process, where there is no control group.
    """
    line = _joined(cgroup_files) if cgroup_files else []
    line += _limits(spec, bound_data=bound_data)
    if spec.cpus is not None:
        line += ["taskset", "--cpu-list", ",".join(map(str, spec.cpus))]
    options = ["--die-with-parent", "--new-session", "--hostname", "box", "--clearenv"]
    options += ["--unshare-pid", "--unshare-net", "--unshare-ipc", "--unshare-uts"]
    options += ["--unshare-cgroup-try"]
    if uid is None:
        options += ["--unshare-user", "--disable-userns", "--cap-drop", "ALL"]
    else:
        options += ["--cap-drop", "ALL"]
        for capability in ("SETUID", "SETGID", "SETPCAP"):  # for setpriv, which then drops them
            options += ["--cap-add", f"CAP_{capability}"]
    for key, value in {**BASE_ENVIRONMENT, **spec.environment}.items():
        options += ["--setenv", key, value]
    options += _file_system(spec)
    if seccomp_fd is not None:
        options += ["--seccomp", str(seccomp_fd)]
    options += ["--info-fd", str(info_fd)]
    options_fd = _held("\0".join(options).encode())
    line += ["bwrap", "--args", str(options_fd), "--"]
    if uid is not None:
        line += ["/usr/bin/setpriv", f"--reuid={uid}", f"--regid={uid}", "--clear-groups"]
        line += ["--no-new-privs", "--bounding-set=-all", "--inh-caps=-all"]
    return [*line, executable_in_box(), "-I", "-S", "-B", *spec.program], options_fd


def _held(content: bytes) -> int:
    """A descriptor from which `content` can be read."""
    fd = os.memfd_create("options", os.MFD_CLOEXEC)
    os.write(fd, content)
    os.lseek(fd, 0, os.SEEK_SET)
    return fd


def _joined(cgroup_files: Sequence[Path]) -> list[str]:
    """Join the control groups before anything is started, so that nothing escapes them."""
    writes = "; ".join(f"echo $$ > {path}" for path in cgroup_files)
    return ["/bin/sh", "-c", f'{writes}; exec "$@"', "sh"]


def _limits(spec: BoxSpec, *, bound_data: bool) -> list[str]:
    limits = {
        "cpu": spec.cpu_s,
        "fsize": spec.file_mib << 20,
        "nofile": OPEN_FILES,
        "core": 0,
        "memlock": 0,
        "msgqueue": 0,
        "nice": 0,
        "rtprio": 0,
        "stack": 64 << 20,
    }
    if os.getuid() != 0 or bound_data:
        limits["nproc"] = spec.processes
    if bound_data:
        # Addresses are not memory: BLAS and JIT reserve far more than they touch.
        limits |= {"data": spec.memory_mib << 20, "as": (spec.memory_mib + 4096) << 20}
    return ["prlimit", *(f"--{name}={value}:{value}" for name, value in limits.items())]


def _file_system(spec: BoxSpec) -> list[str]:
    line = ["--ro-bind", "/usr", "/usr"]
    for name in SYSTEM_LINKS:
        path = Path("/") / name
        if path.is_symlink():
            line += ["--symlink", str(path.readlink()).lstrip("/"), f"/{name}"]
        elif path.is_dir():
            line += ["--ro-bind", f"/{name}", f"/{name}"]
    line += ["--proc", "/proc", "--dev", "/dev"]
    for target, size in (("/dev/shm", 1), ("/tmp", spec.tmp_mib), ("/box", spec.box_mib)):
        line += ["--perms", "1777", "--size", str(size << 20), "--tmpfs", target]
    mounts = [*interpreter_mounts(), *package_mounts(spec.packages), *spec.mounts]
    for folder in _parents(mounts):
        # bubblewrap makes missing parents with mode 0700, which the slot's user cannot enter.
        line += ["--perms", "0755", "--dir", folder]
    for mount in mounts:
        line += ["--ro-bind", str(mount.source), mount.target]
    # The root itself last: before this it is a tmpfs that anyone may fill.
    return [*line, "--chdir", "/box", "--remount-ro", "/"]


def _parents(mounts: Sequence[Mount]) -> list[str]:
    """Every folder above a mount point, outermost first."""
    found: dict[str, None] = {}
    for mount in mounts:
        for parent in reversed(PurePosixPath(mount.target).parents[:-1]):
            found[str(parent)] = None
    return list(found)
