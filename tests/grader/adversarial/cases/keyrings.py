# row: 42
# attack: stores what it saw in the kernel's keyring
# loses: none
# status: passed
import ctypes
import platform

_keyctl, _add_key = {"x86_64": (250, 248), "aarch64": (219, 217)}[platform.machine()]
_libc = ctypes.CDLL(None, use_errno=True)
if _libc.syscall(_add_key, b"user", b"seen", b"Z", 1, -4) >= 0 or _libc.syscall(_keyctl, 0, -4, 1) >= 0:
    raise SystemExit("a keyring answered")
