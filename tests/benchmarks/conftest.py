"""Where a test of a benchmark launches kernels, they run on the engine, whatever the machine has."""

from __future__ import annotations

import os

os.environ["LAB_CUDA"] = "engine"

from kernels.cuda import cuda as resolved

assert resolved.implementation == "engine"
