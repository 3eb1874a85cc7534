"""The box of stage 08: NumPy and Numba, nothing of ours, no products, caches of its own."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest

from assignments import catalog
from grader.desk import environment_of
from grader.errors import InfrastructureError
from grader.runner import run_suite
from grader.solutions import solution_source
from grader.spares import box_spec, start_worker
from grader.student import Student, StudentError

STAGE = catalog.stage("tiling")
LOOK = """
import importlib, os
import numpy as np

def probe(module, names, a):
    found = {}
    for name in names:
        try:
            importlib.import_module(name)
            found[name] = "there"
        except ImportError:
            found[name] = "not there"
    import numba
    found["threads"] = numba.config.NUMBA_NUM_THREADS
    found["cache"] = numba.config.CACHE_DIR
    found["core"] = os.environ.get("OPENBLAS_CORETYPE", "")
    return found
"""
BANNED = """
import math
import operator
import numpy as np

CALLS = {
    "numpy.dot": lambda a: np.dot(a, a),
    "numpy.matmul": lambda a: np.matmul(a, a),
    "numpy.einsum": lambda a: np.einsum("ij,jk", a, a),
    "numpy.tensordot": lambda a: np.tensordot(a, a, 1),
    "numpy.inner": lambda a: np.inner(a, a),
    "numpy.vdot": lambda a: np.vdot(a, a),
    "numpy.vecdot": lambda a: np.vecdot(a, a),
    "numpy.matvec": lambda a: np.matvec(a, a[0]),
    "numpy.vecmat": lambda a: np.vecmat(a[0], a),
    "numpy.linalg": lambda a: np.linalg.norm(a),
    "ndarray.dot": lambda a: a.dot(a),
    "math.sumprod": lambda a: math.sumprod(a[0], a[0]),
    "operator.matmul": lambda a: operator.matmul(a, a),
    "numpy.lib.stride_tricks.as_strided": lambda a: np.lib.stride_tricks.as_strided(a, (2,), (0,)),
}

def probe(module, name, a):
    return CALLS[name](a)
"""
NAMES = (
    *("numpy.dot", "numpy.matmul", "numpy.einsum", "numpy.tensordot", "numpy.inner", "numpy.vdot"),
    *("numpy.vecdot", "numpy.matvec", "numpy.vecmat", "numpy.linalg", "ndarray.dot"),
    *("math.sumprod", "operator.matmul", "numpy.lib.stride_tricks.as_strided"),
)


@pytest.fixture(scope="module")
def student() -> Iterator[Student]:
    source = solution_source(STAGE)
    assert source is not None
    found = Student(
        start_worker(environment_of(STAGE)), source, STAGE.file_name, limits=STAGE.limits
    )
    yield found
    found.close()


def test_nothing_of_ours_and_no_scipy_is_there(student: Student) -> None:
    names = ["reference", "kernels", "scipy", "grader", "numba", "numpy"]

    found = student.probe(LOOK, names=names, a=np.ones((2, 2)))

    assert [name for name in names if found[name] == "there"] == ["numba", "numpy"]
    assert found["threads"] == STAGE.limits.threads == 8
    assert found["cache"].startswith(("/box", "/tmp"))


@pytest.mark.parametrize("name", NAMES)
def test_a_banned_name_says_so(student: Student, name: str) -> None:
    with pytest.raises(StudentError) as raised:
        student.probe(BANNED, name=name, a=np.ones((2, 2)))

    assert str(raised.value) == f"BannedError: {name} is banned in stage 08"


def test_the_list_of_bans_is_what_was_tried() -> None:
    dotted = {ban for ban in STAGE.bans if "." in ban}

    assert set(NAMES) == {n for n in dotted if not n.startswith("operator.") or n == NAMES[-2]} - {
        "numpy.einsum_path"
    }


def test_the_solution_compiles_and_multiplies_there(student: Student) -> None:
    a, b = np.float32([[1, 2], [3, 4]]), np.float32([[5, 6], [7, 8]])

    np.testing.assert_array_equal(student.matmul_reordered(a, b), [[19, 22], [43, 50]])


def test_the_limits_of_the_stage_reach_the_box() -> None:
    spec = box_spec(environment_of(STAGE))

    assert (spec.cpu_s, spec.memory_mib) == (90, STAGE.limits.memory_mib)
    assert spec.environment["NUMBA_NUM_THREADS"] == "8"
    assert spec.environment["DLSYS_BANS"].startswith("08,")


def test_public_checks_are_compiled_without_optimising_and_no_others(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def told(slug: str, suite: str) -> str | None:
        return box_spec(environment_of(catalog.stage(slug), suite=suite)).environment.get(
            "NUMBA_OPT"
        )

    assert told("tiling", "public") == "0"
    assert [told("tiling", "hidden"), told("mlp", "public"), told("capstone", "public")] == [
        None
    ] * 3
    ran: list[str] = []

    def refuse(stage: object, source: object, spares: object, parts: object, suite: str) -> None:
        ran.append(suite)
        raise InfrastructureError("enough is seen")

    monkeypatch.setattr("grader.runner.Desk", refuse)
    for suite in ("public", "hidden"):
        with pytest.raises(InfrastructureError):
            run_suite(STAGE, b"", suite)
    assert ran == ["public", "hidden"]


def test_other_stages_ban_nothing() -> None:
    spec = box_spec(environment_of(catalog.stage("softmax")))

    assert "DLSYS_BANS" not in spec.environment
    assert "OPENBLAS_CORETYPE" not in spec.environment
    assert not [mount for mount in spec.mounts if mount.target.endswith("bans.py")]
