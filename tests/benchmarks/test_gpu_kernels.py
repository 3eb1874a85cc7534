"""The bench of the GPU without one: launches on the engine, peers on the CPU, a clock that stands in."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from kernels.cuda import Source
from kernels.gpu_engine.device import EngineKernel
from kernels.gpu_engine.judge import judge
from kernels.on_cuda import gemm
from kernels.on_cuda.array import CudaArray, empty
from kernels.on_cuda.attention_launch import attention_cuda

from . import gpu_cases, gpu_kernels
from .__main__ import PARTS
from .gpu_cases import Case, Sizes, cases, copy_case, draw, drivers_copy
from .gpu_copy import copy_vectors
from .gpu_kernels import COPY, MEMORY, Bench, Work, WrongResult, check, rows_of, run
from .gpu_peers import Cupy, Peer, Torch, find
from .rows import Row

SMALL = Sizes(side=128, rows=64, columns=96, heads=2, tokens=64, width=16)
TINY = Sizes(side=32, rows=32, columns=32, heads=2, tokens=32, width=16)
MAKERS = {"copy": lambda: copy_case(SMALL)} | {make().form: make for make in cases(SMALL).values()}


class Clock:
    """A device on which everything takes as long."""

    l2_bytes = 1 << 10

    def __init__(self) -> None:
        self.marks = 0

    def mark(self) -> int:
        self.marks += 1
        return self.marks

    def elapsed_ms(self, first: int, last: int) -> float:
        return 20.0

    def host_ms(self) -> float:
        return 0.0


@pytest.fixture
def launched(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The kernels that are launched; matrices of a tile count as large."""
    names: list[str] = []
    original = EngineKernel._run

    def watched(self: EngineKernel, *arguments: Any, **more: Any) -> Any:
        names.append(self.function.__name__)
        return original(self, *arguments, **more)

    monkeypatch.setattr(EngineKernel, "_run", watched)
    monkeypatch.setattr(gemm, "MANY", 1)
    return names


def stand(case: Case, ours: Callable[..., Any] | None = None) -> None:
    """Hold a launch against NumPy on two sets."""
    sets = case.place(2)
    launch = ours or case.ours
    check(case, sets, {"it": Work(lambda number: launch(*sets[number]), CudaArray.numpy)})


@pytest.mark.parametrize(
    ("form", "kernel"),
    {
        "copy": "copy_vectors",
        "gemm": "gemm_register_tiled",
        "transpose": "transpose",
        "relu": "relu",
        "gelu": "gelu",
        "softmax": "softmax",
        "layer_norm": "layer_norm",
        "adam": "adam",
        "attention": "forward",
    }.items(),
)
def test_our_launches_are_right(form: str, kernel: str, launched: list[str]) -> None:
    stand(MAKERS[form]())

    assert launched == [kernel] * 2


def test_every_form_is_here() -> None:
    made = {make().form for make in cases(SMALL).values()}

    assert {"copy"} | made == MAKERS.keys() and len(MAKERS) == 9


def test_the_drivers_copy_is_right() -> None:
    stand(copy_case(SMALL), drivers_copy)


def test_the_copy_moves_whole_sectors() -> None:
    x = draw(1 << 12)
    out = np.full_like(x, np.nan)
    launch = copy_vectors.launch(4, 256, x, out, outputs=1)

    assert launch.findings == () and judge(launch) == ()
    np.testing.assert_array_equal(out, x)


@pytest.mark.parametrize("form", MAKERS)
def test_pytorch_does_the_same_on_the_same_memory(form: str) -> None:
    stand_beside(Torch(pytest.importorskip("torch")), MAKERS[form]())


def test_pytorch_multiplies_in_float32(monkeypatch: pytest.MonkeyPatch) -> None:
    torch = pytest.importorskip("torch")
    monkeypatch.setattr(torch.backends.cuda.matmul, "allow_tf32", True)
    Torch(torch)

    assert torch.backends.cuda.matmul.allow_tf32 is False


