"""The rows of the bench table: a figure, its bar, whether it is met."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

Row = dict[str, Any]


def quartiles(values: Sequence[float]) -> list[float]:
    """Lower quartile, median, upper quartile."""
    ordered = sorted(values)
    last = len(ordered) - 1
    return [ordered[round(last * share)] for share in (0.25, 0.5, 0.75)]


def row(
    name: str, value: float, unit: str, bar: float | None, *, most: bool = True, **more: Any
) -> Row:
    """One row; the bar is the most that is allowed, or with `most=False` the least."""
    met = None if bar is None else (value <= bar if most else value >= bar)
    return {"name": name, "value": round(value, 4), "unit": unit, "bar": bar, "met": met, **more}


def absent(name: str, why: str) -> Row:
    """A row without a figure: what could not be measured here, and why."""
    return {"name": name, "value": None, "unit": "", "bar": None, "met": None, "note": why}


def table(rows: Sequence[Row]) -> str:
    """The rows for a terminal."""
    lines = []
    for one in rows:
        if one["value"] is None:
            lines.append(f"{one['name']:<58}{'-':>10} {one['note']}")
            continue
        bar = "" if one["bar"] is None else f"bar {one['bar']:g}"
        verdict = {True: "met", False: "NOT met", None: ""}[one["met"]]
        spread = (
            f"  [{one['quartiles'][0]:.4g} .. {one['quartiles'][2]:.4g}]"
            if "quartiles" in one
            else ""
        )
        roof = f"  {one['share_of_roof']:.0%} of the roof" if "share_of_roof" in one else ""
        lines.append(
            f"{one['name']:<58}{one['value']:>10.4g} {one['unit']:<8}{bar:<12}{verdict:<8}"
            f"{spread}{roof}"
        )
    return "\n".join(lines)
