"""Races of shared and global memory: what is one, what is none, who is named."""

from __future__ import annotations

import numpy as np
import pytest

from .small import body, found, launch, line_of, ramp

RAW, WAR, WAW = (
    f"race:{one}" for one in ("read-after-write", "write-after-read", "write-after-write")
)
SHARED = "s = cuda.shared.array(N, float32)\nt = cuda.threadIdx.x\n"


def run(statements: str, threads: int = 64, blocks: int = 1):  # type: ignore[no-untyped-def]
    text = body(statements)
    out = np.zeros(threads * blocks, np.float32)
    return text, launch(text, blocks, threads, ramp(threads * blocks), out), out


def test_both_threads_and_the_missing_barrier_are_named() -> None:
    text, of, _ = run(SHARED + "s[t] = x[t]\nout[t] = s[63 - t]")

    (one,) = of.findings
    assert (one.kind, one.line) == (RAW, line_of(text, "out[t] ="))
    assert one.other_line == line_of(text, "s[t] = x[t]")
    assert one.missing == "syncthreads"
    assert (one.thread, one.other_thread) == (0, 63)
    assert "s[63]" in one.message and "line" in one.message


def test_within_a_warp_syncwarp_is_enough_and_is_what_is_missing() -> None:
    inside = SHARED + "s[t] = x[t]\n{}\nout[t] = s[t // 32 * 32 + 31 - t % 32]"
    text, of, _ = run(inside.format("pass"))
    _, good, out = run(inside.format("cuda.syncwarp()"))

    assert found(of) == [(RAW, line_of(text, "out[t] ="))]
    assert of.findings[0].missing == "syncwarp"
    assert not good.findings
    np.testing.assert_array_equal(out[:32], ramp(64)[31::-1])


def test_syncwarp_does_not_order_two_warps() -> None:
    text, of, _ = run(SHARED + "s[t] = x[t]\ncuda.syncwarp()\nout[t] = s[63 - t]")

    assert found(of) == [(RAW, line_of(text, "out[t] ="))]
    assert of.findings[0].missing == "syncthreads"


def test_a_thread_may_read_what_it_wrote() -> None:
    _, of, out = run(SHARED + "s[t] = x[t]\ns[t] += float32(1)\nout[t] = s[t]")

    assert not of.findings
    np.testing.assert_array_equal(out, ramp(64) + 1)


def test_two_threads_store_one_element_in_one_statement() -> None:
    text, of, _ = run(SHARED + "s[t // 2] = x[t]\ncuda.syncthreads()\nout[t] = s[t // 2]")

    assert found(of) == [(WAW, line_of(text, "s[t // 2] = x"))]


def test_write_after_write_in_two_statements() -> None:
    text, of, _ = run(SHARED + "s[t] = x[t]\ns[63 - t] = x[t]\ncuda.syncthreads()\nout[t] = s[t]")

    assert found(of) == [(WAW, line_of(text, "s[63 - t] ="))]


def test_a_loop_that_wraps_around() -> None:
    loop = """
for k in range(3):
    s[t] = x[t] + float32(k)
    cuda.syncthreads()
    out[t] = s[63 - t]
    {}
"""
    text, of, _ = run(SHARED + loop.format("pass"))
    _, good, _ = run(SHARED + loop.format("cuda.syncthreads()"))

    assert found(of) == [(WAR, line_of(text, "s[t] = x[t]"))]
    assert of.findings[0].other_line == line_of(text, "out[t] =")
    assert not good.findings


def test_double_buffering_needs_one_barrier_a_round() -> None:
    _, of, out = run(
        """
s = cuda.shared.array((2, N), float32)
t = cuda.threadIdx.x
s[0, t] = x[t]
cuda.syncthreads()
now = 0
reach = 1
while reach < N:
    v = s[now, t]
    if t >= reach:
        v += s[now, t - reach]
    s[1 - now, t] = v
    cuda.syncthreads()
    now = 1 - now
    reach *= 2
out[t] = s[now, t]
"""
    )

    assert not of.findings
    np.testing.assert_array_equal(out, np.cumsum(ramp(64)))


def test_arrays_that_change_names() -> None:
    _, of, out = run(
        """
a = cuda.shared.array(N, float32)
b = cuda.shared.array(N, float32)
t = cuda.threadIdx.x
a[t] = x[t]
cuda.syncthreads()
for k in range(4):
    b[t] = a[(t + 1) % N]
    cuda.syncthreads()
    a, b = b, a
out[t] = a[t]
"""
    )

    assert not of.findings
    np.testing.assert_array_equal(out, np.roll(ramp(64), -4))


def test_blocks_may_take_different_rounds_between_barriers() -> None:
    _, of, out = run(
        SHARED
        + """
i = cuda.grid(1)
v = x[i]
for k in range(cuda.blockIdx.x + 1):
    s[t] = v
    cuda.syncthreads()
    v = s[(t + 1) % N]
    cuda.syncthreads()
out[i] = v
""",
        64,
        5,
    )

    assert not of.findings
    rows = ramp(320).reshape(5, 64)
    np.testing.assert_array_equal(out.reshape(5, 64), [np.roll(rows[b], -b - 1) for b in range(5)])


def test_a_race_in_one_block_only() -> None:
    text, of, _ = run(
        SHARED
        + """
i = cuda.grid(1)
s[t] = x[i]
if cuda.blockIdx.x != 3:
    cuda.syncthreads()
out[i] = s[63 - t]
""",
        64,
        5,
    )

    assert found(of) == [(RAW, line_of(text, "out[i] ="))]
    assert of.findings[0].block == 3


