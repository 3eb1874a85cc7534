"""Who may attend to whom: boolean masks, True = may."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

Mask = NDArray[np.bool_]


@lru_cache(maxsize=64)
def causal_mask(Tq: int, Tk: int) -> Mask:
    """(Tq, Tk), read-only: query i sees key j if j <= i + Tk - Tq, so the last query sees all.

    The same sizes give the same object: attention recognises it and skips what it hides.
    """
    mask = np.tri(Tq, Tk, Tk - Tq, dtype=np.bool_)
    mask.flags.writeable = False
    return mask
