"""Arguments and lookups that several commands share."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any

from assignments import catalog
from assignments.catalog import Stage
from grader.errors import UsageError

from ..progress import Progress, next_stage
from ..render import Style
from ..workspace import Workspace, find, remembered, require


def add_stage(parser: argparse.ArgumentParser, *, optional: bool = False) -> None:
    """The argument STAGE."""
    parser.add_argument(
        "stage", metavar="STAGE", nargs="?" if optional else None, help="a slug or a number"
    )


def add_file(parser: argparse.ArgumentParser) -> None:
    """The option --file."""
    parser.add_argument("--file", type=Path, metavar="F", help="a file outside the workspace")


def add_json(parser: argparse.ArgumentParser) -> None:
    """The option --json."""
    parser.add_argument("--json", action="store_true", help="print one JSON document")


def print_json(document: Any) -> None:
    """Print the one document of `--json`."""
    print(json.dumps(document, indent=1, ensure_ascii=False, allow_nan=False))


def style(workspace: Workspace | None = None, *, errors: bool = False) -> Style:
    """How to write to standard output (or standard error)."""
    stream = sys.stderr if errors else sys.stdout
    return Style.of(stream, workspace.symbols if workspace else "unicode")


def stage_of(name: str | None, file: Path | None = None) -> Stage:
    """The stage that was named, else the one whose folder or file this is, else where to go on.

    Raises:
        UnknownStage: there is no stage of that name.
        UsageError: nothing says which stage is meant.
    """
    if name is not None:
        return catalog.stage(name)
    if file is not None:
        for stage in catalog.load():
            if file.name == stage.file_name:
                return stage
        raise UsageError(f"which stage is {file} for? Name it: `lab check STAGE --file {file}`.")
    here = Path.cwd()
    for stage in catalog.load():
        if stage.folder.name in (here.name, *(parent.name for parent in here.parents)) and find():
            return stage
    return next_stage(Progress(require()).stages()).stage


def file_of(stage: Stage, given: Path | None) -> tuple[Path, Workspace | None]:
    """The learner's file, and the workspace it is kept in (None for a file from elsewhere).

    Raises:
        UsageError: there is no such file.
    """
    workspace = find() or remembered()
    if given is not None:
        file = given.expanduser().absolute()
        if not file.is_file():
            raise UsageError(f"there is no file {given}.")
        inside = workspace is not None and file.resolve() == workspace.file(stage).resolve()
        return file, workspace if inside else None
    workspace = require()
    file = workspace.file(stage)
    if not file.is_file():
        raise UsageError(
            f"there is no {workspace.relative(file)}: `lab init {workspace.root}` adds what is missing."
        )
    return file, workspace
