"""The keys and values of positions that a Transformer has seen."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..tensor import Tensor

Array = NDArray[Any]


class KVCache:
    """Grows along the positions, layer by layer; no gradient runs through it."""

    def __init__(self) -> None:
        self._buffers: dict[int, tuple[Array, Array]] = {}
        self._used: dict[int, int] = {}

    @property
    def length(self) -> int:
        """The positions that every layer holds so far."""
        return min(self._used.values(), default=0)

    def append(self, layer: int, k: Any, v: Any) -> tuple[Any, Any]:
        """Keep k and v (B, H, t, D) of the next t positions; give back those of all positions.

        Tensors give Tensors, arrays give arrays; both are views that the next call leaves valid.
        """
        parts = (_array(k), _array(v))
        used = self._used.get(layer, 0)
        total = used + parts[0].shape[2]
        buffers = self._buffers.get(layer)
        if not isinstance(parts[0], np.ndarray):
            return self._joined(layer, parts, total)
        if buffers is None or buffers[0].shape[2] < total:
            # Doubling makes n appends of one position cost O(n), not O(n^2), copies.
            buffers = tuple(  # type: ignore[assignment]
                _grown(None if buffers is None else buffers[i], part, used, 2 * total)
                for i, part in enumerate(parts)
            )
            self._buffers[layer] = buffers  # type: ignore[assignment]
        assert buffers is not None
        for buffer, part in zip(buffers, parts, strict=True):
            buffer[:, :, used:total] = part
        self._used[layer] = total
        keys, values = (buffer[:, :, :total] for buffer in buffers)
        if isinstance(k, Tensor):
            return Tensor(keys), Tensor(values)
        return keys, values

    def _joined(self, layer: int, parts: tuple[Any, Any], total: int) -> tuple[Tensor, Tensor]:
        """As `append` on a device, where arrays are not written in part: (B, H, total, D) in new
        memory.
        """
        if layer in self._buffers:
            pairs = zip(self._buffers[layer], parts, strict=True)
            parts = tuple(np.concatenate(pair, 2) for pair in pairs)  # type: ignore[assignment]
        self._buffers[layer], self._used[layer] = parts, total
        return Tensor(parts[0]), Tensor(parts[1])


def _array(x: Any) -> Array:
    return x.data if isinstance(x, Tensor) else np.asarray(x)


def _grown(buffer: Array | None, part: Array, used: int, room: int) -> Array:
    B, H, _, D = part.shape
    grown = np.empty((B, H, room, D), part.dtype)
    if buffer is not None:
        grown[:, :, :used] = buffer[:, :, :used]
    return grown
