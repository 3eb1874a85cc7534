"""Hostile folders, files and bundles: one file is read, everything else is left and listed."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from assignments import catalog
from assignments.catalog import Stage
from grader import bundle, ingest
from grader.errors import SubmissionError
from grader.submission import Submission

CODE = b"def softmax(Z):\n    return Z\n"


@pytest.fixture
def stage() -> Stage:
    return catalog.stage("softmax")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    place = tmp_path / "ann"
    place.mkdir()
    return place


def test_a_learners_folder_gives_its_file_and_its_name(folder: Path, stage: Stage) -> None:
    (folder / "softmax.py").write_bytes(CODE)

    found = ingest.ingest(folder, stage)

    assert (found.learner, dict(found.files)) == ("ann", {"softmax.py": CODE})


@pytest.mark.parametrize(
    "name",
    [
        "conftest.py",
        "pytest.ini",
        "sitecustomize.py",
        "evil.pth",
        "numpy.py",
        "results.json",
        "a.so",
    ],
)
def test_other_files_are_listed_and_left(folder: Path, stage: Stage, name: str) -> None:
    (folder / "softmax.py").write_bytes(CODE)
    (folder / name).write_text("x")
    (folder / "tests").mkdir()

    found = ingest.ingest(folder, stage)

    assert set(found.files) == {"softmax.py"}
    assert found.rejected == tuple(
        (entry, "only softmax.py is read") for entry in sorted([name, "tests"])
    )


def test_names_that_a_terminal_would_misread_are_shown_escaped(folder: Path, stage: Stage) -> None:
    (folder / "softmax.py").write_bytes(CODE)
    (folder / "a\x1b[2Jb\n.py").write_text("x")

    ((shown, _),) = ingest.ingest(folder, stage).rejected

    assert shown.isprintable()


def make_link(folder: Path) -> None:
    (folder / "target").write_bytes(CODE)
    (folder / "softmax.py").symlink_to(folder / "target")


def make_hard_link(folder: Path) -> None:
    (folder / "target").write_bytes(CODE)
    os.link(folder / "target", folder / "softmax.py")


def make_pipe(folder: Path) -> None:
    os.mkfifo(folder / "softmax.py")


def make_folder(folder: Path) -> None:
    (folder / "softmax.py").mkdir()


def make_sparse(folder: Path) -> None:
    with (folder / "softmax.py").open("wb") as file:
        file.truncate(8 << 30)


def make_nothing(folder: Path) -> None:
    (folder / "notes.txt").write_text("no code")


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (make_link, "softmax.py cannot be read: it is a link."),
        (make_hard_link, "linked from elsewhere"),
        (make_pipe, "no regular file"),
        (make_folder, "no regular file"),
        (make_sparse, "8,589,934,592 bytes; at most 1,048,576 are read"),
        (make_nothing, "there is no softmax.py in it, only notes.txt"),
        (lambda folder: None, "the folder is empty"),
    ],
)
def test_what_is_no_file_of_its_own_is_refused_with_the_reason(
    folder: Path, stage: Stage, make: object, said: str
) -> None:
    make(folder)  # type: ignore[operator]

    with pytest.raises(SubmissionError, match=said.replace("(", r"\(")):
        ingest.ingest(folder, stage)


def test_a_folder_that_is_a_link_is_no_submission(tmp_path: Path, folder: Path) -> None:
    (tmp_path / "bob").symlink_to(folder)
    (folder / "softmax.py").write_bytes(CODE)

    assert [entry.name for entry in ingest.entries(tmp_path)] == ["ann"]


@pytest.mark.parametrize("name", ["ann", "Ann-Marie O.Neil"[:9], "王小明", "s1234567", "a@b.edu"])
def test_ordinary_names_are_kept(tmp_path: Path, name: str) -> None:
    assert ingest.learner_of(tmp_path / name) == name


@pytest.mark.parametrize(
    "name",
    ["-rf", "a\nb", "a\x1b[31m", "\u202egnp.exe", "e\u0301", "x" * 200, "a ", "=cmd()", ".."],
)
def test_names_that_could_be_misread_become_harmless_and_stay_apart(
    tmp_path: Path, name: str
) -> None:
    found = ingest.learner_of(Path(f"{tmp_path}/{name}"))

    assert found.startswith("learner-")
    assert found.isascii()
    assert found != ingest.learner_of(Path(f"{tmp_path}/{name}x"))


@pytest.mark.parametrize(
    ("path", "said"),
    [("absent", "there is no folder"), ("file", "is a file"), ("empty", "no submissions")],
)
def test_a_folder_of_submissions_that_is_none_is_refused(
    tmp_path: Path, path: str, said: str
) -> None:
    (tmp_path / "file").write_text("x")
    (tmp_path / "empty").mkdir()

    with pytest.raises(SubmissionError, match=said):
        ingest.entries(tmp_path / path)


# ---- bundles ----------------------------------------------------------------------------------------
def bundled(stage: Stage) -> bytes:
    made = Submission(
        "me", stage.id, {stage.file_name: CODE}, "here", "2026-01-01T00:00:00Z", {"name": "Ann"}
    )
    return bundle.write(made)


def test_a_bundle_comes_back_with_its_claims_and_under_its_files_name(
    tmp_path: Path, stage: Stage
) -> None:
    file = tmp_path / f"bob{bundle.SUFFIX}"
    file.write_bytes(bundled(stage))

    found = ingest.ingest(file, stage)

    assert (found.learner, dict(found.files), found.claims) == (
        "bob",
        {"softmax.py": CODE},
        {"name": "Ann"},
    )


def test_a_bundle_in_a_learners_folder_is_read_when_there_is_no_file(
    folder: Path, stage: Stage
) -> None:
    (folder / f"softmax-1{bundle.SUFFIX}").write_bytes(bundled(stage))

    assert ingest.ingest(folder, stage).files["softmax.py"] == CODE


def damaged(stage: Stage, how: str) -> bytes:
    content = json.loads(bundled(stage))
    if how == "torn":
        return bundled(stage)[:-20]
    if how == "deep":
        return b"[" * 100_000
    if how == "schema":
        content["schema"] = "labbundle/9"
    if how == "stage":
        content["stage"] = "warmup"
    if how == "content":
        content["files"]["softmax.py"]["content"] = "eHh4"
    if how == "base64":
        content["files"]["softmax.py"]["content"] = "!!"
    if how == "files":
        content["files"] = []
    if how == "list":
        return b"[]"
    return json.dumps(content).encode()


@pytest.mark.parametrize(
    "how", ["torn", "deep", "schema", "stage", "content", "base64", "files", "list"]
)
def test_a_damaged_bundle_is_refused_in_a_sentence(tmp_path: Path, stage: Stage, how: str) -> None:
    file = tmp_path / f"bob{bundle.SUFFIX}"
    file.write_bytes(damaged(stage, how))

    with pytest.raises(SubmissionError) as caught:
        ingest.ingest(file, stage)

    assert str(caught.value).endswith(".")


def test_claims_are_one_printable_line(tmp_path: Path, stage: Stage) -> None:
    content = json.loads(bundled(stage))
    content["identity"] = {"name": "A\x1b[31m\nnn" + "x" * 1000, "id": ["no"], "extra": "no"}
    file = tmp_path / f"bob{bundle.SUFFIX}"
    file.write_text(json.dumps(content))

    claims = ingest.ingest(file, stage).claims

    assert set(claims) == {"name"}
    assert claims["name"].isprintable() and len(claims["name"]) <= bundle.MAX_CLAIM
