"""The structure of our own kernels on CUDA: SGEMM by steps, copy, softmax, attention, LSTM and GRU.

They get `cuda` from `kernels.cuda`, so LAB_CUDA must say `numba` before any of them is imported;
`python -m kernels.cuda_structure [ARCHITECTURE]` does that and prints the table.
"""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from typing import Any

from .architectures import DEFAULT
from .structure import NotAssessed, Structure, examine

# File, kernel, threads of a block, arguments: v, m, t a float32 array of 1, 2, 3 axes, b a mask,
# f a float32, i an integer, ? a flag.
KERNELS = (
    ("gemm_ladder", "naive", 1024, "mmm"),
    ("gemm_ladder", "shared", 1024, "mmm"),
    ("gemm_ladder", "thread_tiled", 256, "mmm"),
    ("gemm_ladder", "vectorised", 256, "vvviii"),
    ("gemm", "gemm_double_buffered", 256, "vvviiiii??"),
    ("gemm", "gemm_register_tiled", 256, "vvviiiii??"),
    ("copies", "transpose", 256, "tt"),
    ("softmax", "softmax", 128, "mm"),
    ("softmax", "softmax_backward", 128, "mmm"),
    ("attention", "forward", 128, "vvvbvviiif??iiiii"),
    ("recurrent", "lstm_states", 256, "tmvtti"),
    ("recurrent", "lstm_gradients", 256, "tmmttti"),
    ("recurrent", "gru_gradients", 256, "tmmttttti"),
)


def structures(arch: str = DEFAULT) -> Iterator[tuple[str, Structure | NotAssessed]]:
    """Name and structure of each, as they are compiled.

    Raises:
        ValueError: the architecture is not known.
    """
    for home, name, threads, arguments in KERNELS:
        module = importlib.import_module(f"..on_cuda.{home}", __package__)
        signature = _types(arguments)
        yield (
            f"{home}.{name}",
            examine(getattr(module, name), signature, arch=arch, threads=threads),
        )


def _types(arguments: str) -> list[Any]:
    from numba import boolean, float32, int64

    kinds = {
        "v": float32[::1],
        "m": float32[:, ::1],
        "t": float32[:, :, ::1],
        "b": boolean[::1],
        "f": float32,
        "i": int64,
        "?": boolean,
    }
    return [kinds[one] for one in arguments]
