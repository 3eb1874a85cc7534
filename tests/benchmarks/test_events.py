"""How contenders on a GPU are timed, with a clock that the test turns."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import pytest

from . import events
from .events import (
    BEYOND,
    ROUNDS,
    SAMPLE_MS,
    Contender,
    Gpu,
    Sample,
    interleave,
    interval,
    sets_for,
    share,
)

L2 = 1000
SET = 1300  # bytes: with four of them and more, the cache is left four times over


class Fake:
    """A device on which a launch takes as long as the test says.

    Attributes:
        batches: for each, who was launched on which sets.
    """

    l2_bytes = L2

    def __init__(self) -> None:
        self.clock = self.host = 0.0
        self.marks = 0
        self.batches: list[list[tuple[str, int]]] = []

    def mark(self) -> float:
        self.marks += 1
        if self.marks % 2:
            self.batches.append([])
        return self.clock

    def elapsed_ms(self, first: float, last: float) -> float:
        return last - first

    def host_ms(self) -> float:
        return self.host

    def contender(
        self, name: str, ms: float | Callable[[], float], *, amount: float = 1.0, sets: int = 4
    ) -> Contender:
        def launch(number: int) -> None:
            self.batches[-1].append((name, number))
            self.clock += ms if isinstance(ms, float) else ms()
            self.host += 0.25

        return Contender(launch, sets, SET, amount)

    def turns(self) -> list[str]:
        """Who each batch belongs to."""
        return [batch[0][0] for batch in self.batches]


def compete(fake: Fake, **more: Any) -> dict[str, list[Sample]]:
    return interleave(
        fake, {name: fake.contender(name, ms) for name, ms in (("a", 1.0), ("b", 2.0))}, **more
    )


def test_each_round_has_everyone_once_and_orders_of_its_own() -> None:
    fake = Fake()
    compete(fake)
    turns = fake.turns()[4:]  # without the two of each that compile and weigh
    rounds = [tuple(turns[at : at + 2]) for at in range(0, len(turns), 2)]

    assert len(rounds) == ROUNDS + 1
    assert all(set(one) == {"a", "b"} for one in rounds)
    assert set(rounds) == {("a", "b"), ("b", "a")}


def test_the_order_is_the_same_in_every_run() -> None:
    first, second, other = Fake(), Fake(), Fake()
    compete(first)
    compete(second)
    compete(other, seed=2)

    assert first.turns() == second.turns() != other.turns()


def test_every_batch_goes_over_all_sets_equally_often() -> None:
    fake = Fake()
    compete(fake)

    for batch in fake.batches:
        numbers = [number for _, number in batch]
        assert numbers == [*range(4)] * (len(batch) // 4)


def test_a_batch_is_long_enough_for_events() -> None:
    fake = Fake()
    took = interleave(fake, {"quick": fake.contender("quick", 0.01)}, rounds=2)

    assert len(fake.batches[-1]) * 0.01 == pytest.approx(SAMPLE_MS, rel=0.1)
    assert [one.ms for one in took["quick"]] == pytest.approx([0.01, 0.01])


@pytest.mark.parametrize("set_bytes", [1, L2 - 1, L2, 3 * L2, 100 * L2])
def test_sets_are_beyond_the_cache(set_bytes: int) -> None:
    sets = sets_for(set_bytes, L2)

    assert sets >= 2
    assert sets * set_bytes >= BEYOND * L2
    assert sets == 2 or (sets - 1) * set_bytes < BEYOND * L2


def test_what_stays_in_the_cache_is_not_timed() -> None:
    fake = Fake()

    with pytest.raises(ValueError, match="small: 3 sets of 1300 bytes stay in a cache of 1000"):
        interleave(fake, {"small": fake.contender("small", 1.0, sets=3)})
    assert not fake.batches


def test_the_first_round_does_not_count() -> None:
    fake = Fake()
    took = interleave(
        fake,
        {"a": fake.contender("a", lambda: 1.0 if len(fake.batches) > 3 else 50.0)},
        rounds=5,
    )

    assert [one.ms for one in took["a"]] == [1.0] * 5


def test_the_share_is_that_of_the_peer_and_not_its_inverse() -> None:
    fake = Fake()
    contenders = {"ours": fake.contender("ours", 4.0), "peer": fake.contender("peer", 1.0)}
    took = interleave(fake, contenders, rounds=5)

    slow = share("slow", took, contenders, ours="ours", beside=["peer"], bar=0.65)
    fast = share("fast", took, contenders, ours="peer", beside=["ours"], bar=0.65)
    assert (slow["value"], slow["met"], slow["ours_ms"]) == (0.25, False, 4.0)
    assert (fast["value"], fast["met"]) == (4.0, True)


def test_what_moves_more_may_take_longer() -> None:
    fake = Fake()
    contenders = {
        "ours": fake.contender("ours", 7.0, amount=7e6),
        "copy": fake.contender("copy", 2.0, amount=2e6),
    }
    found = share(
        "it", interleave(fake, contenders), contenders, ours="ours", beside=["copy"], bar=1
    )

    assert (found["value"], found["met"], found["giga_per_s"]) == (1.0, True, 1.0)


def test_the_quickest_of_several_is_stood_beside() -> None:
    fake = Fake()
    names = {"ours": 2.0, "slow": 3.0, "quick": 1.0, "middling": 2.0}
    contenders = {name: fake.contender(name, ms) for name, ms in names.items()}
    took = interleave(fake, contenders, rounds=5)
    beside = ["slow", "quick", "middling"]
    found = share("it", took, contenders, ours="ours", beside=beside, bar=None)

    assert (found["peer"], found["value"], found["met"]) == ("quick", 0.5, None)
    assert found["all_ms"] == names


def test_ratios_are_taken_within_a_round() -> None:
    contenders = {name: Contender(print, 4, SET, 1.0) for name in ("ours", "peer")}
    clocks = [1.0, 5.0, 2.0, 9.0, 3.0]  # the same for both: the device slows down and recovers
    took = {
        "ours": [Sample(2 * ms, 0.0) for ms in clocks],
        "peer": [Sample(ms, 0.0) for ms in clocks],
    }
    found = share("it", took, contenders, ours="ours", beside=["peer"], bar=0.5)

    assert found["met"] and found["quartiles"] == [0.5] * 3 and found["interval"] == [0.5, 0.5]


@pytest.mark.parametrize(("ms", "bound"), [(0.125, True), (1.0, False)])
def test_a_row_says_when_the_host_was_slower(ms: float, bound: bool) -> None:
    fake = Fake()
    contenders = {name: fake.contender(name, ms) for name in ("ours", "peer")}
    took = interleave(fake, contenders, rounds=5)
    found = share("it", took, contenders, ours="ours", beside=["peer"], bar=None)

    assert (found["host_ms"], found["host_bound"]) == (0.25, bound)


def test_the_interval_holds_the_median_that_often() -> None:
    dice, held = random.Random(0), 0
    for _ in range(2000):
        low, high = interval([dice.expovariate(1.0) for _ in range(ROUNDS)])
        held += low <= 0.6931471805599453 <= high

    assert 0.94 <= held / 2000 <= 0.98
    assert interval([3.0]) == (3.0, 3.0)


def test_the_gpu_s_events_lie_in_its_stream(monkeypatch: pytest.MonkeyPatch) -> None:
    said: list[Any] = []

    class Event:
        def record(self, stream: Any = 0) -> None:
            said.append(("record", stream))

        def synchronize(self) -> None:
            said.append("wait")

    class Cuda:
        class Device:
            name = b"a GPU"
            L2_CACHE_SIZE = 7

        def get_current_device(self) -> Any:
            return self.Device

        def stream(self) -> str:
            return "the stream"

        def event(self, timing: bool) -> Event:
            assert timing
            return Event()

        def event_elapsed_time(self, first: Event, last: Event) -> float:
            said.append("elapsed")
            return 1.5

    monkeypatch.setattr("kernels.cuda._cuda", Cuda)
    gpu: events.Device = Gpu()
    first, last = gpu.mark(), gpu.mark()

    assert gpu.elapsed_ms(first, last) == 1.5
    assert said == [("record", "the stream")] * 2 + ["wait", "elapsed"]
    assert gpu.l2_bytes == 7
    assert isinstance(gpu, Gpu) and gpu.name == "a GPU"
