"""Kernels that get `cuda` from where the project gets it; imported by `test_cuda.py`."""

from __future__ import annotations

from kernels.cuda import cuda, float32, load4, store4

SCALE = 2.0
TILE = 64


@cuda.jit(device=True)
def doubled(v):  # type: ignore[no-untyped-def]
    return v * float32(SCALE)


@cuda.jit
def scale(x, out):  # type: ignore[no-untyped-def]
    i = cuda.grid(1)
    if i < x.size:
        out[i] = doubled(x[i])


@cuda.jit
def scale4(x, out):  # type: ignore[no-untyped-def]
    i = cuda.grid(1) * 4
    if i + 3 < x.size:
        a, b, c, d = load4(x, i)
        store4(out, i, doubled(a), doubled(b), doubled(c), doubled(d))


@cuda.jit
def backwards(x, out):  # type: ignore[no-untyped-def]
    tile = cuda.shared.array(0, float32)
    t = cuda.threadIdx.x
    tile[t] = x[t]
    cuda.syncthreads()
    out[t] = tile[cuda.blockDim.x - 1 - t]
