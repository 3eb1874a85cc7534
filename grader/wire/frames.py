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
SMALL = 1 << 14  # a frame up to this goes and comes in one system call
# A short call answers sooner than a sleeping process wakes up, so the first moments are not slept,
# unless the other side needs the only processor.
SPIN_S = 100e-6 if (os.cpu_count() or 1) > 1 else 0.0
MAX_PARTS = 512  # that one system call writes; every system takes 1024
_F_SETPIPE_SZ = 1031


class FrameError(ValueError):
    """Bytes that are no frame."""


class FrameTimeout(TimeoutError):
    """The deadline passed while a frame was on its way."""


class FrameEnd(EOFError):
    """The other side closed."""


def _no_constant(name: str) -> float:
    raise CodecError(f"{name} is no JSON")


# Made once: `json.dumps` and `json.loads` with options make one for each message.
_ENCODER = json.JSONEncoder(separators=(",", ":"), allow_nan=False, check_circular=False)
_DECODER = json.JSONDecoder(parse_constant=_no_constant)


class Channel:
    """Sends and receives frames over two descriptors.

    Args:
        read_fd, write_fd: ends of two pipes, owned by the caller.
        max_body: bytes that the body of a received frame may have.
        max_sent: bytes that the body of a frame sent here may have; None leaves it to the receiver.
        blocking: wait inside `read` and `write` (one system call less), for a side without deadlines.
    """

    def __init__(
        self,
        read_fd: int,
        write_fd: int,
        *,
        max_body: int = MAX_BYTES,
        max_sent: int | None = None,
        blocking: bool = False,
    ) -> None:
        self._read_fd = read_fd
        self._write_fd = write_fd
        self._max_body = max_body
        self._max_sent = max_sent
        self._blocking = blocking
        self._ahead = bytearray()  # read already, not asked for yet
        for fd in (read_fd, write_fd):
            widen(fd)
            os.set_blocking(fd, blocking)
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
        header = _ENCODER.encode(tree).encode()
        if len(header) > MAX_HEADER:
            raise CodecError(f"an object whose description takes {len(header)} bytes")
        body = sum(buffer.nbytes for buffer in buffers) if buffers else 0
        if self._max_sent is not None and body > self._max_sent:
            raise CodecError(f"an object of {body} bytes")
        head = PREFIX.pack(len(header), body) + header
        if body <= SMALL:
            self._write_small(b"".join((head, *buffers)) if body else head, deadline)
        else:
            self._write([memoryview(head), *buffers], deadline)

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
        ahead = self._ahead
        self._fill(PREFIX.size, deadline)
        header_size, body_size = PREFIX.unpack_from(ahead)
        if header_size > MAX_HEADER or body_size > self._max_body:
            raise FrameError(f"a frame of {header_size} + {body_size} bytes is too long")
        end = PREFIX.size + header_size
        self._fill(end, deadline)
        header = ahead[PREFIX.size : end]
        del ahead[:end]
        decoder = Decoder(
            lambda view: self._read_into(view, deadline),
            body_size,
            remote=remote,
            callback=callback,
        )
        try:
            text = header.decode()
            tree, last = _DECODER.raw_decode(text)
            if last != len(text):
                raise FrameError("a header goes on after its object")
            if not isinstance(tree, dict):
                raise FrameError("a header must be an object")
            message = {key: decoder.decode(value) for key, value in tree.items()}
        except FrameError:
            raise
        except (ValueError, RecursionError) as error:  # whatever JSON, Unicode or the codec say
            raise FrameError(f"a frame that is not ours: {error}") from None
        if decoder.left:
            raise FrameError(f"{decoder.left} bytes are left over in a frame")
        return message

    def pending(self) -> bool:
        """Whether bytes wait that nobody asked for; a side that has closed sends none."""
        return bool(self._ahead) or any(flag & select.POLLIN for _, flag in self._readable.poll(0))

    def _fill(self, size: int, deadline: float | None) -> None:
        """Read until `size` bytes lie ahead; what comes with them in the same read stays there."""
        ahead = self._ahead
        if len(ahead) >= size:
            return
        ahead += self._read(max(SMALL, size))
        if not ahead and not self._blocking:
            ends = time.monotonic() + SPIN_S
            while not ahead and time.monotonic() < ends:
                ahead += self._read(SMALL)
        while len(ahead) < size:
            # Even if more is there by now: a side that sends byte by byte must end in time, too.
            self._wait_for(self._readable, deadline)
            ahead += self._read(max(SMALL, size - len(ahead)))

    def _read_into(self, view: memoryview, deadline: float | None) -> None:
        done = min(len(self._ahead), len(view))
        view[:done] = self._ahead[:done]
        del self._ahead[:done]
        while done < len(view):
            self._wait_for(self._readable, deadline)
            try:
                count = os.readv(self._read_fd, [view[done : done + CHUNK]])
            except BlockingIOError:
                continue
            if count == 0:
                raise FrameEnd("the other side closed")
            done += count

    def _read(self, size: int) -> bytes:
        """At most `size` bytes of what is there."""
        try:
            part = os.read(self._read_fd, size)
        except BlockingIOError:
            return b""
        if not part:
            raise FrameEnd("the other side closed")
        return part

    def _write_small(self, data: bytes, deadline: float | None) -> None:
        try:
            sent = os.write(self._write_fd, data)
        except BlockingIOError:
            sent = 0
        except BrokenPipeError:
            raise FrameEnd("the other side closed") from None
        if sent < len(data):
            self._write([memoryview(data)[sent:]], deadline)

    def _write(self, parts: list[memoryview], deadline: float | None) -> None:
        while parts:
            try:
                sent = os.writev(self._write_fd, parts[:MAX_PARTS])
            except BlockingIOError:
                self._wait_for(self._writable, deadline)
                continue
            except BrokenPipeError:
                raise FrameEnd("the other side closed") from None
            done = 0
            while done < len(parts) and sent >= parts[done].nbytes:
                sent -= parts[done].nbytes
                done += 1
            del parts[:done]
            if sent:
                parts[0] = parts[0][sent:]

    def _wait_for(self, poll: select.poll, deadline: float | None) -> None:
        if self._blocking:
            return
        if deadline is None:
            poll.poll()
            return
        left = deadline - time.monotonic()
        if left <= 0 or not poll.poll(left * 1000):
            raise FrameTimeout("no answer in time")


def widen(fd: int) -> None:
    """Ask for a pipe that holds a megabyte: large arrays then need few switches."""
    try:
        import fcntl

        fcntl.fcntl(fd, _F_SETPIPE_SZ, CHUNK)
    except (ImportError, OSError):
        pass  # a smaller pipe is slower, not wrong
