"""`make bench`: measure, print one table, write build/bench.json. Wants a quiet machine.

python -m tests.benchmarks [waiting grading ...]
"""

from __future__ import annotations

import importlib
import json
import sys
from pathlib import Path

from .rows import Row, table

PARTS = (
    "roofline",
    "kernels_gemm",
    "kernels_rows",
    "kernels_conv",
    "kernels_sequence",
    "framework",
    "training",
    "learning",
    "tiling",
    "gpu_engine",
    "gpu_kernels",
    "protocol",
    "waiting",
    "grading",
    "timing",
)
OUT = Path(__file__).parents[2] / "build" / "bench.json"


def main() -> int:
    """Run the parts that are named, or all; 0 when every bar is met."""
    rows: list[Row] = []
    for name in sys.argv[1:] or PARTS:
        found = importlib.import_module(f".{name}", __package__).run()
        print(table(found), flush=True)
        rows += found
    OUT.parent.mkdir(exist_ok=True)
    OUT.write_text(json.dumps(rows, indent=1) + "\n", encoding="utf-8")
    return 0 if all(one["met"] is not False for one in rows) else 1


if __name__ == "__main__":
    raise SystemExit(main())
