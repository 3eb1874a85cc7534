"""A worker that does what no honest one would: each deviation ends it, none reaches the check."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest

from grader import sandbox
from grader.errors import ProtocolError, WorkerCrashed, WorkerError, WorkerMemory, WorkerTimeout
from grader.handle import Handle
from grader.spares import Spares, WorkerEnvironment
from grader.student import Student, StudentError, StudentTypeError, clean
from grader.wire.codec import MAX_DEPTH
from grader.wire.frames import PREFIX, Channel

ENVIRONMENT = WorkerEnvironment(("numpy",), memory_mib=512)
Open = Callable[..., Student]


@dataclass
class Limits:
    import_s: float = 10.0
    call_s: float = 10.0


@pytest.fixture(scope="module")
def spares() -> Iterator[Spares]:
    with Spares() as warm:
        yield warm


@pytest.fixture
def student(spares: Spares) -> Iterator[Open]:
    opened: list[Student] = []

    def open_student(source: str, **limits: float) -> Student:
        text = f"import os, sys, time\nimport numpy as np\n{source}"
        worker = spares.take(ENVIRONMENT)
        opened.append(Student(worker, text.encode(), "softmax.py", limits=Limits(**limits)))
        return opened[-1]

    yield open_student
    for one in opened:
        one.close()


# ---- a worker played by the test, which answers what it likes --------------------------------------
class FakeBox:
    """Pipes whose other ends belong to the test."""

    def __init__(self) -> None:
        self.inner, self.write_fd = os.pipe()
        self.read_fd, self.outer = os.pipe()
        self.closed = False

    def log(self) -> bytes:
        return b""

    def ending(self) -> str | None:
        return None

    def alive(self) -> bool:
        return not self.closed

    def close(self) -> None:
        if not self.closed:
            self.closed = True
            for fd in (self.inner, self.write_fd, self.read_fd, self.outer):
                os.close(fd)


class FakeWorker:
    """What a `Student` needs of a worker, and one answer for each request."""

    def __init__(self, *answers: Callable[[int], bytes]) -> None:
        self.box = FakeBox()
        self._answers = list(answers)
        self._requests = Channel(self.box.inner, self.box.outer)
        self.channel = Channel(self.box.read_fd, self.box.write_fd)
        send = self.channel.send

        def send_and_answer(message: dict[str, Any], deadline: float | None = None) -> None:
            send(message, deadline)
            request = self._requests.receive(
                time.monotonic() + 10, remote=lambda n: n, callback=lambda n: n
            )
            if self._answers:
                os.write(self.box.outer, self._answers.pop(0)(request["id"]))

        self.channel.send = send_and_answer  # type: ignore[method-assign]

    def close(self) -> None:
        self.box.close()


def frame(**fields: Any) -> bytes:
    text = json.dumps(fields).encode()
    return PREFIX.pack(len(text), 0) + text


def loaded(call_id: int) -> bytes:
    return frame(id=call_id, value=None)


def played(*answers: Callable[[int], bytes], call_s: float = 10.0) -> Student:
    """A student whose worker loads its file and then gives `answers`."""
    worker: Any = FakeWorker(loaded, *answers)
    return Student(worker, b"", "softmax.py", limits=Limits(call_s=call_s))


@pytest.mark.parametrize(
    "answer",
    [
        lambda call: frame(id=call + 1, value=1),
        lambda call: frame(value=1),
        lambda call: frame(id=str(call), value=1),
        lambda call: frame(id=float(call), value=1),
        lambda call: frame(id={"t": [call]}, value=1),
        lambda call: frame(id={"a": ["<f8", [0]]}, value=1),
        lambda call: frame(id=call),
        lambda call: frame(id=call, value={"c": 0}),
        lambda call: frame(id=call, value={"a": ["|O", [1]]}),
        lambda call: frame(id=call, callback=0, args={"t": []}, kwargs={"d": []}),
        lambda call: frame(id=call, callback=-1, args={"t": []}, kwargs={"d": []}),
        lambda call: frame(id=call, callback={"l": []}),
        lambda call: PREFIX.pack(2, 1 << 60) + b"{}",
        lambda call: b"\0" * 40,
        lambda call: b"PK\x03\x04 not a frame at all, not even near",
    ],
)
def test_an_answer_that_is_none_ends_the_worker(answer: Callable[[int], bytes]) -> None:
    s = played(answer)

    with pytest.raises(ProtocolError):
        s.f(1)
    assert not s.alive and s.worker.box.closed
    with pytest.raises(ProtocolError):
        s.f(1)


def test_a_second_answer_is_a_violation_of_the_next_call() -> None:
    s = played(lambda call: frame(id=call, value=1) * 2)

    assert s.f() == 1
    with pytest.raises(ProtocolError, match="nobody asked for"):
        s.f()


def test_an_answer_that_was_kept_back_is_none_to_the_next_call() -> None:
    kept: list[int] = []
    s = played(
        lambda call: kept.append(call) or frame(id=call, value=1),
        lambda call: frame(id=kept[0], value=1),
    )
    s.f()

    with pytest.raises(ProtocolError, match="nobody made"):
        s.f()


@pytest.mark.parametrize(
    "fields",
    [
        {"error": 3},
        {"error": None, "text": {"l": []}},
        {"error": {"l": []}},
        {"error": {"l": [1, "ValueError", {"a": ["<f8", [0]]}]}, "text": 5, "traceback": {"t": []}},
        {"error": {"l": ["SystemExit", "BaseException", "object"]}},
        {"error": {"l": ["__import__", "open", "StudentError"]}},
        {"error": {"l": ["x" * 10_000]}, "text": "\x1b[2J" + "y" * 100_000},
        {"error": {"l": ["E"]}, "warnings": {"l": [3, {"l": [1]}, {"l": ["a", {"l": []}]}]}},
    ],
)
def test_an_error_that_is_told_wrongly_is_an_error_of_the_learner(fields: dict[str, Any]) -> None:
    s = played(lambda call: frame(id=call, **fields))

    with pytest.raises(StudentError) as caught:
        s.f()
    error = caught.value
    told = [error.type_name, error.text, error.traceback, *sum(s.warnings, ())]
    assert all(type(text) is str and len(text) <= 2000 and "\x1b" not in text for text in told)
    s.close()


@pytest.mark.parametrize("read", [{"l": []}, {"t": [1]}, 3, {"a": ["<f8", [0]]}])
def test_what_was_to_be_read_back_cannot_be_left_out(read: Any) -> None:
    s = played(lambda call: frame(id=call, value=1, read=read, same={"l": [True]}))

    with pytest.raises(ProtocolError):
        s.invoke("f", (1,), read=(0,))


def test_only_true_says_that_the_result_is_the_argument() -> None:
    s = played(lambda call: frame(id=call, value=1, read={"l": [1]}, same={"l": [1]}))

    assert s.invoke("f", (1,), read=(0,)).same == (False,)
    s.close()


def test_a_worker_that_says_nothing_or_not_all_is_not_waited_for() -> None:
    for part in (b"", PREFIX.pack(50, 0) + b'{"id":'):
        s = played(lambda call, part=part: part, call_s=0.05)  # type: ignore[misc]
        with pytest.raises(WorkerTimeout, match=r"0\.05 s"):
            s.f()
        assert not s.alive


def test_a_call_that_the_check_breaks_off_ends_the_worker() -> None:
    s = played()
    s.worker.channel.receive = interrupt  # type: ignore[method-assign]

    with pytest.raises(KeyboardInterrupt):
        s.f()
    assert not s.alive


def interrupt(*args: Any, **kwargs: Any) -> Any:
    raise KeyboardInterrupt


# ---- a learner's file that tries it ----------------------------------------------------------------
FORGE = """
import gc, json, struct
from serve import Server

