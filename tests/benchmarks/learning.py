"""Does it learn? Digits, text, and fifty layers, with the bars that the framework must reach.

python -m tests.benchmarks.learning [digits text depth]
"""

from __future__ import annotations

import math
import sys
import time
from collections.abc import Callable
from typing import Any

import numpy as np

from reference import Tensor, data, nn, no_grad, optim

from .rows import Row, quartiles, row, table

SEEDS = range(5)
DIGITS_S = 30.0  # a run, data included
TEXT_S = 180.0  # on two cores
HELD_OUT = 0.1  # the end of the text
DEPTH, WIDTH = 50, 100

Model = Callable[[np.random.Generator], nn.Module]


# --------------------------------------------------------------------- digits


def enlarged(X: np.ndarray) -> np.ndarray:
    """The 8 x 8 digits three times as large, with a border: (N, 1, 28, 28)."""
    large = np.kron(X.reshape(-1, 8, 8), np.ones((1, 3, 3), np.float32))
    return np.pad(large, ((0, 0), (2, 2), (2, 2)))[:, None]


def accuracy(model: nn.Module, X: np.ndarray, y: np.ndarray) -> float:
    """The share of rows whose largest logit is at the label."""
    model.eval()
    with no_grad():
        return float((model(Tensor(X)).data.argmax(1) == y).mean())


def classify(make: Model, epochs: int, lr: float, images: bool, seed: int) -> float:
    """Test accuracy after Adam with a cosine schedule on the digits."""
    rng = np.random.default_rng(seed)
    X, y, X_test, y_test = data.digits()
    if images:
        X, X_test = enlarged(X), enlarged(X_test)
    model = make(rng)
    optimizer = optim.Adam(model.parameters(), lr)
    loader = data.DataLoader((X, y), 32, shuffle=True, rng=rng)
    loss = nn.CrossEntropyLoss()
    step, total = 0, epochs * len(loader)
    for _ in range(epochs):
        model.train()
        for batch, labels in loader:
            optimizer.lr = optim.cosine_schedule(step, total, lr)
            optimizer.zero_grad()
            loss(model(Tensor(batch)), labels).backward()
            optimizer.step()
            step += 1
    return accuracy(model, X_test, y_test)


# name, model, epochs, lr, images, accuracy that must be exceeded
DIGITS: tuple[tuple[str, Model, int, float, bool, float], ...] = (
    ("softmax regression", lambda rng: nn.MLP([64, 10], rng=rng), 60, 3e-2, False, 0.96),
    ("MLP 64-256-256-10", lambda rng: nn.MLP([64, 256, 256, 10], rng=rng), 30, 1e-3, False, 0.975),
    ("LeNet", lambda rng: nn.LeNet(rng=rng), 12, 2e-3, True, 0.985),
)


def digits() -> list[Row]:
    """Median test accuracy of five seeds, and the slowest run."""
    rows = []
    for name, make, epochs, lr, images, bar in DIGITS:
        reached, took = [], []
        for seed in SEEDS:
            began = time.perf_counter()
            reached.append(classify(make, epochs, lr, images, seed))
            took.append(time.perf_counter() - began)
        spread = quartiles(reached)
        rows.append(
            row(f"digits, {name}: accuracy", spread[1], "", bar, most=False, quartiles=spread)
        )
        rows.append(row(f"digits, {name}: slowest of five runs", max(took), "s", DIGITS_S))
    return rows


# ----------------------------------------------------------------------- text


def corpus() -> tuple[np.ndarray, np.ndarray, int]:
    """Ids to learn from, ids to be judged by, and the size of the alphabet."""
    ids, alphabet = data.encode(data.stdlib_text())
    cut = int(len(ids) * (1 - HELD_OUT))
    return ids[:cut], ids[cut:], len(alphabet)