@pytest.mark.parametrize("form", ["gemm", "copy"])
def test_cupy_does_the_same_on_the_same_memory(form: str) -> None:
    stand_beside(Cupy(np), MAKERS[form]())  # NumPy has the names that are used of it


def stand_beside(peer: Peer, case: Case) -> None:
    sets = case.place(2)
    launch = peer.launcher(case.form, sets)
    assert launch is not None
    check(case, sets, {peer.name: Work(launch, peer.host)})

    sets[1][0][...] = 0.5 * case.given[0]  # the peer sees what is written into our operands
    with pytest.raises(WrongResult):
        found = [peer.host(one) for one in launch(1)]
        check(case, sets, {peer.name: Work(lambda number: found, np.asarray)})


def test_cupy_has_nothing_else() -> None:
    assert Cupy(np).launcher("softmax", []) is None


def test_no_library_with_a_gpu_is_no_peer(monkeypatch: pytest.MonkeyPatch) -> None:
    class Without:
        class cuda:
            is_available = staticmethod(lambda: False)

    monkeypatch.setattr("importlib.import_module", lambda name: Without)

    assert find(None) is None


def with_tf32(x: Any) -> Any:
    """Its numbers with the ten bits of a mantissa that TF32 has."""
    return ((x.view(np.uint32) + 0x1000) & np.uint32(0xFFFFE000)).view(np.float32)


def nothing_written(a: CudaArray, b: CudaArray, c: CudaArray) -> Any:
    return (c,)


def only_once(a: CudaArray, b: CudaArray, c: CudaArray, done: list[int]) -> Any:
    """Right on the first set, and writes nothing on any other."""
    done.append(id(c))
    if id(c) == done[0]:
        c[...] = a.numpy() @ b.numpy()
    return (c,)


def in_tf32(a: CudaArray, b: CudaArray, c: CudaArray) -> Any:
    c[...] = with_tf32(a.numpy()) @ with_tf32(b.numpy())
    return (c,)


def one_nan(a: CudaArray, b: CudaArray, c: CudaArray) -> Any:
    found = a.numpy() @ b.numpy()
    found[-1, -1] = np.nan
    c[...] = found
    return (c,)


@pytest.mark.parametrize("by", ["ours", "peer"])
@pytest.mark.parametrize("wrong", [nothing_written, only_once, in_tf32, one_nan])
def test_what_is_wrong_is_not_timed(
    wrong: Callable[..., Any], by: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    more: tuple[Any, ...] = ([],) if wrong is only_once else ()
    clock, peer, case = Clock(), Cupy(np), MAKERS["gemm"]()
    if by == "ours":
        object.__setattr__(case, "ours", lambda *operands: wrong(*operands, *more))
    else:
        monkeypatch.setattr(
            peer, "launcher", lambda form, sets: lambda number: wrong(*sets[number], *more)
        )
        monkeypatch.setattr(peer, "host", CudaArray.numpy)
    found = Bench(clock, peer, 3, {}).judged("SGEMM", case)

    assert (found["value"], found["met"]) == (None, False)
    assert "wrong result" in found["note"] and (by if by == "ours" else "CuPy") in found["note"]
    assert clock.marks == 0


def test_a_copy_that_is_wrong_is_not_timed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gpu_kernels, "drivers_copy", lambda x, out: (out,))
    clock = Clock()
    bench = Bench(clock, None, 3, {})

    assert bench.copies(copy_case(SMALL))["met"] is False
    assert clock.marks == 0 and not bench.roof


def test_with_a_peer_all_rows_are_measured() -> None:
    peer = Torch(pytest.importorskip("torch"))
    rows = rows_of(Clock(), peer, TINY, rounds=1, gpu="none")
    named = {one["name"]: one for one in rows}

    assert list(named) == [COPY, *cases(TINY), MEMORY]
    assert all(one["value"] is not None and one["gpu"] == "none" for one in rows)
    for title, make in cases(TINY).items():
        form, one = make().form, named[title]
        beside_peer = form in ("gemm", "attention")
        assert (one["peer"] == peer.name) == beside_peer
        assert one["bar"] == {"gemm": 0.65, "attention": None}.get(form, 0.8)
        assert {"ours", peer.name} <= one["all_ms"].keys()
        assert ("the driver" in one["all_ms"]) == (not beside_peer)


