"""Each part of the language and of the machine, against NumPy."""

from __future__ import annotations

import math

import numpy as np
import pytest

from .small import body, engine, found, launch, line_of, ramp


def run(statements: str, threads: int = 64, blocks: int = 1, width: int = 1) -> np.ndarray:  # type: ignore[type-arg]
    """The output (threads, width) of a kernel without findings."""
    shape = (threads * blocks, width) if width > 1 else (threads * blocks,)
    out = np.full(shape, np.nan, np.float32)
    of = launch(body(statements), blocks, threads, ramp(threads * blocks), out)
    assert not of.findings, of.findings
    return out


@pytest.mark.parametrize(
    ("grid", "block"), [((3,), (40,)), ((2, 3), (8, 4)), ((2, 3, 2), (4, 2, 3)), (7, 33), (1, 1)]
)
def test_grids_of_one_to_three_axes(
    grid: int | tuple[int, ...], block: int | tuple[int, ...]
) -> None:
    ndim = 1 if isinstance(grid, int) else len(grid)
    shape = tuple(g * b for g, b in zip(np.atleast_1d(grid), np.atleast_1d(block), strict=True))[
        ::-1
    ]
    names = ["i", "j", "k"][:ndim]
    index = ", ".join(names[::-1])
    text = body(
        f"{', '.join(names)} = cuda.grid({ndim})\n"
        f"{', '.join('s' + one for one in names)} = cuda.gridsize({ndim})\n"
        f"out[{index}] = {' + 100 * '.join(names)} + 10000 * s{names[-1]}\n"
        f"x[{index}] = cuda.blockDim.x + 100 * cuda.gridDim.x + cuda.threadIdx.x * 10000 + "
        "cuda.blockIdx.x * 1000000"
    )
    x, out = np.zeros(shape, np.int64), np.zeros(shape, np.int64)
    of = launch(text, grid, block, x, out, outputs=2, batch_lanes=128)

    coordinates = np.indices(shape)[::-1]
    value = coordinates[0] + 100 * sum(coordinates[1:])
    bx, gx = np.atleast_1d(block)[0], np.atleast_1d(grid)[0]
    assert not of.findings
    np.testing.assert_array_equal(out, value + 10000 * shape[0])
    column = coordinates[0]
    np.testing.assert_array_equal(x, bx + 100 * gx + column % bx * 10000 + column // bx * 1000000)


def test_local_arrays_with_fixed_and_moving_indices() -> None:
    out = run(
        """
i = cuda.grid(1)
a = cuda.local.array((2, 4), float32)
for k in range(8):
    a[k // 4, k % 4] = float32(k)
a[i % 2, i % 4] = float32(100)
if i % 3 == 0:
    a[1, 1] = float32(200)
total = float32(0)
for k in range(8):
    total = total * float32(3) + a[k // 4, k % 4]
out[i, 0] = total
out[i, 1] = a[i % 2, (i + 1) % 4]
""",
        width=2,
    )
    for i in range(64):
        a = np.arange(8, dtype=np.float32).reshape(2, 4)
        a[i % 2, i % 4] = 100
        if i % 3 == 0:
            a[1, 1] = 200
        total = 0.0
        for one in a.ravel():
            total = total * 3 + one

        assert out[i, 0] == total and out[i, 1] == a[i % 2, (i + 1) % 4]


def test_constant_arrays() -> None:
    out = run(
        "i = cuda.grid(1)\nw = cuda.const.array_like(WEIGHTS)\nout[i] = w[i % 3] * WEIGHTS[2]"
    )

    np.testing.assert_array_equal(out, np.array([4, 8, 16], np.float32)[np.arange(64) % 3])


def test_dynamic_and_aligned_shared_memory() -> None:
    text = body(
        """
d = cuda.shared.array(0, float32)
s = cuda.shared.array(N, float32, 16)
t = cuda.threadIdx.x
d[t] = x[t]
s[t] = d[t]
cuda.syncthreads()
out[t] = d[63 - t] + s[63 - t]
"""
    )
    out = np.zeros(64, np.float32)
    of = launch(text, 1, 64, ramp(64), out, shared_bytes=256)
    short = launch(text, 1, 64, ramp(64), out.copy(), shared_bytes=128)

    np.testing.assert_array_equal(out, 2 * ramp(64)[::-1])
    assert not of.findings and of.shared_bytes == 512
    assert ("out-of-bounds", line_of(text, "d[t] = x[t]")) in found(short)


def test_vector_loads_and_stores() -> None:
    text = "from kernels.cuda import load4, store4\n\n\n" + body(
        """
i = cuda.grid(1) * 4
if i + 3 < out.size:
    a, b, c, d = load4(x, i)
    store4(out, i, d, c, b, a)
"""
    )
    x, out = ramp(1024), np.zeros(1024, np.float32)
    of = launch(text, 4, 64, x, out, outputs=1)

    np.testing.assert_array_equal(out, x.reshape(-1, 4)[:, ::-1].ravel())
    assert not of.findings
    load, store = of.counters
    assert load.sectors_per_request == store.sectors_per_request == 16
    assert load.requests == 8 and load.lanes == 1024 and load.efficiency == 1.0
    assert of.traffic["x"].ratio == 1.0


def test_vector_loads_must_be_aligned_and_inside() -> None:
    text = "from kernels.cuda import load4\n\n\n" + body(
        "i = cuda.grid(1)\na, b, c, d = load4(x, {})\nout[i] = a + b + c + d"
    )
    x, out = ramp(128), np.zeros(32, np.float32)
    askew = launch(text.format("i * 3"), 1, 32, x, out)
    outside = launch(text.format("i * 4 + 4"), 1, 32, x, out)

    assert [one.kind for one in askew.findings] == ["out-of-bounds"]
    assert "16 bytes" in askew.findings[0].message
    assert [one.kind for one in outside.findings] == ["out-of-bounds"]


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("cuda.shfl_sync(0xFFFFFFFF, x[i], 5)", lambda v, k: v[:, [5] * 32]),
        ("cuda.shfl_up_sync(0xFFFFFFFF, x[i], 3)", lambda v, k: v[:, np.where(k < 3, k, k - 3)]),
        ("cuda.shfl_down_sync(0xFFFFFFFF, x[i], 3)", lambda v, k: v[:, np.where(k > 28, k, k + 3)]),
        ("cuda.shfl_xor_sync(0xFFFFFFFF, x[i], 9)", lambda v, k: v[:, k ^ 9]),
        ("cuda.shfl_sync(0xFFFFFFFF, x[i], (i + 1) % 32)", lambda v, k: v[:, (k + 1) % 32]),
        ("cuda.ballot_sync(0xFFFFFFFF, i % 4 == 0)", lambda v, k: 0 * v + 0x11111111),
        ("cuda.popc(cuda.ballot_sync(0xFFFFFFFF, i < 40))", lambda v, k: np.where(v < 32, 32, 8)),
        ("cuda.any_sync(0xFFFFFFFF, i == 40)", lambda v, k: v >= 32),
        ("cuda.all_sync(0xFFFFFFFF, i < 40)", lambda v, k: v < 32),
        ("cuda.eq_sync(0xFFFFFFFF, i < 40)", lambda v, k: v < 32),
        ("cuda.match_any_sync(0xFFFFFFFF, i % 4) & 0xFF", lambda v, k: 0x11 << (k % 4) + 0 * v.astype(int)),
        ("cuda.popc(cuda.activemask())", lambda v, k: 0 * v + 32),
        ("cuda.popc(cuda.lanemask_lt())", lambda v, k: 0 * v + k),
        ("cuda.laneid + cuda.warpsize", lambda v, k: 0 * v + k + 32),
        ("cuda.ffs(i + 8) + cuda.clz(int32(i + 1))", lambda v, k: [[((int(a) + 8) & -(int(a) + 8)).bit_length() + 32 - (int(a) + 1).bit_length() for a in r] for r in v]),
        ("cuda.brev(int32(i)) >> 16 & 0xFFFF", lambda v, k: [[int(f"{int(a):032b}"[::-1], 2) >> 16 for a in r] for r in v]),
    ],
)  # fmt: skip
def test_exchange_in_a_warp(expression: str, expected: object) -> None:
    out = run(f"i = cuda.grid(1)\nout[i] = {expression}")
    v, k = ramp(64).reshape(2, 32), np.arange(32)

    np.testing.assert_array_equal(out.reshape(2, 32), np.asarray(expected(v, k), np.float32))  # type: ignore[operator]


