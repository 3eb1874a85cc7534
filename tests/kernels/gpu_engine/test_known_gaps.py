"""What lockstep engines tend to miss, each with a test that fails where it is missed."""

from __future__ import annotations

import numpy as np

from .small import body, found, launch, line_of, ramp


def test_a_store_outside_is_dropped_and_not_clipped() -> None:
    """A clipped store would land on the last element and hide behind a second finding."""
    text = body("i = cuda.grid(1)\nout[i] = x[i % 100]")
    x, out = ramp(100), np.full(100, -1, np.float32)
    of = launch(text, 4, 32, x, out, outputs=1)

    assert found(of) == [("out-of-bounds", line_of(text, "out[i]"))]
    assert out[99] == 99
    assert (of.findings[0].block, of.findings[0].thread) == (3, 4)
    assert "out[100]" in of.findings[0].message


def test_a_shared_store_outside_causes_no_second_finding() -> None:
    text = body(
        """
s = cuda.shared.array(N, float32)
t = cuda.threadIdx.x
s[t + 1] = x[t]
cuda.syncthreads()
out[t] = s[t]
"""
    )
    of = launch(text, 1, 64, ramp(64), np.zeros(64, np.float32), outputs=1)

    assert found(of) == [("out-of-bounds", line_of(text, "s[t + 1]"))]


def test_a_negative_index_is_outside() -> None:
    text = body("i = cuda.grid(1)\nout[i] = x[i - 1]")
    of = launch(text, 1, 32, ramp(32), np.zeros(32, np.float32))

    assert found(of) == [("out-of-bounds", line_of(text, "x[i - 1]"))]
    assert "negative" in of.findings[0].message


def test_two_axes_are_checked_apart() -> None:
    """x[0, 8] of an (8, 8) array is outside although the element x[1, 0] lies there."""
    text = body("t = cuda.threadIdx.x\nout[t // 8, t % 8] = x[t // 8, t % 8 + 1]")
    of = launch(text, 1, 64, ramp(64).reshape(8, 8), np.zeros((8, 8), np.float32))

    assert [one.kind for one in of.findings] == ["out-of-bounds"]
    assert of.findings[0].thread == 7


def test_int16_indices_overflow() -> None:
    text = body("i = int16(cuda.grid(1))\nif i < x.size:\n    out[i] = x[i]")
    x, out = ramp(40000), np.full(40000, np.nan, np.float32)
    of = launch(text, 1250, 32, x, out, outputs=1)

    assert found(of) == [("out-of-bounds", line_of(text, "out[i]"))]
    assert (of.findings[0].block, of.findings[0].thread) == (1024, 0)
    assert "-32768" in of.findings[0].message


def test_narrow_casts_wrap_and_wide_arithmetic_does_not() -> None:
    text = body(
        """
i = cuda.grid(1)
short = int16(i * 1000)
out[i, 0] = short
out[i, 1] = short + short
out[i, 2] = int16(short + short)
out[i, 3] = uint8(i - 1)
out[i, 4] = int32(uint32(0) - uint32(1))
out[i, 5] = uint32(-1) // uint32(2)
"""
    )
    i, out = np.arange(64), np.zeros((64, 6), np.int64)
    launch(text, 2, 32, ramp(1), out)

    short = (i * 1000).astype(np.int16).astype(np.int64)
    np.testing.assert_array_equal(out[:, 0], short)
    np.testing.assert_array_equal(out[:, 1], short * 2)
    np.testing.assert_array_equal(out[:, 2], (short * 2).astype(np.int16))
    np.testing.assert_array_equal(out[:, 3], (i - 1).astype(np.uint8))
    assert (out[:, 4] == -1).all()
    assert (out[:, 5] == (2**32 - 1) // 2).all()


def test_a_block_reads_what_a_later_block_stores() -> None:
    """Blocks run in any order: the second access is wrong wherever it stands."""
    text = body(
        """
i = cuda.grid(1)
out[i] = x[i]
cuda.syncthreads()
out[i] = out[(i + 32) % x.size]
"""
    )
    of = launch(text, 4, 32, ramp(128), np.zeros(128, np.float32))

    kinds = {one.kind for one in of.findings}
    assert "race:read-after-write" in kinds
    (raw,) = of.of("race:read-after-write")
    assert raw.line == line_of(text, "out[i] = out")
    assert raw.other_line == line_of(text, "out[i] = x[i]")
    assert "any order" in raw.message and not raw.missing


def test_blocks_of_two_batches_race_too() -> None:
    text = body("i = cuda.grid(1)\nout[i] = x[i]\nif i >= 32:\n    out[i] = out[i - 32]")
    for lanes in (32, 4096):
        of = launch(text, 4, 32, ramp(128), np.zeros(128, np.float32), batch_lanes=lanes)

        assert "race:read-after-write" in {one.kind for one in of.findings}


def test_a_block_stores_what_an_earlier_block_has_read() -> None:
    text = body("i = cuda.grid(1)\nv = out[(i + 32) % x.size]\nout[i] = v + x[i]")
    for lanes in (32, 4096):
        of = launch(text, 4, 32, ramp(128), np.zeros(128, np.float32), batch_lanes=lanes)
        races = {one.kind for one in of.findings}

        assert races & {"race:write-after-read", "race:read-after-write"}


def test_a_float64_accumulator_is_named() -> None:
    text = body("i = cuda.grid(1)\nacc = 0.0\nfor k in range(4):\n    acc += x[i]\nout[i] = acc")
    of = launch(text, 1, 32, ramp(32), np.zeros(32, np.float32))

    assert found(of) == [("float64", line_of(text, "acc += x[i]"))]
    assert "acc is float64" in of.findings[0].message
