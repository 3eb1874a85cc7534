"""Runs a program in a box and reads what it says: what the tests of the walls share."""

from __future__ import annotations

import json
import os
import select
import textwrap
import time
from dataclasses import replace
from typing import Any

from grader.sandbox import Box, BoxSpec, open_box

PATIENCE_S = 30.0
PROLOGUE = "import json, os, sys\ndef say(value):\n    os.write(1, json.dumps(value).encode())\n"


def program(source: str) -> tuple[str, ...]:
    """The arguments of an interpreter that runs `source`, in which `say` answers once."""
    return ("-c", PROLOGUE + textwrap.dedent(source))


def heard(box: Box, end: bytes = b"") -> bytes:
    """What the program answers, up to its end or to `end`."""
    said, ends = b"", time.monotonic() + PATIENCE_S
    while not (end and said.endswith(end)):
        left = ends - time.monotonic()
        assert left > 0 and select.select([box.read_fd], [], [], left)[0], said
        part = os.read(box.read_fd, 1 << 16)
        if not part:
            break
        said += part
    return said


def answer(source: str, *, level: str | None = None, **wanted: Any) -> Any:
    """What `source` says, run in a box of its own."""
    spec = replace(BoxSpec(program(source), packages=()), **wanted)
    with open_box(spec, level=level) as box:
        said = heard(box)
        assert said, box.log().decode()
        return json.loads(said)
