"""Hidden checks of memory: no matrix of all queries by all keys, of whatever type.

The process's own peak decides, since it sees what compiled code takes, too. What Python counts is
only said.
"""

from functools import cache
from types import SimpleNamespace

from grader.check import fail
from grader.errors import MachineLacks
from grader.spares import WorkerEnvironment, start_worker
from grader.student import Student
from grader.suites.capstone.programs import COUNTED, LARGE, UNCOUNTED

T, D, BLOCK = 5120, 16, 128  # a (T, T) matrix of float32 has 105 MB, of booleans 26 MB
ALLOWED = 16 << 20
SEEN = 96 << 20  # an allocation that the meter must see
SMALL = 1024


def test_memory_forward(student, rng):
    """forward: at a size where all scores need 105 MB, the process grows by less than 16 MiB"""
    beyond(student, rng, "forward")


def test_memory_backward(student, rng):
    """backward: at a size where all scores need 105 MB, the process grows by less than 16 MiB"""
    beyond(student, rng, "backward")


def beyond(student, rng, way):
    if not meter_sees():
        raise MachineLacks("this machine does not tell how much memory a process holds.")
    box = student.worker.box
    student.probe(LARGE, T=2 * BLOCK, D=D, block=BLOCK, way=way, seed=0)
    before = box.peak_memory_bytes()
    student.probe(LARGE, T=T, D=D, block=BLOCK, way=way, seed=int(rng.integers(1 << 31)))
    grown = box.peak_memory_bytes() - before
    if grown < ALLOWED:
        return
    counted = student.probe(COUNTED, T=SMALL, D=D, block=BLOCK, way=way)
    student.close()  # a peak never falls: the next check starts from a process of its own
    bound = 8 * 4 * (BLOCK * BLOCK + 2 * BLOCK * D) + (64 << 10)
    bound += 2 * 4 * SMALL if way == "backward" else 0
    fail(
        f"flash_attention_{way} of {T} queries and keys took {grown / 2**20:.0f} MiB more than "
        f"of {2 * BLOCK}; beyond inputs and results it needs a few blocks of {BLOCK} by {BLOCK}.",
        help=f"At {SMALL} queries and keys Python counts {counted / 1024:.0f} KiB of temporary "
        f"arrays; blocks, sums and a margin need {bound / 1024:.0f} KiB. Is something made for all "
        "keys, or all pairs, before the loop over blocks?",
    )


@cache
def meter_sees():
    """Whether a box tells of memory that Python does not count: it is tried once, in one of ours."""
    limits = SimpleNamespace(import_s=20.0, call_s=20.0)
    ours = Student(start_worker(WorkerEnvironment(("numpy",))), b"", "ours.py", limits=limits)
    try:
        before = ours.worker.box.peak_memory_bytes()
        ours.probe(UNCOUNTED, size=SEEN)
        return ours.worker.box.peak_memory_bytes() - before > SEEN // 2
    finally:
        ours.close()
