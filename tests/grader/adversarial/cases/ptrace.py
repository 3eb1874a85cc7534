# row: 32
# attack: traces and reads other processes
# loses: none
# status: passed
import ctypes
import os
import platform

_ptrace, _readv = {"x86_64": (101, 310), "aarch64": (117, 270)}[platform.machine()]
_libc = ctypes.CDLL(None, use_errno=True)
for _pid in (os.getppid(), 1):
    if _pid and _pid != os.getpid() and _libc.syscall(_ptrace, 16, _pid, 0, 0) == 0:
        raise SystemExit("attached")
    try:
        open(f"/proc/{_pid}/mem", "rb").read(1)
    except (OSError, ValueError):
        pass
if _libc.syscall(_ptrace, 0, 0, 0, 0) == 0:
    raise SystemExit("traceme")
