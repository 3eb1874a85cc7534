"""What must be refused inside a box, each tried: run there as a program, one JSON line out.

`true` means refused, as it must be. The program knows nothing that a learner may not know.
"""

from __future__ import annotations

import ctypes
import json
import os
import platform
import socket
import sys
from collections.abc import Callable
from functools import partial

LIBC = ctypes.CDLL(None, use_errno=True)
NUMBERS = {
    "x86_64": {"ptrace": 101, "keyctl": 250, "memfd_create": 319, "io_uring_setup": 425},
    "aarch64": {"ptrace": 117, "keyctl": 219, "memfd_create": 279, "io_uring_setup": 425},
}.get(platform.machine(), {})
CLONE_NEWUSER = 0x10000000


def files_outside() -> bool:
    """Folders of people and of this machine cannot be listed."""
    return not any(_succeeds(partial(os.listdir, place)) for place in ("/home", "/root", "/var"))


def writing_outside() -> bool:
    """Nothing outside the private folders can be written."""
    return not any(
        _succeeds(partial(os.open, p, os.O_WRONLY | os.O_CREAT)) for p in ("/x", "/usr/x", "/opt/x")
    )


def network() -> bool:
    """No socket but a local one can be made."""
    return not _succeeds(lambda: socket.socket(socket.AF_INET, socket.SOCK_STREAM))


def odd_sockets() -> bool:
    """Sockets that no namespace covers cannot be made."""
    return not any(
        _succeeds(partial(socket.socket, family, socket.SOCK_DGRAM)) for family in (16, 40)
    )


def tracing() -> bool:
    """Other processes cannot be traced."""
    # Tried by a child: who may be traced is stopped by its next signal, and would say nothing more.
    if (pid := os.fork()) == 0:
        os._exit(0 if _call("ptrace", 0, 0, 0, 0) else 1)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0


def keyrings() -> bool:
    """The kernel's keyrings are closed."""
    return _call("keyctl", 0, -4, 1)


def memory_files() -> bool:
    """Files that live in memory only, and in no limit, cannot be made."""
    return _call("memfd_create", b"x", 0)


def io_uring() -> bool:
    """The kernel's other way to make system calls is closed."""
    return _call("io_uring_setup", 1, 0)


def namespaces() -> bool:
    """No new user namespace, so no way to become root in one."""
    return bool(LIBC.unshare(CLONE_NEWUSER) != 0)


def other_processes() -> bool:
    """Processes outside the box are not seen."""
    try:
        return len([name for name in os.listdir("/proc") if name.isdigit()]) <= 4
    except OSError:
        return True


def capabilities() -> bool:
    """No capability is left."""
    with open("/proc/self/status") as file:
        fields = dict(line.split(":\t") for line in file.read().splitlines() if ":\t" in line)
    return all(int(fields[name], 16) == 0 for name in ("CapEff", "CapPrm", "CapInh", "CapAmb"))


def other_users() -> bool:
    """Becoming another user is refused."""
    return not _succeeds(lambda: os.setuid(0))


def processors() -> bool:
    """The set of processors cannot be changed."""
    return not _succeeds(lambda: os.sched_setaffinity(0, os.sched_getaffinity(0)))


def many_processes() -> bool:
    """A fork bomb is stopped."""
    children = []
    try:
        for _ in range(100):
            pid = os.fork()
            if pid == 0:
                os.read(0, 1)  # wait: the request pipe stays silent until the box is closed
                os._exit(0)
            children.append(pid)
    except OSError:
        return True
    finally:
        for pid in children:
            os.kill(pid, 9)
            os.waitpid(pid, 0)
    return False


DENIALS: dict[str, Callable[[], bool]] = {
    "files of this machine": files_outside,
    "writing outside": writing_outside,
    "the network": network,
    "sockets of the machine": odd_sockets,
    "tracing": tracing,
    "keyrings": keyrings,
    "memory files": memory_files,
    "io_uring": io_uring,
    "namespaces": namespaces,
    "other processes": other_processes,
    "capabilities": capabilities,
    "other users": other_users,
    "processors": processors,
    "many processes": many_processes,
}


def _succeeds(attempt: Callable[[], object]) -> bool:
    try:
        attempt()
    except OSError:
        return False
    return True


def _call(name: str, *args: object) -> bool:
    """Whether the system call fails (on a processor whose numbers are not known: it does not)."""
    number = NUMBERS.get(name)
    return number is not None and LIBC.syscall(number, *args) < 0


if __name__ == "__main__":
    print(json.dumps({name: attempt() for name, attempt in DENIALS.items()}))
    sys.stdout.flush()