def test_a_shuffle_takes_nothing_from_lanes_that_are_not_there() -> None:
    text = body(
        "i = cuda.grid(1)\nif i % 32 < 16:\n    out[i] = cuda.shfl_down_sync(0xFFFF, x[i], 8)\n"
        "else:\n    out[i] = float32(0)"
    )
    out = np.zeros(32, np.float32)
    of = launch(text, 1, 32, ramp(32), out)

    assert not of.findings
    np.testing.assert_array_equal(out[:8], ramp(32)[8:16])
    assert np.isnan(out[8:16]).all()


@pytest.mark.parametrize(
    ("name", "expected"),
    [("add", 2016.0), ("max", 63.0), ("min", 0.0), ("sub", -2016.0)],
)
def test_atomics(name: str, expected: float) -> None:
    for space in ("global", "shared"):
        target = "out" if space == "global" else "s"
        text = body(
            f"s = cuda.shared.array(1, float32)\nt = cuda.threadIdx.x\nif t == 0:\n"
            f"    s[0] = float32(0)\ncuda.syncthreads()\ncuda.atomic.{name}({target}, 0, x[t])\n"
            "cuda.syncthreads()\n" + ("if t == 0:\n    out[0] = s[0]" if space == "shared" else "")
        )
        out = np.zeros(1, np.float32)
        of = launch(text, 1, 64, ramp(64), out)

        assert not of.findings and out[0] == expected, space


