"""The learner's module behind the wire: what comes back, what is refused, whose fault an end is."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import pytest

from grader.errors import ProtocolError, WorkerCrashed, WorkerError, WorkerTimeout
from grader.handle import Handle
from grader.sandbox import box
from grader.spares import Spares, WorkerEnvironment
from grader.student import Student, StudentError, StudentTypeError

ENVIRONMENT = WorkerEnvironment(("numpy",), data=("digits",))
PREFACE = "import numpy as np\n"
Open = Callable[..., Student]


@dataclass
class Limits:
    import_s: float = 10.0
    call_s: float = 10.0


@pytest.fixture(scope="module", params=["best", "none"])
def spares(request: pytest.FixtureRequest) -> Iterator[Spares]:
    """Warm workers behind the best walls there are, and behind none: the protocol is the same."""
    with pytest.MonkeyPatch.context() as patch:
        if request.param == "none":
            patch.setenv("DLSYSLAB_ISOLATION", "none")
        box.best_level.cache_clear()
        with Spares() as warm:
            yield warm
    box.best_level.cache_clear()


@pytest.fixture
def student(spares: Spares) -> Iterator[Open]:
    opened: list[Student] = []

    def open_student(source: str, **limits: float) -> Student:
        opened.append(
            Student(
                spares.take(ENVIRONMENT),
                (PREFACE + source).encode(),
                "softmax.py",
                limits=Limits(**limits),
            )
        )
        return opened[-1]

    yield open_student
    for one in opened:
        one.close()


# ---- values -----------------------------------------------------------------------------------------
def test_plain_results_come_by_value(student: Open) -> None:
    s = student("def f(*a, **k): return [a, k, np.float32(2), None, b'x']")

    args, kwargs, number, nothing, raw = s.f(1, "b", k=np.ones(2))
    assert args == (1, "b") and np.array_equal(kwargs["k"], np.ones(2))
    assert (type(number), nothing, raw) == (np.float32, None, b"x")


def test_objects_stay_and_answer_through_handles(student: Open) -> None:
    s = student(
        "class Tensor:\n"
        "    def __init__(self, x): self.data = np.asarray(x)\n"
        "    def __add__(self, o): return Tensor(self.data + getattr(o, 'data', o))\n"
        "    __radd__ = __add__\n"
        "    def __neg__(self): return Tensor(-self.data)\n"
        "    def __getitem__(self, k): return Tensor(self.data[k])\n"
        "    def __len__(self): return len(self.data)\n"
        "    def sum(self): return float(self.data.sum())\n"
    )
    t = s.Tensor(np.array([1.0, 2.0]))

    assert isinstance(t, Handle) and s.isinstance(t, "Tensor") and s.type_name(t) == "Tensor"
    assert (t + t).sum() == 6.0 and (1 + -t)[1].sum() == -1.0 and s.len(t) == 2
    t.data = np.zeros(3)
    assert np.array_equal(s.fetch(t.data), np.zeros(3))


@pytest.mark.parametrize(
    "use",
    [
        lambda h: h == h, lambda h: h != 1, lambda h: h < 1, bool, len, iter, np.asarray, float, hash,
        lambda h: 1 in h, lambda h: np.allclose(h, 0),
    ],
)  # fmt: skip
def test_a_handle_cannot_lie_to_an_assertion(
    student: Open, use: Callable[[Handle], object]
) -> None:
    s = student(
        "class Yes:\n"
        "    def __eq__(self, o): return True\n"
        "    def __bool__(self): return True\n"
        "    def __len__(self): return 2\n"
        "    def __array__(self, *a, **k): return np.zeros(2)\n"
        "    def __radd__(self, o): return self\n"
        "def f(): return Yes()\n"
    )

    with pytest.raises(TypeError):
        use(s.f())


def test_only_exact_arrays_and_plain_values_are_fetched(student: Open) -> None:
    s = student("class L(np.ndarray): pass\ndef f(): return np.zeros(2).view(L)")

    with pytest.raises(StudentTypeError, match="an object of type L; expected"):
        s.fetch(s.f())


def test_a_probe_brings_plain_data_back_and_says_what_is_none(student: Open) -> None:
    s = student("def f(x): return 2 * x")

    assert s.probe("def probe(module, n): return [module.f(i) for i in range(n)]", n=3) == [0, 2, 4]
    with pytest.raises(StudentTypeError, match="an object of type function"):
        s.probe("def probe(module): return module.f")
    assert s.f(1) == 2


def test_arguments_are_read_back_after_the_call(student: Open) -> None:
    s = student("def f(x, y):\n    x += 1\n    return x")
    done = s.invoke("f", (np.zeros(2), 3), read=(0, 1))

    assert np.array_equal(done.read[0], np.ones(2)) and done.read[1] == 3
    assert done.same == (True, False)


def test_callbacks_run_here_while_the_call_is_open(student: Open) -> None:
    s = student("def f(g, x): return g(x) + g(x + 1)")
    seen = []

    def g(x: float) -> float:
        seen.append(x)
        return 10 * x

    assert s.f(g, 1.0) == 30.0 and seen == [1.0, 2.0]


def test_a_callback_that_fails_is_the_suites_own_error(student: Open) -> None:
    s = student("def f(g): return g(0)")

    with pytest.raises(ZeroDivisionError):
        s.f(lambda x: 1 / x)


def test_a_generator_is_copied_and_can_be_read_back(student: Open) -> None:
    s = student("def f(rng): return rng.random(3)")
    rng = np.random.default_rng(3)
    inside = s.put(rng)
    drawn = s.f(inside)

    assert np.array_equal(drawn, np.random.default_rng(3).random(3))
    assert s.fetch(inside).random() == np.random.default_rng(3).random(4)[3]


def test_warnings_and_output_are_told_apart_and_cleaned(student: Open) -> None:
    s = student(
        "import warnings\nwarnings.simplefilter('ignore')\n"
        "def f():\n    print('a\\x1b[31mb')\n    return np.exp(np.float64(1e4))\n"
    )
    s.f()

    assert [kind for kind, _ in s.warnings] == ["RuntimeWarning"]
    assert s.output() == "ab\n" and s.output() == ""


def test_data_files_are_there_but_not_the_test_labels(student: Open) -> None:
    s = student(
        "import os\ndef f(): return sorted(os.listdir(os.environ['DLSYS_DATA'] + '/digits'))"
    )

    names = s.f()
    assert "train-labels-idx1-ubyte.gz" in names
    assert "test-labels-idx1-ubyte.gz" not in names


# ---- errors -----------------------------------------------------------------------------------------
def test_exceptions_arrive_as_what_they_are(student: Open) -> None:
    s = student("class Mine(KeyError): pass\ndef f(): raise Mine('why')")

    with pytest.raises(KeyError) as caught:
        s.f()
    error = caught.value
    assert isinstance(error, StudentError) and isinstance(error, LookupError)
    assert (error.type_name, error.text) == ("Mine", "'why'")
    assert "softmax.py, line 3, in f" in error.traceback and "serve.py" not in error.traceback


@pytest.mark.parametrize(
    "ending", ["raise SystemExit(0)", "raise KeyboardInterrupt", "raise GeneratorExit"]
)
def test_an_exit_is_an_exception_like_any_other(student: Open, ending: str) -> None:
    s = student(f"def f(): {ending}\ndef g(): return 1")

    with pytest.raises(StudentError):
        s.f()
    assert s.g() == 1


def test_hostile_messages_are_text_without_control(student: Open) -> None:
    s = student(
        "class E(Exception):\n    def __str__(self): return '\\x1b]0;x\\x07' + 'm' * 10**6\n"
        "class F(Exception):\n    def __str__(self): raise SystemExit\n"
        "def f(): raise E\ndef g(): raise F"
    )

    with pytest.raises(StudentError) as caught:
        s.f()
    assert "\x1b" not in caught.value.text and len(caught.value.text) < 5000
    with pytest.raises(StudentError):
        s.g()


def test_a_name_that_is_not_there_is_an_attribute_error(student: Open) -> None:
    s = student("x = 1")

    assert s.has("x") and not s.has("softmax")
    with pytest.raises(AttributeError, match="softmax"):
        s.softmax(1)


@pytest.mark.parametrize(
    ("source", "kind", "said"),
    [
        ("import os\nos._exit(0)", WorkerCrashed, "ended in the middle"),
        ("raise ValueError('no')", StudentError, "ValueError: no"),
        ("def f(:", StudentError, "SyntaxError"),
        ("while True: pass", WorkerTimeout, "no answer within"),
    ],
)
def test_a_file_that_cannot_be_imported_says_why(
    student: Open, source: str, kind: type[WorkerError], said: str
) -> None:
    with pytest.raises(kind, match=said):
        student(source, import_s=0.5 if kind is WorkerTimeout else 10.0)


def test_a_crash_and_a_hang_end_the_worker_and_are_told_apart(student: Open) -> None:
    s = student("import os, time\ndef f(): os._exit(3)")
    with pytest.raises(WorkerCrashed):
        s.f()
    assert not s.alive

    s = student("def f():\n    while True: pass", call_s=0.2)
    with pytest.raises(WorkerTimeout, match=r"no answer within 0\.2 s"):
        s.f()
    assert not s.alive


@pytest.mark.parametrize(
    "forged",
    [
        "os.write(4, reply) and None",
        "os.write(4, reply * 2) and None",
        "os.write(4, b'\\x00' * 40) and None",
        "os.write(4, b'PK\\x03\\x04 not a frame at all, not even near') and None",
    ],
)
def test_bytes_that_the_learners_code_writes_end_the_call(student: Open, forged: str) -> None:
    s = student(
        "import json, os, struct\n"
        "header = json.dumps({'id': 1, 'value': 42}).encode()\n"
        "reply = struct.pack('<IQ', len(header), 0) + header\n"
        f"def f(): return {forged}\n"
        "def g(): return 1\n"
    )

    with pytest.raises(ProtocolError):
        s.f()
        s.g()
    assert not s.alive


# ---- spares -----------------------------------------------------------------------------------------
def test_a_worker_is_used_once(spares: Spares) -> None:
    one, two = spares.take(ENVIRONMENT), spares.take(ENVIRONMENT)
    try:
        assert one.box.pid != two.box.pid
    finally:
        one.close()
        two.close()


def test_a_spare_that_died_while_it_waited_is_replaced(spares: Spares) -> None:
    spares.warm(ENVIRONMENT)
    (waiting,) = spares._waiting[ENVIRONMENT]
    waiting.box.close()

    worker = spares.take(ENVIRONMENT)
    try:
        assert worker is not waiting and worker.box.alive()
    finally:
        worker.close()
