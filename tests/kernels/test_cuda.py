"""Where `cuda` comes from, and the host's side of it on the engine."""

from __future__ import annotations

import os
import subprocess
import sys

import numpy as np
import pytest

CODE = "from kernels.cuda import {}; import sys; print('numba' in sys.modules)"


def fresh(code: str, **environment: str) -> str:
    """What a fresh interpreter prints."""
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, **environment},
    )
    return done.stdout.strip() or done.stderr.strip().splitlines()[-1]


def test_nothing_is_loaded_before_the_first_use() -> None:
    assert fresh("import kernels.cuda, sys; print('numba' in sys.modules)") == "False"
    assert fresh(CODE.format("cuda, float32, load4"), LAB_CUDA="engine") == "False"


def test_a_wrong_choice_is_named() -> None:
    assert "LAB_CUDA is 'rubbish'" in fresh(CODE.format("cuda"), LAB_CUDA="rubbish")


@pytest.fixture(scope="module")
def kernels_on_the_engine():  # type: ignore[no-untyped-def]
    from kernels import cuda as resolver

    keep = os.environ.get("LAB_CUDA")
    os.environ["LAB_CUDA"] = "engine"
    for cached in (resolver.source, resolver._cuda, resolver._vectors):
        cached.cache_clear()
    try:
        from . import cuda_kernels

        yield cuda_kernels
    finally:
        os.environ.pop("LAB_CUDA")
        if keep is not None:
            os.environ["LAB_CUDA"] = keep
        for cached in (resolver.source, resolver._cuda, resolver._vectors):
            cached.cache_clear()


def test_kernels_of_a_module_run_on_the_engine(kernels_on_the_engine) -> None:  # type: ignore[no-untyped-def]
    x = np.arange(1000, dtype=np.float32)
    out = np.zeros_like(x)
    kernels_on_the_engine.scale[8, 128](x, out)
    out4 = np.zeros_like(x)
    kernels_on_the_engine.scale4[2, 128](x, out4)

    np.testing.assert_array_equal(out, 2 * x)
    np.testing.assert_array_equal(out4, 2 * x)


def test_device_arrays_streams_and_dynamic_shared_memory(kernels_on_the_engine) -> None:  # type: ignore[no-untyped-def]
    cuda = kernels_on_the_engine.cuda
    stream = cuda.stream()
    x = np.arange(64, dtype=np.float32)
    there, back = cuda.to_device(x, stream), cuda.device_array(64, np.float32)
    kernels_on_the_engine.backwards[1, 64, stream, 256](there, back)
    stream.synchronize()
    cuda.synchronize()

    np.testing.assert_array_equal(back.copy_to_host(), x[::-1])
    assert type(back.copy_to_host()) is np.ndarray
    assert cuda.implementation == "engine" and not cuda.is_available()


def test_a_launch_can_be_analysed(kernels_on_the_engine) -> None:  # type: ignore[no-untyped-def]
    x, out = np.zeros(64, np.float32), np.zeros(64, np.float32)
    launch = kernels_on_the_engine.scale.launch(1, 32, x, out, outputs=1)

    assert [one.kind for one in launch.findings] == ["unwritten-output"]


def test_what_belongs_to_the_device_says_so(kernels_on_the_engine) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(Exception, match=r"scale\[grid, block\]"):
        kernels_on_the_engine.scale(1, 2)
    with pytest.raises(TypeError, match="for kernels"):
        kernels_on_the_engine.load4(1, 2)
    with pytest.raises(AttributeError, match="inside of kernels"):
        kernels_on_the_engine.cuda.syncthreads()


def test_vector_intrinsics_compile_to_llvm(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a GPU would run: typed and lowered by Numba, as far as that goes without one."""
    pytest.importorskip("numba.cuda.extending")
    import numba.cuda.dispatcher as dispatcher
    from numba import float32, types
    from numba.cuda.compiler import compile_cuda

    from kernels.cuda_vectors import load4, store4

    class Device:
        compute_capability = (9, 0)

    monkeypatch.setattr(dispatcher, "get_current_device", lambda: Device)

    def kernel(x, out, i):  # type: ignore[no-untyped-def]
        a, b, c, d = load4(x, i)
        store4(out, i, d, c, b, a)

    array = float32[::1]
    done = compile_cuda(
        kernel,
        types.void,
        (array, array, types.int64),
        debug=False,
        lineinfo=False,
        fastmath=False,
        cc=(9, 0),
    )
    text = done.library.get_llvm_str()

    assert "ld.v4.f32" in text and "st.v4.f32" in text
