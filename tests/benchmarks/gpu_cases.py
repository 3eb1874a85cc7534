"""What is timed on a GPU: operands, our launch, and what NumPy says must come out.

Sizes are arguments, so that the same launches run on the engine where there is no GPU.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

import kernels
from kernels.on_cuda.activations import gelu, relu
from kernels.on_cuda.array import THREADS, CudaArray, blocks, run, to_device
from kernels.on_cuda.attention_launch import attention_cuda
from kernels.on_cuda.copies import ROWS, TILE, transpose
from kernels.on_cuda.gemm import gemm_cuda
from kernels.on_cuda.layernorm import layer_norm_cuda
from kernels.on_cuda.memory import pool, stream
from kernels.on_cuda.optimizers import adam_step_cuda
from kernels.on_cuda.softmax import softmax_cuda

from .gpu_copy import copy_vectors

Array = np.ndarray[Any, Any]
Operands = tuple[CudaArray, ...]
GEMM_BAR = 0.65  # of cuBLAS in float32
COPY_BAR = 0.8  # of the copy bandwidth, for what is bound by memory
LR, EPS = 1e-3, 1e-5  # of Adam; of layer norm
FEW = 61  # of so many elements one is compared where NumPy is slow


@dataclass(frozen=True)
class Sizes:
    """How large everything is: a launch of the usual ones takes a tenth of a millisecond or more.

    Attributes:
        side: of the matrices of the product.
        rows, columns: of what is bound by memory; multiples of 32.
        heads, tokens, width: of attention.
    """

    side: int = 4096
    rows: int = 16384
    columns: int = 4096
    heads: int = 64
    tokens: int = 4096
    width: int = 64


@dataclass(frozen=True)
class Case:
    """One thing to time.

    Attributes:
        form: the name under which a peer does the same.
        given: the operands; what is only written is all NaN.
        ours: puts our work on operands into the stream; what it writes.
        wanted: what must come out, from `given`.
        amount: bytes that must be moved, each once, or operations.
        error: how far a result may lie from the wanted one, over the largest of it.
        bar: the least share.
        beside_copy: the share is that of the copy bandwidth, not that of the peer.
        part: what of a result is compared.
    """

    form: str
    given: tuple[Array, ...]
    ours: Callable[..., Operands]
    wanted: Callable[..., tuple[Array, ...]]
    amount: float
    error: float = 1e-5
    bar: float | None = COPY_BAR
    beside_copy: bool = True
    part: Callable[[Array], Array] = lambda found: found

    @property
    def set_bytes(self) -> int:
        """Of one set of operands."""
        return sum(one.nbytes for one in self.given)

    def place(self, sets: int) -> list[Operands]:
        """So many sets of the operands on the device."""
        return [tuple(map(to_device, self.given)) for _ in range(sets)]

    def restore(self, operands: Operands) -> None:
        """As they were given."""
        for there, here in zip(operands, self.given, strict=True):
            there[...] = here


def draw(*shape: int, seed: int = 0) -> Array:
    """Random numbers: zeros would be multiplied faster."""
    return np.random.default_rng([seed, *shape]).standard_normal(shape, np.float32)


def unwritten(*shape: int) -> Array:
    """What a result must not keep."""
    return np.full(shape, np.nan, np.float32)


def _mapped(kernel: Any) -> Callable[[CudaArray, CudaArray], Operands]:
    """The launch of a function of an array in one line."""

    def launch(x: CudaArray, out: CudaArray) -> Operands:
        run(kernel, blocks(x.size), THREADS, x, out)
        return (out,)

    return launch


def _transposed(x: CudaArray, out: CudaArray) -> Operands:
    m, n = x.shape
    grid = blocks(n, TILE), blocks(m, TILE), 1
    turned = x.memory.reshape((1, m, n)), out.memory.reshape((1, n, m))
    run(transpose, grid, (TILE, ROWS), *turned)
    return (out,)


def _adam(p: CudaArray, g: CudaArray, m: CudaArray, v: CudaArray) -> Operands:
    adam_step_cuda(p, g, m, v, lr=LR)
    return p, m, v


def _adam_wanted(p: Array, g: Array, m: Array, v: Array) -> tuple[Array, ...]:
    p, m, v = p.copy(), m.copy(), v.copy()
    kernels.get("adam_step").oracle(p, g, m, v, lr=LR)
    return p, m, v


def cases(sizes: Sizes) -> dict[str, Callable[[], Case]]:
    """What makes the case of each row: all operands at once would not fit."""
    n, rows, columns, tokens = sizes.side, sizes.rows, sizes.columns, sizes.tokens
    count = rows * columns
    words = 4.0 * count
    shape = f"{rows} x {columns}"
    heads = (1, sizes.heads, tokens, sizes.width)

    def oracle(name: str) -> Callable[..., Any]:
        return kernels.get(name).oracle

    return {
        f"GPU: SGEMM {n}, of cuBLAS float32": lambda: Case(
            "gemm",
            (draw(n, n), draw(n, n, seed=1), unwritten(n, n)),
            lambda a, b, c: (gemm_cuda(a, b, out=c),),
            lambda a, b, c: (a @ b,),
            2.0 * n**3,
            error=3e-5,  # TF32 has ten times that
            bar=GEMM_BAR,
            beside_copy=False,
        ),
        f"GPU: transpose {shape}, of the copy": lambda: Case(
            "transpose",
            (draw(rows, columns), unwritten(columns, rows)),
            _transposed,
            lambda x, out: (x.T,),
            2 * words,
            error=0.0,
        ),
        f"GPU: relu {shape}, of the copy": lambda: Case(
            "relu",
            (draw(count), unwritten(count)),
            _mapped(relu),
            lambda x, out: (np.maximum(x, 0),),
            2 * words,
            error=0.0,
        ),
        f"GPU: GELU {shape}, of the copy": lambda: Case(
            "gelu",
            (draw(count), unwritten(count)),
            _mapped(gelu),
            lambda x, out: (oracle("gelu")(x[::FEW]),),
            2 * words,
            part=lambda found: found[::FEW],
        ),
        f"GPU: softmax {shape}, of the copy": lambda: Case(
            "softmax",
            (draw(rows, columns), unwritten(rows, columns)),
            lambda x, out: (softmax_cuda(x, out=out),),
            lambda x, out: (oracle("softmax")(x),),
            2 * words,
        ),
        f"GPU: layer norm {shape}, of the copy": lambda: Case(
            "layer_norm",
            (
                draw(rows, columns),
                draw(columns),
                draw(columns, seed=1),
                unwritten(rows, columns),
            ),
            lambda x, gamma, beta, out: (layer_norm_cuda(x, gamma, beta, EPS, out=out)[0],),
            lambda x, gamma, beta, out: (oracle("layer_norm")(x, gamma, beta, EPS)[0],),
            2 * words,
        ),
        f"GPU: Adam step of {count}, of the copy": lambda: Case(
            "adam",
            (
                draw(count),
                draw(count, seed=1),
                draw(count, seed=2),
                np.abs(draw(count, seed=3)),
            ),
            _adam,
            _adam_wanted,
            7 * words,  # reads p, g, m and v, writes p, m and v
            error=1e-6,
        ),
        f"GPU: attention, {tokens} tokens, beside the peer's": lambda: Case(
            "attention",
            (draw(*heads), draw(*heads, seed=1), draw(*heads, seed=2)),
            lambda q, k, v: (attention_cuda(q, k, v)[0],),
            lambda q, k, v: (oracle("attention")(*(one[:, [0, -1]] for one in (q, k, v)))[0],),
            4.0 * sizes.heads * tokens**2 * sizes.width,
            bar=None,
            beside_copy=False,
            part=lambda found: found[:, [0, -1]],
        ),
    }


def copy_case(sizes: Sizes) -> Case:
    """A copy of as much, by 16 bytes a thread."""
    count = sizes.rows * sizes.columns

    def launch(x: CudaArray, out: CudaArray) -> Operands:
        run(copy_vectors, blocks(count // 4), THREADS, x, out)
        return (out,)

    given = draw(count), unwritten(count)
    return Case("copy", given, launch, lambda x, out: (x,), 8.0 * count, error=0.0)


def drivers_copy(x: CudaArray, out: CudaArray) -> Operands:
    """The same as the driver does it."""
    out.memory.copy_to_device(x.memory, stream=stream())
    return (out,)


def attention_bytes(sizes: Sizes, tokens: int) -> int:
    """What attention over so many tokens takes beside its operands, at its most."""
    operands = [to_device(draw(1, sizes.heads, tokens, sizes.width)) for _ in range(3)]
    pool.release()
    before = pool.held
    attention_cuda(operands[0], operands[1], operands[2])
    return pool.held - before


def difference(case: Case, found: Sequence[Array], wanted: Sequence[Array]) -> float:
    """How far the results lie from what is wanted, over the largest of it; NaN where one is NaN."""
    return max(
        (
            float(np.abs(case.part(got) - right).max() / max(np.abs(right).max(), 1e-30))
            for got, right in zip(found, wanted, strict=True)
        ),
        key=lambda error: float("inf") if error != error else error,
    )