def test_atomics_return_the_old_value() -> None:
    text = body("i = cuda.grid(1)\nout[i] = cuda.atomic.add(x, i % 3, 1)")
    x, out = np.zeros(3, np.int64), np.zeros(64, np.int64)
    launch(text, 2, 32, x, out)

    np.testing.assert_array_equal(x, [22, 21, 21])
    for k in range(3):
        np.testing.assert_array_equal(np.sort(out[k::3]), np.arange(x[k]))


def test_votes_of_a_block() -> None:
    out = run(
        "i = cuda.grid(1)\nout[i, 0] = cuda.syncthreads_count(i % 3 == 0)\n"
        "out[i, 1] = cuda.syncthreads_or(i == 3)\nout[i, 2] = cuda.syncthreads_and(i < 64)",
        64,
        2,
        width=3,
    )
    i = np.arange(128).reshape(2, 64)

    np.testing.assert_array_equal(out[:, 0], np.repeat((i % 3 == 0).sum(1), 64))
    np.testing.assert_array_equal(out[:, 1], np.repeat((i == 3).any(1), 64))
    np.testing.assert_array_equal(out[:, 2], np.repeat((i < 64).all(1), 64))


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("math.exp(-x[i])", lambda v: np.exp(-v)),
        ("math.log(x[i] + float32(1)) + math.log2(x[i] + float32(1))", lambda v: np.log(v + 1) + np.log2(v + 1)),
        ("math.sqrt(x[i]) + math.cos(x[i])", lambda v: np.sqrt(v) + np.cos(v)),
        ("math.tanh(x[i] / float32(64))", lambda v: np.tanh(v / 64)),
        ("math.erf(x[i] / float32(64))", lambda v: [math.erf(a / 64) for a in v]),
        ("math.floor(x[i] / float32(3)) - math.ceil(x[i] / float32(7))", lambda v: np.floor(v / 3) - np.ceil(v / 7)),
        ("math.pow(x[i], float32(1.5))", lambda v: v ** 1.5),
        ("math.fmod(x[i], float32(7)) + x[i] % float32(5)", lambda v: v % 7 + v % 5),
        ("math.atan2(x[i], float32(2)) + math.hypot(x[i], float32(3))", lambda v: np.arctan2(v, 2) + np.hypot(v, 3)),
        ("cuda.fma(x[i], x[i], float32(1))", lambda v: v * v + 1),
        ("cuda.selp(i > 5, x[i], float32(0))", lambda v: np.where(v > 5, v, 0)),
        ("x[i] ** 2 + x[i] ** float32(0.5)", lambda v: v ** 2 + v ** 0.5),
        ("abs(-x[i]) + round(x[i])", lambda v: 2 * v),
        ("min(x[i], float32(7), float32(9)) + max(i, 7)", lambda v: np.minimum(v, 7) + np.maximum(v, 7)),
        ("math.inf if math.isnan(x[i]) or math.isinf(x[i]) else x[i]", lambda v: v),
        ("(i + 1) // 3 * 100 + (i + 1) % 3 + (-i) // 4 + (-i) % 7", lambda v: (v + 1) // 3 * 100 + (v + 1) % 3 + -v // 4 + -v % 7),
        ("float32(i << 2 | 1) + float32(i >> 1 ^ 3) + float32(~i & 12)", lambda v: [(int(a) << 2 | 1) + (int(a) >> 1 ^ 3) + (~int(a) & 12) for a in v]),
        ("float32(int(x[i] / float32(2))) + float32(bool(i)) + float(x[i])", lambda v: (v / 2).astype(int) + (v > 0) + v),
        ("1 < i <= 9", lambda v: (v > 1) & (v <= 9)),
        ("not i > 9", lambda v: ~(v > 9)),
        ("len(x) + x.size + x.shape[0] + x.ndim", lambda v: 0 * v + 193),
        ("(x[i], float32(i))[1] + (i, 7)[0]", lambda v: 2 * v),
    ],
)  # fmt: skip
@pytest.mark.filterwarnings("ignore")
def test_arithmetic(expression: str, expected: object) -> None:
    text = body(f"i = cuda.grid(1)\nout[i] = {expression}")
    out = np.full(64, np.nan, np.float32)
    launch(text, 2, 32, ramp(64), out)

    np.testing.assert_allclose(out, np.asarray(expected(ramp(64)), np.float32), rtol=2e-6)  # type: ignore[operator]


