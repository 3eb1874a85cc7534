"""One training step, ours against PyTorch eager in its best form and against every other peer.

python -m tests.benchmarks.training [softmax mlp cnn lstm transformer]

The bar is time over that of PyTorch's best form; JAX, autograd and tinygrad have a row each, in the
best form of theirs, and ours must be the first. What could not be measured is named in its row. Each step is
zero_grad, forward, loss, backward, optimiser step, on the same shapes, float32, one thread.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

import numpy as np

from . import training_peers
from .duel import (
    Work,
    decide,
    interleave,
    limit_threads,
    one_thread_environment,
    print_rows,
    run_part,
)
from .rows import Row, absent, table

Peers = dict[tuple[str, str], Work]
Array = np.ndarray
Duel = tuple[Work, Peers, Array, Array | None]  # ours, PyTorch's, inputs, labels
VOCAB = 65
ONE_THREAD_OF_JAX = {
    "XLA_FLAGS": "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1",
    "NPROC": "1",
}
MEASURING = "--measure"  # this process has the clean environment


def floats(rng: np.random.Generator, *shape: int) -> Array:
    return rng.standard_normal(shape).astype(np.float32)


def ours_step(model: Any, optimizer: Any, loss_of: Callable[[], Any]) -> Work:
    """One step of ours."""

    def step() -> float:
        optimizer.zero_grad()
        loss = loss_of()
        loss.backward()
        optimizer.step()
        return float(loss.item())

    return step


def torch_steps(make: Callable[[], Any], kind: str, loss_of: Callable[[Any], Any]) -> Peers:
    """PyTorch's step with each implementation of the optimiser."""
    import torch

    peers: Peers = {}
    for form in ("default", "fused"):
        model = make()
        options = {} if form == "default" else {"fused": True}
        optimizer = getattr(torch.optim, kind)(model.parameters(), lr=1e-3, **options)

        def step(model: Any = model, optimizer: Any = optimizer) -> float:
            optimizer.zero_grad()
            loss = loss_of(model)
            loss.backward()
            optimizer.step()
            return float(loss.item())

        peers["torch", form] = step
    return peers


# -------------------------------------------------------------------- the rows


def softmax() -> Duel:
    """Softmax regression 784-10, B = 100, SGD."""
    import torch

    from reference import Tensor, nn, optim

    rng = np.random.default_rng(0)
    x, y = floats(rng, 100, 784), rng.integers(0, 10, 100)
    model, loss = nn.Linear(784, 10, rng=rng), nn.CrossEntropyLoss()
    ours = ours_step(model, optim.SGD(model.parameters(), 1e-3), lambda: loss(model(Tensor(x)), y))
    xt, yt = torch.from_numpy(x), torch.from_numpy(y)
    peers = torch_steps(
        lambda: torch.nn.Linear(784, 10),
        "SGD",
        lambda m: torch.nn.functional.cross_entropy(m(xt), yt),
    )
    return ours, peers, x, y


def mlp() -> Duel:
    """MLP 784-512-512-10, B = 128, Adam."""
    import torch

    from reference import Tensor, nn, optim

    rng = np.random.default_rng(0)
    sizes = (784, 512, 512, 10)
    x, y = floats(rng, 128, 784), rng.integers(0, 10, 128)
    model, loss = nn.MLP(sizes, rng=rng), nn.CrossEntropyLoss()
    ours = ours_step(model, optim.Adam(model.parameters()), lambda: loss(model(Tensor(x)), y))
    xt, yt = torch.from_numpy(x), torch.from_numpy(y)
    t = torch.nn
    peers = torch_steps(
        lambda: t.Sequential(
            *(t.Linear(784, 512), t.ReLU(), t.Linear(512, 512), t.ReLU(), t.Linear(512, 10))
        ),
        "Adam",
        lambda m: t.functional.cross_entropy(m(xt), yt),
    )
    return ours, peers, x, y


def cnn() -> Duel:
    """conv32-conv64-pool-fc on 28 x 28, B = 32, Adam."""
    import torch

    from reference import Tensor, nn, optim

    rng = np.random.default_rng(0)
    x, y = floats(rng, 32, 1, 28, 28), rng.integers(0, 10, 32)
    model = nn.Sequential(
        *(nn.Conv2d(1, 32, 3, padding=1, rng=rng), nn.ReLU()),
        *(nn.Conv2d(32, 64, 3, padding=1, rng=rng), nn.ReLU()),
        *(nn.MaxPool2d(2), nn.Flatten(), nn.Linear(64 * 14 * 14, 10, rng=rng)),
    )
    loss = nn.CrossEntropyLoss()
    ours = ours_step(model, optim.Adam(model.parameters()), lambda: loss(model(Tensor(x)), y))
    yt = torch.from_numpy(y)
    t = torch.nn

    def make() -> Any:
        return t.Sequential(
            *(t.Conv2d(1, 32, 3, padding=1), t.ReLU(), t.Conv2d(32, 64, 3, padding=1), t.ReLU()),
            *(t.MaxPool2d(2), t.Flatten(), t.Linear(64 * 14 * 14, 10)),
        )

    peers: Peers = {}
    for layout, form in (("NCHW", torch.contiguous_format), ("NHWC", torch.channels_last)):
        xt = torch.from_numpy(x).to(memory_format=form)
        steps = torch_steps(
            lambda form=form: make().to(memory_format=form),  # type: ignore[misc]
            "Adam",
            lambda m, xt=xt: t.functional.cross_entropy(m(xt), yt),  # type: ignore[misc]
        )
        peers |= {(lib, f"{layout} {kind}"): work for (lib, kind), work in steps.items()}
    return ours, peers, x, y


