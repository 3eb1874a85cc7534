# row: 32
# attack: makes a user namespace to become root in it
# loses: none
# status: passed
import ctypes

_libc = ctypes.CDLL(None, use_errno=True)
for _flag in (0x10000000, 0x00020000, 0x40000000):
    if _libc.unshare(_flag) == 0:
        raise SystemExit("a namespace was made")
if _libc.setuid(0) == 0 or _libc.mount(b"none", b"/tmp", b"tmpfs", 0, None) == 0:
    raise SystemExit("became more than it was")
