"""Kernels of which it is known what the compiler must make of them; they need numba-cuda."""

from __future__ import annotations

from numba import cuda, float32

from kernels.cuda_vectors import load4, store4

A1, A2 = float32[::1], float32[:, ::1]
MANY = 48


@cuda.jit
def leaking(x, out):  # type: ignore[no-untyped-def]
    total = 0.0
    for i in range(x.size):
        total += x[i]  # float64: the literal above is
    out[0] = total


@cuda.jit
def tight(x, out):  # type: ignore[no-untyped-def]
    total = float32(0)
    for i in range(x.size):
        total += x[i]
    out[0] = total


@cuda.jit(device=True)
def halved(v):  # type: ignore[no-untyped-def]
    return v * 0.5 + 0.1  # float64 in here


@cuda.jit
def leaking_elsewhere(x, out):  # type: ignore[no-untyped-def]
    i = cuda.grid(1)
    if i < x.size:
        out[i] = halved(x[i])


@cuda.jit
def copy4(x, out):  # type: ignore[no-untyped-def]
    i = cuda.grid(1) * 4
    if i + 3 < x.size:
        a, b, c, d = load4(x, i)
        store4(out, i, a, b, c, d)


@cuda.jit
def copy1(x, out):  # type: ignore[no-untyped-def]
    i = cuda.grid(1) * 4
    if i + 3 < x.size:
        for j in range(4):
            out[i + j] = x[i + j]


def sums(x, y, out):  # type: ignore[no-untyped-def]
    """MANY sums at a time: more than fit into 32 registers."""
    total = cuda.local.array(MANY, float32)
    for j in range(MANY):
        total[j] = float32(0)
    t = cuda.threadIdx.x
    for i in range(x.shape[0]):
        for j in range(MANY):
            total[j] += x[i, t] * y[j, t]
    for j in range(MANY):
        out[j, t] = total[j]


spilling = cuda.jit(max_registers=32)(sums)
roomy = cuda.jit(sums)


@cuda.jit
def indexed(x, out):  # type: ignore[no-untyped-def]
    """A local array whose index comes from the data: it cannot lie in registers."""
    seen = cuda.local.array(16, float32)
    for j in range(16):
        seen[int(x[j])] = x[j + 16]
    out[0] = seen[int(x[32])]


@cuda.jit
def hoarding(x, out):  # type: ignore[no-untyped-def]
    tile = cuda.shared.array(12_288, float32)  # 48 KB
    t = cuda.threadIdx.x
    for i in range(t, 12_288, 64):
        tile[i] = x[i]
    cuda.syncthreads()
    out[t] = tile[12_287 - t * 7]


@cuda.jit
def nested(x, out):  # type: ignore[no-untyped-def]
    """Two loops that multiply, of unknown length: three times outside, once inside."""
    v = x[0]
    while v < x[1]:
        w = v
        while w < x[2]:
            w = w * x[3] + x[4]
        v = ((w * x[5] + x[6]) * v + x[7]) * v + w
    out[0] = v


@cuda.jit
def refused(x, out):  # type: ignore[no-untyped-def]
    out[0] = {"a": x[0]}["a"]
