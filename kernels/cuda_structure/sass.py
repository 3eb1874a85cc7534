"""Machine code as nvdisasm prints it, read into instructions and loops."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property

LABEL = re.compile(r"^\s*(\.L_[\w$]+):")
INSTRUCTION = re.compile(
    r"^\s+/\*(?P<offset>[0-9a-f]{4,})\*/\s+(?:\{\s*)?(?:@!?U?P\w+\s+)?(?P<opcode>[A-Z][A-Z0-9_.]*)(?P<rest>[^;]*)"
)
LINE = re.compile(r"^\s*//## File ")
PLACE = re.compile(r'"([^"]*)", line (\d+)')
TARGET = re.compile(r"\(?(\.L_[\w$]+)\)?")
FP64 = re.compile(r"^(D(ADD|MUL|FMA|SETP|MNMX|MMA|SET)\b|.*\.F64\b|MUFU\.\w*64H)")
FFMA = re.compile(r"^FFMA(2|32I)?\b")
ROUNDS = 8  # a loop inside of another runs often for each round of it; how often is not known


@dataclass(frozen=True)
class Instruction:
    """One instruction.

    Attributes:
        opcode: with its modifiers, LDG.E.128 for example.
        place: (file, line) pairs, innermost first, where there is line information.
        target: the label that it may jump to.
        operands: as they are printed.
    """

    opcode: str
    place: tuple[tuple[str, int], ...] = ()
    target: str = ""
    operands: str = ""

    @property
    def is_ffma(self) -> bool:
        return FFMA.match(self.opcode) is not None

    @property
    def is_fp64(self) -> bool:
        return FP64.match(self.opcode) is not None

    @property
    def is_local(self) -> bool:
        """It reads or writes local memory."""
        return self.opcode.startswith(("LDL", "STL"))

    @property
    def is_local_value(self) -> bool:
        """The same, but for clearing an array: the compiler does that where the kernel begins."""
        clears = self.opcode.startswith("STL") and self.operands.endswith(" RZ")
        return self.is_local and not clears

    @property
    def is_wide_load(self) -> bool:
        """It fetches 128 bits from global or shared memory, or from an address of either kind."""
        return self._accesses(("LD.", "LDG", "LDS")) and ".128" in self.opcode

    @property
    def is_wide_store(self) -> bool:
        """It stores 128 bits there."""
        return self._accesses(("ST.", "STG", "STS")) and ".128" in self.opcode

    def _accesses(self, names: tuple[str, ...]) -> bool:
        return self.opcode.startswith(names)


@dataclass(frozen=True)
class Loop:
    """Instructions `first` to `last` of a listing: a label and the jump back to it."""

    first: int
    last: int

    def holds(self, other: Loop) -> bool:
        """Whether `other` lies inside of this one."""
        return self != other and self.first <= other.first and other.last <= self.last


@dataclass(frozen=True)
class Listing:
    """The instructions of one kernel, and the labels as indices into them."""

    instructions: tuple[Instruction, ...]
    labels: dict[str, int]

    @cached_property
    def loops(self) -> tuple[Loop, ...]:
        """Every jump back, the longest where several go to one label."""
        ends: dict[int, int] = {}
        for index, one in enumerate(self.instructions):
            start = self.labels.get(one.target)
            # A jump to itself is the padding behind the last instruction.
            if start is not None and start < index and one.opcode.startswith("BRA"):
                ends[start] = max(index, ends.get(start, index))
        return tuple(Loop(first, last) for first, last in sorted(ends.items()))

    def own(self, loop: Loop) -> list[Instruction]:
        """The instructions of a loop that are in no loop inside of it."""
        inner = [other for other in self.loops if loop.holds(other)]
        return [
            self.instructions[index]
            for index in range(loop.first, loop.last + 1)
            if not any(other.first <= index <= other.last for other in inner)
        ]

    def hot_loop(self) -> list[Instruction]:
        """The own instructions of the loop that multiplies most; none if no loop multiplies.

        A loop counts by its FFMAs, `ROUNDS` times as much for each loop around it.
        """
        best: list[Instruction] = []
        most = 0
        for loop in self.loops:
            own = self.own(loop)
            depth = sum(other.holds(loop) for other in self.loops)
            weight = sum(one.is_ffma for one in own) * ROUNDS**depth
            if weight > most:
                best, most = own, weight
        return best


def parse(text: str) -> Listing:
    """What `nvdisasm -c`, with or without -g or -gi, printed of a file with one kernel."""
    instructions: list[Instruction] = []
    labels: dict[str, int] = {}
    place: tuple[tuple[str, int], ...] = ()
    whole = True
    for line in text.splitlines():
        if LINE.match(line) is not None:  # `File ..., line ... inlined at ..., line ...`
            here = tuple((file, int(number)) for file, number in PLACE.findall(line))
            place = here if whole else place + here
            whole = False
        elif (label := LABEL.match(line)) is not None:
            labels[label[1]] = len(instructions)
        elif (found := INSTRUCTION.match(line)) is not None:
            whole = True
            opcode = found["opcode"].rstrip(".")
            if opcode == "NOP":
                continue
            jumps = TARGET.search(found["rest"]) if opcode.startswith("BRA") else None
            target = jumps[1] if jumps else ""
            operands = found["rest"].strip()
            instructions.append(Instruction(opcode, place, target, operands))
    return Listing(tuple(instructions), labels)
