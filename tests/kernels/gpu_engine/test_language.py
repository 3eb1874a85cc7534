"""What the engine refuses, with line, construct and a way out; and what it never does: import."""

from __future__ import annotations

import numpy as np
import pytest

from kernels.gpu_engine import Endless, Engine, EngineError, LaunchError, Rejected, Unsupported

from .small import HEAD, body, engine, launch, line_of, ramp

RUN = (1, 32)


def run(text: str, parameters: int = 2, **more: float) -> None:
    arguments = [ramp(64), np.zeros(64, np.float32)][:parameters]
    launch(text, *RUN, *arguments, **more)


@pytest.mark.parametrize(
    ("statements", "piece"),
    [
        ("d = {1: 2}", "a dict"),
        ("d = [1, 2]", "a list"),
        ("d = [k for k in range(3)]", "list comprehension"),
        ("d = {1, 2}", "a set"),
        ("d = 'a'", "a string"),
        ("d = f'{x[0]}'", "formatted string"),
        ("d = None", "None"),
        ("s = cuda.shared.array(N + 4, float32)", "shape"),
        ("s = cuda.shared.array((N, N + 1), float32)", "shape"),
        ("n = N + 4\ns = cuda.shared.array(n, float32)", "shape"),
        ("s = cuda.shared.array(x.size, float32)", "shape"),
        ("s = cuda.shared.array(8, 4)", "is no type"),
        ("s = cuda.local.array(1000000, float32)", "4000000 bytes"),
        ("s = cuda.shared.array((N, N, 4), float32)", "65536 bytes"),
        ("out[0.5] = x[0]", "integers"),
        ("out[0, 0] = x[0]", "indices"),
        ("out[0] = x", "cannot hold"),
        ("out[0] = missing", "is not defined"),
        ("out[0] = missing(3)", "is not defined"),
        ("out[0] = v\nv = x[0]", "before it is assigned"),
        ("v = x[0]\nif x[0] > float32(0):\n    v = x\nout[0] = v", "cannot be both"),
        ("out[0] = x[0] & 1", "no meaning"),
        ("out[0] = math.exp(x)", "number"),
        ("out[0] = cuda.grid(4)", "literal 1, 2 or 3"),
        ("a, b = cuda.grid(3)", "names"),
        ("return x[0]", "returns nothing"),
        ("cuda.syncthreads(1)", "no arguments"),
        ("out[0] = x.mean()", "is not defined"),
        ("out[0] = helper(x[0])", "device function"),
        ("out[0] = device(x[0], 1)", "2 arguments"),
    ],
)
def test_what_numba_refuses_is_refused(statements: str, piece: str) -> None:
    text = (
        "def helper(a):\n    return a\n\n\n@cuda.jit(device=True)\ndef device(a):\n    return a\n\n\n"
    ) + body(statements)
    with pytest.raises(Rejected, match=piece) as wrong:
        run(text)

    first = line_of(text, "def kernel")
    assert wrong.value.line is not None and first <= wrong.value.line <= first + 4


@pytest.mark.parametrize(
    ("statements", "piece"),
    [
        ("print(x[0])", "Remove the print"),
        ("for v in x:\n    out[0] = v", "for loop over range"),
        ("for k in enumerate(x):\n    out[0] = x[0]", "for loop over range"),
        ("out[0] = x[1:][0]", "a slice"),
        ("out[0] = (lambda v: v)(x[0])", "is not defined|a lambda"),
        ("if (v := x[0]) > float32(0):\n    out[0] = v", "on a line of its own"),
        ("assert x[0] > float32(0)", "Remove the assert"),
        ("raise ValueError", "guard with if"),
        ("try:\n    out[0] = x[0]\nexcept ValueError:\n    pass", "cannot catch"),
        ("with x:\n    pass", "Write the statements out"),
        ("def inner():\n    pass", "top of the file"),
        ("import os", "top of the file"),
        ("while True:\n    break\nelse:\n    pass", "else after a loop"),
        ("g = cuda.cg.this_grid()", "two launches"),
        ("cuda.threadfence()", "two launches"),
        ("cuda.atomic.cas(out, 0, float32(0), x[0])", "atomic.add"),
        ("out[0] = x.T[0]", "shape, size and ndim"),
        ("out[0] = unknown", "integer or float literals"),
        ("out[0] = again(x[0])", "calls itself"),
        ("out[0] = max(x[0], x[1], key=abs)", "by position"),
        ("out[0] = x[0] is x[1]", "Compare with =="),
    ],
)
def test_what_is_not_supported_says_what_to_write(statements: str, piece: str) -> None:
    text = (
        "unknown = open\n\n\n@cuda.jit(device=True)\ndef again(a):\n    return again(a)\n\n\n"
    ) + body(statements)
    with pytest.raises(EngineError, match=piece) as wrong:
        run(text)

    assert isinstance(wrong.value, Unsupported | Rejected)
    assert wrong.value.line is not None and str(wrong.value).startswith(
        f"line {wrong.value.line}: "
    )


