"""Types as Numba's CUDA target gives them, held against Numba itself; where float64 comes in."""

from __future__ import annotations

import ast
import math
import operator
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from kernels.gpu_engine import Engine, types
from kernels.gpu_engine.launch import Launch
from kernels.gpu_engine.linker import Linker
from kernels.gpu_engine.names import Function
from kernels.gpu_engine.typing_statements import FunctionTyper

target = pytest.importorskip("numba.cuda.descriptor", reason="Numba without its CUDA target")
numba_types = pytest.importorskip("numba").types
OPERATORS = {
    "Add": operator.add,
    "Sub": operator.sub,
    "Mult": operator.mul,
    "Div": operator.truediv,
    "FloorDiv": operator.floordiv,
    "Mod": operator.mod,
    "LShift": operator.lshift,
    "RShift": operator.rshift,
    "BitAnd": operator.and_,
    "BitXor": operator.xor,
}
SCALARS = list(types.SCALARS.values())


def numba_of(one: types.Scalar) -> Any:
    return numba_types.boolean if one == types.BOOL else getattr(numba_types, one.name)


@pytest.fixture(scope="module")
def resolve() -> Callable[..., str | None]:
    """The type that Numba gives to a function of some types."""
    from numba.core.errors import TypingError

    context = target.cuda_target.typing_context
    context.refresh()

    def of(function: Any, *given: types.Scalar) -> str | None:
        try:
            found = context.resolve_function_type(function, tuple(map(numba_of, given)), {})
        except TypingError:
            return None
        return None if found is None else str(found.return_type).replace("boolean", "bool")

    return of


@pytest.mark.parametrize("name", OPERATORS)
def test_binary_operations(name: str, resolve: Callable[..., str | None]) -> None:
    for a in SCALARS:
        for b in SCALARS:
            ours = types.binary(name, a, b)

            assert (None if ours is None else ours.name) == resolve(OPERATORS[name], a, b), (a, b)


def test_powers(resolve: Callable[..., str | None]) -> None:
    for a in SCALARS[1:]:  # Numba's own row for booleans is accidental
        for b in SCALARS[1:]:
            ours = types.binary("Pow", a, b)

            assert ours is not None and ours.name == resolve(operator.pow, a, b), (a, b)


def test_unary_operations_and_functions(resolve: Callable[..., str | None]) -> None:
    for a in SCALARS:
        assert types.negated(a).name == resolve(operator.neg, a)
        assert types.of_math(a).name == resolve(math.exp, a)
        assert types.of_math(a).name == resolve(math.floor, a)


def test_unification_of_variables() -> None:
    context = target.cuda_target.typing_context
    for a in SCALARS:
        for b in SCALARS:
            theirs = str(context.unify_pairs(numba_of(a), numba_of(b))).replace("boolean", "bool")

            assert types.unify(a, b).name == theirs


def test_loop_variables(resolve: Callable[..., str | None]) -> None:
    for a in SCALARS[1:9]:
        ours = types.loop_variable((a,))

        assert f"range_state_{ours}" == resolve(range, a)


VARIABLES = """
import math
from numba import cuda, float32, int32, int16, uint32

N = 8
HALF = 0.5


@cuda.jit
def kernel(x, out, n):
    tile = cuda.shared.array(N, float32)
    t = cuda.threadIdx.x
    i = cuda.grid(1)
    y, z = cuda.grid(2)
    size = x.size
    wide = 0.0
    for j in range(4):
        wide += x[i]
    narrow = float32(0)
    for k in range(t, x.shape[0], N):
        narrow += x[k]
    count = 0
    while count < n:
        count += 1
    h = N // 2
    short = int16(i)
    sum_short = short + short
    unsigned = uint32(t) * uint32(3)
    mixed = unsigned + t
    quotient = t / 2
    root = math.sqrt(n)
    e = math.exp(x[i])
    scaled = x[i] * HALF
    halved = x[i] * float32(HALF)
    either = x[i] if i < n else 0.0
    same = x[i] if i < n else float32(0)
    flag = i < n
    both = flag and t > 3
    shifted = t << 2
    power = x[i] ** 2
    negative = -t
    tile[t] = wide + narrow
    later = 0
    if flag:
        later = x[i]
    whole = int(x[i])
    out[i] = tile[t] + later + whole
"""


