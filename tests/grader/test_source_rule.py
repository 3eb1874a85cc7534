"""The rule on a learner's source: what the list allows stands, and all else is told with its line."""

from __future__ import annotations

import pytest

from assignments import catalog
from grader import source_rule
from grader.desk import Desk
from grader.errors import SourceRefused
from grader.solutions import solution_source
from grader.spares import Spares
from grader.worker.rule import find

STAGE = catalog.stage("tiling")
HEAD = "import math\nimport numpy as np\nfrom numba import njit, prange\n"


def refused(body: str) -> list[tuple[int, str]]:
    """(line below the imports, name) of what the rule of stage 08 finds."""
    found = find((HEAD + body).encode(), STAGE.allows, STAGE.bans)
    return [(line - 3, name) for line, name, _ in found]


@pytest.mark.parametrize(
    ("body", "name"),
    [
        ("def f(a, b): return a @ b", "@"),
        ("def f(a, b):\n    a @= b", "@="),
        ("x = np.dot", "numpy.dot"),
        ("x = np.linalg.norm", "numpy.linalg"),
        ("def f(a): return a.dot(a)", ".dot"),
        ("def f(a): return a[0].T.dot(a)", ".dot"),
        ("def f(a): return a.__matmul__(a)", ".__matmul__"),
        ("def f(a): return getattr(a, 'dot')(a)", "getattr"),
        ("def f(a): return a.__class__", ".__class__"),
        ("def f(): return np.__dict__", "numpy.__dict__"),
        ("def f(): return vars(math)", "vars"),
        ("m = np", "np"),
        ("def f(m=np): return m", "np"),
        ("x = eval('1')", "eval"),
        ("exec('1')", "exec"),
        ("import os", "import os"),
        ("import numpy.linalg", "import numpy.linalg"),
        ("import numpy.linalg as np", "import numpy.linalg"),
        ("from numpy.lib import stride_tricks", "from numpy.lib import"),
        ("from numpy import einsum as f", "numpy.einsum"),
        ("from numpy import *", "from numpy import *"),
        ("from math import __loader__", "math.__loader__"),
        ("from . import solutions", "from . import"),
        ("import ctypes", "import ctypes"),
        ("from numba import objmode", "numba.objmode"),
        ("from numba import extending", "numba.extending"),
        ("import numba as nb\n@nb.jit\ndef f(x): return x", "numba.jit"),
        ("@njit(forceobj=True)\ndef f(x): return x", "njit(forceobj=...)"),
        ("@njit(nopython=False)\ndef f(x): return x", "njit(nopython=...)"),
        ("@njit(**{'forceobj': True})\ndef f(x): return x", "njit(**...)"),
        ("n = njit.py_func", ".py_func"),
        ("x = np.ndarray((2,), np.float32)", "numpy.ndarray"),
        ("x = np.lib.stride_tricks", "numpy.lib"),
        ("def getattr(x, y): return x", "getattr"),
        ("def f(np): return np", "np"),
        ("x = __builtins__", "__builtins__"),
        ("x = __import__('os')", "__import__"),
        ("def f(x):\n    match x:\n        case int(real=y): return y", "case"),
        ("x = (lambda: 0).__globals__", ".__globals__"),
        ("x = np.ctypeslib", "numpy.ctypeslib"),
        ("def f():\n    import math as np\nx = np.sqrt", "np"),
        ("def f():\n    from math import sqrt as njit", "njit"),
        ("compiler = njit\n@compiler(forceobj=True)\ndef f(x): return x", "numba.njit"),
        ("x = [njit][0]", "numba.njit"),
        ("def f(x: (y := np.ndarray)): return y((2,))", "numpy.ndarray"),
        ("def f(x: np.ndarray((2,))): return x", "numpy.ndarray"),
        ("import math as m\nx = m.sumprod", "math.sumprod"),
        ("x = np.frompyfunc", "numpy.frompyfunc"),
    ],
)
def test_what_is_not_allowed_is_named(body: str, name: str) -> None:
    assert name in [found for _, found in refused(body)]


@pytest.mark.parametrize(
    "body",
    [
        "@njit(fastmath={'reassoc'}, parallel=True, nopython=True)\ndef f(x):\n    for i in prange(len(x)): x[i] += 1",
        "import numba as nb\n@nb.njit\ndef f(x): return nb.float32(x)",
        "def f(a: np.ndarray, n: int = 4) -> np.ndarray: return a.reshape(-1)[::n].sum()",
        "def f(x):\n    try:\n        return np.add.reduce(x) / math.sqrt(x.size)\n    except ZeroDivisionError:\n        raise ValueError(f'{x.shape}') from None",
        "fast = njit(fastmath=True)\n@fast\ndef f(x): return x\n@njit\ndef g(x): return x",
        "h = njit(lambda x: x + 1)",
        "class Tile:\n    def __init__(self, n): self.size = n",
        "from __future__ import annotations\ntotal = sum(n for n in range(3))",
        "x = [slice(None).indices(3), np.zeros((2, 2), np.float32).T.copy()]",
    ],
)
def test_what_loops_need_is_allowed(body: str) -> None:
    assert refused(body) == []


def test_lines_are_those_of_the_file() -> None:
    assert refused("x = 1\n\ny = np.dot\n") == [(3, "numpy.dot")]


def test_compact_and_what_it_calls_do_without_copies() -> None:
    body = (
        "def far(x): return np.ascontiguousarray(x)\n"
        "def near(x): return x.copy()\n"
        "def helper(x): return near(x)\n"
        "def compact(b, s, t, o): return helper(b)\n"
    )

    assert refused(body) == [(2, "copy")]


def test_a_text_that_is_no_python_is_left_to_its_import() -> None:
    assert refused("def f(:") == []
    assert find(b"x = 1\0", STAGE.allows, STAGE.bans) == []


def test_the_solution_and_the_starter_stand() -> None:
    solution = solution_source(STAGE)
    assert solution is not None
    for source in (solution, STAGE.starter.read_bytes()):
        assert source_rule.findings(source, STAGE.allows, STAGE.bans) == ()


def test_the_starter_prints_the_whole_list() -> None:
    text = STAGE.starter.read_text()

    assert [line for line in STAGE.allows if line not in text] == []


def test_a_text_that_breaks_the_parser_breaks_nothing_else() -> None:
    bomb = b"x = " + b"-" * 3_000_000 + b"1"

    ((line, name, why),) = source_rule.findings(bomb, STAGE.allows, STAGE.bans)

    assert (line, name) == (1, "the whole file")
    assert "cannot be read" in why


def test_a_refused_file_is_told_its_line_and_is_not_run() -> None:
    source = b"import numpy as np\n\ndef matmul_naive(a, b):\n    return np.matmul(a, b)\n"
    with Spares() as spares, Desk(STAGE, source, spares) as desk:
        with pytest.raises(SourceRefused, match=r"tiling.py, line 4: `numpy.matmul` is refused"):
            desk.student("test_products.py")
        with pytest.raises(SourceRefused, match="starter lists"):
            desk.timing_pair()
        assert not desk._students and not desk._timed


def test_a_stage_without_a_list_is_not_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(source_rule, "findings", lambda *_: pytest.fail("it was read"))
    stage = catalog.stage("warmup")
    with Spares() as spares, Desk(stage, b"x = eval('1')\n", spares) as desk:
        assert desk.student("test_small.py").has("x")
