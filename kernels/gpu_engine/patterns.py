"""How the addresses of a warp's request fall: sectors of global memory, banks of shared memory.

A request of global memory moves whole sectors of 32 bytes. Shared memory has 32 banks of 4 bytes;
one pass serves one word of each bank, and lanes that want the same word share it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]
SECTOR = 32
BANKS = 32
WARP = 32


@dataclass(frozen=True)
class Pattern:
    """What some requests cost, summed."""

    requests: int
    lanes: int
    cost: int
    ideal: int
    worst: int


def _distinct(values: Array, mask: Array | None) -> tuple[Array, Array]:
    """Sorted rows, with marks at the first of each distinct value; masked lanes come as -1."""
    if mask is not None:
        values = np.where(mask, values, -1)
    if (values[:, 1:] < values[:, :-1]).any():
        values = np.sort(values, axis=1)
    first = np.empty(values.shape, bool)
    first[:, 0] = True
    np.not_equal(values[:, 1:], values[:, :-1], out=first[:, 1:])
    if mask is not None:
        first &= values >= 0
    return values, first


def sectors(addresses: Array, mask: Array | None, itemsize: int) -> Pattern:
    """Sectors that the requests touch.

    Args:
        addresses: byte addresses, (requests, 32), not negative.
        mask: active lanes, same shape; None where all are.
        itemsize: bytes of one lane, at most 32 and aligned.
    """
    if mask is not None:
        busy = mask.any(1)
        addresses, mask = addresses[busy], mask[busy]
    if not len(addresses):
        return Pattern(0, 0, 0, 0, 0)
    _, first = _distinct(addresses >> 5, mask)
    if mask is None:
        lanes, ideal = WARP * len(first), len(first) * -(-WARP * itemsize // SECTOR)
    else:
        each = np.count_nonzero(mask, axis=1)
        lanes, ideal = int(each.sum()), int((-(-each * itemsize // SECTOR)).sum())
    total = int(np.count_nonzero(first))
    # The largest request matters for messages only; whole batches skip it.
    worst = int(np.count_nonzero(first, axis=1).max()) if len(first) <= 64 else 0
    return Pattern(len(first), lanes, total, ideal, worst)


def wavefronts(addresses: Array, mask: Array | None, itemsize: int) -> Pattern:
    """Passes through the banks that the requests need.

    Args:
        addresses: byte addresses, (requests, 32).
        mask: active lanes, same shape; None where all are.
        itemsize: bytes of one lane; 8 bytes are served by half warps, 16 by quarters.
    """
    parts = max(1, itemsize // 4)
    if mask is not None:
        busy = mask.any(1)
        addresses, mask = addresses[busy], mask[busy]
    requests = len(addresses)
    if not requests:
        return Pattern(0, 0, 0, 0, 0)
    lanes = WARP * requests if mask is None else int(np.count_nonzero(mask))
    words = addresses >> 2
    if parts > 1:  # each part of a warp asks for `parts` neighbouring words a lane
        words = (words.reshape(-1, WARP // parts, 1) + np.arange(parts)).reshape(-1, WARP)
        if mask is not None:
            mask = np.repeat(mask.reshape(-1, WARP // parts), parts, axis=1)
    ordered, first = _distinct(words, mask)
    row = np.arange(len(ordered))[:, None] * BANKS
    hits = np.bincount((row + (ordered & (BANKS - 1)))[first], minlength=len(ordered) * BANKS)
    passes = hits.reshape(-1, BANKS).max(1)
    ideal = int(np.count_nonzero(passes))
    worst = int(passes.reshape(requests, -1).sum(1).max())
    return Pattern(requests, lanes, int(passes.sum()), ideal, worst)
