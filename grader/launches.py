"""Launches of a learner's GPU kernels, for suites: what a kernel wrote, and what the engine found.

The worker of such a stage interprets the file (`worker/interpret.py`); here its answers become a
verdict. A finding that makes results unreliable is a fault of the kernel's correctness, whatever
the numbers are; what the engine cannot run is not assessed.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, NoReturn

import numpy as np

from .check import CheckFailure, check_close, fail
from .errors import NotAssessed, ProtocolError
from .student import Student, clean

SECONDS = 5.0  # that one launch may take
UNRELIABLE = (
    "launch-geometry",
    "out-of-bounds",
    "barrier-divergence",
    "race:read-after-write",
    "race:write-after-read",
    "race:write-after-write",
    "global-write-race",
    "uninitialised-shared",
    "unwritten-output",
)
MEMORY = ("uncoalesced", "bank-conflict", "excess-traffic")
FLOAT64 = ("float64",)
SHOWN = 3  # findings of a message
MAX_TEXT = 400
SAID = {"rejected": "not compiled by Numba", "endless": "does not end"}
ADVICE = {
    "launch-geometry": "launch(name, *args) returns (grid, block): ints or tuples of one to three "
    "ints, a block of whole warps, at most 1,024 threads.",
    "out-of-bounds": "Which threads of the last block have no element of their own? Each access "
    "needs a guard that is as sharp as its own index.",
    "barrier-divergence": "Every thread of the block that has not returned must come to the same "
    "syncthreads(). Take it out of the branch and keep the branch for the work.",
    "race:read-after-write": "One thread reads what another has stored. Between the two must stand "
    "a barrier that both pass.",
    "race:write-after-read": "A thread overwrites what another may still be reading. Put a barrier "
    "between the last read and the next store; in a loop the next store is in the next round.",
    "race:write-after-write": "Two threads store into one place. Which index should differ?",
    "global-write-race": "Two threads store into, or share, one element of global memory, and "
    "nothing orders them. Who owns the element?",
    "uninitialised-shared": "Shared memory starts with arbitrary values. Which part of the tile has "
    "no thread filled, the edge of the array included?",
    "unwritten-output": "Some elements have no thread that writes them. Look at grid, index, guard.",
    "float64": "A literal such as 1.0 is float64, and so is every sum it enters; so is math.sqrt "
    "of an int. Write float32(1.0), and start sums with float32(0).",
    "uncoalesced": "threadIdx.x is what tells the lanes of a warp apart. Which index of the array "
    "does it move? It should be the last one.",
    "bank-conflict": "Word w lies in bank w mod 32. Write down the words of lanes 0, 1, 2: when do "
    "they share a bank? A row that is longer by one moves them apart.",
    "excess-traffic": "How often does one block load one element from global memory? Keep it in "
    "shared memory or in a register, and let it serve more results.",
}


@dataclass(frozen=True, slots=True)
class Found:
    """A finding of the engine: `line` in the learner's file and its `text`.

    `kind` is empty for what Numba would not compile, and for a kernel that does not end.
    """

    kind: str
    line: int | None
    message: str
    text: str

    def __str__(self) -> str:
        place = f"line {self.line}" if self.line is not None else ""
        named = ", ".join(filter(None, (self.kind, place)))
        quoted = f" `{self.text}`" if self.text else ""
        return f"{named}{quoted}: {self.message}".lstrip(": ")


@dataclass(frozen=True, slots=True)
class Launched:
    """One launch of `kernel`.

    Attributes:
        findings: in the order of the source.
        error: why there was no run: unsupported, rejected, launcherror or endless; else empty.
        outputs: the arrays that the kernel was to fill.
        written: line and text of each store into an input.
        block, shared_bytes: threads and shared memory of one block.
    """

    kernel: str
    findings: tuple[Found, ...]
    error: str
    outputs: tuple[np.ndarray, ...] = ()
    written: tuple[tuple[str, int, str], ...] = ()
    block: tuple[int, ...] = ()
    shared_bytes: int = 0

    def of(self, kinds: Collection[str]) -> tuple[Found, ...]:
        """The findings of those kinds."""
        return tuple(one for one in self.findings if one.kind in kinds)


def launch(
    student: Student,
    name: str,
    *args: Any,
    outputs: int = 1,
    judged: bool = False,
    per_element: float | None = None,
    total: float | None = None,
    seconds: float = SECONDS,
) -> Launched:
    """Run `name[launch(name, *args)](*args)` on the engine.

    Args:
        args: what the kernel takes, output arrays as `empty` makes them.
        outputs: how many arrays, the last ones, are outputs.
        judged: hold efficiency and bank conflicts against their bounds; sizes are multiples of 64.
        per_element, total: bounds of the traffic, as in `kernels.gpu_engine.judge.Budget`.
        seconds: after which the launch is given up.

    Raises:
        WorkerError: no answer.
        NotAssessed: the engine cannot run it.
        CheckFailure: Numba would refuse it too, or it did not come to an end.
    """
    if student.on_call is not None:
        bounds = {"judged": judged, "per_element": per_element, "total": total}
        student.on_call(name, args, {key: value for key, value in bounds.items() if value})
    budget = (per_element, total) if (per_element, total) != (None, None) else None
    reply = student.request(
        "kernel",
        name=name,
        args=args,
        outputs=outputs,
        judged=judged,
        budget=budget,
        seconds=seconds,
    )
    try:
        found = _launched(name, reply)
        shapes = [one.shape for one in args if isinstance(one, np.ndarray)][-outputs:]
        if not found.error and found.outputs and [one.shape for one in found.outputs] != shapes:
            raise ValueError
    except (LookupError, TypeError, ValueError, AttributeError):
        raise ProtocolError("an answer that is none of the interpreter's.") from None
    if found.error == "unsupported":
        first = found.findings[0]
        place = f"line {first.line}: " if first.line is not None else ""
        raise NotAssessed(str(first), f"{name}: {place}{first.message}")
    if found.error in ("rejected", "endless"):
        _refuse(found, found.findings)
    return found


def empty(*shape: int) -> np.ndarray:
    """An output as a kernel gets it: float32, full of NaN."""
    return np.full(shape, np.nan, np.float32)


def check_sound(found: Launched) -> Launched:
    """The launch has no finding that makes its results unreliable."""
    wrong = found.of(UNRELIABLE)
    if wrong or not found.outputs:
        _refuse(found, wrong or found.findings)
    return found


def check_kernel(
    student: Student,
    name: str,
    inputs: Sequence[np.ndarray],
    want: np.ndarray,
    *more: Any,
    exact: bool = False,
    what: str = "",
    **fields: Any,
) -> None:
    """The kernel fills its output with `want`, and nothing makes that a matter of luck.

    Args:
        more: arguments after the output.
        exact: no rounding is allowed for; else rtol 1e-4, atol 2e-4.
        what: names the call in messages.
        fields: `help` and `diagnoses` of `check_close`.
    """
    found = check_sound(launch(student, name, *inputs, empty(*want.shape), *more))
    rtol, atol = (0.0, 0.0) if exact else (1e-4, 2e-4)
    try:
        check_close(
            found.outputs[0],
            want.astype(np.float32),
            what=what or name,
            rtol=rtol,
            atol=atol,
            **fields,
        )
    except CheckFailure as error:
        error.diagnosis = f"{name}: wrong-result. {error.diagnosis}".rstrip(". ") + "."
        raise


def for_each(names: Iterable[str], check: Callable[[str], None]) -> None:
    """`check` every kernel of `names`; one that cannot be assessed does not excuse the others.

    Raises:
        NotAssessed: some could not be assessed, and nothing is wrong with the others.
    """
    unknown: list[NotAssessed] = []
    for name in names:
        try:
            check(name)
        except NotAssessed as error:
            unknown.append(error)
    if unknown:
        raise unknown[0]


def check_without(found: Launched, kinds: Collection[str]) -> None:
    """There was a launch, and it has no finding of those kinds."""
    wrong = found.of(kinds)
    if wrong or not found.outputs:
        _refuse(found, wrong or found.findings)


def check_inputs_kept(found: Launched) -> None:
    """There was a launch, and no thread stored into an input."""
    check_without(found, ())
    for array, line, text in found.written:
        fail(
            f"{found.kernel} stores into its input {array}, line {line} `{text}`.",
            help="Inputs are only read: keep what you compute in registers or in shared memory.",
        )


def _refuse(found: Launched, wrong: Sequence[Found]) -> NoReturn:
    if not wrong:
        raise ProtocolError("a launch without results.")
    shown = "\n".join(str(one) for one in wrong[:SHOWN])
    more = f"\nand {len(wrong) - SHOWN} more" if len(wrong) > SHOWN else ""
    first = wrong[0]
    place = f" in line {first.line}" if first.line is not None else ""
    raise CheckFailure(
        f"{found.kernel}: {shown}{more}",
        help=ADVICE.get(first.kind, ""),
        # Lines and kinds tell nothing of a hidden input, so a learner may always see them.
        diagnosis=f"{found.kernel}: {first.kind or SAID.get(found.error, found.error)}{place}",
    )


def _launched(name: str, reply: Any) -> Launched:
    """The answer of the worker as what it should be; it came from a box."""
    return Launched(
        name,
        tuple(_found(one) for one in reply["findings"]),
        clean(reply["error"]),
        tuple(_array(one) for one in reply.get("outputs", ())),
        tuple((_text(a), int(line), _text(text)) for a, line, text in reply.get("written", ())),
        tuple(int(one) for one in reply.get("block", ())),
        int(reply.get("shared_bytes", 0)),
    )


def _found(one: Any) -> Found:
    kind, line, message, text = one
    return Found(_text(kind), None if line is None else int(line), _text(message), _text(text))


def _array(one: Any) -> np.ndarray:
    if type(one) is not np.ndarray or one.dtype != np.float32:
        raise TypeError
    return one


def _text(value: Any) -> str:
    if type(value) is not str:
        raise TypeError
    return clean(value)[:MAX_TEXT]
