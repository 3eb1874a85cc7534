"""Numba's CUDA front end takes every kernel as it stands and computes nothing in float64.

It goes as far as LLVM without a GPU. Two things of it do not: `max` and `min` are overloads that
ask for a device, and the target that Numba ships knows no alignment of shared arrays (numba-cuda
does). Both are rewritten in the text that is compiled here.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from kernels import on_cuda

compiler = pytest.importorskip("numba.cuda.compiler", reason="Numba without its CUDA target")
HERE = Path(on_cuda.__file__).parent
PROMOTES = re.compile(r"fpext float %.* to double|[su]itofp i\d+ %.* to double")
HEAD = """
import math
from typing import Any
from numba import cuda, float32
from kernels.cuda_vectors import load4, store4

@cuda.jit(device=True)
def larger(a, b):
    return a if a > b else b

@cuda.jit(device=True)
def smaller(a, b):
    return a if a < b else b

"""
# The arguments of each kernel: v, m, t, q a float32 array of 1 to 4 axes, l labels, b a mask,
# s small places, f a float32, i an integer, ? a flag.
KERNELS = {
    "gemm": dict.fromkeys(("gemm_double_buffered", "gemm_register_tiled"), "vvviiiii??"),
    "gemm_ladder": {
        "naive": "mmm",
        "shared": "mmm",
        "thread_tiled": "mmm",
        "vectorised": "vvviii",
    },
    "copies": {"transpose": "tt", "gather": "vviiiiiiii", "scatter": "vviiiiiiii", "fill": "vf"},
    "gather": {"pick": "vlllv", "put_sums": "vlllllv"},
    "maps": {
        **dict.fromkeys(("exp", "log", "erf"), "vv"),
        **dict.fromkeys(("log_backward", "product", "erf_backward"), "vvv"),
    },
    "activations": {
        name: "vvv" if name.endswith("backward") else "vv" for name in on_cuda.HOMES["activations"]
    },
    "elementwise": {
        **dict.fromkeys(("add", "subtract", "multiply", "divide", "maximum", "minimum"), "vvv"),
        **dict.fromkeys(("equal", "greater", "greater_equal", "power"), "vvv"),
        "where": "vvvv",
        **dict.fromkeys(("negative", "absolute", "sqrt", "sin", "cos"), "vv"),
    },
    "bias": {"bias_add": "vvv", "bias_relu": "vvv", "bias_gelu": "vvvv"},
    "reduce": {"sum_rows": "mv", "max_rows": "mv", "sum_columns": "mm"},
    "softmax": {
        "softmax": "mm",
        "log_softmax": "mm",
        "logsumexp": "mv",
        "softmax_backward": "mmm",
        "log_softmax_backward": "mmm",
    },
    "cross_entropy": {"cross_entropy": "mlmv", "mean": "vv", "cross_entropy_backward": "vmlm"},
    "layernorm": {
        "layer_norm": "mvvfmvv",
        "input_gradient": "mmvvvm",
        "parameter_gradients": "mmvvmm",
    },
    "batchnorm": {"forward": "tvvftvv", "backward": "ttvvvtvv"},
    "pool": {
        "largest": "qqsii",
        "largest_backward": "qsqii",
        "mean": "qqii",
        "mean_backward": "qqii",
    },
    "embedding": {"take": "mlv", "add_rows": "mlllm"},
    "recurrent": {
        "lstm_states": "tmvtti",
        "lstm_gradients": "tmmttti",
        "gru_states": "tmvvtti",
        "gru_gradients": "tmmttttti",
    },
    "optimizers": {
        "descend": "vvff",
        "descend_with_momentum": "vvvff?f",
        "adam": "vvvvfffffffff",
    },
    "conv2d": {
        "forward": "qmvqiiiii??",
        "input_gradient": "qmqiiiii",
        "weight_gradient": "qqtiiiiii",
    },
    "attention": {
        "forward": "vvvbvviiif??iiiii",
        "dots": "vvvi",
        "queries_gradient": "vvvvbvvviiif??iiiii",
        "keys_gradient": "vvvvbvvvviiif??iiiii",
    },
}


def decorator(node: ast.expr) -> str:
    """Its name, without arguments."""
    return ast.unparse(node.func if isinstance(node, ast.Call) else node)


def plain(path: Path) -> str:
    """Constants and device code of a file, without the launchers."""
    source = path.read_text(encoding="utf-8")
    kept = [
        ast.unparse(node)
        for node in ast.parse(source).body
        if (isinstance(node, ast.Assign) and isinstance(node.value, ast.Constant))
        or (isinstance(node, ast.FunctionDef) and "cuda.jit" in map(decorator, node.decorator_list))
    ]
    text = "\n\n".join(kept)
    text = re.sub(r"\bmax\(", "larger(", re.sub(r"\bmin\(", "smaller(", text))
    return HEAD + re.sub(r", float32, 16\)", ", float32)", text)


@pytest.fixture(scope="module")
def llvm() -> Any:
    """The LLVM text of one kernel of a file."""
    import numba.cuda.dispatcher as dispatcher
    from numba import boolean, float32, int64, types, uint8

    class Device:
        compute_capability = (9, 0)

    kinds = {
        "v": float32[::1],
        "m": float32[:, ::1],
        "t": float32[:, :, ::1],
        "q": float32[:, :, :, ::1],
        "l": int64[::1],
        "b": boolean[::1],
        "s": uint8[:, :, :, ::1],
        "f": float32,
        "i": int64,
        "?": boolean,
    }
    scopes: dict[str, dict[str, Any]] = {}

    def text(home: str, name: str, arguments: str) -> str:
        if home not in scopes:
            scopes[home] = {"__name__": f"{home}_of_a_test"}
            exec(plain(HERE / f"{home}.py"), scopes[home])
        done = compiler.compile_cuda(
            scopes[home][name].py_func,
            types.void,
            tuple(kinds[one] for one in arguments),
            debug=False,
            lineinfo=False,
            fastmath=False,
            cc=(9, 0),
        )
        return str(done.library.get_llvm_str())

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(dispatcher, "get_current_device", lambda: Device)
        yield text


@pytest.mark.parametrize(
    ("home", "name", "arguments"),
    [(home, *one) for home, kernels in KERNELS.items() for one in kernels.items()],
)
def test_numba_takes_it_and_promotes_nothing(
    home: str, name: str, arguments: str, llvm: Callable[..., str]
) -> None:
    assert not PROMOTES.search(llvm(home, name, arguments))


def test_every_kernel_is_here() -> None:
    for path in HERE.glob("*.py"):
        made = {
            node.name
            for node in ast.parse(path.read_text(encoding="utf-8")).body
            if isinstance(node, ast.FunctionDef)
            and [decorator(one) for one in node.decorator_list] == ["cuda.jit"]
            and "device=True" not in ast.unparse(node.decorator_list[0])
        }
        assert made == set(KERNELS.get(path.stem, {})), path.name
