"""Random traffic through shared and global memory: the engine's races against all pairs."""

from __future__ import annotations

import random
from dataclasses import dataclass

import numpy as np
import pytest

from .small import HEAD, body, launch

THREADS = 64
PLACES = {
    "t": lambda t: t,
    "(t + 1) % 64": lambda t: (t + 1) % 64,
    "t ^ 1": lambda t: t ^ 1,
    "t // 2": lambda t: t // 2,
    "t % 32": lambda t: t % 32,
    "63 - t": lambda t: 63 - t,
    "(t + 32) % 64": lambda t: (t + 32) % 64,
    "5": lambda t: 5,
    "t // 32 * 32 + (t + 3) % 32": lambda t: t // 32 * 32 + (t + 3) % 32,
}
WHO = {
    "t >= 0": lambda t: True,
    "t < 32": lambda t: t < 32,
    "t % 2 == 0": lambda t: t % 2 == 0,
    "t == 5": lambda t: t == 5,
    "t >= 48": lambda t: t >= 48,
}


@dataclass(frozen=True)
class Access:
    """One thread's access of one element."""

    order: int
    line: int
    op: str
    thread: int
    element: int
    epoch: int
    turn: int


def program(seed: int, array: str) -> tuple[str, list[Access]]:
    """A kernel of random accesses, and all accesses that it makes."""
    choose = random.Random(seed)
    statements = [
        "s = cuda.shared.array(N, float32)",
        "t = cuda.threadIdx.x",
        "v = x[cuda.grid(1)]",
    ]
    statements.append(f"{array}[t] = v")
    first = HEAD.count("\n") + 3  # the decorator and the def come before the statements
    accesses = [Access(0, first + 3, "store", t, t, 0, 0) for t in range(THREADS)]
    epoch, turn = 0, [0, 0]
    for order in range(1, choose.randrange(3, 9)):
        line = first + len(statements)
        form = choose.randrange(10)
        if form < 3:
            statements.append("cuda.syncthreads()")
            epoch += 1
        elif form < 5:
            statements.append("cuda.syncwarp()")
            turn = [one + 1 for one in turn]
        else:
            op = choose.choice(("load", "store", "atomic"))
            place, who = choose.choice(list(PLACES)), choose.choice(list(WHO))
            act = {
                "load": f"v += {array}[{place}]",
                "store": f"{array}[{place}] = v",
                "atomic": f"cuda.atomic.add({array}, {place}, v)",
            }[op]
            statements += [f"if {who}:", f"    {act}"]
            accesses += [
                Access(order, line + 1, op, t, PLACES[place](t), epoch, turn[t // 32])
                for t in range(THREADS)
                if WHO[who](t)
            ]
    statements.append("x[cuda.grid(1)] = v")
    return body("\n".join(statements)), accesses


def races(accesses: list[Access]) -> set[tuple[str, int, int]]:
    """Kind, second line and first line of every race."""
    found = set()
    for second in accesses:
        for first in accesses:
            if first.order > second.order or first.element != second.element:
                continue
            if first.thread == second.thread or first.epoch != second.epoch:
                continue
            if first.thread // 32 == second.thread // 32 and first.turn != second.turn:
                continue
            ops = first.op, second.op
            if ops in (("load", "load"), ("atomic", "atomic")):
                continue
            if first.op == "load":
                kind = "race:write-after-read"
            elif second.op == "load" or second.op == "atomic":
                kind = "race:read-after-write"
            else:
                kind = "race:write-after-write"
            if first.order == second.order and second.op == "load":
                continue
            found.add((kind, second.line, first.line))
    return found


@pytest.mark.parametrize("seed", range(40))
def test_shared_memory(seed: int) -> None:
    text, accesses = program(seed, "s")
    of = launch(text, 2, THREADS, np.ones(128, np.float32), np.zeros(1, np.float32))
    expected = races(accesses)
    found = {(one.kind, one.line, one.other_line) for one in of.findings}

    assert found <= expected, (text, found - expected)
    assert bool(found) == bool(expected), text
    # Every line that is second in a race is named, unless the first race hides behind another.
    if len({line for _, line, _ in expected}) == 1:
        assert {line for _, line, _ in found} == {line for _, line, _ in expected}


@pytest.mark.parametrize("seed", range(60, 85))
def test_global_memory(seed: int) -> None:
    text, accesses = program(seed, "out")
    of = launch(text, 1, THREADS, np.ones(64, np.float32), np.zeros(64, np.float32))
    names = {
        "race:write-after-write": "global-write-race",
        "race:read-after-write": "race:read-after-write",
        "race:write-after-read": "race:write-after-read",
    }
    expected = {(names[kind], line, other) for kind, line, other in races(accesses)}
    # A plain store before an atomic update of the same element is named after the stores.
    expected |= {("global-write-race", line, other) for _, line, other in expected}
    found = {(one.kind, one.line, one.other_line) for one in of.findings}

    assert found <= expected, (text, found - expected)
    assert bool(found) == bool(expected), text