def test_variables_of_a_kernel(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every variable has the type that Numba's own inference gives it."""
    import numba.cuda.dispatcher as dispatcher
    from numba import float32
    from numba.cuda.compiler import compile_cuda

    class Device:
        compute_capability = (9, 0)

    monkeypatch.setattr(dispatcher, "get_current_device", lambda: Device)
    scope: dict[str, Any] = {}
    exec(VARIABLES, scope)
    array, number = float32[::1], numba_types.int64
    theirs = compile_cuda(
        scope["kernel"].py_func,
        numba_types.void,
        (array, array, number),
        debug=False,
        lineinfo=False,
        fastmath=False,
        cc=(9, 0),
    ).type_annotation.typemap
    program = Engine(VARIABLES).program
    function = program.function("kernel")
    assert isinstance(function, Function)
    array_type = types.Array(types.FLOAT32, 1, "global")
    arguments = (array_type, array_type, types.INT64)
    typed = FunctionTyper(program, function, arguments, Linker(program).link).run()

    compared = set()
    for name, found in theirs.items():
        variable = name.split(".")[0]
        if variable.startswith("$") or variable in ("arg", "x", "out", "tile"):
            continue
        kind = getattr(found, "literal_type", found)
        ours = {str(one) for one in typed.targets[variable]}
        whole = types.SCALARS[sorted(ours)[0]]
        for one in typed.targets[variable]:
            assert isinstance(one, types.Scalar)
            whole = types.unify(whole, one)
        assert str(kind).replace("boolean", "bool") in {*ours, whole.name}, variable
        compared.add(variable)
    assert len(compared) >= 25


KERNEL = """
import math
from numba import cuda, float32, float64, int32

HALF = 0.5
ROOT = 1 / math.sqrt(32.0)

@cuda.jit
def kernel(x, out, n):
    i = cuda.grid(1)
    {}
"""


def promoted(body: str) -> tuple[Launch, int | None]:
    source = KERNEL.format(body)
    ast.parse(source)
    x, out = np.ones(32, np.float32), np.zeros(32, np.float32)
    launch = Engine(source).launch("kernel", 1, 32, x, out, 32)
    found = launch.of("float64")
    first = source[: source.index("    i = cuda.grid(1)")].count("\n") + 2
    return launch, found[0].line - first if found and found[0].line is not None else None


@pytest.mark.parametrize(
    "body",
    [
        "out[i] = x[i] * float32(0.5)",
        "out[i] = 0.0",
        "out[i] = 0",
        "v = float32(0)\n    if i < n: v = x[i]\n    out[i] = v",
        "v = x[i] if x[i] > 0.0 else float32(0)\n    out[i] = v",
        "out[i] = max(x[i], float32(0))",
        "s = float32(ROOT)\n    out[i] = x[i] * s",
        "s = float32(1.0 / 8.0)\n    out[i] = x[i] * s",
        "out[i] = x[i] / float32(n)",
        "out[i] = math.exp(-x[i]) ** 2",
        "out[i] = abs(x[i])",
        "out[i] = x[i] if x[i] != -math.inf else float32(1)",
        "k = n // 2\n    out[i] = x[i + k - 16]",
    ],
)
def test_no_false_alarm(body: str) -> None:
    launch, line = promoted(body)

    assert line is None, launch.findings


@pytest.mark.parametrize(
    ("body", "line"),
    [
        ("out[i] = x[i] * 0.5", 0),
        ("out[i] = x[i] * HALF", 0),
        ("acc = 0.0\n    for j in range(3):\n        acc += x[i]\n    out[i] = acc", 2),
        ("acc = 0\n    acc += x[i]\n    out[i] = acc", 1),
        ("v = 0.0\n    if i < n:\n        v = x[i]\n    out[i] = v", 2),
        ("v = x[i]\n    if i >= n:\n        v = 0.0\n    out[i] = v", 0),
        ("v = x[i] if i < n else 0.0\n    out[i] = v", 0),
        ("out[i] = max(x[i], 0.0)", 0),
        ("out[i] = x[i] / n", 0),
        ("out[i] = x[i] / 3", 0),
        ("out[i] = i / n", 0),
        ("out[i] = math.sqrt(n)", 0),
        ("s = ROOT\n    out[i] = x[i] * s", 1),
        ("s = -math.inf\n    s = max(s, x[i])\n    out[i] = s", 1),
        ("out[i] = float64(x[i])", 0),
        ("t = cuda.local.array(2, float64)\n    t[0] = x[i]\n    out[i] = t[0]", 1),
        ("v = x[i] if x[i] > 0.1 else float32(0)\n    out[i] = v", 0),
        ("out[i] = math.exp(x[i] - 1.0)\n    out[i] = x[i] * 2.0", 0),
    ],
)
def test_first_promotion_is_named(body: str, line: int) -> None:
    launch, found = promoted(body)

    assert found == line, launch.findings
    assert len(launch.of("float64")) == 1


def test_returns_of_two_types_promote_at_the_narrower() -> None:
    text = KERNEL.format("out[i] = clipped(x[i])") + (
        "\n@cuda.jit(device=True)\ndef clipped(v):\n    if v < float32(0):\n        return 0.0\n"
        "    return v\n"
    )
    launch = Engine(text).launch("kernel", 1, 32, np.ones(32, "f"), np.ones(32, "f"), 1)

    (found,) = launch.of("float64")
    assert found.line == text[: text.index("return v")].count("\n") + 1
    good = Engine(text.replace("0.0", "float32(0)"))
    assert not good.launch("kernel", 1, 32, np.ones(32, "f"), np.ones(32, "f"), 1).findings


def test_a_float64_accumulator_sums_in_float64() -> None:
    """What is typed float64 is computed in float64: the result shows it."""
    body = "acc = {}\n    for j in range(n):\n        acc += x[i]\n    out[i] = acc"
    x, found = np.full(32, 0.1, np.float32), []
    for start in ("0.0", "float32(0)"):
        out = np.zeros(32, np.float32)
        Engine(KERNEL.format(body.format(start))).launch("kernel", 1, 32, x, out, 1000)
        found.append(out[0])

    assert found[0] == np.float32(np.float64(x[0]) * 1000)
    assert found[1] == np.cumsum(np.full(1000, x[0], np.float32), dtype=np.float32)[-1]
    assert found[0] != found[1]


def test_an_all_float64_kernel_promotes_nothing() -> None:
    x, out = np.ones(32), np.zeros(32)
    launch = Engine(KERNEL.format("out[i] = x[i] * 0.5 + math.exp(x[i])")).launch(
        "kernel", 1, 32, x, out, 1
    )

    assert not launch.findings