def test_part_of_an_array_is_not_supported() -> None:
    text = body("row = x[0]\nout[0, 0] = row[0]")
    with pytest.raises(Unsupported, match=r"x\[i, j\]"):
        launch(text, *RUN, np.zeros((4, 4), np.float32), np.zeros((4, 4), np.float32))


def test_a_file_that_would_do_harm_is_only_read() -> None:
    source = HEAD + (
        "import os\nos.environ['HARMED'] = '1'\nopen('/nonexistent/harm', 'w')\n"
        "raise SystemExit\n\n\n"
    )
    text = source + body("out[0] = x[0]")
    out = np.zeros(4, np.float32)
    Engine(text).launch("kernel", *RUN, ramp(4), out)

    import os

    assert "HARMED" not in os.environ


def test_names_that_mean_something_in_generated_code_are_harmless() -> None:
    text = body(
        "rt = x[0]\nm = rt + x[1]\nS = m\nM0 = S\nresult = M0\nt1 = result\nLoop = t1\nout[0] = Loop",
    )
    out = np.zeros(4, np.float32)
    launch(text, 1, 1, ramp(4), out)

    assert out[0] == 1


@pytest.mark.parametrize("name", ["__class__", "__globals__", "data", "ownership"])
def test_attributes_of_the_engine_cannot_be_reached(name: str) -> None:
    with pytest.raises(EngineError):
        run(body(f"out[0] = x.{name}"))
    with pytest.raises(EngineError):
        run(body(f"v = cuda.{name}\nout[0] = x[0]"))


def test_constants_may_be_computed_from_literals() -> None:
    text = (
        "TILE = 8\nPADDED = TILE + 1\nSHAPE = (TILE, PADDED)\nSCALE = 1 / math.sqrt(TILE * 2.0)\n"
        "FACTOR = float32(0.5)\nA, B = 3, -4\n\n\n"
    ) + body(
        "s = cuda.shared.array(SHAPE, float32)\ns[0, 0] = float32(SCALE) * FACTOR\n"
        "out[0] = s[0, 0] + float32(A + B)\nout[1] = float32(SHAPE[1])"
    )
    out = np.zeros(4, np.float32)
    of = launch(text, 1, 1, ramp(4), out)

    assert not of.findings
    assert out[0] == np.float32(0.125) - 1 and out[1] == 9


@pytest.mark.parametrize(
    "line",
    ["N = 9 ** 9 ** 9", "N = 1 << 10 ** 9", "N = len('a')", "N = [1][0]", "N = 'a' * 10 ** 9"],
)
def test_constants_that_are_none_make_no_trouble(line: str) -> None:
    with pytest.raises(Unsupported, match="N"):
        run(f"{line}\n\n\n" + body("out[0] = N"))


def test_a_loop_without_end_is_given_up() -> None:
    text = body("k = 0\nwhile k >= 0:\n    k = (k + 1) % 7\nout[0] = x[0]")
    with pytest.raises(Endless, match="still running") as wrong:
        run(text, seconds=0.2)

    assert wrong.value.line in (line_of(text, "k = (k + 1)"), line_of(text, "while"))


def test_python_that_is_none_is_refused() -> None:
    with pytest.raises(Rejected, match="is not Python"):
        Engine("def kernel(:\n")
    with pytest.raises(Rejected, match="is not Python"):
        Engine("(" * 5000)


