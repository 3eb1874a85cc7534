"""The roofline: what is drawn where, from figures that are given."""

from __future__ import annotations

import pytest

from kernels.machine import Limits
from lab.render import Style
from lab.roofline import HEIGHT, Point, document, drawn

LIMITS = Limits(
    float32_gflops=128.0,
    float64_gflops=64.0,
    read_gb_s={"L1": 400.0, "L2": 150.0, "L3": 80.0, "DRAM": 32.0},
    copy_gb_s=24.0,
    lanes=8,
)
POINTS = [Point("copies", 0.25, 4.0), Point("multiplies", 64.0, 96.0)]


@pytest.mark.parametrize("symbols", ["unicode", "ascii"])
def test_each_kernel_stands_in_the_picture_and_below_it(symbols: str) -> None:
    lines = drawn(LIMITS, POINTS, Style(symbols))
    picture = [line for line in lines if "|" in line or "│" in line]

    assert len(picture) == HEIGHT
    assert sum("A" in line for line in picture) == sum("B" in line for line in picture) == 1
    said = "\n".join(lines)
    assert "50% of its roof" in said and "75% of its roof" in said
    if symbols == "ascii":
        assert said.isascii()


def test_a_slower_kernel_stands_lower() -> None:
    def row(gflops: float) -> int:
        lines = drawn(LIMITS, [Point("x", 64.0, gflops)], Style())
        return next(n for n, line in enumerate(lines) if "A" in line.partition("│")[2])

    assert row(100.0) < row(20.0) < row(2.0)


def test_the_document_holds_the_figures() -> None:
    found = document(LIMITS, POINTS)

    assert found["float32_gflops"] == 128.0
    assert [one["share_of_roof"] for one in found["kernels"]] == [0.5, 0.75]