@pytest.fixture(scope="module")
def alone() -> dict[str, Row]:
    """The rows where there is no peer."""
    return {one["name"]: one for one in rows_of(Clock(), None, TINY, rounds=1)}


def test_shares_compare_the_bytes_that_are_moved(alone: dict[str, Row]) -> None:
    shares = {make().form: alone[title]["value"] for title, make in cases(TINY).items()}

    assert shares["adam"] == 7 / 2  # as long as a copy, which moves two words an element
    assert {shares[form] for form in ("transpose", "relu", "gelu", "softmax", "layer_norm")} == {1}


def test_without_a_peer_what_needs_one_is_not_measured(alone: dict[str, Row]) -> None:
    for title, make in cases(TINY).items():
        if make().form in ("gemm", "attention"):
            assert (alone[title]["value"], alone[title]["met"]) == (None, None)
            assert "neither PyTorch with CUDA nor CuPy" in alone[title]["note"]
        else:
            assert alone[title]["met"] is True


def test_memory_of_attention_grows_with_its_tokens(monkeypatch: pytest.MonkeyPatch) -> None:
    linear = gpu_kernels._memory(SMALL, None, {})
    attention = attention_cuda

    def with_scores(q: CudaArray, k: CudaArray, v: CudaArray) -> Any:
        scores = empty((*q.shape[:3], q.shape[2]))
        return *attention(q, k, v), scores

    monkeypatch.setattr(gpu_cases, "attention_cuda", with_scores)
    square = gpu_kernels._memory(SMALL, None, {})

    assert linear["met"] is True and linear["ours_bytes"][0] > 0
    assert square["met"] is False


@pytest.mark.parametrize(
    ("found", "why"),
    [
        (Source("engine", False, "There is no driver."), "There is no driver."),
        (Source("numba", False, "numba compiles kernels for the GPU."), "there is no GPU."),
    ],
)
def test_without_a_gpu_nothing_is_measured_and_nothing_decided(
    found: Source, why: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gpu_kernels, "source", lambda: found)
    monkeypatch.setattr(gpu_kernels, "run_part", lambda *a, **k: pytest.fail("measured"))
    rows = run()

    assert [one["name"] for one in rows] == [COPY, *cases(Sizes()), MEMORY]
    for one in rows:
        assert (one["value"], one["bar"], one["met"]) == (None, None, None)
        assert one["note"] == f"not measured: {why}"


def test_with_a_gpu_a_process_without_tf32_measures(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[Any] = []

    def started(*arguments: str, environment: dict[str, str]) -> list[Any]:
        asked.append((arguments, environment["NVIDIA_TF32_OVERRIDE"]))
        return []

    monkeypatch.setattr(gpu_kernels, "source", lambda: Source("numba", True, ""))
    monkeypatch.setattr(gpu_kernels, "run_part", started)

    assert run() == []
    assert asked == [(("tests.benchmarks.gpu_kernels", "--measure"), "0")]


def test_a_process_that_fails_fails_every_row(monkeypatch: pytest.MonkeyPatch) -> None:
    def ended(*arguments: str, environment: dict[str, str]) -> list[Row]:
        raise subprocess.CalledProcessError(1, "python")

    monkeypatch.setattr(gpu_kernels, "source", lambda: Source("numba", True, ""))
    monkeypatch.setattr(gpu_kernels, "run_part", ended)
    rows = run()

    assert [one["name"] for one in rows] == [COPY, *cases(Sizes()), MEMORY]
    assert all(one["value"] is None and one["met"] is False for one in rows)


def test_the_bench_has_it() -> None:
    assert PARTS.index("gpu_kernels") == PARTS.index("gpu_engine") + 1