@pytest.mark.parametrize(
    ("arguments", "piece"),
    [
        ((ramp(4),), "2 parameters"),
        ((ramp(4), ramp(4)[::2]), "C-contiguous"),
        ((ramp(4), ramp(4, np.float16)), "float16"),
        ((ramp(4), "a"), "str"),
        ((ramp(4), np.zeros((), np.float32)), "no axes"),
    ],
)
def test_arguments_are_checked(arguments: tuple[object, ...], piece: str) -> None:
    with pytest.raises(LaunchError, match=piece):
        engine(body("out[0] = x[0]")).launch("kernel", *RUN, *arguments)


@pytest.mark.parametrize(
    ("grid", "block", "piece"),
    [
        (0, 32, "below 1"),
        (1, 2048, "1024"),
        ((1, 1, 1, 1), 32, "one to three"),
        (1, (32, 64), "2048 threads"),
        (1.0, 32, "int"),
        (1, (8, 1, 65), "larger"),
    ],
)
def test_geometry_is_checked(grid: object, block: object, piece: str) -> None:
    with pytest.raises(LaunchError, match=piece):
        engine(body("out[0] = x[0]")).launch("kernel", grid, block, ramp(4), ramp(4))  # type: ignore[arg-type]


def test_deep_expressions_and_huge_integers_are_refused_and_not_run_into() -> None:
    with pytest.raises(EngineError):
        run(body("out[0] = " + "-" * 3000 + "x[0]"))
    with pytest.raises(Unsupported, match="64 bits"):
        run(body("k = 3\nfor j in range(70):\n    k += k\nout[cuda.grid(1)] = k + cuda.grid(1)"))


def test_everything_may_be_imported() -> None:
    text = "from numba import *\nfrom math import *\n\n\n@cuda.jit\ndef kernel(x, out):\n"
    text += "    out[0] = exp(x[0]) + float32(pi)\n"
    out = np.zeros(2, np.float32)
    of = Engine(text).launch("kernel", 1, 1, ramp(2), out)

    assert not of.findings and out[0] == np.float32(1) + np.float32(np.pi)


def test_an_examination_tells_what_is_wrong_from_what_is_unknown() -> None:
    from kernels.gpu_engine.examine import examine

    launch_text = "\n\ndef launch(name, *args):\n    return 1, 32\n"
    unknown = examine(engine(body("print(x[0])") + launch_text), "kernel", (ramp(4), ramp(4)))
    refused = examine(engine(body("d = [1]") + launch_text), "kernel", (ramp(4), ramp(4)))
    missing = examine(engine(body("out[0] = x[0]")), "kernel", (ramp(4), ramp(4)))
    endless = body("while True:\n    out[0] = x[0]") + launch_text
    late = examine(engine(endless), "kernel", (ramp(4), ramp(4)), seconds=0.1)

    assert isinstance(unknown.error, Unsupported) and isinstance(refused.error, Rejected)
    assert isinstance(missing.error, LaunchError) and isinstance(late.error, Endless)
    for one in (unknown, refused, missing, late):
        assert len(one.findings) == 1 and one.launch is None
        assert one.findings[0].message == str(one.error)


def test_errors_become_findings() -> None:
    with pytest.raises(Unsupported) as unknown:
        run(body("print(x[0])"))
    with pytest.raises(LaunchError) as wrong:
        engine(body("out[0] = x[0]")).launch("kernel", 1, 4096, ramp(4), ramp(4))

    assert unknown.value.finding().kind == "unsupported"
    assert unknown.value.finding().line == unknown.value.line
    assert wrong.value.finding().kind == "launch-geometry"


def test_a_signature_is_not_supported() -> None:
    with pytest.raises(Unsupported, match="without a signature"):
        engine("@cuda.jit('void(float32[:])')\ndef kernel(x):\n    x[0] = 1\n")


def test_names_that_are_no_kernels() -> None:
    with pytest.raises(LaunchError, match="not a function"):
        engine(body("out[0] = x[0]")).launch("other", *RUN, ramp(4))
    with pytest.raises(LaunchError, match=r"@cuda\.jit"):
        engine("def kernel(x):\n    x[0] = 1\n").launch("kernel", *RUN, ramp(4))
