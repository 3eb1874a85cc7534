"""Build Landlock's walls around this process, then become the program: run as a script.

python -I -S launcher.py '{"read": [...], "write": [...], "limits": {...}, ...}'
"""

from __future__ import annotations

import contextlib
import ctypes
import json
import os
import resource
import sys

CREATE_RULESET, ADD_RULE, RESTRICT_SELF = 444, 445, 446
PR_SET_NO_NEW_PRIVS, PR_SET_PDEATHSIG, PR_SET_SECCOMP, SECCOMP_MODE_FILTER = 38, 1, 22, 2
EXECUTE, WRITE_FILE, READ_FILE, READ_DIR, TRUNCATE, IOCTL = 1, 2, 4, 8, 1 << 14, 1 << 15
MAKE_SPECIAL = (1 << 6) | (1 << 9) | (1 << 10) | (1 << 11) | (1 << 12)
FILE_RIGHTS_BY_ABI = {1: (1 << 13) - 1, 2: (1 << 14) - 1, 3: (1 << 15) - 1, 4: (1 << 15) - 1}
NET_TCP, SCOPE_SIGNALS_AND_SOCKETS = 3, 3

libc = ctypes.CDLL(None, use_errno=True)


class Ruleset(ctypes.Structure):
    _fields_ = (("files", ctypes.c_uint64), ("net", ctypes.c_uint64), ("scoped", ctypes.c_uint64))


class PathRule(ctypes.Structure):
    _pack_ = 1
    _layout_ = "ms"
    _fields_ = (("allowed", ctypes.c_uint64), ("fd", ctypes.c_int32))


class Program(ctypes.Structure):
    _fields_ = (("length", ctypes.c_ushort), ("filter", ctypes.c_void_p))


def check(result: int, what: str) -> int:
    """`result`, or the end of this process with what failed."""
    if result < 0:
        sys.exit(f"{what}: {os.strerror(ctypes.get_errno())}")
    return result


def restrict(readable: list[str], writable: list[str]) -> None:
    """Leave this process with these files and folders only."""
    abi = check(libc.syscall(CREATE_RULESET, None, ctypes.c_size_t(0), 1), "Landlock")
    handled = FILE_RIGHTS_BY_ABI.get(abi, (1 << 16) - 1)
    rules = Ruleset(handled, NET_TCP, SCOPE_SIGNALS_AND_SOCKETS)
    size = 24 if abi >= 6 else 16 if abi >= 4 else 8
    fd = check(libc.syscall(CREATE_RULESET, ctypes.byref(rules), ctypes.c_size_t(size), 0), "rules")

    def allow(path: str, rights: int) -> None:
        try:
            target = os.open(path, os.O_PATH | os.O_CLOEXEC)
        except FileNotFoundError:
            return
        if not os.path.isdir(path):
            rights &= EXECUTE | WRITE_FILE | READ_FILE | TRUNCATE | IOCTL
        rule = PathRule(rights & handled, target)
        check(libc.syscall(ADD_RULE, fd, 1, ctypes.byref(rule), 0), path)
        os.close(target)

    for path in readable:
        allow(path, EXECUTE | READ_FILE | READ_DIR)
    for path in writable:
        allow(path, handled & ~(EXECUTE | MAKE_SPECIAL))
    allow("/dev/null", READ_FILE | WRITE_FILE)
    check(libc.syscall(RESTRICT_SELF, fd, 0), "Landlock")
    os.close(fd)


def main() -> None:
    """Walls, limits, filter, then the program itself."""
    task = json.loads(sys.argv[1])
    libc.prctl(PR_SET_PDEATHSIG, 9, 0, 0, 0)
    check(libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), "no new privileges")
    if task["cpus"]:
        os.sched_setaffinity(0, task["cpus"])
    for name, value in task["limits"].items():
        with contextlib.suppress(ValueError, OSError):
            resource.setrlimit(getattr(resource, f"RLIMIT_{name}"), (value, value))
    restrict(task["read"], task["write"])
    if task["filter"] is not None:
        code = os.read(task["filter"], 1 << 16)
        os.close(task["filter"])
        held = ctypes.create_string_buffer(code, len(code))
        program = Program(len(code) // 8, ctypes.cast(held, ctypes.c_void_p))
        check(
            libc.prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, ctypes.byref(program), 0, 0), "seccomp"
        )
    os.execv(task["command"][0], task["command"])


if __name__ == "__main__":
    main()
