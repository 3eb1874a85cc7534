"""The shape of the house: who may import whom, what a command loads, what must not be in a file."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGES = ("lab", "grader", "assignments", "reference", "kernels")
HEAVY = ("textual", "rich", "numba", "numpy", "pytest", "nacl", "jsonschema")
SOURCES = [path for package in PACKAGES for path in sorted((ROOT / package).rglob("*.py"))]


def loaded(code: str) -> set[str]:
    """The heavy modules that a fresh interpreter holds after `code`."""
    done = subprocess.run(
        [sys.executable, "-c", f"{code}\nimport sys\nprint(*sys.modules, file=sys.stderr)"],
        capture_output=True,
        text=True,
        check=True,
    )
    return set(HEAVY) & set(done.stderr.split())


@pytest.mark.parametrize("arguments", [["--help"], ["--version"], ["list"], ["show", "softmax"]])
def test_quick_commands_load_nothing_heavy(arguments: list[str]) -> None:
    assert loaded(f"from lab.cli import main; main({arguments!r})") == set()


def test_reports_can_be_read_without_a_runner() -> None:
    assert loaded("import grader.report, grader.views") <= {"jsonschema"}


def test_the_app_loads_neither_arrays_nor_tests() -> None:
    """The screens wait for a child; what grades stays there."""
    assert loaded("import lab.app, lab.screens.workbench") <= {"textual", "rich"}


def test_kernels_and_the_framework_are_light_until_they_are_used() -> None:
    assert loaded("import kernels") == set()
    assert loaded("import reference; reference.Tensor, reference.ops") <= {"numpy"}


def test_imports_follow_the_arrows() -> None:
    done = subprocess.run(
        [Path(sys.executable).with_name("lint-imports")],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("package", PACKAGES)
def test_the_five_names_are_ours(package: str) -> None:
    from importlib.util import find_spec

    spec = find_spec(package)
    assert spec is not None and spec.origin is not None
    assert Path(spec.origin).parent == ROOT / package


FORBIDDEN = {"pickle", "dill", "marshal", "shelve", "cloudpickle", "joblib"}


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_nothing_that_runs_what_it_reads_is_imported(path: Path) -> None:
    """Bytes that came from a learner's process are data; no module of ours can make them more."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    names = {
        alias.name.split(".")[0]
        for node in ast.walk(tree)
        if isinstance(node, ast.Import)
        for alias in node.names
    } | {
        (node.module or "").split(".")[0]
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom)
    }

    assert not names & FORBIDDEN


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_files_stay_small_and_well_named(path: Path) -> None:
    assert path.stem not in ("utils", "util", "helpers", "common", "misc")
    assert len(path.read_text(encoding="utf-8").splitlines()) <= 460


def test_every_command_has_its_module_and_the_reverse() -> None:
    from lab.commands import COMMANDS

    modules = {path.stem for path in (ROOT / "lab" / "commands").glob("[a-z]*.py")}
    assert modules - {"arguments"} == {command.module for command in COMMANDS}


def test_every_stage_has_suite_solution_and_mutants_and_the_reverse() -> None:
    from assignments import catalog

    stages = {stage.id for stage in catalog.load()}
    grader = ROOT / "grader"
    assert {
        path.name for path in (grader / "suites").iterdir() if path.is_dir() and path.name[0] != "_"
    } == stages
    assert {path.stem for path in (grader / "solutions").glob("[a-z]*.py")} == stages
    assert {path.stem for path in (grader / "mutants").glob("*.toml")} == stages