def test_threads_that_have_returned_need_no_barrier() -> None:
    text = body(
        """
s = cuda.shared.array(N, float32)
t = cuda.threadIdx.x
i = cuda.grid(1)
if i >= x.size:
    return
s[t] = x[i]
cuda.syncthreads()
out[i] = s[t]
"""
    )
    x, out = ramp(100), np.zeros(100, np.float32)
    of = launch(text, 2, 64, x, out, outputs=1)

    assert not of.findings
    np.testing.assert_array_equal(out, x)


@pytest.mark.parametrize("condition", ["t < 40", "t % 2 == 0", "x[t] > float32(3)"])
def test_a_barrier_in_a_branch(condition: str) -> None:
    text, of, _ = run(
        f"t = cuda.threadIdx.x\nif {condition}:\n    cuda.syncthreads()\nout[t] = x[t]"
    )

    assert found(of) == [("barrier-divergence", line_of(text, "cuda.syncthreads()"))]


def test_a_barrier_in_a_loop_that_some_threads_leave() -> None:
    text, of, _ = run(
        "t = cuda.threadIdx.x\nfor k in range(t):\n    cuda.syncthreads()\nout[t] = x[t]"
    )

    assert found(of) == [("barrier-divergence", line_of(text, "cuda.syncthreads()"))]
    assert of.findings[0].thread == 0


def test_uninitialised_shared_memory() -> None:
    text, of, out = run(
        SHARED + "if t < 32:\n    s[t] = x[t]\ncuda.syncthreads()\nout[t] = s[63 - t]"
    )

    assert found(of) == [("uninitialised-shared", line_of(text, "out[t] ="))]
    assert np.isnan(out[:32]).all() and not np.isnan(out[32:]).any()


def test_atomics_do_not_race_with_each_other_but_with_plain_accesses() -> None:
    good = """
h = cuda.shared.array(4, int32)
t = cuda.threadIdx.x
if t < 4:
    h[t] = 0
cuda.syncthreads()
cuda.atomic.add(h, t % 4, 1)
cuda.syncthreads()
out[t] = h[t % 4]
"""
    _, of, out = run(good)
    text, bad, _ = run(good.replace("1)\ncuda.syncthreads()", "1)"))
    first, worse, _ = run(good.replace("0\ncuda.syncthreads()", "0"))

    assert not of.findings and (out == 16).all()
    assert found(bad) == [(RAW, line_of(text, "out[t] ="))]
    assert found(worse) == [(RAW, line_of(first, "cuda.atomic.add"))]


def test_global_memory_between_the_threads_of_a_block() -> None:
    statements = (
        "t = cuda.threadIdx.x\nout[t] = x[t]\n{}\nv = out[63 - t]\ncuda.syncthreads()\nout[t] = v"
    )
    text, bad, _ = run(statements.format("pass"))
    _, good, out = run(statements.format("cuda.syncthreads()"))

    assert found(bad) == [(RAW, line_of(text, "v = out"))]
    assert not good.findings
    np.testing.assert_array_equal(out, ramp(64)[::-1])


def test_one_array_under_two_names() -> None:
    """Shifting in place is a race although the kernel's text names two arrays."""
    text = body("i = cuda.grid(1)\nif i + 1 < x.size:\n    out[i] = x[i + 1]")
    both = ramp(128)
    of = launch(text, 2, 64, both, both)

    assert [one.kind for one in of.findings] == [WAR]


@pytest.mark.parametrize(
    "store",
    [
        "o = out\no[i] = x[i]",
        "o = x\nif n > 0:\n    o = out\no[i] = x[i]",
        "(x, out)[1][i] = x[i]",
        "a, b = x, out\na, b = b, a\na[i] = b[i]",
        "fill((x, out)[1], x, i)",
        "fill(out, x, i)",
        "cuda.atomic.exch(out, i, x[i])",
    ],
)
def test_stores_by_another_name_are_seen(store: str) -> None:
    text = (
        "@cuda.jit(device=True)\ndef fill(to, of, i):\n    there = to\n    there[i] = of[i]\n\n\n"
        + body("i = cuda.grid(1) + n\n" + store, "x, out, n")
    )
    x, out = ramp(65), np.full(65, np.nan, np.float32)
    of = launch(text, 2, 32, x, out, 1, outputs=1)

    assert [one.kind for one in of.findings] == ["unwritten-output"]
    assert "out[0]" in of.findings[0].message and of.stored == {"out"}
    np.testing.assert_array_equal(out[1:], x[1:])


def test_in_place_updates_are_no_race() -> None:
    _, of, out = run(
        "i = cuda.grid(1)\nout[i] = x[i]\nout[i] = out[i] * float32(2)\nout[i] += x[i]", 64, 4
    )

    assert not of.findings
    np.testing.assert_array_equal(out, ramp(256) * 3)


def test_blocks_that_add_with_atomics() -> None:
    text = body("cuda.atomic.add(out, 0, x[cuda.grid(1)])")
    x, out = np.ones(1024, np.float32), np.zeros(1, np.float32)
    of = launch(text, 8, 128, x, out)

    assert not of.findings and out[0] == 1024


def test_every_thread_stores_the_same_total() -> None:
    text, of, _ = run("t = cuda.threadIdx.x\nout[0] = x[0]")

    assert ("global-write-race", line_of(text, "out[0] =")) in found(of)


def test_a_finding_is_counted_once_for_its_line() -> None:
    _, of, _ = run(SHARED + "for k in range(5):\n    s[t] = x[t]\n    out[t] = s[63 - t]")

    assert len(found(of)) == len(set(found(of))) == 2
    assert all(one.count >= 4 for one in of.findings)
