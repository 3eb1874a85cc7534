"""Workspaces: found from anywhere inside, remembered from outside, refused in a sentence."""

from __future__ import annotations

from pathlib import Path

import pytest

from grader.errors import UsageError
from lab import workspace as module
from lab.workspace import Workspace, create, find, require


def test_a_workspace_is_found_from_inside_it(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(workspace.root / "01_softmax")

    found = find()
    assert found is not None and found.root == workspace.root


def test_the_last_workspace_is_remembered_elsewhere(
    workspace: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)

    assert find() is None
    assert require().root == workspace.root


def test_a_workspace_inside_another_is_refused(workspace: Workspace) -> None:
    with pytest.raises(UsageError, match="lies inside the workspace"):
        create(workspace.root / "again")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[lab]\nlanguage = 'fr'\n", "language is 'fr'; allowed are en, zh"),
        ("[lab]\nsymbols = 7\n", "symbols is 7; allowed are unicode, ascii"),
        ("lab = 3\n", "must be tables"),
        ("[lab\n", "cannot be read"),
    ],
)
def test_a_bad_lab_toml_says_what_is_allowed(workspace: Workspace, text: str, said: str) -> None:
    (workspace.root / module.MARKER).write_text(text)

    with pytest.raises(UsageError, match=said):
        find()


def test_identity_and_keys_are_read(workspace: Workspace) -> None:
    (workspace.root / module.MARKER).write_text('[learner]\nname = "Ann"\n[keys]\ncheck = "f4"\n')

    found = find()
    assert found is not None
    assert (found.learner, found.keys) == ({"name": "Ann"}, {"check": "f4"})
