"""The rule on a learner's source, asked on this side: a stage that says `allows` has its files read
by `worker/rule.py`, in a box of its own, before a worker loads them.
"""

from __future__ import annotations

import json
import os
import select
import time
from functools import lru_cache
from pathlib import Path

from assignments.catalog import Stage

from . import sandbox
from .errors import SourceRefused
from .sandbox import BoxSpec, Mount

PROGRAM = "/opt/box/rule.py"
READER = Path(__file__).parent / "worker" / "rule.py"
SECONDS = 10.0
MEMORY_MIB = 512
MOST_ANSWER = 1 << 20  # bytes
MOST_TOLD = 3

Finding = tuple[int, str, str]  # line, name, what is wrong with it


def require(stage: Stage, source: bytes) -> None:
    """Hold `source` against the rule of `stage`.

    Raises:
        SourceRefused: it names what the stage does not allow; the message tells lines and names.
    """
    found = findings(source, stage.allows, stage.bans)
    if not found:
        return
    told = "; ".join(
        f"line {line}: `{name}` is refused ({why})" for line, name, why in found[:MOST_TOLD]
    )
    more = f"; and {len(found) - MOST_TOLD} more" if len(found) > MOST_TOLD else ""
    raise SourceRefused(
        f"{stage.file_name}, {told}{more}. The stage's starter lists what may be used; "
        "nothing of the file was run."
    )


@lru_cache(maxsize=64)
def findings(source: bytes, allows: tuple[str, ...], bans: tuple[str, ...]) -> tuple[Finding, ...]:
    """What the rule finds in `source`, by line; none in what Python cannot parse at all."""
    question = {"source": source.decode("latin-1"), "allows": allows, "bans": bans}
    spec = BoxSpec(
        (PROGRAM,),
        packages=(),
        mounts=(Mount(READER, PROGRAM),),
        wall_s=SECONDS,
        cpu_s=int(SECONDS),
        memory_mib=MEMORY_MIB,
    )
    with sandbox.open_box(spec) as box:
        answer = _ask(box.write_fd, box.read_fd, json.dumps(question).encode())
    try:
        return tuple((int(line), str(name), str(why)) for line, name, why in json.loads(answer))
    except ValueError:
        # The reader broke or ran out of time or memory, and no honest file does that to it.
        return ((1, "the whole file", "it cannot be read in reasonable time and memory"),)


def _ask(write_fd: int, read_fd: int, question: bytes) -> bytes:
    """Send, close, and read until the other side ends; empty when it takes too long."""
    ends = time.monotonic() + SECONDS
    try:
        rest = memoryview(question + b"\n")
        while rest:
            if not select.select([], [write_fd], [], max(0.0, ends - time.monotonic()))[1]:
                return b""
            rest = rest[os.write(write_fd, rest[: select.PIPE_BUF]) :]
    except BrokenPipeError:
        return b""
    found = b""
    while len(found) < MOST_ANSWER:
        if not select.select([read_fd], [], [], max(0.0, ends - time.monotonic()))[0]:
            return b""
        part = os.read(read_fd, 1 << 16)
        if not part:
            break
        found += part
    return found
