"""`lab bench gpu --structure`: what the compiler makes of each kernel, as a table and as sentences."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from .render import WIDTH, Style

if TYPE_CHECKING:
    from grader.structure import KernelStructure

HEAD = ("registers", "spills", "shared", "occupancy", "FFMA of hot loop")
WIDTHS = (9, 8, 9, 21, 16)
NAME = 20
SHOWN_LINES = 3  # of one kernel and one complaint
SHOWN_TEXT = 60
FEET = (
    "Registers and spills are a thread's, shared memory is a block's. Occupancy: warps that one",
    "multiprocessor holds, and what allows no more. FFMA: multiply-adds among the instructions of the",
    "loop that multiplies most; no kernel gets a larger share of the float32 peak. Nothing was timed.",
)


@dataclass(frozen=True)
class _Complaint:
    """A sort of instruction that costs: where it is counted, what it is, what to do."""

    lines: str
    what: str
    advice: str


FP64 = _Complaint(
    "fp64_lines",
    "float64 instructions, 64 times as slow on most GPUs",
    "Write float32(...) around literals and integers that meet floats.",
)
LOCAL = _Complaint(
    "local_lines",
    "accesses to local memory, which lies in global memory",
    "An array stays in registers if all its indices are known when loops are unrolled.",
)


def document(stage: str, found: Iterable[KernelStructure]) -> dict[str, Any]:
    """The same for a script."""
    return {
        "stage": stage,
        "kernels": [
            {"kernel": one.kernel, "structure": one.structure}
            if one.structure is not None
            else {"kernel": one.kernel, "structure": None, "not_assessed": one.reason}
            for one in found
        ],
    }


def drawn(found: Iterable[KernelStructure], source: str, look: Style) -> Iterator[str]:
    """Lines for a terminal, as the kernels come.

    Args:
        source: the learner's file, to quote from.
    """
    text = source.splitlines()
    reasons: dict[str, list[str]] = {}
    any_known = False
    for one in found:
        if one.structure is None:
            reasons.setdefault(one.reason, []).append(one.kernel)
            continue
        if not any_known:
            any_known = True
            yield look.strong(f"Compiled for {one.structure['architecture']}, without a GPU")
            yield look.faint(_row("", HEAD))
        yield _row(one.kernel, _cells(one.structure))
        for complaint in (FP64, LOCAL):
            yield from _complained(one.structure, complaint, text)
    for reason, kernels in reasons.items():
        said = f"{look.mark('not_assessed')} not assessed: {', '.join(kernels)}"
        yield from textwrap.wrap(said, WIDTH, subsequent_indent="    ")
        yield from textwrap.wrap(
            reason, WIDTH, initial_indent="    ", subsequent_indent="    ", break_on_hyphens=False
        )
    if any_known:
        yield from map(look.faint, FEET)


def _cells(one: Mapping[str, Any]) -> tuple[str, ...]:
    resources, occupancy = one["resources"], one["occupancy"]
    spilled = resources["spill_store_bytes"] + resources["spill_load_bytes"]
    loop = f"{one['ffma']} of {one['hot_loop']}, {one['ffma_share']:.0%}"
    # What limits is told where something is left to gain.
    by = f"by {occupancy['limiters'][0]}" if occupancy["share"] < 1 else " " * len("by registers")
    return (
        f"{resources['registers']}",
        f"{spilled:,} B" if spilled else "-",
        f"{resources['shared_bytes']:,} B" if resources["shared_bytes"] else "-",
        f"{occupancy['share']:.0%} {by}",
        loop if one["hot_loop"] else "-",
    )


def _row(name: str, cells: tuple[str, ...]) -> str:
    padded = [cell.rjust(width) for cell, width in zip(cells, WIDTHS, strict=True)]
    return f"{name:<{NAME}}{'  '.join(padded)}".rstrip()


def _complained(one: Mapping[str, Any], complaint: _Complaint, text: list[str]) -> Iterator[str]:
    count = one[complaint.lines.removesuffix("_lines")]
    if not count:
        return
    yield f"    {count} {complaint.what}."
    yield f"    {complaint.advice}"
    for line, times in one[complaint.lines][:SHOWN_LINES]:
        quoted = text[line - 1].strip()[:SHOWN_TEXT] if 0 < line <= len(text) else ""
        # The compiler's lines are those of instructions that it has moved and merged.
        yield f"      {times} from line {line}  {quoted}".rstrip()
