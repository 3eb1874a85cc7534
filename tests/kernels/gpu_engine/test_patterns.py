"""Sectors and wavefronts against their definition; counters against the accesses of each warp."""

from __future__ import annotations

import numpy as np
import pytest

from kernels.gpu_engine.patterns import sectors, wavefronts

from .small import body, launch, ramp

SHAPES = {
    "neighbours": lambda k, r: k,
    "shifted": lambda k, r: k + 5,
    "strided": lambda k, r: 3 * k,
    "one element": lambda k, r: 0 * k + 7,
    "column": lambda k, r: 32 * k,
    "padded column": lambda k, r: 33 * k,
    "two rows": lambda k, r: k % 16 + 100 * (k // 16),
    "random": lambda k, r: r.integers(0, 400, 32),
    "backwards": lambda k, r: 31 - k,
}
MASKS = {
    "all": lambda k: k >= 0,
    "even": lambda k: k % 2 == 0,
    "one": lambda k: k == 9,
    "none": lambda k: k < 0,
    "low": lambda k: k < 20,
}


def by_definition(addresses: list[int], itemsize: int) -> tuple[int, int]:
    """Sectors and passes of one request, in plain Python."""
    touched = {address // 32 for address in addresses}
    passes = 0
    parts = max(1, itemsize // 4)
    for part in range(parts):
        banks: dict[int, set[int]] = {}
        for lane, address in enumerate(addresses):
            if address >= 0 and lane // (32 // parts) == part:
                for word in range(address // 4, address // 4 + parts):
                    banks.setdefault(word % 32, set()).add(word)
        passes += max((len(words) for words in banks.values()), default=0)
    return len(touched - {-1}), passes


@pytest.mark.parametrize("itemsize", [4, 8, 16])
@pytest.mark.parametrize("mask", MASKS)
@pytest.mark.parametrize("shape", SHAPES)
def test_one_request(shape: str, mask: str, itemsize: int) -> None:
    lanes = np.arange(32)
    elements = SHAPES[shape](lanes, np.random.default_rng(3))
    active = MASKS[mask](lanes)
    addresses = elements * itemsize
    expected = by_definition(
        [int(a) if on else -1 for a, on in zip(addresses, active, strict=True)], itemsize
    )
    given = None if mask == "all" else active[None]

    moved = sectors(addresses[None], given, itemsize)
    passed = wavefronts(addresses[None], given, itemsize)
    count = int(active.sum())
    assert (moved.cost, passed.cost) == expected
    assert moved.requests == passed.requests == int(count > 0)
    assert moved.lanes == passed.lanes == count
    assert moved.ideal == -(-count * itemsize // 32)
    if count:
        assert moved.worst == expected[0] and passed.worst == expected[1]


def test_eight_bytes_take_two_passes_and_that_is_no_conflict() -> None:
    text = body(
        "s = cuda.shared.array(N, float64)\nt = cuda.threadIdx.x\ns[t] = x[t]\ncuda.syncthreads()\n"
        "out[t] = s[t]"
    )
    of = launch(text, 1, 64, np.ones(64), np.zeros(64))
    store = next(one for one in of.counters if one.space == "shared")

    assert store.wavefronts_per_request == 2 and store.wavefronts == store.ideal_wavefronts


INDICES = {
    "neighbours": "i",
    "shifted": "(i + 3) % x.size",
    "strided": "i * 5 % x.size",
    "blocked": "cuda.threadIdx.x * 7 % 64 + cuda.blockIdx.x",
    "block": "cuda.blockIdx.x * 9",
    "fixed": "11",
    "thread": "cuda.threadIdx.x * 2",
    "loop": "(i + k * 40) % x.size",
    "loop by one": "(i + k) % x.size",
    "loop in a block": "(cuda.threadIdx.x * 4 + k * 33) % x.size",
}
GUARDS = ["True", "i % 3 != 0", "cuda.blockIdx.x != 1", "cuda.threadIdx.x < 50", "i < k * 70"]


@pytest.mark.parametrize("guard", GUARDS)
@pytest.mark.parametrize("name", INDICES)
def test_counters_of_a_launch(name: str, guard: str) -> None:
    """Requests, lanes, sectors and traffic equal those of a thread-by-thread count."""
    blocks, threads, size = 7, 96, 1024
    guarded = compile(guard, "guard", "eval")
    indexed = compile(INDICES[name], "index", "eval")
    text = body(
        f"i = cuda.grid(1)\nv = float32(0)\nfor k in range(4):\n    if {guard}:\n"
        f"        v += x[{INDICES[name]}]\nout[i] = v"
    )
    x, out = ramp(size), np.zeros(blocks * threads, np.float32)
    found = []
    for lanes in (96, 200, 1 << 14):
        of = launch(text, blocks, threads, x, out, batch_lanes=lanes)
        assert not of.findings
        load = next(one for one in of.counters if one.array == "x")
        found.append((load.requests, load.lanes, load.sectors, of.traffic["x"].needed))

    requests = lanes = moved = 0
    pairs = set()
    for block in range(blocks):
        for k in range(4):
            for warp in range(threads // 32):
                touched = set()
                for thread in range(warp * 32, warp * 32 + 32):
                    cuda = _Thread(block, thread)
                    scope = {"i": block * threads + thread, "k": k, "cuda": cuda, "x": x}
                    if eval(guarded, scope):
                        element = eval(indexed, scope)
                        touched.add(element // 8)
                        lanes += 1
                        pairs.add((block, element))
                requests += bool(touched)
                moved += len(touched)
    assert found == [(requests, lanes, moved, len(pairs))] * 3


class _Thread:
    def __init__(self, block: int, thread: int) -> None:
        self.blockIdx, self.threadIdx = _Axis(block), _Axis(thread)


class _Axis:
    def __init__(self, x: int) -> None:
        self.x = x


def test_memory_delivers_distinct_sectors_once() -> None:
    text = body("i = cuda.grid(1)\nout[i] = x[i // 2] + x[0]")
    of = launch(text, 8, 32, ramp(256), np.zeros(256, np.float32))

    assert of.traffic["x"].distinct_sectors == 16
    assert of.traffic["x"].loaded == 512
