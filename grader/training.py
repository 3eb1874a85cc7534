"""Training a model on the learner's own stack: the data, the box, and the score of what comes back.

The model, its weights and its gradients live in the box. Here are the data, the curve that the box
tells, and the labels by which its last logits are scored.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from reference import data, wiring

from .errors import WorkerError
from .models import Trained
from .spares import WorkerEnvironment, start_worker
from .stack import Parts, program
from .student import Student, clean

MEMORY_MIB = 2048
SETUP_S = 60.0  # for loading the files and the comparison before it starts
WINDOWS, LENGTH = 64, 32  # of the text that is kept apart
TOLD = ("slot", "stage", "error", "text", "line", "code")  # of a part that went wrong
MAX_TEXT = 600
WRONG = "the box answered with something else than what was asked."

Tell = Callable[[int, float], None]


@dataclass(frozen=True, slots=True)
class _Limits:
    import_s: float
    call_s: float


def train(kind: str, parts: Parts, *, steps: int, seconds: float, seed: int, tell: Tell) -> Trained:
    """Train the model `kind` (of MODELS) with `parts` plugged in; `tell` hears (step, loss).

    What is heard is finite, and its steps only grow: at most `steps` points, whatever the box says.

    Raises:
        WorkerError: the box ended, or did not answer in time.
        SandboxError: the box could not be built.
    """
    given, labels = _data(kind, seed)
    choice = [[slot, stage] for slot, stage in parts.choice]
    files = dict(parts.files)
    limit = seconds + SETUP_S
    compiled = any(stage in wiring.COMPILED for _, stage in parts.choice)
    compiler = ("llvmlite", "numba") if compiled else ()
    environment = WorkerEnvironment(
        ("numpy", *compiler, "reference", "kernels"),
        memory_mib=MEMORY_MIB,
        wall_s=2 * limit,
    )
    student = Student(
        start_worker(environment),
        program().encode(),
        "own_stack.py",
        limits=_Limits(SETUP_S, limit),
    )
    try:
        failures = _told(student.call("plug", files, choice))
        if failures:
            return Trained(0, failures=failures)
        (odd,) = _told([student.call("audit", kind, given, files, choice, [], seed)])
        hear = _Hearing(steps, tell)
        found = student.call("train", kind, given, choice, steps, seconds, seed, hear)
    finally:
        student.close()
    return _ended(found, odd, labels, steps, pictures="X" in given)


class _Hearing:
    """The ear of the box: it lets through what a curve can show, and nothing else."""

    def __init__(self, steps: int, tell: Tell) -> None:
        self._steps, self._tell = steps, tell
        self._last = 0

    def __call__(self, step: Any, loss: Any) -> None:
        if type(step) is not int or type(loss) is not float or not math.isfinite(loss):
            return
        if self._last < step <= self._steps:
            self._last = step
            self._tell(step, loss)


def _ended(found: Any, odd: dict[str, str], labels: Any, steps: int, *, pictures: bool) -> Trained:
    if type(found) is not dict or type(found.get("steps")) is not int:
        raise WorkerError(WRONG)
    done = min(max(0, found["steps"]), steps)
    if "trouble" in found:
        (trouble,) = _told([found["trouble"]])
        return Trained(done, odd=odd, trouble=trouble)
    loss, seconds = found.get("loss"), found.get("seconds")
    if type(loss) is not float or type(seconds) is not float:
        raise WorkerError(WRONG)
    if not (math.isfinite(loss) and math.isfinite(seconds)):
        raise WorkerError(WRONG)
    unseen = _score(found.get("logits"), labels, pictures=pictures)
    return Trained(done, loss, seconds, unseen, odd=odd)


def _told(found: Any) -> list[dict[str, str]]:
    """What the box says of parts that went wrong: known fields, as text that harms no terminal."""
    if type(found) is not list or not all(type(one) is dict for one in found):
        raise WorkerError(WRONG)
    return [
        {name: clean(str(one[name])[:MAX_TEXT]) for name in TOLD if name in one} for one in found
    ]


def _data(kind: str, seed: int) -> tuple[dict[str, Any], Any]:
    """What goes into the box, and the labels of its unseen part, which stay here."""
    if kind in ("mlp", "lenet"):
        X, y, X_unseen, y_unseen = data.digits()
        return {"X": X, "y": y, "unseen": X_unseen}, y_unseen
    ids, alphabet = data.encode(data.stdlib_text())
    cut = int(0.9 * len(ids))
    starts = np.random.default_rng(seed).integers(cut, len(ids) - LENGTH - 1, WINDOWS)
    windows = ids[starts[:, None] + np.arange(LENGTH + 1)]
    given = {"ids": ids[:cut], "vocab": len(alphabet), "unseen": windows[:, :-1]}
    return given, windows[:, 1:].reshape(-1)


def _score(logits: Any, labels: Any, *, pictures: bool) -> dict[str, float]:
    if type(logits) is not np.ndarray or logits.ndim != 2 or len(logits) != len(labels):
        raise WorkerError("the logits of the unseen data have another shape than asked for.")
    wide = logits.astype(np.float64)
    if not np.isfinite(wide).all():
        raise WorkerError("the logits of the unseen data are not all finite numbers.")
    wide -= wide.max(1, keepdims=True)
    right = wide[np.arange(len(labels)), labels]
    found = {"loss": float(np.mean(np.log(np.exp(wide).sum(1)) - right))}
    if pictures:
        found["accuracy"] = float(np.mean(wide.argmax(1) == labels))
    else:
        found["guess"] = float(np.log(wide.shape[1]))
    return found
