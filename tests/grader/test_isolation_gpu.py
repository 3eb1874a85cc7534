"""The box of the GPU stage holds the engine and nothing else of ours; the learner's file is text there."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from assignments import catalog
from assignments.catalog import ManifestError
from grader import mirror
from grader.desk import environment_of
from grader.errors import WorkerCrashed
from grader.launches import check_kernel
from grader.solutions import solution_source
from grader.spares import box_spec, start_worker
from grader.student import Student

STAGE = catalog.stage("gpu")


@pytest.fixture
def student() -> Iterator[Student]:
    source = solution_source(STAGE)
    assert source is not None
    found = Student(start_worker(environment_of(STAGE)), source, "gpu.py", limits=STAGE.limits)
    yield found
    found.close()


def test_the_box_holds_the_engine_only() -> None:
    paths = mirror.visible(STAGE.packages, STAGE.hides)
    targets = {mount.target for mount in box_spec(environment_of(STAGE)).mounts}

    assert [one for one in paths if not one.startswith("kernels/gpu_engine/")] == [
        "kernels/__init__.py"
    ]
    assert "kernels/gpu_engine/examine.py" in paths
    assert [one for one in targets if one.endswith(("/kernels", "/reference"))] == [
        one for one in targets if one.endswith("/kernels")
    ]
    assert "/opt/box/interpret.py" in targets


def test_the_solution_needs_nothing_else(student: Student) -> None:
    x = np.arange(300, dtype=np.float32)

    check_kernel(student, "vecadd", (x, x), x + x, exact=True)


@pytest.mark.parametrize("operation", ["call", "probe"])
def test_nothing_of_the_file_can_be_called(student: Student, operation: str) -> None:
    """The worker does not know what that is, and ends."""
    with pytest.raises(WorkerCrashed):
        student.request(operation)


@pytest.mark.parametrize(
    ("line", "key", "allowed"),
    [
        ("", "timings", "every performance check needs its"),
        ('runs = "java"\n', "runs", "allowed are python, gpu_engine"),
    ],
)
def test_points_for_performance_without_a_clock_are_for_kernels_only(
    tmp_path: Path, line: str, key: str, allowed: str
) -> None:
    folder = Path(shutil.copytree(STAGE.folder, tmp_path / STAGE.folder.name))
    file = folder / catalog.MANIFEST
    text = file.read_text(encoding="utf-8")
    assert catalog.read(folder).runs == "gpu_engine"
    file.write_text(text.replace('runs = "gpu_engine"\n', line), encoding="utf-8")

    with pytest.raises(ManifestError, match=allowed) as error:
        catalog.read(folder)
    assert error.value.key == key
