"""Which files are loaded when, and what is said where one is hidden."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import kernels
import reference
from reference import Tensor, backend, ops, plain

ROOT = Path(__file__).parents[2]


def python(code: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_importing_the_package_loads_next_to_nothing() -> None:
    loaded = python("import reference, sys; print(*sys.modules)").split()

    assert not {"numpy", "numba"} & set(loaded)
    assert [m for m in loaded if m.startswith("reference")] == ["reference"]


def test_a_tensor_needs_neither_numba_nor_layers_nor_data() -> None:
    code = "from reference import Tensor; import sys; Tensor([1.0]) * 2; print(*sys.modules)"
    loaded = set(python(code).split())

    assert not {"numba", "reference.nn", "reference.optim", "reference.data"} & loaded


def test_no_file_has_the_name_of_what_it_exports() -> None:
    # Importing such a file would put the module where the op belongs.
    assert not set(ops.FILES) & set(ops.HOME)
    assert not set(reference.HOME.values()) & set(reference.HOME)


def test_every_name_is_there() -> None:
    for package in (reference, ops):
        for name in package.__all__:
            assert getattr(package, name) is not None
    with pytest.raises(AttributeError, match="nonsense"):
        _ = ops.nonsense
    with pytest.raises(AttributeError, match="nonsense"):
        _ = reference.nonsense


@pytest.mark.parametrize("file", ["softmaxes", "dot_product_attention"])
def test_a_hidden_op_is_said_to_be_the_learners(file: str, monkeypatch: Any) -> None:
    name = ops.FILES[file].split()[0]
    monkeypatch.delitem(vars(ops), name, raising=False)
    monkeypatch.setitem(sys.modules, f"reference.ops.{file}", None)
    with pytest.raises(ImportError, match=f"{name} is not here: in this stage it is yours"):
        getattr(ops, name)


def hidden(name: str) -> Any:
    raise kernels.HiddenKernelError(f"kernels.{name} is not here: it is yours to write.")


@pytest.mark.parametrize("name", sorted(n for n in vars(plain) if n in backend.USED))
def test_numpy_serves_where_a_kernel_is_hidden(name: str, monkeypatch: Any) -> None:
    rng = np.random.default_rng(0)
    x, g, b = rng.normal(size=(3, 4)), rng.normal(size=(3, 4)), rng.normal(size=4)
    args = {
        "gemm": (x, g.T),
        "relu_backward": (g, x),
        "gelu_backward": (g, x),
        "silu_backward": (g, x),
        "bias_add": (x, b),
        "bias_relu": (x, b),
        "bias_gelu": (x, b),
    }.get(name, (x,))
    expected = kernels.get(name).oracle(*(a.copy() for a in args))
    monkeypatch.delitem(vars(backend), name, raising=False)
    monkeypatch.setattr(kernels, "get", hidden)
    found = getattr(backend, name)(*(a.copy() for a in args))
    monkeypatch.delitem(vars(backend), name)

    for mine, wanted in zip(np.atleast_2d(found), np.atleast_2d(expected), strict=True):
        np.testing.assert_allclose(mine, wanted, rtol=1e-12)


def test_a_kernel_that_nothing_replaces_is_said_to_be_the_learners(monkeypatch: Any) -> None:
    monkeypatch.delitem(vars(backend), "softmax", raising=False)
    monkeypatch.setattr(kernels, "get", hidden)
    with pytest.raises(ImportError, match="yours to write"):
        ops.softmax(Tensor([[1.0]]))