def test_device_functions() -> None:
    text = """
@cuda.jit(device=True)
def clamp(v, low, high):
    if v < low:
        return low
    if v > high:
        return high
    return v


@cuda.jit(device=True)
def halves(v):
    return v // 2, v - v // 2


@cuda.jit(device=True)
def fill(a, v):
    for k in range(4):
        if k == v:
            return
        a[k] = v


@cuda.jit
def kernel(x, out):
    i = cuda.grid(1)
    a = cuda.local.array(4, int64)
    for k in range(4):
        a[k] = 0
    fill(a, i % 4)
    low, high = halves(clamp(i, 10, 50))
    if i % 2 == 0:
        low = clamp(low, 8, 9)
    out[i] = low * 100 + high + (a[0] + a[1] + a[2] + a[3]) * 10000
"""
    out = np.zeros(64, np.int64)
    of = launch(text, 2, 32, ramp(64), out)
    expected = []
    for i in range(64):
        v = min(max(i, 10), 50)
        low, high = v // 2, v - v // 2
        if i % 2 == 0:
            low = min(max(low, 8), 9)
        expected.append(low * 100 + high + (i % 4) ** 2 * 10000)

    assert not of.findings
    np.testing.assert_array_equal(out, expected)


def test_a_device_function_that_returns_in_a_branch_does_not_end_the_kernel() -> None:
    text = """
@cuda.jit(device=True)
def first(s, t):
    if t % 2 == 0:
        return s[t]
    return float32(-1)


@cuda.jit
def kernel(x, out):
    s = cuda.shared.array(N, float32)
    t = cuda.threadIdx.x
    s[t] = x[t]
    v = first(s, t)
    cuda.syncthreads()
    out[t] = v + s[63 - t]
"""
    out = np.zeros(64, np.float32)
    of = launch(text, 1, 64, ramp(64), out)

    assert not of.findings
    np.testing.assert_array_equal(out, np.where(ramp(64) % 2 == 0, ramp(64), -1) + 63 - ramp(64))


def test_a_block_of_some_lanes() -> None:
    """A block of 40 threads has a warp with 8 lanes; the padding takes part in nothing."""
    text = body("i = cuda.grid(1)\nout[i] = x[i] + float32(cuda.syncthreads_count(1))")
    x, out = ramp(120), np.zeros(120, np.float32)
    of = launch(text, 3, 40, x, out, outputs=1)

    assert not of.findings
    np.testing.assert_array_equal(out, x + 40)


