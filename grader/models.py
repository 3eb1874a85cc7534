"""The models that an own stack is tried on, and how the training of one ended."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

SECONDS = 120  # that a training may last where nothing else is said


@dataclass(frozen=True, slots=True)
class Model:
    """A model by its short name; `title` says on which data, `steps` how many are enough."""

    id: str
    name: str
    title: str
    steps: int


MODELS = {
    model.id: model
    for model in (
        Model("mlp", "MLP", "MLP 64-64-10 on the digits", 400),
        Model("lenet", "LeNet", "LeNet on the digits, enlarged to 28 x 28", 150),
        Model("lstm", "LSTM", "LSTM over letters of the standard library", 300),
        Model("gpt", "GPT", "GPT over letters of the standard library", 300),
    )
}


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
    failures: list[dict[str, str]] = field(default_factory=list)
    odd: dict[str, str] = field(default_factory=dict)
    trouble: dict[str, str] = field(default_factory=dict)

    @property
    def ok(self) -> bool:
        return not (self.failures or self.odd or self.trouble)

    @property
    def slots(self) -> tuple[str, ...]:
        """The slots in which something went wrong, the learner's own before the course's."""
        found = [one for one in (*self.failures, self.trouble, self.odd) if one.get("slot")]
        found.sort(key=lambda one: not one.get("stage"))
        return tuple(dict.fromkeys(one["slot"] for one in found))


def document(found: Trained) -> dict[str, Any]:
    """`found` as plain data; `Trained(**document)` is its inverse."""
    return {name: getattr(found, name) for name in Trained.__slots__}


__all__ = ["MODELS", "SECONDS", "Model", "Trained", "document"]
