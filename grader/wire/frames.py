"""Frames: `<header length u32><body length u64><header JSON><body>`, with caps and a deadline.

Every length is checked before memory is taken for it. A frame that does not end in time, ends early
or holds what the codec does not write is an error of the sender, whoever that is.
"""

from __future__ import annotations

import json
import os
import select
import struct
import time
from collections.abc import Callable
from typing import Any

from .codec import MAX_BYTES, CodecError, Decoder, encode

PREFIX = struct.Struct("<IQ")
MAX_HEADER = 1 << 20
CHUNK = 1 << 20  # what a pipe holds at most, see `widen`
_F_SETPIPE_SZ = 1031


class FrameError(ValueError):
    """Bytes that are no frame."""


class FrameTimeout(TimeoutError):
    """The deadline passed while a frame was on its way."""


class FrameEnd(EOFError):
    """The other side closed."""


class Channel:
    """Sends and receives frames over two descriptors.

    Args:
        read_fd, write_fd: ends of two pipes, owned by the caller.
        max_body: bytes that the body of a received frame may have.
    """

    def __init__(self, read_fd: int, write_fd: int, *, max_body: int = MAX_BYTES) -> None:
        self._read_fd = read_fd
        self._write_fd = write_fd
        self._max_body = max_body
        for fd in (read_fd, write_fd):
            widen(fd)
            os.set_blocking(fd, False)
        self._readable = select.poll()
        self._readable.register(read_fd, select.POLLIN)
        self._writable = select.poll()
        self._writable.register(write_fd, select.POLLOUT)

    def send(self, message: dict[str, Any], deadline: float | None = None) -> None:
        """Send `message`, whose values are encoded one by one.

        Args:
            deadline: by `time.monotonic()`; None waits for ever.

        Raises:
            CodecError: a value that does not travel; nothing was sent.
            FrameTimeout, FrameEnd: the other side does not read, or is gone.
        """
        buffers: list[memoryview] = []
        tree = {key: encode(value, buffers) for key, value in message.items()}
        header = json.dumps(tree, separators=(",", ":"), allow_nan=False).encode()
        if len(header) > MAX_HEADER:
            raise CodecError(f"a message with a header of {len(header)} bytes is too long")
        prefix = PREFIX.pack(len(header), sum(buffer.nbytes for buffer in buffers))
        self._write(memoryview(prefix + header), deadline)
        for buffer in buffers:
            self._write(buffer, deadline)

    def receive(
        self,
        deadline: float | None = None,
        *,
        remote: Callable[[int], Any] | None = None,
        callback: Callable[[int], Any] | None = None,
    ) -> dict[str, Any]:
        """The next message.

        Raises:
            FrameError: the bytes are no frame of ours.
            FrameTimeout, FrameEnd: it does not come in time, or the other side is gone.
        """
        prefix = bytearray(PREFIX.size)
        self._read_into(memoryview(prefix), deadline)
        header_size, body_size = PREFIX.unpack(prefix)
        if header_size > MAX_HEADER or body_size > self._max_body:
            raise FrameError(f"a frame of {header_size} + {body_size} bytes is too long")
        header = bytearray(header_size)
        self._read_into(memoryview(header), deadline)
        decoder = Decoder(
            lambda view: self._read_into(view, deadline),
            body_size,
            remote=remote,
            callback=callback,
        )
        try:
            tree = json.loads(header, parse_constant=_no_constant)
            if not isinstance(tree, dict):
                raise FrameError("a header must be an object")
            message = {key: decoder.decode(value) for key, value in tree.items()}
        except (CodecError, UnicodeDecodeError, json.JSONDecodeError, RecursionError) as error:
            raise FrameError(f"a frame that is not ours: {error}") from None
        if decoder.left:
            raise FrameError(f"{decoder.left} bytes are left over in a frame")
        return message

    def pending(self) -> bool:
        """Whether bytes wait that nobody asked for (or the other side has closed)."""
        return bool(self._readable.poll(0))

    def _read_into(self, view: memoryview, deadline: float | None) -> None:
        done = 0
        while done < len(view):
            try:
                count = os.readv(self._read_fd, [view[done : done + CHUNK]])
            except BlockingIOError:
                _wait(self._readable, deadline)
                continue
            if count == 0:
                raise FrameEnd("the other side closed")
            done += count

    def _write(self, view: memoryview, deadline: float | None) -> None:
        done = 0
        while done < len(view):
            try:
                done += os.write(self._write_fd, view[done : done + CHUNK])
            except BlockingIOError:
                _wait(self._writable, deadline)
            except BrokenPipeError:
                raise FrameEnd("the other side closed") from None


def _wait(poll: select.poll, deadline: float | None) -> None:
    if deadline is None:
        poll.poll()
        return
    left = deadline - time.monotonic()
    if left <= 0 or not poll.poll(left * 1000):
        raise FrameTimeout("no answer in time")


def _no_constant(name: str) -> float:
    raise CodecError(f"{name} is no JSON")


def widen(fd: int) -> None:
    """Ask for a pipe that holds a megabyte: large arrays then need few switches."""
    try:
        import fcntl

        fcntl.fcntl(fd, _F_SETPIPE_SZ, CHUNK)
    except (ImportError, OSError):
        pass  # a smaller pipe is slower, not wrong