def windows(ids: np.ndarray, length: int, starts: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """x and y (N, length): from each start on, and one id later."""
    places = starts[:, None] + np.arange(length)
    return ids[places], ids[places + 1]


def train_gpt(steps: int, lr: float, rng: np.random.Generator) -> float:
    """Held-out loss per character of a small GPT, as a share of log(vocabulary)."""
    train, test, vocab = corpus()
    length = 64
    model = nn.GPT(vocab, 96, 2, 4, length, rng=rng)
    optimizer = optim.AdamW(model.parameters(), lr, weight_decay=0.01)
    loss_of = nn.CrossEntropyLoss()

    def loss(x: np.ndarray, y: np.ndarray) -> Tensor:
        return loss_of(model(x).reshape(y.size, vocab), y.reshape(-1))

    for step in range(steps):
        optimizer.lr = optim.cosine_schedule(step, steps, lr, warmup=20)
        optimizer.zero_grad()
        loss(*windows(train, length, rng.integers(0, len(train) - length, 16))).backward()
        optim.clip_grad_norm(optimizer.params, 1.0)
        optimizer.step()
    with no_grad():
        starts = np.arange(0, len(test) - length - 1, length)
        losses = [loss(*windows(test, length, part)).item() for part in np.array_split(starts, 8)]
    return float(np.mean(losses) / math.log(vocab))


def train_lstm(chunks: int, lr: float, rng: np.random.Generator) -> float:
    """Held-out loss per character of an LSTM, as a share of log(vocabulary)."""
    train, test, vocab = corpus()
    batch, bptt = 32, 32
    model = nn.LanguageModel(vocab, 64, 128, rng=rng)
    optimizer = optim.Adam(model.parameters(), lr)
    nn.train_epoch(model, nn.batchify(train, batch)[: chunks * bptt + 1], bptt, optimizer, 1.0)
    columns = nn.batchify(test, batch)
    with no_grad():
        logits, _ = model(columns[:-1])
        loss = nn.CrossEntropyLoss()(logits.reshape(-1, vocab), columns[1:].reshape(-1))
    return float(loss.item() / math.log(vocab))


def text() -> list[Row]:
    """Both language models on sources of the standard library."""
    rows = []
    works: tuple[tuple[str, Any], ...] = (
        ("character GPT 2 x 96", lambda: train_gpt(300, 3e-3, np.random.default_rng(0))),
        ("character LSTM 128", lambda: train_lstm(380, 5e-3, np.random.default_rng(0))),
    )
    for name, work in works:
        began = time.perf_counter()
        share = work()
        took = time.perf_counter() - began
        rows.append(row(f"text, {name}: held-out loss / log(vocabulary)", share, "", 0.6))
        rows.append(row(f"text, {name}: time", took, "s", TEXT_S))
    return rows


# ---------------------------------------------------------------------- depth


def depth() -> list[Row]:
    """The norm of activations and gradients through 50 ReLU layers of 100 units.

    Weights of variance k / n multiply the mean square by k / 2 in each layer: k = 1 vanishes,
    k = 2 stays, k = 3 explodes.
    """
    rows = []
    for k, low, high in ((1, 0.0, 1e-5), (2, 0.05, 20.0), (3, 1e3, math.inf)):
        rng = np.random.default_rng(0)
        net = nn.Sequential(
            *(part for _ in range(DEPTH) for part in (nn.Linear(WIDTH, WIDTH, rng=rng), nn.ReLU()))
        )
        for p in net.parameters():
            if p.ndim == 2:
                p.data = rng.normal(0, math.sqrt(k / WIDTH), p.shape).astype(np.float32)
        x = Tensor(rng.standard_normal((64, WIDTH)).astype(np.float32), requires_grad=True)
        out = net(x)
        upstream = rng.standard_normal(out.shape).astype(np.float32)
        out.backward(upstream)
        assert x.grad is not None
        for what, ratio in (
            ("activations", np.linalg.norm(out.data) / np.linalg.norm(x.data)),
            ("gradients", np.linalg.norm(x.grad.data) / np.linalg.norm(upstream)),
        ):
            one = row(
                f"50 ReLU layers, variance {k}/n: {what}, last / first", float(ratio), "", None
            )
            one["value"] = float(f"{ratio:.3g}")
            one["met"] = bool(low <= ratio <= high)
            rows.append(one)
    return rows


PARTS = {"digits": digits, "text": text, "depth": depth}


def run() -> list[Row]:
    """All rows."""
    return [one for part in PARTS.values() for one in part()]


def main() -> None:
    """Print the parts that are named, or all."""
    for name in sys.argv[1:] or PARTS:
        print(table(PARTS[name]()), flush=True)


if __name__ == "__main__":
    main()
