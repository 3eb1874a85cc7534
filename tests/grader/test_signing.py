"""Signatures: one changed byte is noticed, and only trusted courses are believed."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from nacl.signing import SigningKey

from grader import keys
from grader.errors import KeyFileError
from grader.keys import Key
from grader.signing import canonical, graded_payload, sign, verify

COURSE = Key("course", SigningKey(b"\1" * 32))
OTHER = Key("self", SigningKey(b"\2" * 32))
TRUSTED = {COURSE.public: "DLSys 2026"}
REPORT: dict[str, Any] = {
    "schema": "labgrade/1",
    "authority": "course",
    "report_id": "ab",
    "created_at": "2026-01-01T00:00:00Z",
    "score": 50.0,
    "submission": {"students": ["ann", "béa"]},
    "tests": [{"id": "x", "score": 1.0, "seed": 3, "duration_s": 0.1}, {"id": "y", "score": 0}],
    "run": {"seed": 1},
}


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The path of every leaf."""
    items = value.items() if isinstance(value, dict) else enumerate(value)
    for key, inside in items:
        if isinstance(inside, dict | list):
            yield from places(inside, (*path, key))
        else:
            yield (*path, key)


SIGNED = sign(REPORT, COURSE, previous="00" * 32)


def test_a_signed_report_of_a_trusted_course_is_believed() -> None:
    found = verify(SIGNED, TRUSTED)
    assert (found.ok, found.course, found.key_id) == (True, "DLSys 2026", COURSE.public)


@pytest.mark.parametrize("path", list(places(SIGNED)), ids=str)
def test_any_change_anywhere_is_noticed(path: tuple[Any, ...]) -> None:
    changed = copy.deepcopy(SIGNED)
    place = changed
    for key in path[:-1]:
        place = place[key]
    old = place[path[-1]]
    place[path[-1]] = (
        old + 1 if isinstance(old, int | float) else ("0" if old[0] != "0" else "1") + old[1:]
    )
    assert not verify(changed, TRUSTED).ok


@pytest.mark.parametrize("name", sorted(REPORT))
def test_a_field_that_is_taken_out_or_put_in_is_noticed(name: str) -> None:
    assert not verify({k: v for k, v in SIGNED.items() if k != name}, TRUSTED).ok
    assert not verify({**SIGNED, f"{name}2": 1}, TRUSTED).ok


def test_signing_again_with_another_key_is_noticed() -> None:
    found = verify(sign(SIGNED, OTHER), TRUSTED)
    assert not found.ok
    assert found.key_id == OTHER.public
    assert "no course that you trust" in found.problem


def test_a_self_graded_report_is_called_that() -> None:
    found = verify(sign({**REPORT, "authority": "self"}, OTHER), TRUSTED)
    assert found.problem.startswith("it is self-graded")


@pytest.mark.parametrize(
    "integrity",
    [None, 3, [], {}, {"signature": 3}, {"signature": {}}, {"signature": {"key_id": 1, "value": "zz"}}],
)  # fmt: skip
def test_nonsense_is_no_signature(integrity: Any) -> None:
    assert not verify({**REPORT, "integrity": integrity}, TRUSTED).ok


def test_the_signature_of_one_report_does_not_fit_another() -> None:
    other = sign({**REPORT, "score": 100.0}, COURSE)
    assert not verify({**other, "integrity": SIGNED["integrity"]}, TRUSTED).ok
    mixed = {**other["integrity"], "signature": SIGNED["integrity"]["signature"]}
    assert not verify({**other, "integrity": mixed}, TRUSTED).ok


def test_the_canonical_form_is_one() -> None:
    assert canonical({"b": 1, "a": "é"}) == '{"a":"é","b":1}'.encode()
    with pytest.raises(ValueError, match="JSON"):
        canonical({"a": float("nan")})
    assert not verify({**SIGNED, "score": float("nan")}, TRUSTED).ok


def test_two_runs_that_say_the_same_have_the_same_payload() -> None:
    later = copy.deepcopy(SIGNED) | {"report_id": "cd", "created_at": "2027-01-01T00:00:00Z"}
    later["tests"][0]["duration_s"] = 9.0
    assert graded_payload(later) == graded_payload(REPORT)
    later["tests"][0]["score"] = 0.5
    assert graded_payload(later) != graded_payload(REPORT)


# ---- keys ----------------------------------------------------------------------------------------
@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv(keys.HOME_VARIABLE, str(tmp_path / "home"))
    return tmp_path


@pytest.mark.parametrize("kind", keys.KINDS)
def test_a_key_is_private_and_comes_back(kind: str, home: Path) -> None:
    made = keys.create(kind)
    assert keys.load(kind).public == made.public
    assert keys.path(kind).stat().st_mode & 0o777 == 0o600
    assert keys.folder().stat().st_mode & 0o777 == 0o700


def test_the_own_key_is_made_when_it_is_needed_and_then_kept(home: Path) -> None:
    assert keys.own().public == keys.own().public


def test_a_second_course_key_does_not_replace_the_first(home: Path) -> None:
    first = keys.create("course")
    with pytest.raises(KeyFileError, match="there is a course key already"):
        keys.create("course")
    assert keys.load("course").public == first.public


def test_a_key_that_others_can_read_is_refused(home: Path) -> None:
    keys.create("course")
    keys.path("course").chmod(0o644)
    with pytest.raises(KeyFileError, match=r"mode 0644.*chmod 600"):
        keys.load("course")


@pytest.mark.parametrize("content", ["", "zz", "ab" * 31, "ab" * 33, "\xff"])
def test_what_is_no_key_is_refused(home: Path, content: str) -> None:
    keys.create("self")
    keys.path("self").write_bytes(content.encode("latin1"))
    with pytest.raises(KeyFileError, match="holds no key"):
        keys.load("self")


def test_a_missing_key_says_what_to_do(home: Path) -> None:
    with pytest.raises(KeyFileError, match="`lab key new`"):
        keys.load("course")


@pytest.mark.parametrize("marker", keys.MARKERS)
def test_no_private_key_is_written_into_a_project(home: Path, marker: str) -> None:
    (home / marker).touch()
    with pytest.raises(KeyFileError, match="keep private keys outside"):
        keys.create("course")
    assert not keys.path("course").exists()


def test_a_backup_is_private_too_and_overwrites_nothing(home: Path) -> None:
    keys.create("course")
    keys.backup("course", home / "copy")
    assert (home / "copy").stat().st_mode & 0o777 == 0o600
    with pytest.raises(KeyFileError, match="choose another name"):
        keys.backup("course", home / "copy")
    (home / "repo" / ".git").mkdir(parents=True)
    with pytest.raises(KeyFileError, match="keep private keys outside"):
        keys.backup("course", home / "repo" / "copy")


def test_a_course_trusts_itself_and_others_only_when_told(home: Path) -> None:
    made = keys.create("course")
    assert keys.trusted() == {made.public: "this course"}
    keys.trust(OTHER.public.upper(), 'A "course" \\ of\nours')
    assert keys.trusted()[OTHER.public] == "A 'course'  ofours"
    with pytest.raises(KeyFileError, match="no public key"):
        keys.trust("abc")
    assert len(keys.trusted()) == 2
    (keys.folder() / keys.TRUSTED).write_text("= nonsense")
    with pytest.raises(KeyFileError, match=keys.TRUSTED):
        keys.trusted()