def lstm() -> Duel:
    """LSTM T = 20, B = 32, I = H = 128, mean square of its outputs, SGD."""
    import torch

    from reference import Tensor, nn, optim

    rng = np.random.default_rng(0)
    x = floats(rng, 20, 32, 128)
    model = nn.LSTM(128, 128, rng=rng)

    def loss() -> Any:
        out, _ = model(Tensor(x))
        return (out * out).mean()

    ours = ours_step(model, optim.SGD(model.parameters(), 1e-3), loss)
    xt = torch.from_numpy(x)

    def torch_loss(m: Any) -> Any:
        out, _ = m(xt)
        return (out * out).mean()

    return ours, torch_steps(lambda: torch.nn.LSTM(128, 128), "SGD", torch_loss), x, None


def torch_gpt(layers: int, dim: int, heads: int, context: int) -> Any:
    """The same GPT in PyTorch's best form: one projection for q, k, v, fused attention."""
    import torch

    t, F = torch.nn, torch.nn.functional

    class Block(t.Module):  # type: ignore[misc, name-defined]
        def __init__(self) -> None:
            super().__init__()
            self.norm1, self.norm2 = t.LayerNorm(dim), t.LayerNorm(dim)
            self.qkv, self.out = t.Linear(dim, 3 * dim), t.Linear(dim, dim)
            self.fc1, self.fc2 = t.Linear(dim, 4 * dim), t.Linear(4 * dim, dim)

        def forward(self, x: Any) -> Any:
            B, T, _ = x.shape
            rows = self.qkv(self.norm1(x)).view(B, T, 3, heads, dim // heads)
            q, k, v = rows.permute(2, 0, 3, 1, 4)
            seen = F.scaled_dot_product_attention(q, k, v, is_causal=True)
            x = x + self.out(seen.transpose(1, 2).reshape(B, T, dim))
            return x + self.fc2(F.gelu(self.fc1(self.norm2(x))))

    class GPT(t.Module):  # type: ignore[misc, name-defined]
        def __init__(self) -> None:
            super().__init__()
            self.token, self.position = t.Embedding(VOCAB, dim), t.Embedding(context, dim)
            self.blocks = t.ModuleList([Block() for _ in range(layers)])
            self.norm, self.head = t.LayerNorm(dim), t.Linear(dim, VOCAB, bias=False)
            self.places = torch.arange(context)

        def forward(self, ids: Any) -> Any:
            x = self.token(ids) + self.position(self.places)
            for block in self.blocks:
                x = block(x)
            return self.head(self.norm(x))

    return GPT()


def transformer() -> Duel:
    """GPT of 2 layers, d = 128, h = 4, T = 64, B = 8, Adam."""
    import torch

    from reference import nn, optim

    rng = np.random.default_rng(0)
    ids, y = rng.integers(0, VOCAB, (8, 64)), rng.integers(0, VOCAB, 512)
    model, loss = nn.GPT(VOCAB, 128, 2, 4, 64, rng=rng), nn.CrossEntropyLoss()
    ours = ours_step(
        model,
        optim.Adam(model.parameters()),
        lambda: loss(model(ids).reshape(512, VOCAB), y),
    )
    it, yt = torch.from_numpy(ids), torch.from_numpy(y)
    peers = torch_steps(
        lambda: torch_gpt(2, 128, 4, 64),
        "Adam",
        lambda m: torch.nn.functional.cross_entropy(m(it).view(512, VOCAB), yt),
    )
    return ours, peers, ids, y


ROWS: dict[str, tuple[Callable[[], Duel], str, float]] = {
    "softmax": (softmax, "step: softmax regression 784-10, B 100", 0.25),
    "mlp": (mlp, "step: MLP 784-512-512-10, B 128, Adam", 0.40),
    "cnn": (cnn, "step: CNN conv32-conv64-pool-fc, B 32", 0.65),
    "lstm": (lstm, "step: LSTM T 20, B 32, I = H = 128", 0.90),
    "transformer": (transformer, "step: GPT 2 x 128, h 4, T 64, B 8", 0.50),
}


def measure(names: list[str], seconds: float) -> list[Row]:
    """The rows of `names`, in this process."""
    rows = []
    for name in names:
        make, label, bar = ROWS[name]
        ours, peers, x, y = make()
        others, missing = training_peers.peers(name, x, y)
        limit_threads(1)
        took = interleave({("ours", ""): ours, **peers, **others}, seconds=seconds)
        mine = took.pop(("ours", ""))
        for library in dict.fromkeys(form[0] for form in took):
            forms = {form: samples for form, samples in took.items() if form[0] == library}
            told, least = (label, bar) if library == "torch" else (f"{label} / {library}", 1.0)
            rows.append(decide(told, mine, forms, bar=least, threads=1))
        rows += [absent(f"{label} / {library}", why) for library, why in missing.items()]
    return rows


def run(names: list[str] | None = None) -> list[Row]:
    """All rows; a process each, so that one model's memory does not move another's."""
    rows: list[Row] = []
    for name in names or list(ROWS):
        environment = one_thread_environment(**ONE_THREAD_OF_JAX)
        rows += run_part("tests.benchmarks.training", MEASURING, name, environment=environment)
    return rows


def main() -> None:
    """Measure where told so; else print the table."""
    if sys.argv[1:2] == [MEASURING]:
        print_rows(measure(sys.argv[2:], 1.5))
    else:
        print(table(run(sys.argv[1:])))


if __name__ == "__main__":
    main()
