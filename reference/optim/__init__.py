"""Optimisers (slots `optim:NAME`), clipping and schedules; loaded when asked for."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..parts import lazy_parts, load_parts

if TYPE_CHECKING:
    from .adam import Adam as Adam
    from .adam import AdamW as AdamW
    from .clip import clip_grad_norm as clip_grad_norm
    from .schedule import cosine_schedule as cosine_schedule
    from .schedule import step_schedule as step_schedule
    from .sgd import SGD as SGD

HOMES = {
    "SGD": "sgd",
    "Adam": "adam",
    "AdamW": "adam",
    "clip_grad_norm": "clip",
    "cosine_schedule": "schedule",
    "step_schedule": "schedule",
}
__all__ = list(HOMES)

__getattr__ = lazy_parts(__name__, HOMES, "optim")


def load_all() -> None:
    """Load all that are there, so that their slots are known."""
    load_parts(__name__, HOMES)
