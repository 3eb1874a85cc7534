"""The libraries that stand beside our kernels on a GPU: PyTorch, or CuPy for the product and the copy.

They work in our stream on our operands, which they see where they lie.
"""

from __future__ import annotations

import contextlib
import importlib
from collections.abc import Callable, Sequence
from typing import Any, Protocol

import numpy as np

from .gpu_cases import EPS, LR, Operands

Launch = Callable[[int], Sequence[Any]]


class Peer(Protocol):
    """A library.

    Attributes:
        name: with its version.
    """

    name: str

    def launcher(self, form: str, sets: Sequence[Operands]) -> Launch | None:
        """Puts the work of this name on a set of operands into the stream; None: it has none."""

    def attention_bytes(self, shape: tuple[int, ...]) -> int | None:
        """What attention over operands of this shape takes beside them; None: it has none."""

    def host(self, found: Any) -> np.ndarray[Any, Any]:
        """A result on the host."""


class Torch:
    """PyTorch; multiplications in float32 are float32.

    Attributes:
        name: with its version and that of CUDA.
    """

    def __init__(self, torch: Any, stream: Any = None) -> None:
        self.name = f"PyTorch {torch.__version__}, CUDA {torch.version.cuda}"
        self._torch = torch
        self._device = "cpu" if stream is None else "cuda"
        torch.backends.cuda.matmul.allow_tf32 = False
        torch.backends.cudnn.allow_tf32 = False
        if stream is not None:
            torch.cuda.set_stream(torch.cuda.ExternalStream(int(stream)))

    def launcher(self, form: str, sets: Sequence[Operands]) -> Launch | None:
        """Puts the work of this name on a set of operands into the stream."""
        work = getattr(self, f"_{form}")
        seen = [
            tuple(self._torch.as_tensor(one.memory, device=self._device) for one in operands)
            for operands in sets
        ]
        one_step = self._torch.ones((), device=self._device)  # Adam's count, as ours
        more = (one_step,) if form == "adam" else ()
        return lambda number: work(*seen[number], *more)

    def host(self, found: Any) -> np.ndarray[Any, Any]:
        """A result on the host."""
        return np.asarray(found.cpu().numpy())

    def attention_bytes(self, shape: tuple[int, ...]) -> int | None:
        """What attention over operands of this shape takes beside them, at its most."""
        if self._device == "cpu":
            return None
        cuda = self._torch.cuda
        q, k, v = (self._torch.randn(shape, device=self._device) for _ in range(3))
        cuda.reset_peak_memory_stats()
        before = cuda.memory_allocated()
        self._attention(q, k, v)
        return int(cuda.max_memory_allocated() - before)

    def _gemm(self, a: Any, b: Any, c: Any) -> Sequence[Any]:
        return (self._torch.matmul(a, b, out=c),)

    def _copy(self, x: Any, out: Any) -> Sequence[Any]:
        return (out.copy_(x),)

    def _transpose(self, x: Any, out: Any) -> Sequence[Any]:
        return (out.copy_(x.T),)

    def _relu(self, x: Any, out: Any) -> Sequence[Any]:
        return (self._torch.clamp_min(x, 0, out=out),)

    def _gelu(self, x: Any, out: Any) -> Sequence[Any]:
        return (self._torch.nn.functional.gelu(x, out=out),)

    def _softmax(self, x: Any, out: Any) -> Sequence[Any]:
        return (self._torch.softmax(x, -1, out=out),)

    def _layer_norm(self, x: Any, gamma: Any, beta: Any, out: Any) -> Sequence[Any]:
        return (self._torch.nn.functional.layer_norm(x, gamma.shape, gamma, beta, EPS),)

    def _adam(self, p: Any, g: Any, m: Any, v: Any, step: Any) -> Sequence[Any]:
        self._torch._fused_adam_(
            *([p], [g], [m], [v], [], [step]),
            lr=LR,
            beta1=0.9,
            beta2=0.999,
            weight_decay=0.0,
            eps=1e-8,
            amsgrad=False,
            maximize=False,
        )
        return p, m, v

    def _attention(self, q: Any, k: Any, v: Any) -> Sequence[Any]:
        return (self._torch.nn.functional.scaled_dot_product_attention(q, k, v),)


class Cupy:
    """CuPy, which multiplies by cuBLAS.

    Attributes:
        name: with its version.
    """

    def __init__(self, cupy: Any, stream: Any = None) -> None:
        self.name = f"CuPy {cupy.__version__}"
        self._cupy = cupy
        if stream is not None:
            cupy.cuda.ExternalStream(int(stream)).use()

    def launcher(self, form: str, sets: Sequence[Operands]) -> Launch | None:
        """Puts the work of this name on a set of operands into the stream; None: it has none."""
        if form not in ("gemm", "copy"):
            return None
        work = getattr(self, f"_{form}")
        seen = [tuple(self._cupy.asarray(one.memory) for one in operands) for operands in sets]
        return lambda number: work(*seen[number])

    def attention_bytes(self, shape: tuple[int, ...]) -> int | None:
        """It has no attention."""
        return None

    def host(self, found: Any) -> np.ndarray[Any, Any]:
        """A result on the host."""
        return np.asarray(found.get() if hasattr(found, "get") else found)

    def _gemm(self, a: Any, b: Any, c: Any) -> Sequence[Any]:
        return (self._cupy.matmul(a, b, out=c),)

    def _copy(self, x: Any, out: Any) -> Sequence[Any]:
        self._cupy.copyto(out, x)
        return (out,)


def find(stream: Any) -> Peer | None:
    """PyTorch where it has CUDA, else CuPy, else nobody."""
    for name, peer in (("torch", Torch), ("cupy", Cupy)):
        with contextlib.suppress(ImportError):
            library = importlib.import_module(name)
            if library.cuda.is_available():
                return peer(library, stream)
    return None
