"""Training a model on the learner's own stack: the data, the box, and the score of what comes back.

The model, its weights and its gradients live in the box. Here are the data, the curve that the box
tells, and the labels by which its last logits are scored.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from grader.errors import WorkerError
from grader.spares import WorkerEnvironment, start_worker
from grader.stack import Parts, program
from grader.student import Student
from reference import data

MODELS = {
    "mlp": "MLP 64-64-10 on the digits",
    "lenet": "LeNet on the digits, enlarged to 28 x 28",
    "lstm": "LSTM over letters of the standard library",
    "gpt": "GPT over letters of the standard library",
}
STEPS = {"mlp": 400, "lenet": 150, "lstm": 300, "gpt": 300}
MEMORY_MIB = 2048
SETUP_S = 60.0  # for loading the files and the comparison before it starts
WINDOWS, LENGTH = 64, 32  # of the text that is kept apart

Tell = Callable[[int, float], None]


@dataclass(frozen=True, slots=True)
class Trained:
    """How a training ended.

    `failures` are parts that could not be plugged in; `odd` is the part that does otherwise than
    the course's own; `trouble` is what ended the training early. All three name slots.
    """

    steps: int
    loss: float | None = None
    seconds: float | None = None
    unseen: dict[str, float] = field(default_factory=dict)
    failures: list[dict[str, Any]] = field(default_factory=list)
    odd: dict[str, Any] = field(default_factory=dict)
    trouble: dict[str, Any] = field(default_factory=dict)

    @property
    def ok(self) -> bool:
        return not (self.failures or self.odd or self.trouble)


@dataclass(frozen=True, slots=True)
class _Limits:
    import_s: float
    call_s: float


def train(kind: str, parts: Parts, *, steps: int, seconds: float, seed: int, tell: Tell) -> Trained:
    """Train the model `kind` (of MODELS) with `parts` plugged in; `tell` hears (step, loss).

    Raises:
        WorkerError: the box ended, or did not answer in time.
        SandboxError: the box could not be built.
    """
    given, labels = _data(kind, seed)
    choice = [[slot, stage] for slot, stage in parts.choice]
    files = dict(parts.files)
    limit = seconds + SETUP_S
    environment = WorkerEnvironment(
        ("numpy", "reference", "kernels"),
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
        failures = student.call("plug", files, choice)
        if failures:
            return Trained(0, failures=failures)
        odd = student.call("audit", kind, given, files, choice, [], seed)
        found = student.call("train", kind, given, choice, steps, seconds, seed, tell)
    finally:
        student.close()
    if not isinstance(found, dict) or not isinstance(odd, dict):
        raise WorkerError("the box answered with something else than what was asked.")
    if "trouble" in found:
        return Trained(int(found["steps"]), odd=odd, trouble=found["trouble"])
    unseen = _score(found["logits"], labels, pictures="X" in given)
    return Trained(
        int(found["steps"]), float(found["loss"]), float(found["seconds"]), unseen, odd=odd
    )


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
    wide -= wide.max(1, keepdims=True)
    right = wide[np.arange(len(labels)), labels]
    found = {"loss": float(np.mean(np.log(np.exp(wide).sum(1)) - right))}
    if pictures:
        found["accuracy"] = float(np.mean(wide.argmax(1) == labels))
    else:
        found["guess"] = float(np.log(wide.shape[1]))
    return found
