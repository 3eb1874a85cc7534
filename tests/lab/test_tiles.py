"""Speeds by tile: every tile and product has its line, what fails too, under one roof."""

from __future__ import annotations

import pytest

from grader.student import StudentError
from lab.render import Style, timed
from lab.tiles import BAR, TILES, N, Speed, document, drawn, speeds

EXPORTS = ["compact", "matmul_cache_tiled", "matmul_naive", "matmul_tiled"]


def seconds(name: str, more: tuple[int, ...]) -> float:
    """A billion operations a second for tile 8, twice that for 16 and so on; naive is not written."""
    if name == "matmul_naive":
        raise StudentError
    return 2e-9 * N**3 / (more[0] / 8 if more else 100.0)


def test_every_tile_and_every_product_has_its_line() -> None:
    found = speeds(EXPORTS, seconds)

    assert [speed.name for speed in found] == [
        *(f"tile {tile}" for tile in TILES),
        "matmul_naive",
        "matmul_tiled",
    ]
    assert [speed.gflops for speed in found[:3]] == pytest.approx([1, 2, 4])
    assert found[-2].gflops is None
    assert found[-1].gflops == pytest.approx(100)


def test_bars_share_the_scale_of_the_roof() -> None:
    found = [Speed("tile 8", 1.0), Speed("half", 50.0), Speed("more than all", 120.0)]

    *_, first, half, more, roof = drawn(found, 100.0, Style("ascii"))

    assert [line.count("#") for line in (first, half, more, roof)] == [1, BAR // 2, BAR, BAR]
    assert "not written" in drawn([Speed("x", None)], 1.0, Style("ascii"))[-2]


def test_the_document_says_the_same() -> None:
    said = document([Speed("tile 8", 1.234), Speed("x", None)], 111.11)

    assert said == {"n": N, "roof_gflops": 111.1, "gflops": {"tile 8": 1.23, "x": None}}


def test_a_timing_tells_the_first_call_apart() -> None:
    performance = {"value": 1.1, "ci": [1.0, 1.2], "pairs": 7, "thresholds": []}
    outcome = {"status": "passed", "performance": {**performance, "first_call_s": 1.234}}

    said = " ".join(" ".join(timed("t", outcome, Style("ascii"))).split())
    assert "which compiles, took 1.2 s apart" in said
    plain = timed("t", {**outcome, "performance": performance}, Style("ascii"))
    assert "compiles" not in " ".join(plain)
