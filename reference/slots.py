"""Slots: the parts of the framework by name, each of which can be filled with another's code.

    vjp:mul            the rule of an op               (registered in op.py)
    engine:unbroadcast a part of the engine            (engine.py)
    kernel:softmax     a function of arrays            (backend.py)
    flash              what a learner exports under another signature (exports.py)
    ...                layers, optimisers, initialisers register themselves the same way

A slot knows how to install a function where the framework looks for it anyway, so an empty registry
costs nothing while a model trains.
"""

from __future__ import annotations

import functools
import importlib
from collections.abc import Callable
from typing import Any

REFERENCE = "reference"


class Slot:
    """One replaceable part.

    Attributes:
        name: unique among all slots.
        default: the framework's own part.
        current: what runs now; cheap to read for those who keep the Slot.
        owner: whose part runs: "reference", or what `fill` was told.
    """

    __slots__ = ("current", "default", "install", "name", "owner")

    def __init__(self, name: str, default: Any, install: Callable[[Any], None] | None) -> None:
        self.name = name
        self.default = default
        self.current = default
        self.install = install
        self.owner = REFERENCE


_SLOTS: dict[str, Slot] = {}


def register(name: str, default: Any, install: Callable[[Any], None] | None = None) -> Slot:
    """Make a slot; `install(part)` is called when it is filled, and with `default` on reset."""
    if name in _SLOTS:
        raise ValueError(f"slots.register: there is already a slot {name!r}.")
    slot = _SLOTS[name] = Slot(name, default, install)
    return slot


def names() -> list[str]:
    """All slots, sorted; loads every part of the framework that is there."""
    for kind in HOMES:
        _load(kind)
    return sorted(_SLOTS)


def fill(name: str, part: Any, owner: str | None = None) -> None:
    """Let `part` run in the slot from now on.

    Args:
        name: the slot.
        part: a function (or class) with the signature of the slot's default.
        owner: whose it is, for `owner(name)`; by default the module that defines it.

    Raises:
        KeyError: no such slot.
        TypeError: `part` cannot be called.
    """
    slot = find(name)
    parts = part if isinstance(part, tuple) else (part,)
    if not all(callable(one) for one in parts):
        raise TypeError(f"slots.fill: {name} must be filled with something that can be called.")
    slot.owner = owner or getattr(parts[0], "__module__", None) or type(parts[0]).__name__
    slot.current = part
    if slot.install is not None:
        slot.install(part)


def reset(name: str | None = None) -> None:
    """Give the slot back to the framework's own part; without a name, every slot."""
    chosen = [find(name)] if name is not None else list(_SLOTS.values())
    for slot in chosen:
        if slot.current is not slot.default:
            slot.current = slot.default
            slot.owner = REFERENCE
            if slot.install is not None:
                slot.install(slot.default)


def owner(name: str) -> str:
    """Whose part runs in the slot: "reference" while it is not filled."""
    return find(name).owner


def find(name: str) -> Slot:
    """The slot called `name`."""
    slot = _SLOTS.get(name)
    if slot is None:
        _load(name.partition(":")[0] if ":" in name else "export")
        slot = _SLOTS.get(name)
    if slot is None:
        import difflib

        near = difflib.get_close_matches(name, _SLOTS, n=3)
        hint = f" Did you mean {' or '.join(near)}?" if near else ""
        raise KeyError(f"slots: there is no slot {name!r}.{hint} slots.names() lists them all.")
    return slot


def named(name: str, part: Callable[..., Any]) -> Callable[..., Any]:
    """`part`, with a note on every exception that says in which slot it happened."""

    @functools.wraps(part, updated=())
    def call(*args: Any, **kwargs: Any) -> Any:
        try:
            return part(*args, **kwargs)
        except Exception as error:
            error.add_note(f"in slot {name}")
            raise

    return call


# Which part of the framework registers slots of which kind.
HOMES = {
    "vjp": "ops",
    "kernel": "backend",
    "engine": "engine",
    "init": "init",
    "optim": "optim",
    "layer": "nn",
    "export": "exports",
}


@functools.cache
def _load(kind: str) -> None:
    """Import what registers slots of this kind; parts hidden from this process are left out."""
    if kind not in HOMES:
        return
    home = f"{__package__}.{HOMES[kind]}"
    try:
        loaded = importlib.import_module(home)
    except ModuleNotFoundError as error:
        if not (error.name or "").startswith(home):
            raise
    else:
        getattr(loaded, "load_all", lambda: None)()
