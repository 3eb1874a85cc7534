"""What ptxas says of a kernel: registers, spills, stack, shared memory, barriers."""

from __future__ import annotations

import re
from dataclasses import dataclass

ENTRY = re.compile(r"Compiling entry function '([^']+)'")
PROPERTIES = re.compile(r"Function properties for '?([^'\s]+)")
NUMBERS = {
    "registers": re.compile(r"Used (\d+) registers"),
    "stack_bytes": re.compile(r"(\d+) bytes stack frame"),
    "spill_store_bytes": re.compile(r"(\d+) bytes spill stores"),
    "spill_load_bytes": re.compile(r"(\d+) bytes spill loads"),
    "shared_bytes": re.compile(r"(\d+) bytes smem"),
    "barriers": re.compile(r"used (\d+) barriers"),
}


@dataclass(frozen=True)
class Resources:
    """Of one thread: registers, stack and spills; of one block: shared memory and barriers.

    Attributes:
        stack_bytes: local memory, which lies in global memory: spills, and arrays whose index is
            not known when the kernel is compiled.
        spill_store_bytes, spill_load_bytes: what ptxas writes there for want of registers.
    """

    registers: int
    stack_bytes: int = 0
    spill_store_bytes: int = 0
    spill_load_bytes: int = 0
    shared_bytes: int = 0
    barriers: int = 0


def read_log(log: str) -> Resources:
    """The entry function of a log of ptxas or nvJitLink, written with `-verbose`.

    Raises:
        ValueError: the log tells no registers: it is of something else.
    """
    found: dict[str, int] = {}
    entry, inside = "", True
    for line in log.splitlines():
        if (started := ENTRY.search(line)) is not None:
            entry = started[1]
        if (of := PROPERTIES.search(line)) is not None:
            inside = not entry or of[1] == entry  # functions that it calls are told of as well
        if not inside:
            continue
        for name, pattern in NUMBERS.items():
            if (number := pattern.search(line)) is not None:
                found.setdefault(name, int(number[1]))
    if "registers" not in found:
        raise ValueError("the log of ptxas names no registers. It is written with -verbose.")
    return Resources(**found)
