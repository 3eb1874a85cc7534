"""Attention and recurrent networks beside PyTorch's, float32: forward, backward, memory.

python -m tests.benchmarks.kernels_sequence

Gradients of PyTorch are those of a graph that is kept: only the backward pass is measured.
"""

from __future__ import annotations

import sys
from typing import Any

from .duel import (
    clean_environment,
    duel,
    limit_threads,
    one_thread_environment,
    print_rows,
    run_part,
)
from .rows import Row, row, table

ATTENTION = {  # (B, H, T, D), and the bars forward and backward
    "causal 8x8x512x64": ((8, 8, 512, 64), 0.55, 0.8),
    "causal 8x4x64x32": ((8, 4, 64, 32), 1.0, 1.0),
}
RECURRENT = {  # (T, B, I, H)
    "T50 B64 H256": (50, 64, 256, 256),
    "T20 B32 H128": (20, 32, 128, 128),
}


def run() -> list[Row]:
    """The rows, from processes with one thread and with two in every library."""
    module = "tests.benchmarks.kernels_sequence"
    two = dict.fromkeys(("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "LAB_THREADS"), "2")
    return [
        *run_part(module, "measure", environment=one_thread_environment()),
        *run_part(module, "pair", environment=clean_environment(**two)),
    ]


def measure() -> list[Row]:
    """One thread, in this process."""
    limit_threads(1)
    rows = [one for name in ATTENTION for one in _attention(name, threads=1)]
    rows.append(_memory())
    for name, shape in RECURRENT.items():
        rows += _recurrent("LSTM", name, shape)
        rows += _recurrent("GRU", name, shape)
    return rows


def pair() -> list[Row]:
    """Two threads, in this process: attention, whose heads are independent."""
    limit_threads(2)
    return [one for name in ATTENTION for one in _attention(name, threads=2)]


def _attention(name: str, *, threads: int) -> list[Row]:
    import numpy as np
    import torch

    import kernels

    shape, forward_bar, backward_bar = ATTENTION[name]
    rng = np.random.default_rng(0)
    q, k, v, g = (rng.standard_normal(shape, np.float32) for _ in range(4))
    attention, backward = kernels.get("attention"), kernels.get("attention_backward")
    o, lse = attention(q, k, v, causal=True)
    tq, tk, tv = (torch.from_numpy(one).requires_grad_() for one in (q, k, v))
    tg = torch.from_numpy(g)
    below = torch.ones(shape[2], shape[2], dtype=torch.bool).tril()
    sdpa = torch.nn.functional.scaled_dot_product_attention

    def peer(**how: Any) -> Any:
        with torch.no_grad():
            return sdpa(tq, tk, tv, **how)

    graphs = {"is_causal": sdpa(tq, tk, tv, is_causal=True), "mask": sdpa(tq, tk, tv, below)}

    def gradient(form: str) -> Any:
        return torch.autograd.grad(graphs[form], (tq, tk, tv), tg, retain_graph=True)

    products = 2 * q.size * shape[2]  # two products, half of each below the diagonal
    suffix = "" if threads == 1 else f", {threads} threads"
    return [
        duel(
            f"attention {name}{suffix}",
            lambda: attention(q, k, v, causal=True),
            {
                ("torch", "is_causal"): lambda: peer(is_causal=True),
                ("torch", "mask"): lambda: peer(attn_mask=below),
            },
            bar=forward_bar,
            threads=threads,
            flops=products,
            moved=4 * q.nbytes,
        ),
        duel(
            f"attention backward {name}{suffix}",
            lambda: backward(g, q, k, v, o, lse, causal=True),
            {
                ("torch", "is_causal"): lambda: gradient("is_causal"),
                ("torch", "mask"): lambda: gradient("mask"),
            },
            bar=backward_bar,
            threads=threads,
            flops=2.5 * products,  # five products where the forward has two
            moved=8 * q.nbytes,
        ),
    ]


def _memory() -> Row:
    """What attention allocates beside its results; a quarter of one head's scores is the bar."""
    import tracemalloc

    import numpy as np

    import kernels

    attention = kernels.get("attention")
    time = 2048
    q = np.zeros((1, 1, time, 64), np.float32)
    attention(q, q, q, causal=True)
    tracemalloc.start()
    o, lse = attention(q, q, q, causal=True)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    extra = (peak - o.nbytes - lse.nbytes) / 2**20
    return row(f"attention 1x1x{time}x64, memory beside the result", extra, "MiB", 4.0)


def _recurrent(kind: str, name: str, shape: tuple[int, int, int, int]) -> list[Row]:
    import numpy as np
    import torch

    import kernels

    time, batch, inputs, size = shape
    lstm = kind == "LSTM"
    torch.manual_seed(0)
    layer = (torch.nn.LSTM if lstm else torch.nn.GRU)(inputs, size)
    rng = np.random.default_rng(0)
    x, g = (rng.standard_normal((time, batch, n), np.float32) for n in (inputs, size))
    start = np.zeros((batch, size), np.float32)
    w_ih, w_hh = (
        np.ascontiguousarray(one.detach().numpy().T)
        for one in (layer.weight_ih_l0, layer.weight_hh_l0)
    )
    b = (layer.bias_ih_l0 + layer.bias_hh_l0).detach().numpy()
    given = (x, start, start, w_ih, w_hh, b) if lstm else (x, start, w_ih, w_hh, b, b[:size] * 0)
    none = (None, None) if lstm else (None,)
    forward, backward = kernels.get(kind.lower()), kernels.get(f"{kind.lower()}_backward")
    saved = forward(*given)[-1]
    tx, tg = torch.from_numpy(x).requires_grad_(), torch.from_numpy(g)
    wanted = (tx, *layer.parameters())

    def peer() -> Any:
        with torch.no_grad():
            return layer(tx)

    def gradient() -> Any:
        return torch.autograd.grad(graph, wanted, tg, retain_graph=True)

    def ours_step() -> Any:
        return backward(g, *none, *forward(*given)[-1])

    def peer_step() -> Any:
        return torch.autograd.grad(layer(tx)[0], wanted, tg)

    graph = layer(tx)[0]
    bar, step_bar = (1.0, 0.9) if lstm else (None, None)
    products = 2.0 * time * batch * (w_ih.size + w_hh.size)
    return [
        duel(
            f"{kind} {name}",
            lambda: forward(*given),
            {("torch", "no_grad"): peer},
            bar=bar,
            flops=products,
        ),
        duel(
            f"{kind} backward {name}",
            lambda: backward(g, *none, *saved),
            {("torch", "kept graph"): gradient},
            bar=bar,
            flops=2 * products,
        ),
        duel(
            f"{kind} forward and backward {name}",
            ours_step,
            {("torch", "autograd"): peer_step},
            bar=step_bar if size == 128 else bar,
            flops=3 * products,
        ),
    ]


def main() -> int:
    """Print the rows as a table, or as the last line where `run_part` reads them."""
    if sys.argv[1:2] == ["measure"]:
        print_rows(measure())
    elif sys.argv[1:2] == ["pair"]:
        print_rows(pair())
    else:
        print(table(run()))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
