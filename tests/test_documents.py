"""What the documents promise is there: commands, options, files, targets."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from lab.cli import main
from lab.commands import COMMANDS

ROOT = Path(__file__).parents[1]
DOCUMENTS = ("README.md", "CONTRIBUTING.md", "ARCHITECTURE.md")
SPOKEN = re.compile(r"\blab ([a-z]+)((?: [A-Za-z0-9_./~=-]+)*)")


def commands(name: str) -> list[tuple[str, list[str], list[str]]]:
    """Each `lab COMMAND ...` that stands in code, the action of `lab author`, and the options given."""
    text = (ROOT / name).read_text(encoding="utf-8")
    code = re.findall(r"`([^`\n]+)`", text) + re.findall(
        r"^\$ (.*?)(?:\s+#.*)?$", text, re.MULTILINE
    )
    known = {command.name for command in COMMANDS}
    return [
        (word, rest.split()[: word == "author"], re.findall(r"--[a-z]+", rest))
        for part in code
        for word, rest in SPOKEN.findall(part)
        if word in known or part.startswith("lab ")
    ]


@pytest.mark.parametrize("name", DOCUMENTS)
def test_every_command_and_option_of_a_document_exists(
    name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    for command, action, options in commands(name):
        assert command in {known.name for known in COMMANDS} | {"web", "serve"}, f"lab {command}"
        if options:
            words = [
                command,
                *action,
                "--help",
            ]
            main(words)
            said = capsys.readouterr().out
            assert all(option in said for option in options), (command, options)


@pytest.mark.parametrize("name", DOCUMENTS)
def test_every_file_a_document_links_to_exists(name: str) -> None:
    text = (ROOT / name).read_text(encoding="utf-8")

    for target in re.findall(r"\]\(([^)#:]+)\)", text):
        assert (ROOT / target).exists(), target


def test_every_place_in_the_architecture_exists() -> None:
    text = (ROOT / "ARCHITECTURE.md").read_text(encoding="utf-8")
    places = re.findall(r"`((?:lab|grader|assignments|reference|kernels|tests)/[\w./*]+)`", text)

    assert len(places) > 20
    for place in places:
        assert list(ROOT.glob(place.rstrip("/"))), place


def test_the_readme_names_the_targets_of_the_makefile() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")

    for target in re.findall(r"make ([a-z]+)", (ROOT / "README.md").read_text(encoding="utf-8")):
        assert re.search(rf"^{target}:", makefile, re.MULTILINE), target
