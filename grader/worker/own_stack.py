"""Inside the box: a learner's files in the slots of the framework, models trained on the mixture,
and the name of the slot where something goes wrong.

This file is loaded in place of a learner's, or runs in front of a probe. Slots come as pairs
(slot, stage), those that are built of others first.
"""

from __future__ import annotations

import importlib.util
import math
import os
import sys
import time
from collections.abc import Callable
from typing import Any

import numpy as np

from reference import Tensor, nn, no_grad, optim, slots, wiring

Choice = list[tuple[str, str]]
Files = dict[str, bytes]
Batch = tuple[Any, Any]

STEPS = 3  # of a comparison with the framework's own parts
APART = 1e-5  # relative; both sides compute in float64,
APART_SINGLE = 1e-3  # but for what is compiled: that rounds to float32
EVERY_S = 0.1  # between two points of a curve


# ---- plugging -----------------------------------------------------------------------------------
def plug(files: Files, choice: Choice) -> list[dict[str, Any]]:
    """Fill the chosen slots, and no others; what could not be filled is told.

    Files are loaded in the order of the stages, each when the slots of those before it are filled:
    what a file imports of the framework is then already the learner's.
    """
    failures = []
    slots.reset()
    for stage in wiring.WIRES:
        chosen = [slot for slot, owner in choice if owner == stage]
        try:
            if chosen and stage in files:
                _load(stage, files[stage])
        except BaseException as error:  # then it is the reason for all of them
            said = trouble(error, choice)
            failures += [{**said, "slot": slot, "stage": stage} for slot in chosen]
            continue
        for slot in chosen:
            try:
                wiring.fill(slot, stage, sys.modules[stage])
            except BaseException as error:
                failures.append({**trouble(error, choice), "slot": slot, "stage": stage})
    return failures


