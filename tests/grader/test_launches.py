"""Kernels of a learner's file, interpreted in a worker: what is fault, what is luck, what is unknown."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from grader import launches
from grader.check import CheckFailure
from grader.errors import NotAssessed, ProtocolError
from grader.spares import Spares, WorkerEnvironment
from grader.student import Student, StudentError

ENVIRONMENT = WorkerEnvironment(("numpy", "kernels.gpu_engine"), runs="gpu_engine")
Open = Callable[[str], Student]
SOURCE = """\
from numba import cuda, float32

SIZE = 64

@cuda.jit
def good(x, out):
    i = cuda.grid(1)
    if i < out.size:
        out[i] = x[i] + x[i]

@cuda.jit
def unguarded(x, out):
    i = cuda.grid(1)
    out[i] = x[i] + x[i]

@cuda.jit
def racy(x, out):
    tile = cuda.shared.array(SIZE, float32)
    t = cuda.threadIdx.x
    tile[t] = x[t]
    out[t] = tile[SIZE - 1 - t]

@cuda.jit
def wide(x, out):
    i = cuda.grid(1)
    if i < out.size:
        out[i] = 2.0 * x[i]

@cuda.jit
def writes(x, out):
    i = cuda.grid(1)
    if i < out.size:
        x[i] *= float32(2)
        out[i] = x[i]

@cuda.jit
def strided(x, out):
    i = cuda.threadIdx.x * cuda.gridDim.x + cuda.blockIdx.x
    out[i] = x[i] + x[i]

@cuda.jit
def endless(x, out):
    while x.size > 0:
        out[0] = x[0]

@cuda.jit
def unknown(x, out):
    print(x.size)

@cuda.jit
def refused(x, out):
    d = {}
    out[0] = x[0]

@cuda.jit
def begun(x, out):
    '''What it is to do.'''
    raise NotImplementedError("begun is yours to write")

@cuda.jit
def unlaunched(x, out):
    out[0] = x[0]

def launch(name, *args):
    if name == "unlaunched":
        raise NotImplementedError("launch is yours to write")
    return (args[0].size + SIZE - 1) // SIZE, SIZE
