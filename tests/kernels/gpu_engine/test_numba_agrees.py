"""The real compiler's view: Numba takes the correct kernels, and promotes where we say it does.

Numba's front end goes as far as LLVM without a GPU. `fpext` of a value there, or an integer that
becomes a double, is a promotion.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from .planted import BUGS, F64, Bug
from .stage import KERNELS, SOURCE

compiler = pytest.importorskip("numba.cuda.compiler", reason="Numba without its CUDA target")
ADVANCED = Path(__file__).with_name("advanced.py").read_text(encoding="utf-8")
PROMOTES = re.compile(r"fpext float %.* to double|[su]itofp i\d+ %.* to double")
# Numba's own max and min are overloads that need a device to be compiled; these are their meaning.
EXTREMES = """
@cuda.jit(device=True)
def larger(a, b):
    return a if a > b else b


@cuda.jit(device=True)
def smaller(a, b):
    return a if a < b else b


"""


@pytest.fixture(scope="module")
def llvm() -> Any:
    """The LLVM text of one kernel of a source, for arguments by number of axes."""
    import numba.cuda.dispatcher as dispatcher
    from numba import float32, int64, types

    class Device:
        compute_capability = (9, 0)

    kinds = {1: float32[::1], 2: float32[:, ::1], 0: int64, -1: float32}

    def text(source: str, name: str, axes: tuple[int, ...]) -> str:
        plain = re.sub(r"\bmax\(", "larger(", re.sub(r"\bmin\(", "smaller(", source))
        first = plain.index("@cuda.jit")
        scope: dict[str, Any] = {"__name__": "kernels_of_a_test"}
        exec(plain[:first] + EXTREMES + plain[first:], scope)
        done = compiler.compile_cuda(
            scope[name].py_func,
            types.void,
            tuple(kinds[one] for one in axes),
            debug=False,
            lineinfo=False,
            fastmath=False,
            cc=(9, 0),
        )
        return str(done.library.get_llvm_str())

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(dispatcher, "get_current_device", lambda: Device)
        yield text


AXES = {
    "transpose_tiled": (2, 2),
    "vecadd": (1, 1, 1),
    "matmul_thread_tiled": (2, 2, 2),
    "matmul_shared": (2, 2, 2),
    "softmax_rows": (2, 2),
    "flash_attention": (2, 2, 2, 2, 0),
}


@pytest.mark.parametrize("name", KERNELS)
def test_numba_takes_the_stage_kernels_and_promotes_nothing(
    name: str, llvm: Callable[..., str]
) -> None:
    assert not PROMOTES.search(llvm(SOURCE, name, AXES.get(name, (1, 1))))


@pytest.mark.parametrize("name", [one for one in KERNELS if not one.startswith("block_sum_")])
def test_numba_takes_the_solution_of_the_stage(name: str, llvm: Callable[..., str]) -> None:
    root = Path(__file__).parents[3]
    source = (root / "grader" / "solutions" / "gpu.py").read_text(encoding="utf-8")

    assert not PROMOTES.search(llvm(source, name, AXES.get(name, (1, 1))))


@pytest.mark.parametrize("bug", [one for one in BUGS if one.kind == F64], ids=lambda bug: bug.id)
def test_numba_promotes_where_a_promotion_is_planted(bug: Bug, llvm: Callable[..., str]) -> None:
    text = llvm(bug.source(), bug.kernel, AXES.get(bug.kernel, (1, 1)))

    assert PROMOTES.search(text)


@pytest.mark.parametrize(
    ("name", "axes"),
    [("layer_norm", (2, 1, 1, 2, -1)), ("blur", (2, 2)), ("scan_warps", (1, 1)), ("adam", (1, 1, 1, 1, -1, -1, -1, -1))],
)  # fmt: skip
def test_numba_takes_the_advanced_kernels(
    name: str, axes: tuple[int, ...], llvm: Callable[..., str]
) -> None:
    source = ADVANCED.replace("from kernels.cuda import load4, store4\n", "")

    assert not PROMOTES.search(llvm(source, name, axes))
