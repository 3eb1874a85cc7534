"""The loop of a worker: read a request, do it, answer, until the other side closes."""

from __future__ import annotations

import importlib
import os
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
READ_FD, WRITE_FD = 3, 4
SERVERS = {"python": ("serve", "Server"), "gpu_engine": ("interpret", "Interpreter")}
ANY_SIZE = 1 << 40  # the trusted side may send what it likes; memory is bounded by the box


def move_descriptors() -> None:
    """Take the two pipes away from 0 and 1, where a learner's `print` and `input` would find them."""
    os.dup2(0, READ_FD, inheritable=False)
    os.dup2(1, WRITE_FD, inheritable=False)
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    os.dup2(2, 1)


def main() -> None:
    """Load the allowed packages, then serve."""
    move_descriptors()
    sys.path[:0] = [HERE, *filter(None, os.environ.get("DLSYS_SITE", "").split(os.pathsep))]
    for name in filter(None, os.environ.get("DLSYS_WARM", "").split(",")):
        __import__(name)
    if bans := os.environ.get("DLSYS_BANS"):
        importlib.import_module("bans").install(*bans.split(","))
    from wire.codec import MAX_BYTES
    from wire.frames import Channel, FrameEnd

    channel = Channel(READ_FD, WRITE_FD, max_body=ANY_SIZE, max_sent=MAX_BYTES, blocking=True)
    file, name = SERVERS[os.environ.get("DLSYS_RUNS", "python")]
    server = getattr(importlib.import_module(file), name)(channel)
    try:
        while True:
            server.answer()
    except FrameEnd:
        os._exit(0)


if __name__ == "__main__":
    main()
