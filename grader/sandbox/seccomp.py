"""The list of system calls that a box refuses: what namespaces do not cover, and what nobody needs.

A deny list, because Numba's compiler and BLAS use too much for an allow list to stay right.
"""

from __future__ import annotations

import errno
import os
import sys
import tempfile
from functools import cache

# Keyrings, virtual-machine sockets and io_uring are in no namespace; the rest reaches other
# processes, mounts, modules or clocks. sched_setaffinity would undo the pinning of timed workers.
REFUSED = [
    "ptrace",
    "process_vm_readv",
    "process_vm_writev",
    "pidfd_getfd",
    "kcmp",
    "keyctl",
    "add_key",
    "request_key",
    "io_uring_setup",
    "io_uring_enter",
    "io_uring_register",
    "userfaultfd",
    "perf_event_open",
    "bpf",
    "mount",
    "umount2",
    "pivot_root",
    "move_mount",
    "open_tree",
    "fsopen",
    "fsmount",
    "fsconfig",
    "fspick",
    "mount_setattr",
    "setns",
    "unshare",
    "chroot",
    "kexec_load",
    "kexec_file_load",
    "init_module",
    "finit_module",
    "delete_module",
    "open_by_handle_at",
    "name_to_handle_at",
    "quotactl",
    "acct",
    "swapon",
    "swapoff",
    "reboot",
    "syslog",
    "personality",
    "mknod",
    "mknodat",
    "lookup_dcookie",
    "nfsservctl",
    "vhangup",
    "iopl",
    "ioperm",
    "modify_ldt",
    "settimeofday",
    "clock_settime",
    "clock_adjtime",
    "adjtimex",
    "fanotify_init",
    "sched_setaffinity",
    "memfd_create",
    "memfd_secret",
]
NEW_NAMESPACE_FLAGS = (
    0x00020000,  # mount
    0x02000000,  # cgroup
    0x04000000,  # host name
    0x08000000,  # ipc
    0x10000000,  # user
    0x20000000,  # pid
    0x40000000,  # network
)
TIOCSTI, TIOCLINUX = 0x5412, 0x541C
AF_UNIX = 1
LOW_32_BITS = 0xFFFFFFFF


@cache
def program() -> bytes | None:
    """The filter as BPF instructions, or None where libseccomp is not installed."""
    if sys.platform != "linux":
        return None
    try:
        import pyseccomp
    except (ImportError, OSError, RuntimeError):
        return None
    rules = pyseccomp.SyscallFilter(pyseccomp.ALLOW)
    refuse = pyseccomp.ERRNO(errno.EPERM)
    for name in REFUSED:
        try:
            rules.add_rule(refuse, name)
        except (OSError, ValueError, RuntimeError):
            continue  # this architecture or library does not know the call
    # glibc falls back to clone, whose flags can be read; clone3 hides them in memory.
    rules.add_rule(pyseccomp.ERRNO(errno.ENOSYS), "clone3")
    for flag in NEW_NAMESPACE_FLAGS:
        rules.add_rule(refuse, "clone", pyseccomp.Arg(0, pyseccomp.MASKED_EQ, flag, flag))
    for request in (TIOCSTI, TIOCLINUX):
        rules.add_rule(refuse, "ioctl", pyseccomp.Arg(1, pyseccomp.MASKED_EQ, LOW_32_BITS, request))
    rules.add_rule(pyseccomp.ERRNO(errno.EACCES), "socket", pyseccomp.Arg(0, pyseccomp.NE, AF_UNIX))
    with tempfile.TemporaryFile() as file:
        rules.export_bpf(file)
        file.seek(0)
        return file.read()


def program_fd() -> int | None:
    """A descriptor from which the filter can be read, owned by the caller."""
    instructions = program()
    if instructions is None:
        return None
    read_fd, write_fd = os.pipe()  # a few KiB: fits a pipe
    os.write(write_fd, instructions)
    os.close(write_fd)
    return read_fd
