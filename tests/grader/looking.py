"""Looking around in the box of a stage: what can be imported there, which files can be seen."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager

import pytest

from assignments.catalog import Stage
from grader import sandbox
from grader.solutions import solution_source
from grader.spares import WorkerEnvironment, start_worker
from grader.student import Student

LEVELS = ("full", "none")
IMPORTS = """
from importlib import import_module

def probe(module, paths):
    found = []
    for path in paths:
        place, _, name = path.rpartition(".")
        try:
            import_module(path) if not place else getattr(import_module(place), name)
            found.append("there")
        except (ImportError, AttributeError) as error:
            found.append(str(error))
    return found
"""
MODULES = """
from importlib import import_module

def probe(module, names):
    found = []
    for name in names:
        try:
            import_module(name)
            found.append(name)
        except ImportError:
            pass
    return found
"""
KERNELS = """
import kernels

def probe(module, names):
    found = []
    for name in names:
        try:
            kernels.get(name)
            found.append(name)
        except ImportError:
            pass
    return found
"""
FILES = """
import os

def probe(module, word):
    skip = ("/proc", "/sys", "/usr", "/opt/py")  # the interpreter's own
    return [
        path
        for root, _, names in os.walk("/")
        if not root.startswith(skip)
        for path in (f"{root}/{name}" for name in names)
        if word in path and "site-packages/numpy" not in path
    ]
"""


@contextmanager
def solution_in_its_box(stage: Stage) -> Iterator[Student]:
    """The stage's solution, loaded in a worker of its own."""
    source = solution_source(stage)
    assert source is not None
    environment = WorkerEnvironment(stage.packages, hides=stage.hides)
    student = Student(start_worker(environment), source, stage.file_name, limits=stage.limits)
    try:
        yield student
    finally:
        student.close()


def isolate(level: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let boxes be of this level; skips where the machine cannot build it."""
    if level == "full" and sandbox.isolation().level != "full":
        pytest.skip("this machine cannot build a full box")
    monkeypatch.setenv("DLSYSLAB_ISOLATION", level)


def not_refused(student: Student, paths: Iterable[str]) -> list[str]:
    """Of dotted paths those whose import does not say that they are the learner's to write."""
    paths = list(paths)
    said = student.probe(IMPORTS, paths=paths)
    return [
        f"{path}: {one}"
        for path, one in zip(paths, said, strict=True)
        if "yours to write" not in one
    ]


def not_there(student: Student, paths: Iterable[str]) -> list[str]:
    """Of dotted paths those that cannot be imported."""
    paths = list(paths)
    said = student.probe(IMPORTS, paths=paths)
    return [f"{path}: {one}" for path, one in zip(paths, said, strict=True) if one != "there"]


def modules(student: Student, names: Iterable[str]) -> list[str]:
    """Of these modules those that can be imported."""
    found: list[str] = student.probe(MODULES, names=list(names))
    return found


def kernels(student: Student, names: Iterable[str]) -> list[str]:
    """Of these kernels those that are there."""
    found: list[str] = student.probe(KERNELS, names=list(names))
    return found


def files(student: Student, word: str) -> list[str]:
    """Every file in sight whose path holds the word; the interpreter's and NumPy's are left out."""
    found: list[str] = student.probe(FILES, word=word)
    return found