def f(x=None):
    server = next(o for o in gc.get_objects() if type(o) is Server)
    header = json.dumps({"id": server._call_id, "value": 42}).encode()
    os.write(4, struct.pack("<IQ", len(header), 0) + header)
    return 42
"""


def test_a_forged_answer_with_the_right_id_is_found_out_at_the_next_call(student: Open) -> None:
    s = student(FORGE)

    with pytest.raises(ProtocolError):
        for _ in range(2):
            assert s.f() == 42
    assert not s.alive


def test_reading_the_wire_brings_no_request_to_light(student: Open) -> None:
    s = student("def f():\n    os.set_blocking(3, False)\n    return os.read(3, 100)")

    with pytest.raises(BlockingIOError):
        s.f()


@pytest.mark.parametrize("name", ["os._exit(0)", "os.abort()", "os.kill(os.getpid(), 9)"])
@pytest.mark.parametrize("place", ["{}", "def f(): {}"])
def test_an_end_of_the_process_is_a_crash(student: Open, name: str, place: str) -> None:
    with pytest.raises(WorkerCrashed, match="ended in the middle"):
        student(place.format(name)).f()


@pytest.mark.parametrize("raised", ["SystemExit(0)", "KeyboardInterrupt", "GeneratorExit"])
def test_an_exit_while_the_file_loads_is_told_by_its_name(student: Open, raised: str) -> None:
    with pytest.raises(StudentError, match=raised.split("(")[0]):
        student(f"raise {raised}")


def test_closing_the_wire_is_a_crash(student: Open) -> None:
    s = student("def f(): os.close(4)")

    with pytest.raises(WorkerCrashed):
        s.f()


def test_a_result_that_never_ends_or_is_too_large_stays_in_the_worker(student: Open) -> None:
    s = student(
        "def deep(n):\n    x = []\n    for _ in range(n): x = [x]\n    return x\n"
        "def endless():\n    x = []\n    x.append(x)\n    return x\n"
        "def many(): return [float(i) for i in range(300_000)]\n"
        "def large(): return np.empty(300 << 20, np.uint8)\n"
        "def keys(): return {np.int64(3): 1}\n"
    )

    assert s.deep(MAX_DEPTH - 1)
    for found in (s.deep(MAX_DEPTH), s.deep(500), s.endless(), s.many(), s.large(), s.keys()):
        assert type(found) is Handle
        with pytest.raises(StudentTypeError, match=r"your code returned an? (object|dict)"):
            s.fetch(found)
    with pytest.raises(StudentTypeError):
        s.iter(s.many())
    assert s.len(s.many()) == 300_000


@pytest.mark.parametrize(
    ("made", "named"),
    [
        ("type('Mine', (np.ndarray,), {}).__new__(type('Mine', (np.ndarray,), {}), 3)", "Mine"),
        ("np.array([object()])", "dtype object"),
        ("np.ma.masked_array([1.0], [True])", "MaskedArray"),
        ("object()", "object"),
        ("{1, 2}", "set"),
    ],
)
def test_what_does_not_travel_is_named_to_the_learner(student: Open, made: str, named: str) -> None:
    s = student(f"def f(): return {made}")

    with pytest.raises(
        StudentTypeError, match=f"your code returned an .*{named}; expected an array"
    ):
        s.probe("def probe(module): return module.f()")
    found = s.f()
    assert type(found) is Handle
    with pytest.raises(StudentTypeError, match=named):
        s.fetch(found)


def test_memory_is_told_apart_from_a_crash(student: Open) -> None:
    s = student("def f():\n    kept = []\n    while True: kept.append(np.ones(1 << 22))")

    # With a bound on the data segment it is an exception, with one on the group the end.
    with pytest.raises((WorkerMemory, MemoryError)):
        s.f()


def test_a_box_that_ends_a_moment_after_its_pipes_closed_is_waited_for(
    student: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    s = student("def f():\n    os._exit(1)")
    box, asked = s.worker.box, []

    def ending() -> str | None:
        asked.append(1)
        return None if len(asked) < 3 else "memory"

    monkeypatch.setattr(box, "ending", ending)
    with pytest.raises(WorkerMemory):
        s.f()


def test_a_warning_is_seen_whatever_the_file_did_to_the_filters(student: Open) -> None:
    s = student(
        "import warnings\nwarnings.simplefilter('ignore')\n"
        "def f():\n"
        "    warnings.filters.clear()\n"
        "    warnings.showwarning = None\n"
        "def g():\n    warnings.warn('two\\x1b[0m', DeprecationWarning)\n"
        "def h():\n    for i in range(1000): warnings.warn(str(i))\n"
    )
    s.f()
    for _ in range(2):
        s.g()
        assert s.warnings == [("DeprecationWarning", "two")]
    s.h()
    assert 1 <= len(s.warnings) <= 50


# ---- functions of the check that the learner's code calls ------------------------------------------
def test_a_function_of_the_check_may_ask_while_it_is_called(student: Open) -> None:
    s = student(
        "class Box:\n    def __init__(self, x): self.x = x\n"
        "def f(g): return [g(Box(i)) for i in range(3)]\n"
        "def twice(x): return 2 * x\n"
        "def apply(g, x): return g(x)\n"
    )

    assert s.f(lambda box: s.twice(box.x)) == [0, 2, 4]
    assert s.apply(lambda x: s.apply(lambda y: y + 1, x) * 10, 3) == 40


def test_a_function_is_gone_when_its_call_is_over(student: Open) -> None:
    s = student("kept = []\ndef f(g): kept.append(g)\ndef again(): return kept[0](1)")
    s.f(lambda x: x)

    with pytest.raises(ProtocolError, match="never passed"):
        s.again()


def test_a_function_that_gives_what_does_not_travel_ends_the_worker(student: Open) -> None:
    s = student("def f(g): return g()")

    with pytest.raises(ValueError, match="object of type set"):
        s.f(lambda: {1, 2})
    assert not s.alive


def test_a_value_of_the_check_that_does_not_travel_costs_the_worker_nothing(student: Open) -> None:
    s = student("def f(x): return x")

    with pytest.raises(ValueError, match="object of type set"):
        s.f({1, 2})
    assert s.f(3) == 3


def test_generators_come_back_with_their_state(student: Open) -> None:
    s = student("def f(rng): return rng.random(2)")
    rng, twin = np.random.default_rng(5), np.random.default_rng(5)
    done = s.invoke("f", (rng,), read=(0,))

    assert np.array_equal(done.result, twin.random(2))
    assert done.read[0].random() == twin.random()
    assert rng.random() == np.random.default_rng(5).random()


def test_objects_that_nobody_names_are_dropped(student: Open) -> None:
    s = student(
        "import weakref\nmade = weakref.WeakSet()\n"
        "class Box:\n    def __init__(self): made.add(self)\n"
        "def living(): return len(made)\n"
    )
    kept, dropped = s.Box(), s.Box()
    assert s.living() == 2
    del dropped

    assert s.living() == 1 and type(kept) is Handle


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("a\x1b[31mb", "ab"),
        ("\x1b]0;title\x07x", "x"),
        ("tab\tline\n", "tab\tline\n"),
        ("half \ud800 character", "half  character"),
        ("left\u202eright", "leftright"),
        ("\x9b31mred", "31mred"),
    ],
)
def test_text_is_cleaned(text: str, shown: str) -> None:
    assert clean(text) == shown


@pytest.mark.sandbox
@pytest.mark.skipif(sandbox.isolation().level != "full", reason="needs full walls")
def test_a_crowd_of_processes_is_bounded_and_ends_with_the_worker(student: Open) -> None:
    s = student(
        "def f():\n    n = 0\n    try:\n"
        "        while n < 1000:\n            if os.fork() == 0: time.sleep(100)\n            n += 1\n"
        "    except OSError: pass\n    return n"
    )

    assert 0 < s.f() < 100
    s.close()
    assert not s.worker.box.alive()


def test_every_error_of_a_worker_is_of_one_family() -> None:
    for kind in (ProtocolError, WorkerCrashed, WorkerMemory, WorkerTimeout, StudentTypeError):
        assert issubclass(kind, WorkerError)
