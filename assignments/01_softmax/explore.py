"""Explorations of stage 01: the loss beside what it stands for."""

from __future__ import annotations

import numpy as np

Points = list[tuple[float, float]]


def margin(classes: int) -> dict[str, Points]:
    """Cross-entropy where all other classes are equal, and the error that is counted."""
    margins = np.linspace(-6, 10, 65)
    loss = np.log1p((classes - 1) * np.exp(-margins))
    return {
        "cross-entropy": list(zip(margins, loss, strict=True)),
        "wrong or right": [(m, float(m <= 0)) for m in margins],
    }
