"""What the framework itself costs: an op on the tape, the import, the first step of a process.

python -m tests.benchmarks.framework [tape imports steps]

The tape is measured on a chain of additions of 4 x 4 arrays, so small that the arithmetic hardly
counts; scalars where a peer has nothing else. Imports and first steps are whole processes: wall
time from the start of the interpreter, which somebody waits for, and CPU time, which another
program on the machine does not move.
"""

from __future__ import annotations

import importlib.util
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from typing import Any

import psutil

from .duel import (
    ROOT,
    Work,
    clean_environment,
    decide,
    interleave,
    limit_threads,
    one_thread_environment,
    print_rows,
    run_part,
)
from .rows import Row, absent, quartiles, row, table

MEASURING = "--measure"  # this process has the clean environment
LENGTH = 200  # additions in a chain: micrograd's recursion ends at a few hundred
PROCESSES = 7

# ----------------------------------------------------------------------- tape


def chain_of_ours() -> Work:
    import numpy as np

    from reference import Tensor

    a = Tensor(np.ones((4, 4), np.float32), requires_grad=True)
    upstream = np.ones((4, 4), np.float32)

    def work() -> None:
        a.grad = None
        y = a
        for _ in range(LENGTH):
            y = y + a
        y.backward(upstream)

    return work


def chain_of_torch() -> Work:
    import torch

    a = torch.ones((4, 4), requires_grad=True)
    upstream = torch.ones((4, 4))

    def work() -> None:
        a.grad = None
        y = a
        for _ in range(LENGTH):
            y = y + a
        y.backward(upstream)

    return work


def chain_of_autograd() -> Work:
    import autograd.numpy as np
    from autograd import make_vjp

    a = np.ones((4, 4), np.float32)

    def chain(x: Any) -> Any:
        y = x
        for _ in range(LENGTH):
            y = y + x
        return y

    def work() -> None:
        pull, _ = make_vjp(chain)(a)
        pull(a)

    return work


def chain_of_micrograd() -> Work:
    from micrograd.engine import Value

    def work() -> None:
        a = Value(1.0)
        y = a
        for _ in range(LENGTH):
            y = y + a
        y.backward()

    return work


def chain_of_jax() -> Work:
    import jax
    import jax.numpy as jnp

    a = jnp.ones((4, 4))

    def chain(x: Any) -> Any:
        y = x
        for _ in range(LENGTH):
            y = y + x
        return y

    def work() -> None:
        _, pull = jax.vjp(chain, a)
        jax.block_until_ready(pull(a))

    return work


CHAINS: dict[str, tuple[str, Callable[[], Work]]] = {
    "torch": ("eager", chain_of_torch),
    "autograd": ("4 x 4", chain_of_autograd),
    "micrograd": ("scalars", chain_of_micrograd),
    "jax": ("eager", chain_of_jax),
}


def tape(seconds: float = 1.5) -> list[Row]:
    """One op, recorded and differentiated, in this process: microseconds, and beside each peer."""
    works: dict[tuple[str, str], Work] = {("ours", ""): chain_of_ours()}
    missing = []
    for peer, (form, make) in CHAINS.items():
        if importlib.util.find_spec(peer):
            works[peer, form] = make()
        else:
            missing.append(peer)
    limit_threads(1)
    took = interleave(works, seconds=seconds)
    per_op = {who: [one / LENGTH for one in samples] for who, samples in took.items()}
    mine = per_op.pop(("ours", ""))
    spread = [1e3 * one for one in quartiles(mine)]
    name = "op on the tape, forward + backward"
    rows = [row(name, spread[1], "us", 2.0, quartiles=spread, best=round(1e3 * min(mine), 4))]
    for who, samples in per_op.items():
        bar = 0.37 if who[0] == "torch" else None
        rows.append(decide(f"{name} / {' '.join(who)}", mine, {who: samples}, bar=bar, threads=1))
    return rows + [absent(f"{name} / {peer}", "not installed") for peer in missing]


# ------------------------------------------------------- imports and first steps

OUR_STEP = """
import numpy as np
from reference import Tensor, nn, optim
rng = np.random.default_rng(0)
x, y = rng.standard_normal((128, 784)).astype("f4"), rng.integers(0, 10, 128)
model, loss_of = nn.MLP([784, 512, 512, 10], rng=rng), nn.CrossEntropyLoss()
optimizer = optim.Adam(model.parameters())
optimizer.zero_grad()
loss = loss_of(model(Tensor(x)), y)
loss.backward()
optimizer.step()
loss.item()
"""
TORCH_STEP = """
import torch
from torch import nn
x, y = torch.randn(128, 784), torch.randint(0, 10, (128,))
model = nn.Sequential(nn.Linear(784, 512), nn.ReLU(), nn.Linear(512, 512), nn.ReLU(),
                      nn.Linear(512, 10))
optimizer = torch.optim.Adam(model.parameters())
optimizer.zero_grad()
loss = nn.functional.cross_entropy(model(x), y)
loss.backward()
optimizer.step()
loss.item()
"""
JAX_STEP = """
import jax, jax.numpy as jnp, numpy as np
sizes = (784, 512, 512, 10)
w = [(np.random.randn(a, b).astype("f4"), np.zeros(b, "f4")) for a, b in zip(sizes, sizes[1:])]
x, y = np.random.randn(128, 784).astype("f4"), np.random.randint(0, 10, 128)
def loss(w):
    h = x
    for place, (a, b) in enumerate(w):
        h = (jnp.maximum(h, 0) if place else h) @ a + b
    return (jax.scipy.special.logsumexp(h, axis=1) - h[jnp.arange(128), y]).mean()
def step(w):
    value, grads = jax.value_and_grad(loss)(w)
    return value, jax.tree.map(lambda p, g: p - 1e-3 * g, w, grads)
float(jax.jit(step)(w)[0])
"""


