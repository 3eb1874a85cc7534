"""The inner loops are what their writer writes."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("shape", [(6, 4), (6, 2)])
def test_the_inner_loop_is_up_to_date(shape: tuple[int, int]) -> None:
    spec = importlib.util.spec_from_file_location("write_micro", ROOT / "tools" / "write_micro.py")
    assert spec is not None and spec.loader is not None
    writer = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(writer)
    name = f"micro_{shape[0]}x{shape[1]}.py"

    assert (ROOT / "kernels" / name).read_text(encoding="utf-8") == writer.source(*shape)
