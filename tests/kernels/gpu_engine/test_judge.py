"""Counters against bounds, launch geometry, the report."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from kernels.gpu_engine import LaunchError, Unsupported
from kernels.gpu_engine.findings import Finding
from kernels.gpu_engine.host import launch_geometry
from kernels.gpu_engine.judge import Budget, judge
from kernels.gpu_engine.report import report, roofline

from .small import HEAD, body, engine, launch, line_of, ramp


def geometry(function: str, *arguments: Any) -> Any:
    return launch_geometry(engine(function).program, "kernel", arguments)


@pytest.mark.parametrize(
    ("function", "expected"),
    [
        ("def launch(name, *args):\n    return 3, 64", (3, 64)),
        ("def launch(name, x):\n    return (x.size + 31) // 32, 32", (4, 32)),
        ("def launch(name, x):\n    m, n = x.shape\n    return (n, m), (8, 4)", ((10, 10), (8, 4))),
        ("def launch(name, *args):\n    return math.ceil(args[0].size / 32), N", (4, 64)),
        ("def launch(name, *a):\n    return {'kernel': (2, 32)}[name]", (2, 32)),
        ("def launch(name, *a):\n    return {'x': (2, 32)}.get(name, (9, 32))", (9, 32)),
        (
            "def up(a, b=32):\n    return -(-a // b)\n\n\ndef launch(name, x):\n"
            "    if name == 'other':\n        return 1, 1\n    elif name.startswith('k') and x.ndim == 2:\n"
            "        g = 0\n        for s in x.shape:\n            g += up(s)\n        return g, 32\n"
            "    raise ValueError(name)",
            (2, 32),
        ),
        ("def launch(name, *a):\n    b = 32\n    while b * 2 <= 256:\n        b *= 2\n    return 1, b", (1, 256)),
        ("def launch(name, *a):\n    return (1, 2, 3), (4, 8, 1)", ((1, 2, 3), (4, 8, 1))),
        ("def launch(name, *a):\n    first, *rest = a\n    return len(rest) + 1, 32 if rest else 64", (1, 64)),
    ],
)  # fmt: skip
def test_launch_is_interpreted(function: str, expected: object) -> None:
    assert geometry(function, np.zeros((10, 10), np.float32)) == expected


@pytest.mark.parametrize(
    ("returned", "piece"),
    [
        ("3", "pair"),
        ("None", "pair"),
        ("(1, 33)", "multiple of 32"),
        ("(1, (8, 6))", "48 threads"),
        ("(1, 2048)", "larger"),
        ("(1, (64, 32))", "2048 threads"),
        ("(0, 32)", "below 1"),
        ("(1.5, 32)", "int"),
        ("([1], 32)", "tuple"),
        ("((1, 1, 1, 1), 32)", "one to three"),
        ("(1, True)", "int"),
    ],
)
def test_wrong_geometry_is_a_finding_with_a_line(returned: str, piece: str) -> None:
    text = f"def launch(name, *args):\n    if name:\n        return {returned}"
    found = geometry(text)

    assert isinstance(found, Finding) and found.kind == "launch-geometry"
    assert found.line == line_of(text, "return") and piece in found.message


@pytest.mark.parametrize(
    ("function", "piece", "error"),
    [
        ("def other():\n    pass", "missing", LaunchError),
        ("def launch(name):\n    return args[0], 1", "name args", Unsupported),
        ("def launch(name, a):\n    return 1, 1", "takes 2", LaunchError),
        ("def launch(name):\n    return 1 // 0, 1", "ZeroDivisionError", LaunchError),
        ("def launch(name):\n    raise ValueError(name)", "raises", LaunchError),
        ("def launch(name):\n    import os\n    return 1, 1", "launch", Unsupported),
        ("def launch(name):\n    return open('/etc/passwd'), 1", "launch", Unsupported),
        ("def launch(name):\n    return name.__class__, 1", "launch", Unsupported),
        ("def launch(name):\n    return launch(name)", "too deeply", LaunchError),
        ("def launch(name):\n    while True:\n        pass", "running", Exception),
        ("def launch(name):\n    return 9 ** 9 ** 9, 1", "too large", LaunchError),
        ("def launch(name):\n    return 'a' * 10 ** 9, 1", "launch|TypeError", LaunchError),
        ("def launch(name):\n    return sum(range(10 ** 12)), 1", "a range of", LaunchError),
    ],
)
def test_launches_that_cannot_be_interpreted(
    function: str, piece: str, error: type[Exception]
) -> None:
    with pytest.raises(error, match=piece):
        geometry(function)


def test_a_place_with_few_sectors_is_not_judged() -> None:
    text = body(
        "i = cuda.grid(1)\nv = x[i * 8 % x.size]\nfor k in range(32):\n    v += x[i]\nout[i] = v"
    )
    of = launch(text, 4, 64, ramp(256), np.zeros(256, np.float32))
    (strided,) = (one for one in of.counters if one.efficiency < 0.75)

    assert strided.sectors < 0.2 * of.global_sectors
    assert judge(of) == ()


def test_shifted_and_broadcast_accesses_are_efficient_enough() -> None:
    text = body("i = cuda.grid(1)\nout[i] = x[(i + 1) % x.size] + x[0]")
    of = launch(text, 4, 64, ramp(256), np.zeros(256, np.float32))

    assert judge(of) == ()
    assert max(one.sectors_per_request for one in of.counters) > 4.5


def test_a_sum_by_one_thread_is_not() -> None:
    text = body(
        "if cuda.threadIdx.x == 0:\n    v = float32(0)\n    for k in range(128):\n        v += x[k]\n    out[0] = v"
    )
    of = launch(text, 1, 128, ramp(128), np.zeros(1, np.float32))

    assert [(one.kind, one.line) for one in judge(of)] == [("uncoalesced", line_of(text, "v += x"))]


def test_atomics_are_not_judged() -> None:
    text = body(
        "s = cuda.shared.array(N, float32)\nt = cuda.threadIdx.x\ns[t] = x[t]\ncuda.syncthreads()\ncuda.atomic.add(s, t * 32 % 64, x[t])\ncuda.atomic.add(out, t * 32, x[t])"
    )
    of = launch(text, 1, 64, ramp(64), np.zeros(2048, np.float32))

    assert judge(of) == ()


def test_budgets() -> None:
    text = body("i = cuda.grid(1)\nv = x[i]\nfor k in range(3):\n    v += x[i]\nout[i] = v")
    of = launch(text, 4, 64, ramp(256), np.zeros(256, np.float32))

    assert of.traffic["x"].ratio == 4 and of.loaded_elements == 1024
    for budget, wrong in (
        (Budget(4.0), False),
        (Budget(3.9), True),
        (Budget(None, 1024 / 1.1), False),
        (Budget(None, 900), True),
        (None, False),
    ):
        found = [one.kind for one in judge(of, budget)]
        assert found == ["excess-traffic"] * wrong
    (one,) = judge(of, Budget(1.1))
    assert one.line == line_of(text, "v += x[i]")


def test_the_report_names_lines_and_costs() -> None:
    text = body("i = cuda.grid(1)\nout[i * 2] = x[i]\nout[i * 2 + 1] = x[i] * 2.0")
    of = launch(text, 4, 64, ramp(256), np.zeros(512, np.float32), outputs=1)
    shown = report(of, judge(of, Budget(1.1)))

    assert f"float64  line {line_of(text, '* 2.0')}" in shown
    assert "out[i * 2]" in shown and "sectors each" in shown and "50%" in shown
    assert "uncoalesced" in shown and "excess-traffic" in shown and "bound by" in shown
    assert set(roofline(of)) == {"float operations", "memory", "cache", "shared memory"}
    assert all(not one.as_dict().keys() & {"missing"} for one in of.findings)


def test_findings_are_plain_data() -> None:
    text = body("out[cuda.grid(1)] = x[0]")
    of = launch(text, 1, 64, ramp(4), np.zeros(32, np.float32))
    (one,) = of.findings
    data = one.as_dict()

    assert data["kind"] == "out-of-bounds" and data["line"] == line_of(text, "out[")
    assert all(isinstance(value, str | int) for value in data.values())
    assert HEAD.count("\n") < data["line"]