def wait_for(code: str, environment: dict[str, str]) -> tuple[float, float]:
    """Seconds of wall and CPU from the start of an interpreter to the end of `code`.

    Its children, which may still be compiling, end with it: the next process runs without them.
    """
    told = f"{code}\nimport time\nprint('done', time.process_time(), flush=True)\ninput()\n"
    began = time.perf_counter()
    process = subprocess.Popen(
        [sys.executable, "-c", told],
        cwd=ROOT,
        env=environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdin is not None and process.stdout is not None
    answer = process.stdout.readline().split()
    wall = time.perf_counter() - began
    children = psutil.Process(process.pid).children(recursive=True) if answer else []
    process.communicate("\n")
    for child in children:
        if child.is_running():
            child.kill()
    psutil.wait_procs(children, timeout=10)
    if answer[:1] != ["done"]:
        raise RuntimeError(f"The measured program ended with {process.returncode}: {code[:60]!r}.")
    return wall, float(answer[1])


def waits(
    name: str,
    code: str,
    environments: Sequence[dict[str, str]],
    bar: float | None,
) -> list[Row]:
    """Two rows, wall and CPU: a process for each environment."""
    took = [wait_for(code, environment) for environment in environments]
    rows = []
    for what, values in zip(("wall", "CPU"), zip(*took, strict=True), strict=True):
        middle = quartiles(values)
        best = round(min(values), 4)
        rows.append(row(f"{name}, {what}", middle[1], "s", bar, quartiles=middle, best=best))
    return rows


def imports() -> list[Row]:
    """Processes that import and end."""
    given = [clean_environment(LAB_KERNELS="serve")] * PROCESSES
    wait_for("import reference; reference.Tensor", given[0])
    rows = waits("import reference", "import reference; reference.Tensor", given, 0.25)
    for peer in ("torch", "jax", "autograd.numpy", "micrograd.engine", "tinygrad"):
        name = f"import {peer}"
        if importlib.util.find_spec(peer.partition(".")[0]) is None:
            rows.append(absent(name, "not installed"))
        else:
            wait_for(f"import {peer}", given[0])
            rows += waits(name, f"import {peer}", given[:3], None)
    return rows


def steps() -> list[Row]:
    """The first step of an MLP 784-512-512-10 (B = 128, Adam), the import included."""
    name = "first step of an MLP"
    warm = clean_environment(LAB_KERNELS="serve")
    wait_for(OUR_STEP, clean_environment())  # with "wait" it fills the cache
    rows = waits(f"{name}, warm", OUR_STEP, [warm] * PROCESSES, 0.6)
    with tempfile.TemporaryDirectory() as scratch:
        cold = [
            clean_environment(LAB_KERNELS="serve", LAB_KERNEL_CACHE=f"{scratch}/{turn}")
            for turn in range(PROCESSES)
        ]
        rows += waits(f"{name}, empty cache: NumPy serves", OUR_STEP, cold, 6.0)
        compiling = clean_environment(LAB_KERNELS="wait", LAB_KERNEL_CACHE=f"{scratch}/compiled")
        told = f"{name}, empty cache, LAB_KERNELS=wait"
        rows += waits(told, OUR_STEP, [compiling], None)
    for peer, code in (("torch", TORCH_STEP), ("jax", JAX_STEP)):
        if importlib.util.find_spec(peer) is None:
            rows.append(absent(f"{name}: {peer}", "not installed"))
        else:
            wait_for(code, warm)
            rows += waits(f"{name}: {peer}", code, [warm] * 3, None)
    return rows


def run(names: Sequence[str] = ("tape", "imports", "steps")) -> list[Row]:
    """All rows."""
    rows: list[Row] = []
    for name in names:
        if name == "tape":
            environment = one_thread_environment()
            rows += run_part("tests.benchmarks.framework", MEASURING, environment=environment)
        else:
            rows += {"imports": imports, "steps": steps}[name]()
    return rows


def main() -> None:
    """Measure where told so; else print the table."""
    if sys.argv[1:] == [MEASURING]:
        print_rows(tape())
    else:
        print(table(run(sys.argv[1:] or ("tape", "imports", "steps"))))


if __name__ == "__main__":
    main()