@pytest.mark.parametrize("decorator", ["@cuda.jit", "@cuda.jit()", "@cuda.jit(fastmath=True)"])
def test_spellings_of_decorators_and_declarations(decorator: str) -> None:
    text = body(
        """
s = cuda.shared.array(shape=(2, N), dtype=np.float32)
a = cuda.local.array(dtype=float32, shape=4)
t = cuda.threadIdx.x
a[t % 4] = x[t]
s[0, t] = a[t % 4]
cuda.syncthreads()
out[t] = s[0, 63 - t]
"""
    ).replace("@cuda.jit", decorator)
    out = np.zeros(64, np.float32)
    of = launch(text, 1, 64, ramp(64), out)

    assert not of.findings
    np.testing.assert_array_equal(out, ramp(64)[::-1])


@pytest.mark.parametrize(
    "statement",
    [
        "if i < x.size and x[i] > float32(3):\n    out[i] = x[i]",
        "if not (i >= x.size or x[i] <= float32(3)):\n    out[i] = x[i]",
        "v = x[i] if i < x.size else float32(0)\nif v > float32(3):\n    out[i] = v",
        "if i < x.size:\n    if x[i] > float32(3):\n        out[i] = x[i]",
        "while i < x.size and x[i] > float32(3):\n    out[i] = x[i]\n    i += 1000",
    ],
)
def test_what_stands_behind_a_guard_runs_for_its_lanes_only(statement: str) -> None:
    out = np.zeros(50, np.float32)
    of = launch(body("i = cuda.grid(1)\n" + statement), 2, 32, ramp(50), out)

    assert not of.findings
    np.testing.assert_array_equal(out, np.where(ramp(50) > 3, ramp(50), 0))


def test_chains_of_subscripts() -> None:
    text = body(
        "s = cuda.shared.array((2, N), float32)\nt = cuda.threadIdx.x\ns[0][t] = x[t // 8][t % 8]\n"
        "s[0][t] += float32(1)\ncuda.syncthreads()\nout[t // 8][t % 8] = s[0][63 - t]"
    )
    x, out = ramp(64).reshape(8, 8), np.zeros((8, 8), np.float32)
    of = launch(text, 1, 64, x, out, outputs=1)

    assert not of.findings
    np.testing.assert_array_equal(out.ravel(), ramp(64)[::-1] + 1)


def test_large_local_arrays_run_in_small_batches() -> None:
    text = body(
        "i = cuda.grid(1)\na = cuda.local.array(30000, float32)\n"
        "a[i] = x[i]\na[i + 1] = x[i]\nout[i] = a[i] + a[i + 1]"
    )
    out = np.zeros(1024, np.float32)
    of = launch(text, 32, 32, ramp(1024), out)

    assert not of.findings
    np.testing.assert_array_equal(out, 2 * ramp(1024))


def test_divergence_is_measured() -> None:
    half = launch(
        body("i = cuda.grid(1)\nif i % 2 == 0:\n    a = x[i]\n    b = a\n    out[i] = b"),
        1, 32, ramp(32), ramp(32),
    )  # fmt: skip
    whole = launch(body("i = cuda.grid(1)\nout[i] = x[i]"), 1, 32, ramp(32), ramp(32))

    assert whole.divergence == 1.0
    assert half.divergence == pytest.approx((2 * 32 + 3 * 16) / (5 * 32))


def test_float_operations_are_counted() -> None:
    of = launch(
        body("i = cuda.grid(1)\nv = x[i] * x[i] + x[i]\nfor k in range(3):\n    v += x[i]\nout[i] = v"),
        2, 64, ramp(128), ramp(128),
    )  # fmt: skip

    assert of.flops == 128 * 5


def test_without_analysis_nothing_is_counted() -> None:
    out = np.zeros(32, np.float32)
    of = engine(body("i = cuda.grid(1)\nout[i] = x[i]")).launch(
        "kernel", 1, 32, ramp(32), out, analyze=False
    )

    np.testing.assert_array_equal(out, ramp(32))
    assert not of.counters and not of.traffic and not of.analyzed
