"""Contenders on a GPU, timed by its own events, in turns and on memory that its cache cannot hold.

All work goes into one stream. A sample is a batch of launches between two events; the operands
stand there several times over, and launch after launch takes the next of these sets.

    took = interleave(device, {"ours": Contender(...), "cuBLAS": Contender(...)})
    row = share("SGEMM 4096", took, contenders, ours="ours", beside=("cuBLAS",), bar=0.65)
"""

from __future__ import annotations

import math
import random
import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol

from .rows import Row, quartiles, row

BEYOND = 4  # all sets of a contender's operands, over the L2 cache: it is not emptied in order
SAMPLE_MS = 10.0  # of a batch: an event is read in steps of half a microsecond
ROUNDS = 25  # the first, in which clocks still rise, comes on top
SEED = 1
WIDTH = 1.96  # of the interval of 95 %, in standard deviations


class Device(Protocol):
    """What timing needs of a GPU.

    Attributes:
        l2_bytes: of its last cache.
    """

    l2_bytes: int

    def mark(self) -> Any:
        """An event at this place of the stream."""

    def elapsed_ms(self, first: Any, last: Any) -> float:
        """From one event to the other, when both have happened."""

    def host_ms(self) -> float:
        """The clock of the host."""


class Gpu:
    """The GPU of this process, and a stream of it.

    Attributes:
        name: of the device.
        stream: where all work goes.
    """

    def __init__(self) -> None:
        from kernels.cuda import cuda

        device = cuda.get_current_device()
        name = device.name
        self.name = name.decode() if isinstance(name, bytes) else str(name)
        self.l2_bytes = int(device.L2_CACHE_SIZE)
        self.stream = cuda.stream()
        self._cuda = cuda

    def mark(self) -> Any:
        """An event at this place of the stream."""
        event = self._cuda.event(timing=True)
        event.record(self.stream)
        return event

    def elapsed_ms(self, first: Any, last: Any) -> float:
        """From one event to the other, when both have happened."""
        last.synchronize()
        return float(self._cuda.event_elapsed_time(first, last))

    def host_ms(self) -> float:
        """The clock of the host."""
        return 1e3 * time.perf_counter()


@dataclass(frozen=True)
class Contender:
    """Something to time.

    Attributes:
        launch: puts the work on the set of operands of this number into the stream.
        sets: how many sets there are.
        set_bytes: of one.
        amount: bytes moved or operations done by a launch; shares compare what a millisecond does.
    """

    launch: Callable[[int], object]
    sets: int
    set_bytes: int
    amount: float


class Sample(NamedTuple):
    """Milliseconds of a launch: on the device, and of the host to ask for it."""

    ms: float
    host_ms: float


def sets_for(set_bytes: int, l2_bytes: int) -> int:
    """How many sets of operands are beyond the cache; two at least."""
    return max(2, math.ceil(BEYOND * l2_bytes / set_bytes))


def interleave(
    device: Device, contenders: Mapping[str, Contender], *, rounds: int = ROUNDS, seed: int = SEED
) -> dict[str, list[Sample]]:
    """The samples of each contender, one a round; every round has an order of its own.

    Raises:
        ValueError: the operands of a contender would stay in the cache.
    """
    for name, one in contenders.items():
        if one.sets * one.set_bytes < BEYOND * device.l2_bytes:
            raise ValueError(
                f"{name}: {one.sets} sets of {one.set_bytes} bytes stay in a cache of "
                f"{device.l2_bytes}. Take {sets_for(one.set_bytes, device.l2_bytes)} sets."
            )
    launches = {}
    for name, one in contenders.items():
        _batch(device, one, one.sets)  # compiles
        ms = max(_batch(device, one, one.sets).ms, 1e-6)
        launches[name] = one.sets * math.ceil(SAMPLE_MS / (ms * one.sets))
    took: dict[str, list[Sample]] = {name: [] for name in contenders}
    order, dice = list(contenders), random.Random(seed)
    for turn in range(rounds + 1):
        dice.shuffle(order)
        for name in order:
            sample = _batch(device, contenders[name], launches[name])
            if turn:
                took[name].append(sample)
    return took


def _batch(device: Device, one: Contender, launches: int) -> Sample:
    """One sample: whole rounds over the sets."""
    began = device.host_ms()
    first = device.mark()
    for number in range(launches):
        one.launch(number % one.sets)
    last = device.mark()
    asked = device.host_ms() - began
    return Sample(device.elapsed_ms(first, last) / launches, asked / launches)


def interval(values: Sequence[float]) -> tuple[float, float]:
    """Where the median lies with 95 %, whatever the distribution: two of the ordered values."""
    ordered = sorted(values)
    last = len(ordered) - 1
    below = max(0, math.floor((len(ordered) - WIDTH * math.sqrt(len(ordered))) / 2))
    return ordered[below], ordered[last - below]


def middle_ms(samples: Sequence[Sample]) -> float:
    """The median time on the device."""
    return statistics.median(one.ms for one in samples)


def share(
    name: str,
    took: Mapping[str, Sequence[Sample]],
    contenders: Mapping[str, Contender],
    *,
    ours: str,
    beside: Sequence[str],
    bar: float | None,
    **more: Any,
) -> Row:
    """What ours does in a millisecond, over what the quickest of `beside` does: the bar is the least.

    The ratio is taken within each round; the row holds its median, quartiles and interval.
    """

    def done(who: str) -> list[float]:
        return [contenders[who].amount / sample.ms for sample in took[who]]

    best = max(beside, key=lambda who: statistics.median(done(who)))
    ratios = [mine / theirs for mine, theirs in zip(done(ours), done(best), strict=True)]
    low, high = interval(ratios)
    host_ms = statistics.median(one.host_ms for one in took[ours])
    return row(
        name,
        statistics.median(ratios),
        "of peer",
        bar,
        most=False,
        peer=best,
        quartiles=[round(one, 4) for one in quartiles(ratios)],
        interval=[round(low, 4), round(high, 4)],
        ours_ms=round(middle_ms(took[ours]), 5),
        # Where asking takes longer than computing, the host was measured.
        host_ms=round(host_ms, 5),
        host_bound=host_ms >= middle_ms(took[ours]),
        giga_per_s=round(1e-6 * contenders[ours].amount / middle_ms(took[ours]), 1),
        all_ms={who: round(middle_ms(samples), 5) for who, samples in took.items()},
        **more,
    )