def _load(stage: str, source: bytes) -> None:
    path = os.path.join(os.getcwd(), f"{stage}.py")
    with open(path, "wb") as file:
        file.write(source)
    spec = importlib.util.spec_from_file_location(stage, path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules.pop(stage, None)
    spec.loader.exec_module(module)
    sys.modules[stage] = module


def trouble(error: BaseException, choice: Choice) -> dict[str, Any]:
    """What an exception says, in which slot it happened, and in which line of whose file."""
    files = {os.path.join(os.getcwd(), f"{stage}.py"): stage for _, stage in choice}
    slot = stage = line = code = ""
    step = error.__traceback__
    inside: list[str] = []  # the learner's functions that were under way, outermost first
    number = 0
    while step is not None:
        path = step.tb_frame.f_code.co_filename
        if path in files:
            stage, number = files[path], step.tb_lineno
            inside.append(step.tb_frame.f_code.co_qualname.partition(".")[0])
            code = _line(path, number)
        step = step.tb_next
    line = f"{stage}.py, line {number}" if stage else ""
    for note in getattr(error, "__notes__", ()):
        if note.startswith("in slot "):
            slot = note.removeprefix("in slot ")
            break
    slot = _named(slot, stage, inside, choice)
    return {
        "error": type(error).__name__,
        "text": str(error)[:500],
        "slot": slot,
        "stage": stage,
        "line": line,
        "code": code,
    }


def _named(noted: str, stage: str, inside: list[str], choice: Choice) -> str:
    """The chosen slot that was at work: by the learner's functions under way, else by the note."""
    for name in reversed(inside):
        for slot, owner in choice:
            if owner == stage and name in wiring.WIRES[owner][slot]:
                return slot
    return noted


def _line(path: str, number: int) -> str:
    try:
        with open(path, encoding="utf-8") as file:
            return file.read().splitlines()[number - 1].strip()[:200]
    except (OSError, IndexError, UnicodeDecodeError):
        return ""


# ---- models ---------------------------------------------------------------------------------------
class Task:
    """A model, its batches, its loss and its optimiser, as the framework's names give them now."""

    def __init__(self, kind: str, data: dict[str, Any], seed: int) -> None:
        self.kind, self.data = kind, data
        self.rng = np.random.default_rng(seed)
        rng = np.random.default_rng(seed + 1)
        if kind == "mlp":
            self.model: Any = nn.MLP([64, 64, 10], rng=rng)
        elif kind == "lenet":
            self.model = nn.LeNet(rng=rng)
        elif kind == "lstm":
            self.model = nn.LanguageModel(data["vocab"], 32, 64, rng=rng)
        else:
            self.model = nn.GPT(data["vocab"], 32, 1, 2, 32, rng=rng)
        self.lr = 0.05 if kind in ("mlp", "lenet") else 0.01
        self.loss = nn.CrossEntropyLoss()
        self.optimizer: Any = None

    def start(self) -> None:
        """Make the optimiser: after the weights have their dtype."""
        parameters = self.model.parameters()
        if self.kind in ("mlp", "lenet"):
            self.optimizer = optim.SGD(parameters, self.lr, momentum=0.9)
        else:
            self.optimizer = optim.Adam(parameters, self.lr)

    def batch(self) -> Batch:
        """A fresh minibatch: inputs and labels."""
        if "X" in self.data:
            rows = self.rng.integers(0, len(self.data["X"]), 32)
            return self.pictures(self.data["X"][rows]), self.data["y"][rows]
        ids, T = self.data["ids"], 32
        starts = self.rng.integers(0, len(ids) - T - 1, 16)
        windows = ids[starts[:, None] + np.arange(T + 1)]
        return windows[:, :-1], windows[:, 1:]

    def pictures(self, rows: Any) -> Any:
        """Rows of 64 pixels as the model takes them; LeNet sees them three times as large."""
        if self.kind != "lenet":
            return rows
        images = rows.reshape(-1, 1, 8, 8).repeat(3, axis=2).repeat(3, axis=3)
        return np.pad(images, ((0, 0), (0, 0), (2, 2), (2, 2)))

    def logits(self, x: Any) -> Any:
        """The logits of inputs, one row a label."""
        if self.kind in ("mlp", "lenet"):
            dtype = self.model.parameters()[0].data.dtype
            return self.model(Tensor(x.astype(dtype)))
        if self.kind == "lstm":
            logits, _ = self.model(np.ascontiguousarray(x.T))
            logits = logits.transpose(1, 0, 2)
        else:
            logits = self.model(x)
        return logits.reshape(x.size, logits.shape[-1])

    def step(self, number: int, total: int) -> float:
        """One step of training; the loss before it."""
        x, y = self.batch()
        loss = self.loss(self.logits(x), y.reshape(-1))
        self.optimizer.zero_grad()
        loss.backward()
        if self.kind in ("lstm", "gpt"):
            optim.clip_grad_norm(self.model.parameters(), 1.0)
            self.optimizer.lr = optim.cosine_schedule(number, total, self.lr, warmup=total // 20)
        self.optimizer.step()
        return float(loss.data)


def train(
    kind: str,
    data: dict[str, Any],
    choice: Choice,
    steps: int,
    seconds: float,
    seed: int,
    tell: Callable[[int, float], Any],
) -> dict[str, Any]:
    """Train on what is plugged in; `tell(step, loss)` hears the curve.

    Returns:
        "steps" done, the last "loss", "logits" of the unseen inputs, or the "trouble".
    """
    began = told = time.monotonic()
    loss, number = math.nan, 0
    try:
        task = Task(kind, data, seed)
        task.start()
        while number < steps and time.monotonic() - began < seconds:
            loss = task.step(number, steps)
            number += 1
            if not math.isfinite(loss):
                raise FloatingPointError(f"the loss of step {number} is {loss}")
            if time.monotonic() - told >= EVERY_S or number in (1, steps):
                told = time.monotonic()
                tell(number, loss)
        task.model.eval()
        with no_grad():
            logits = task.logits(task.pictures(data["unseen"])).data
    except BaseException as error:
        return {"steps": number, "trouble": trouble(error, choice)}
    return {"steps": number, "loss": loss, "logits": logits, "seconds": time.monotonic() - began}


# ---- whose part it is -------------------------------------------------------------------------------
def audit(
    kind: str, data: dict[str, Any], files: Files, choice: Choice, always: Choice, seed: int
) -> dict[str, Any]:
    """The first slot of `choice` with which the model no longer takes the steps that it should.

    A few steps in float64 from equal weights, once with the framework's own parts (and `always`),
    then with more and more of the learner's: where the losses part, the part that came last did it.

    Returns:
        {} if all agree; else "slot", "stage", and how it shows in "text".
    """
    # They may come as lists of lists: what crosses the wire keeps no tuples in lists apart.
    choice = [(slot, stage) for slot, stage in choice]
    always = [(slot, stage) for slot, stage in always]
    try:
        plug(files, always)
        weights, right = _trajectory(kind, data, seed, None)
        known: dict[int, dict[str, Any]] = {}

        def parted(count: int) -> bool:
            found = _difference(kind, data, files, [*always, *choice[:count]], seed, weights, right)
            known[count] = found
            return bool(found)

        if not parted(len(choice)):
            return {}
        low, high = 0, len(choice)  # with `low` parts all is well, with `high` it is not
        while high - low > 1:
            middle = (low + high) // 2
            low, high = (low, middle) if parted(middle) else (middle, high)
        slot, stage = choice[high - 1]
        return {**known[high], "slot": slot, "stage": stage}
    finally:
        plug(files, [*always, *choice])


def _difference(
    kind: str,
    data: dict[str, Any],
    files: Files,
    choice: Choice,
    seed: int,
    weights: Any,
    right: list[float],
) -> dict[str, Any]:
    """How the steps with `choice` differ from the right ones; {} if they do not."""
    failures = plug(files, choice)
    if failures:
        return failures[0]
    try:
        _, losses = _trajectory(kind, data, seed, weights)
    except BaseException as error:
        return trouble(error, choice)
    single = any(stage in wiring.COMPILED for _, stage in choice)
    apart = APART_SINGLE if single else APART
    for step, (mine, wanted) in enumerate(zip(losses, right, strict=True), 1):
        if not abs(mine - wanted) <= apart * abs(wanted):
            text = f"the loss of step {step} is {mine:.6g}, it should be {wanted:.6g}"
            return {"text": text, "error": "", "line": "", "code": ""}
    return {}


def _trajectory(
    kind: str, data: dict[str, Any], seed: int, weights: Any
) -> tuple[Any, list[float]]:
    """The first losses from `weights`, by name; None takes those of the model as it is made."""
    task = Task(kind, data, seed)
    named = dict(task.model.named_parameters())
    if weights is None:
        weights = {name: p.data.astype(np.float64) for name, p in named.items()}
    if named.keys() != weights.keys():  # then the order of assignment tells what is what
        shapes = [values.shape for values in weights.values()]
        if [p.shape for p in named.values()] != shapes:
            raise ValueError("its parameters have neither the names of the course nor the shapes")
        weights = dict(zip(named, weights.values(), strict=True))
    for name, parameter in named.items():
        parameter.data = weights[name].copy()
    task.start()
    return weights, [task.step(number, 100) for number in range(STEPS)]


__all__ = ["audit", "plug", "train", "trouble"]
