"""A launch as text: findings with their lines, what each line costs, the roofline."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from .findings import Finding
from .launch import Launch
from .sites import Counter

SECTOR = 32


@dataclass(frozen=True)
class Device:
    """Peak rates of a GPU, from its data sheet; for the roofline only, never for points."""

    name: str
    flops: float
    memory_bytes: float
    cache_bytes: float
    shared_wavefronts: float


H200 = Device("H200", 66.9e12, 4.8e12, 5.5e12, 132 * 1.98e9)


def roofline(launch: Launch, device: Device = H200) -> dict[str, float]:
    """Seconds that each resource needs at least: float operations, memory, cache, shared memory."""
    distinct = sum(one.distinct_sectors for one in launch.traffic.values())
    stores = sum(
        one.sectors for one in launch.counters if one.space == "global" and one.place.op != "load"
    )
    wavefronts = sum(one.wavefronts for one in launch.counters if one.space == "shared")
    return {
        "float operations": launch.flops / device.flops,
        "memory": (distinct + stores) * SECTOR / device.memory_bytes,
        "cache": launch.global_sectors * SECTOR / device.cache_bytes,
        "shared memory": wavefronts / device.shared_wavefronts,
    }


def report(launch: Launch, judged: Iterable[Finding] = (), device: Device = H200) -> str:
    """Everything that is known of a launch, for a terminal."""
    out = [
        f"{launch.kernel}  grid {launch.grid}  block {launch.block}  "
        f"{launch.shared_bytes} bytes of shared memory, {launch.barriers:g} barriers a block"
    ]
    for one in [*launch.findings, *judged]:
        place = f"line {one.line}" if one.line is not None else "whole kernel"
        who = f", block {one.block} thread {one.thread}" if one.thread is not None else ""
        times = f" (x{one.count})" if one.count > 1 else ""
        out.append(f"  {one.kind}  {place}{who}{times}: {one.message}")
        if one.line is not None:
            out.append(f"      {launch.program.lines[one.line - 1].strip()}")
    out += [_line(launch, one) for one in sorted(launch.counters, key=lambda c: c.place.index)]
    loaded = sum(one.loaded for one in launch.traffic.values())
    needed = sum(one.needed for one in launch.traffic.values())
    distinct = sum(one.distinct_sectors for one in launch.traffic.values())
    out.append(
        f"  traffic: {launch.global_sectors} sectors moved; {loaded} elements loaded, each block "
        f"needs {needed} once; memory delivers {distinct * SECTOR} bytes at least"
    )
    out.append(f"  divergence: {launch.divergence:.0%} of issued lanes are active")
    times_of = roofline(launch, device)
    bound = max(times_of, key=lambda name: times_of[name])
    parts = ", ".join(f"{name} {seconds * 1e6:.2f} us" for name, seconds in times_of.items())
    out.append(f"  roofline on {device.name}: {parts}; bound by {bound}")
    return "\n".join(out)


def _line(launch: Launch, one: Counter) -> str:
    place = one.place
    text = launch.program.text(place.line, place.column, place.end) or one.array
    start = (
        f"  line {place.line:4d} {place.op:6s} {one.space:7s} {text:30s} {one.requests:9d} requests"
    )
    if one.space == "global":
        ideal = one.ideal / one.requests
        return (
            f"{start}  {one.sectors_per_request:5.2f} sectors each, ideal {ideal:.2f}, "
            f"efficiency {one.efficiency:.0%}"
        )
    if one.space == "shared":
        return f"{start}  {one.wavefronts_per_request:5.2f} wavefronts each"
    return start
