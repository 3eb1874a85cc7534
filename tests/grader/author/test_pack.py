"""The learners' wheel holds nothing hidden, and finds out if it did."""

from __future__ import annotations

import zipfile
from pathlib import Path

import pytest

from grader.author.pack import HIDDEN, hidden_members, pack_learner
from grader.errors import UsageError

ROOT = Path(__file__).parents[3]
CANARY = b"VALUES_ONLY_A_SUITE_KNOWS = 1234567890\n"


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return pack_learner(ROOT, tmp_path_factory.mktemp("wheel"))


def test_nothing_of_the_hidden_folders_is_in_it(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
        text = b"".join(archive.read(name) for name in names if name.endswith((".py", ".toml")))

    inside = [name for name in names if name.startswith(tuple(f"{folder}/" for folder in HIDDEN))]
    assert inside == [f"{folder}/__init__.py" for folder in sorted(HIDDEN)] or sorted(
        inside
    ) == sorted(f"{folder}/__init__.py" for folder in HIDDEN)
    for path in (ROOT / "grader" / "solutions").glob("[a-z]*.py"):
        assert path.read_bytes().strip() not in text


def test_what_a_learner_needs_is_in_it(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())

    assert {
        "lab/app.tcss",
        "assignments/01_softmax/assignment.toml",
        "assignments/01_softmax/checks/test_softmax.py",
        "assignments/01_softmax/lesson.md",
        "grader/schema/grade-report.schema.json",
        "reference/digits/train-images-idx3-ubyte.gz",
    } <= names


@pytest.mark.parametrize("place", ["grader/suites/softmax/test_softmax.py", "lab/innocent.py"])
def test_a_leak_is_found_by_its_place_or_by_its_text(tmp_path: Path, place: str) -> None:
    hidden = tmp_path / "grader" / "suites" / "softmax"
    hidden.mkdir(parents=True)
    (hidden / "test_softmax.py").write_bytes(CANARY)
    leaking = tmp_path / "leaking.whl"
    with zipfile.ZipFile(leaking, "w") as archive:
        archive.writestr("lab/cli.py", b"fine = 1\n")
        archive.writestr(place, CANARY)

    assert hidden_members(leaking, tmp_path) == [place]


def test_only_a_checkout_can_be_packed(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"holds no pyproject\.toml"):
        pack_learner(tmp_path, tmp_path / "out")
