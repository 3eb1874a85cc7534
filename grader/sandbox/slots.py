"""User ids that belong to nobody, one a box, so that the kernel's limits per user count one box.

Only root can hand them out. A lock on a file reserves an id among all graders of this machine; the
kernel drops it when its holder ends, however it ends.
"""

from __future__ import annotations

import fcntl
import os
from pathlib import Path

from ..errors import SandboxError

FOLDER = Path("/run/lock/dlsyslab")
FIRST, COUNT = 60001, 400


class Slot:
    """A reserved user id."""

    def __init__(self) -> None:
        FOLDER.mkdir(mode=0o700, parents=True, exist_ok=True)
        for uid in range(FIRST, FIRST + COUNT):
            fd = os.open(FOLDER / str(uid), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            try:
                fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                os.close(fd)
                continue
            self.uid, self._fd = uid, fd
            return
        raise SandboxError(f"all {COUNT} user ids for boxes are in use.")

    def release(self) -> None:
        """Give the id back."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1
