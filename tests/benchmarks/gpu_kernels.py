"""Our kernels on a GPU: the product beside cuBLAS, the rest beside a copy, attention and its memory.

python -m tests.benchmarks.gpu_kernels

Contenders take turns in one stream of one process, see `events`. Each is first held against NumPy: what
is wrong is not timed, and its row fails. Without a GPU the rows say so and decide nothing. Bars: 65 %
of cuBLAS in float32, TF32 off; 80 % of the fastest copy of the same rounds for what is bound by
memory; memory of attention that grows with its tokens, not with their square.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from kernels.cuda import source
from kernels.on_cuda.array import CudaArray
from kernels.on_cuda.memory import working_in

from .duel import clean_environment, print_rows, run_part
from .events import ROUNDS, Contender, Device, Gpu, interleave, middle_ms, sets_for, share
from .gpu_cases import (
    Case,
    Operands,
    Sizes,
    attention_bytes,
    cases,
    copy_case,
    difference,
    drivers_copy,
)
from .gpu_peers import Peer, find
from .rows import Row, absent, row, table

PART = "tests.benchmarks.gpu_kernels"
COPY = "GPU: copy bandwidth, read plus written"
MEMORY = "GPU: attention, memory at twice the tokens"
MEMORY_BAR = 2.2  # twice is linear; the square would be four times
NO_PEER = "neither PyTorch with CUDA nor CuPy is here."


class WrongResult(Exception):
    """A contender computes something else."""


@dataclass(frozen=True)
class Work:
    """A contender before it is timed: `launch` puts a set into the stream, `host` fetches a result."""

    launch: Callable[[int], Sequence[Any]]
    host: Callable[[Any], Any]


def unavailable() -> str:
    """Why there is nothing to measure; empty where there is a GPU."""
    found = source()
    if found.gpu:
        return ""
    return f"not measured: {found.reason if found.name == 'engine' else 'there is no GPU.'}"


def run() -> list[Row]:
    """All rows, measured in a process of its own: cuBLAS reads its variable when it is loaded."""
    titles = (COPY, *cases(Sizes()), MEMORY)
    why = unavailable()
    if why:
        return [absent(title, why) for title in titles]
    try:
        return run_part(PART, "--measure", environment=clean_environment(NVIDIA_TF32_OVERRIDE="0"))
    except subprocess.CalledProcessError as ended:  # a launch that fails spoils the whole process
        return [failed(title, f"the process that measures ended with {ended}") for title in titles]


def measure() -> list[Row]:
    """The rows of this process."""
    device = Gpu()
    with working_in(device.stream):
        return rows_of(device, find(device.stream), Sizes(), gpu=device.name)


def rows_of(
    device: Device, peer: Peer | None, sizes: Sizes, *, rounds: int = ROUNDS, **more: Any
) -> list[Row]:
    """The rows that this device and this peer give."""
    bench = Bench(device, peer, rounds, more)
    rows = [bench.copies(copy_case(sizes))]
    rows += [bench.judged(title, make()) for title, make in cases(sizes).items()]
    return [*rows, _memory(sizes, peer, more)]


@dataclass
class Bench:
    """What all rows of a run share.

    Attributes:
        more: further fields of every row.
        roof: the copies, once `copies` has measured them: they run in the rounds of what is
            bound by memory too.
    """

    device: Device
    peer: Peer | None
    rounds: int
    more: Mapping[str, Any]
    roof: dict[str, Contender] = field(default_factory=dict)

    def copies(self, case: Case) -> Row:
        """The bandwidth of the fastest copy."""
        sets = self._place(case)
        works = {
            "16 bytes a thread": Work(lambda number: case.ours(*sets[number]), CudaArray.numpy),
            "the driver": Work(lambda number: drivers_copy(*sets[number]), CudaArray.numpy),
            **_theirs(self.peer, case, sets),
        }
        try:
            check(case, sets, works)
        except WrongResult as wrong:
            return failed(COPY, str(wrong))
        self.roof |= _contenders(case, sets, works)
        took = interleave(self.device, self.roof, rounds=self.rounds)
        all_ms = {who: round(middle_ms(samples), 5) for who, samples in took.items()}
        best = min(took, key=lambda who: middle_ms(took[who]))
        speed = 1e-6 * case.amount / middle_ms(took[best])
        return row(COPY, speed, "GB/s", None, copied_by=best, all_ms=all_ms, **self.more)

    def judged(self, title: str, case: Case) -> Row:
        """The row of one case."""
        sets = self._place(case)
        theirs = _theirs(self.peer, case, sets)
        works = {"ours": Work(lambda number: case.ours(*sets[number]), CudaArray.numpy), **theirs}
        try:
            check(case, sets, works)
        except WrongResult as wrong:
            return failed(title, str(wrong))
        contenders = _contenders(case, sets, works)
        if case.beside_copy:
            contenders |= self.roof
        beside = list(self.roof if case.beside_copy else theirs)
        took = interleave(self.device, contenders, rounds=self.rounds)
        if not beside:
            ms = middle_ms(took["ours"])
            why = "it has no peer here." if self.peer else NO_PEER
            return absent(title, f"{ms:.4g} ms, and no share is measured: {why}")
        return share(title, took, contenders, ours="ours", beside=beside, bar=case.bar, **self.more)

    def _place(self, case: Case) -> list[Operands]:
        return case.place(sets_for(case.set_bytes, self.device.l2_bytes))


def _theirs(peer: Peer | None, case: Case, sets: Sequence[Operands]) -> dict[str, Work]:
    """The peer's work, if there is a peer and it has the like."""
    launch = peer.launcher(case.form, sets) if peer else None
    return {peer.name: Work(launch, peer.host)} if peer and launch else {}


def _contenders(
    case: Case, sets: Sequence[Operands], works: Mapping[str, Work]
) -> dict[str, Contender]:
    return {
        who: Contender(work.launch, len(sets), case.set_bytes, case.amount)
        for who, work in works.items()
    }


def check(case: Case, sets: Sequence[Operands], works: Mapping[str, Work]) -> None:
    """Hold each contender against NumPy, on every set.

    Raises:
        WrongResult: one computes something else, in TF32 say.
    """
    wanted = case.wanted(*case.given)
    for who, work in works.items():
        for number, operands in enumerate(sets):
            case.restore(operands)
            found = [work.host(one) for one in work.launch(number)]
            error = difference(case, found, wanted)
            if not error <= case.error:
                raise WrongResult(
                    f"{who}: wrong result, {error:.2g} of the largest away where "
                    f"{case.error:.2g} is allowed; nothing was timed"
                )


def failed(title: str, why: str) -> Row:
    """The row of something that computes wrongly or not at all: not measured, and not met."""
    return {**absent(title, why), "met": False}


def _memory(sizes: Sizes, peer: Peer | None, more: Mapping[str, Any]) -> Row:
    """What attention takes at twice the tokens, over what it takes: of our pool, which is all."""
    lengths = sizes.tokens, 2 * sizes.tokens
    took = [attention_bytes(sizes, tokens) for tokens in lengths]
    shapes = [(1, sizes.heads, tokens, sizes.width) for tokens in lengths]
    theirs = [peer.attention_bytes(shape) if peer else None for shape in shapes]
    growth = took[1] / took[0]
    return row(MEMORY, growth, "x", MEMORY_BAR, ours_bytes=took, peer_bytes=theirs, **more)


def main() -> None:
    """Print the rows: for `run_part`, or as a table."""
    if sys.argv[1:] == ["--measure"]:
        print_rows(measure())
    else:
        print(table(run()))


if __name__ == "__main__":
    main()