"""


@dataclass
class Limits:
    import_s: float = 10.0
    call_s: float = 10.0


@pytest.fixture(scope="module")
def spares() -> Iterator[Spares]:
    with Spares() as warm:
        yield warm


@pytest.fixture(scope="module")
def student(spares: Spares) -> Iterator[Student]:
    found = Student(spares.take(ENVIRONMENT), SOURCE.encode(), "kernels.py", limits=Limits())
    yield found
    found.close()


@pytest.fixture
def opened(spares: Spares) -> Iterator[Open]:
    alive: list[Student] = []

    def opening(source: str) -> Student:
        found = Student(spares.take(ENVIRONMENT), source.encode(), "kernels.py", limits=Limits())
        alive.append(found)
        return found

    yield opening
    for one in alive:
        one.close()


X = np.arange(64, dtype=np.float32)


def line_of(text: str, *, after: str) -> int:
    start = SOURCE.index(f"def {after}(")
    return SOURCE[: SOURCE.index(text, start)].count("\n") + 1


def run(student: Student, name: str, x: np.ndarray = X, **more: Any) -> launches.Launched:
    return launches.launch(student, name, x, launches.empty(len(x)), **more)


def test_a_sound_kernel_gives_its_output_and_leaves_ours_alone(student: Student) -> None:
    out = launches.empty(64)
    found = launches.check_sound(launches.launch(student, "good", X, out))

    assert np.array_equal(found.outputs[0], X + X)
    assert np.isnan(out).all()
    assert found.block == (64, 1, 1)
    launches.check_without(found, launches.FLOAT64)
    launches.check_inputs_kept(found)


@pytest.mark.parametrize(
    ("name", "size", "kind", "text"),
    [
        ("unguarded", 60, "out-of-bounds", "out[i] = x[i]"),
        ("racy", 64, "race:read-after-write", "out[t] = tile"),
    ],
)
def test_luck_is_a_fault_with_a_line(
    student: Student, name: str, size: int, kind: str, text: str
) -> None:
    found = run(student, name, X[:size])

    with pytest.raises(CheckFailure) as failure:
        launches.check_sound(found)
    line = line_of(text, after=name)
    assert f"{kind}, line {line} `{text}" in failure.value.message
    assert failure.value.diagnosis == f"{name}: {kind} in line {line}"
    assert failure.value.help == launches.ADVICE[kind]


def test_a_wrong_result_is_named(student: Student) -> None:
    with pytest.raises(CheckFailure, match=r"good\[1\] is 2") as failure:
        launches.check_kernel(student, "good", (X,), X)

    assert failure.value.diagnosis == "good: wrong-result."


def test_slow_is_no_fault_of_the_result(student: Student) -> None:
    x = np.arange(4096, dtype=np.float32)
    found = launches.check_sound(run(student, "strided", x, judged=True, per_element=1.1))

    with pytest.raises(CheckFailure, match="uncoalesced, line"):
        launches.check_without(found, launches.MEMORY)
    launches.check_without(run(student, "strided", x), launches.MEMORY)


def test_traffic_is_held_against_its_bound(student: Student) -> None:
    x = np.arange(4096, dtype=np.float32)

    with pytest.raises(CheckFailure, match="excess-traffic"):
        launches.check_without(
            run(student, "good", x, judged=True, per_element=1.1), launches.MEMORY
        )
    launches.check_without(run(student, "good", x, judged=True, total=8192), launches.MEMORY)


def test_float64_and_written_inputs_are_found(student: Student) -> None:
    with pytest.raises(CheckFailure, match="float64, line"):
        launches.check_without(run(student, "wide"), launches.FLOAT64)
    with pytest.raises(CheckFailure, match=r"writes stores into its input x, line \d+ `x\[i\] \*="):
        launches.check_inputs_kept(run(student, "writes"))


def test_what_does_not_end_is_given_up(student: Student) -> None:
    with pytest.raises(CheckFailure, match="still running after") as failure:
        run(student, "endless", seconds=0.2)

    assert "does not end in line" in failure.value.diagnosis


def test_unknown_is_not_assessed_and_refused_is_wrong(student: Student) -> None:
    line = line_of("print", after="unknown")
    with pytest.raises(NotAssessed, match=f"unsupported, line {line} .*print") as unknown:
        run(student, "unknown")
    assert unknown.value.diagnosis.startswith(f"unknown: line {line}: `print` is not supported")
    with pytest.raises(CheckFailure, match="a dict is not compiled by Numba") as failure:
        run(student, "refused")

    assert "not compiled by Numba" in failure.value.diagnosis


def test_what_is_not_written_yet_says_so(student: Student) -> None:
    with pytest.raises(NotImplementedError, match="begun is yours to write"):
        run(student, "begun")
    with pytest.raises(NotImplementedError, match="no grid and block for unlaunched"):
        run(student, "unlaunched")


def test_one_unknown_kernel_does_not_excuse_the_others(student: Student) -> None:
    def check(name: str) -> None:
        launches.check_sound(run(student, name, X[:60]))

    launches.for_each(("good",), check)
    with pytest.raises(NotAssessed, match="unsupported, line"):
        launches.for_each(("unknown", "good"), check)
    with pytest.raises(CheckFailure, match="unguarded"):
        launches.for_each(("unknown", "unguarded"), check)


@pytest.mark.parametrize(
    ("source", "error", "said"),
    [
        ("from kernels.cuda import load4\n", "ImportError", "there is no kernels.cuda"),
        ("def f():\n    import reference\n", "ImportError", "there is no reference"),
        ("def f(:\n", "SyntaxError", "invalid syntax"),
    ],
)
def test_a_file_that_could_not_be_imported_is_refused(
    opened: Open, source: str, error: str, said: str
) -> None:
    with pytest.raises(StudentError, match=said) as raised:
        opened(source)

    assert raised.value.type_name == error


def test_the_file_is_never_run(opened: Open) -> None:
    hostile = (
        "import os\nprint('alive')\nos._exit(3)\nraise SystemExit\nN = 10 ** 10 ** 10\n"
        "class Finding: ...\nengine = examine = None\n"
    )
    student = opened(hostile + SOURCE)

    assert np.array_equal(launches.check_sound(run(student, "good")).outputs[0], X + X)
    assert student.output() == ""
    with pytest.raises(CheckFailure, match="race:read-after-write"):
        launches.check_sound(run(student, "racy"))


@pytest.mark.parametrize(
    "reply",
    [
        None,
        {},
        {"findings": [], "error": 3},
        {"findings": [["race"]], "error": ""},
        {"findings": [], "error": "", "outputs": ("x",)},
        {"findings": [], "error": "", "outputs": (np.zeros(3, np.float32),)},
        {"findings": [], "error": "", "outputs": (np.zeros(64),)},
    ],
)
def test_an_answer_that_is_none_is_no_verdict(reply: object) -> None:
    student: Any = SimpleNamespace(on_call=None, request=lambda op, **fields: reply)

    with pytest.raises(ProtocolError):
        run(student, "good")


def test_a_launch_without_results_is_no_pass() -> None:
    student: Any = SimpleNamespace(
        on_call=None, request=lambda op, **fields: {"findings": [], "error": ""}
    )

    with pytest.raises(ProtocolError):
        launches.check_sound(run(student, "good"))
    with pytest.raises(ProtocolError):
        launches.check_without(run(student, "good"), launches.MEMORY)
