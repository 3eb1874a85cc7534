"""Frames: caps before memory, deadlines, and only errors of ours whatever the bytes are."""

from __future__ import annotations

import json
import os
import threading
import time
import tracemalloc
from collections.abc import Iterator

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from grader.wire.frames import MAX_HEADER, PREFIX, Channel, FrameEnd, FrameError, FrameTimeout

NOW = 0.0  # a deadline that has passed: what has not come yet will not be waited for


class Pipes:
    """A channel, and the other ends of its pipes."""

    def __init__(self, **options: bool) -> None:
        inner, self.write = os.pipe()
        self.read, outer = os.pipe()
        self._fds = {inner, outer, self.read, self.write}
        self.channel = Channel(inner, outer, **options)  # type: ignore[arg-type]

    def close(self, *fds: int) -> None:
        for fd in fds or tuple(self._fds):
            os.close(fd)
            self._fds.discard(fd)


@pytest.fixture
def pipes() -> Iterator[Pipes]:
    made = Pipes()
    yield made
    made.close()


def frame(header: object, body: bytes = b"") -> bytes:
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return PREFIX.pack(len(text), len(body)) + text + body


@pytest.mark.parametrize("size", [0, 1, 1000, 1 << 14, 3 << 20])
def test_a_message_comes_through_whatever_its_size(pipes: Pipes, size: int) -> None:
    back = Channel(pipes.read, pipes.write)
    sender = threading.Thread(target=back.send, args=({"id": 1, "x": np.arange(size)},))
    sender.start()
    found = pipes.channel.receive(time.monotonic() + 10)
    sender.join()

    assert found["id"] == 1 and np.array_equal(found["x"], np.arange(size))


def test_frames_that_come_together_are_read_one_by_one(pipes: Pipes) -> None:
    os.write(pipes.write, frame({"id": 1}) + frame({"id": 2, "y": {"y": 3}}, b"abc"))

    assert pipes.channel.receive(NOW) == {"id": 1}
    assert pipes.channel.pending()
    assert pipes.channel.receive(NOW) == {"id": 2, "y": b"abc"}
    assert not pipes.channel.pending()


def test_a_side_that_closed_has_sent_nothing(pipes: Pipes) -> None:
    """A box that was ended while it waited is told as ended, not as one that talks out of turn."""
    pipes.close(pipes.write)

    assert not pipes.channel.pending()
    with pytest.raises(FrameEnd):
        pipes.channel.receive(NOW)


@given(st.binary(max_size=200))
@settings(suppress_health_check=[HealthCheck.too_slow], deadline=None)
def test_random_bytes_are_an_error_of_ours(noise: bytes) -> None:
    made = Pipes()
    os.write(made.write, noise)
    made.close(made.write)
    try:
        with pytest.raises((FrameError, FrameEnd)):
            while True:
                made.channel.receive(NOW + time.monotonic() + 1)
    finally:
        made.close()


GOOD = frame(
    {"id": 5, "value": {"t": [{"a": ["<f8", [2, 2]]}, {"s": "<f4"}, {"d": [["k", {"y": 2}]]}]}},
    b"x" * 38,
)


@given(st.data())
@settings(deadline=None)
def test_a_frame_with_flipped_bytes_is_a_message_or_an_error_of_ours(data: st.DataObject) -> None:
    torn = bytearray(GOOD)
    for _ in range(data.draw(st.integers(1, 4))):
        place = data.draw(st.integers(0, len(torn) - 1))
        torn[place] = data.draw(st.integers(0, 255))
    made = Pipes()
    os.write(made.write, bytes(torn))
    made.close(made.write)
    try:
        assert isinstance(made.channel.receive(time.monotonic() + 1), dict)
    except (FrameError, FrameEnd):
        pass
    finally:
        made.close()


@pytest.mark.parametrize(
    "sent",
    [
        PREFIX.pack(MAX_HEADER + 1, 0),
        PREFIX.pack(2, 1 << 60) + b"{}",
        frame(b"[1]"),
        frame(b"{"),
        frame(b"\xff"),
        frame(b'{"a":NaN}'),
        frame(b'{"a":' + b"9" * 5000 + b"}"),
        frame(b"[" * 100_000),
        frame({"id": 1}, b"left over"),
        frame({"y": {"y": 9}}, b"short"),
    ],
    ids=lambda sent: repr(bytes(sent[:24])),
)
def test_what_is_no_frame_is_refused_without_taking_memory(pipes: Pipes, sent: bytes) -> None:
    threading.Thread(target=os.write, args=(pipes.write, sent), daemon=True).start()
    tracemalloc.start()
    with pytest.raises(FrameError):
        pipes.channel.receive(time.monotonic() + 10)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert peak < 4 << 20


def test_a_frame_that_does_not_end_in_time_is_not_waited_for(pipes: Pipes) -> None:
    os.write(pipes.write, GOOD[:-1])

    with pytest.raises(FrameTimeout):
        pipes.channel.receive(time.monotonic() + 0.05)


def test_a_frame_that_ends_early_is_the_end(pipes: Pipes) -> None:
    os.write(pipes.write, GOOD[:-1])
    pipes.close(pipes.write)

    with pytest.raises(FrameEnd):
        pipes.channel.receive(time.monotonic() + 10)


def test_a_side_that_does_not_read_is_not_waited_for(pipes: Pipes) -> None:
    with pytest.raises(FrameTimeout):
        pipes.channel.send({"x": np.zeros(1 << 20)}, time.monotonic() + 0.05)


def test_a_side_that_is_gone_is_the_end(pipes: Pipes) -> None:
    pipes.close(pipes.read)

    with pytest.raises(FrameEnd):
        pipes.channel.send({"x": 1}, time.monotonic() + 1)
