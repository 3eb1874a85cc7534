"""Random kernels without barriers, and a slow interpreter that runs them thread by thread."""

from __future__ import annotations

import random
from typing import Any

import numpy as np

HEAD = "from numba import cuda\n\n\n@cuda.jit\ndef kernel(x, out):\n"
VARIABLES = ("a", "b", "c")


class Writer:
    """Writes a random kernel over int64 arrays: branches, loops, break, continue, return."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self.lines: list[str] = []
        self.loops = 0
        self.steps = 0

    def source(self) -> str:
        """The text of one file."""
        self.line(1, "i = cuda.grid(1)")
        self.line(1, "a = i % 7")
        self.line(1, "b = 3")
        self.line(1, "c = cuda.blockIdx.x - 2")
        self.block(1, 5, in_loop=False)
        self.line(1, "out[i] = a * 31 + b * 7 + c")
        return HEAD + "\n".join(self.lines) + "\n"

    def line(self, depth: int, text: str) -> None:
        self.lines.append("    " * depth + text)

    def value(self) -> str:
        return self.random.choice((*VARIABLES, "i", "cuda.threadIdx.x", "x[i]", "2", "-1", "5"))

    def expression(self) -> str:
        form = self.random.randrange(7)
        p, q, r = self.value(), self.value(), self.value()
        if form == 0:
            return f"{p} if {self.condition()} else {q}"
        if form == 1:
            return f"({p} + {q}) % 11 - {r} // 3"
        if form == 2:
            return f"min({p}, {q}) ^ ({r} & 6)"
        if form == 3:
            return f"max({p}, {q} - {r}) % 13"
        if form == 4:
            return f"abs({p}) % 9 - ({q} >> 1) % 5"
        if form == 5:
            return f"x[abs({p}) % 37] % 17"
        return f"({p} * {q}) % 19"

    def condition(self) -> str:
        p, q = self.value(), self.value()
        simple = f"{p} % 5 {self.random.choice(('<', '<=', '==', '!=', '>'))} {q} % 4"
        form = self.random.randrange(6)
        if form == 0:
            return f"{simple} and x[abs({p}) % 37] > {q}"
        if form == 1:
            return f"{simple} or {q} % 3 == 1"
        if form == 2:
            return f"not {simple}"
        if form == 3:
            return f"-2 < {p} % 6 < {self.random.randrange(6)}"
        return simple

    def block(self, depth: int, count: int, *, in_loop: bool) -> None:
        for _ in range(self.random.randrange(1, count + 1)):
            self.statement(depth, in_loop=in_loop)

    def statement(self, depth: int, *, in_loop: bool) -> None:
        form = self.random.randrange(12)
        name = self.random.choice(VARIABLES)
        if form < 4 or depth > 5:
            self.line(depth, f"{name} = {self.expression()}")
        elif form == 4:
            self.line(depth, f"{name} += {self.value()} % 23")
        elif form < 8:
            self.line(depth, f"if {self.condition()}:")
            self.block(depth + 1, 3, in_loop=in_loop)
            if self.random.random() < 0.5:
                self.line(depth, "else:")
                self.block(depth + 1, 3, in_loop=in_loop)
        elif form < 10 and self.loops < 4:
            self.loops += 1
            counter = f"k{self.loops}"
            if form == 8:
                bounds = self.random.choice(("4", f"{self.value()} % 5", "a % 3, b % 4 + 3, 2"))
                self.line(depth, f"for {counter} in range({bounds}):")
            else:
                self.line(depth, f"{counter} = 0")
                self.line(depth, f"while {counter} < {self.value()} % 6:")
                self.line(depth + 1, f"{counter} += 1")
            self.line(depth + 1, f"{name} = ({name} + {counter}) % 29")
            self.block(depth + 1, 3, in_loop=True)
        elif in_loop:
            self.line(depth, f"if {self.condition()}:")
            if self.random.random() < 0.3:
                self.line(depth + 1, "out[i] = b - a")
                self.line(depth + 1, "return")
            else:
                self.line(depth + 1, self.random.choice(("break", "continue")))
        else:
            self.line(depth, f"out[i] = {self.value()}")


class Axis:
    """threadIdx and the like for one thread."""

    def __init__(self, x: int) -> None:
        self.x = x


class Thread:
    """What `cuda` is for one thread."""

    def __init__(self, block: int, thread: int, threads: int) -> None:
        self.blockIdx, self.threadIdx, self.threads = Axis(block), Axis(thread), threads

    def grid(self, _: int) -> int:
        return self.blockIdx.x * self.threads + self.threadIdx.x


def by_thread(source: str, blocks: int, threads: int, x: Any, out: Any) -> None:
    """Run a kernel of this module, one thread after the other, as plain Python."""
    text = source.replace("from numba import cuda\n", "").replace("@cuda.jit\n", "")
    values = [int(one) for one in x]
    for block in range(blocks):
        for thread in range(threads):
            scope: dict[str, Any] = {"cuda": Thread(block, thread, threads)}
            exec(text, scope)
            scope["kernel"](values, out)


def inputs() -> Any:
    """The array that the kernels read."""
    return np.random.default_rng(5).integers(-20, 20, 256)
