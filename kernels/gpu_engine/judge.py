"""Holds what a launch counted against bounds: uncoalesced, bank-conflict, excess-traffic.

Counters mean something only on shapes without ragged edges: extents that are multiples of 64.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from .findings import KINDS, Finding
from .launch import Launch
from .sites import Counter

SHARE = 0.20  # of the kernel's sectors, from which on a place is judged
EFFICIENCY = 0.75  # bytes asked for over bytes moved, at least
WAVEFRONTS = 1.1  # passes for each request, at most
MARGIN = 1.10


@dataclass(frozen=True)
class Budget:
    """What a kernel may load.

    Attributes:
        per_element: loads of one array for each distinct pair of block and element; None where
            this is not judged.
        total: elements that all arrays together may load; None where this is not judged.
    """

    per_element: float | None = 1.1
    total: float | None = None


def judge(launch: Launch, budget: Budget | None = None) -> tuple[Finding, ...]:
    """Findings about how a launch used memory, in the order of the source."""
    found = [*_coalescing(launch.counters), *_conflicts(launch.counters)]
    if budget is not None:
        found += _traffic(launch, budget)
    first: dict[tuple[str, int | None], Finding] = {}
    for one in found:
        first.setdefault((one.kind, one.line), one)
    return tuple(sorted(first.values(), key=lambda one: (one.line or 0, KINDS.index(one.kind))))


def _coalescing(counters: Iterable[Counter]) -> Iterable[Finding]:
    places = [one for one in counters if one.space == "global"]
    total = sum(one.sectors for one in places)
    for one in places:
        if one.place.op == "atomic" or one.sectors < SHARE * total or one.efficiency >= EFFICIENCY:
            continue
        yield Finding(
            "uncoalesced",
            one.place.line,
            f"the {one.place.op} of {one.array} uses {one.efficiency:.0%} of what it moves: "
            f"{one.sectors_per_request:.1f} sectors a request, ideal is "
            f"{one.ideal / one.requests:.1f}. Let neighbouring threads, threadIdx.x, touch "
            "neighbouring elements of the last axis.",
            one.place.column,
            array=one.array,
            count=one.requests,
        )


def _conflicts(counters: Iterable[Counter]) -> Iterable[Finding]:
    for one in counters:
        if one.space != "shared" or one.place.op == "atomic" or not one.ideal_wavefronts:
            continue
        if one.wavefronts <= WAVEFRONTS * one.ideal_wavefronts:
            continue
        yield Finding(
            "bank-conflict",
            one.place.line,
            f"the {one.place.op} of {one.array} takes {one.wavefronts_per_request:.1f} passes a "
            f"request, up to {one.worst}: lanes want different words of one bank. Pad the rows by "
            "one element, or let neighbouring threads touch neighbouring words.",
            one.place.column,
            array=one.array,
            count=one.requests,
        )


def _traffic(launch: Launch, budget: Budget) -> Iterable[Finding]:
    lines = _heaviest(launch)
    if budget.per_element is not None:
        for one in launch.traffic.values():
            if one.ratio > budget.per_element:
                yield Finding(
                    "excess-traffic",
                    lines.get(one.array),
                    f"each block loads an element of {one.array} {one.ratio:.1f} times, "
                    f"{budget.per_element:g} is enough. Load it once, into shared memory or a "
                    "register.",
                    array=one.array,
                    count=one.loaded,
                )
    if budget.total is not None and launch.loaded_elements > budget.total * MARGIN:
        array = max(launch.traffic.values(), key=lambda one: one.loaded).array
        yield Finding(
            "excess-traffic",
            lines.get(array),
            f"{launch.loaded_elements} elements are loaded, {budget.total:g} are enough. Use a "
            "larger tile: each element that a block has loaded must serve more results.",
            array=array,
            count=launch.loaded_elements,
        )


def _heaviest(launch: Launch) -> Mapping[str, int]:
    """The line that loads most of each array; of equal ones the last, which could reuse."""
    lanes: dict[tuple[str, int], int] = {}
    for one in launch.counters:
        if one.space == "global" and one.place.op == "load":
            key = one.array, one.place.line
            lanes[key] = lanes.get(key, 0) + one.lanes
    return {array: line for (array, line), _ in sorted(lanes.items(), key=lambda row: row[1])}
