"""What can be said about a stage without a box: files, hints, questions, explorations, signatures."""

from __future__ import annotations

import ast
import difflib
import importlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import tomli

from assignments import explorations
from assignments.catalog import Stage

from .. import mirror
from ..solutions import FOLDER as SOLUTIONS
from ..spares import DATA_FILES
from ..suites import suite_folder

LEVELS = ("1", "2", "3")
QUESTIONS = 3  # at least
QUESTION = ("id", "text", "answer", "explanation")
EXPECTED_FILES = {
    "assignment.toml",
    "lesson.md",
    "lesson.zh.md",
    "starter.py",
    "hints.toml",
    "predict.toml",
    explorations.FILE,
    explorations.CODE,
}
EXPECTED_FOLDERS = {"checks"}


def problems(stage: Stage) -> Iterator[str]:
    """One sentence for each thing that is missing, stray or out of step, in files that can be read."""
    yield from _files(stage)
    yield from _hints(stage)
    yield from _questions(stage)
    yield from explorations.faults(stage)
    yield from _settings(stage)
    for hide in mirror.idle(stage.hides):
        yield f"{stage.folder.name}/assignment.toml: hides {hide!r}, and there is no such file."
    yield from _bans(stage)
    yield from _tests(stage, "public")
    yield from _tests(stage, "hidden")
    solution = SOLUTIONS / stage.file_name
    if not solution.is_file():
        yield f"{stage.id}: grader/solutions/{stage.file_name} is missing."
        return
    for path in (stage.starter, solution):
        yield from _signatures(stage, path)


def _files(stage: Stage) -> Iterator[str]:
    found = {path.name for path in stage.folder.iterdir() if path.name != "__pycache__"}
    for name in sorted(EXPECTED_FILES | EXPECTED_FOLDERS):
        if name not in found:
            yield f"{stage.folder.name}/{name} is missing."
    for name in sorted(found - EXPECTED_FILES - EXPECTED_FOLDERS):
        yield f"{stage.folder.name}/{name} is a stray file: remove it."


def unreadable(stage: Stage) -> Iterator[str]:
    """The files that are no TOML or no Python, each with the line that says why."""
    suites = [
        path for suite in ("public", "hidden") for path in suite_folder(stage, suite).glob("*")
    ]
    own = [stage.starter, SOLUTIONS / stage.file_name, *stage.folder.glob("*.toml"), *suites]
    for path in sorted({path for path in own if path.suffix in (".py", ".toml")}):
        if not path.is_file():
            continue
        try:
            text = path.read_text(encoding="utf-8")
            tomli.loads(text) if path.suffix == ".toml" else ast.parse(text)
        except SyntaxError as error:
            yield f"{_place(path)} is no Python: line {error.lineno}: {error.msg}."
        except (tomli.TOMLDecodeError, UnicodeDecodeError) as error:
            yield f"{_place(path)} is no TOML: {error}."


def _place(path: Path) -> str:
    """Folder and file: suites have files of one name."""
    return f"{path.parent.parent.name}/{path.parent.name}/{path.name}"


def _questions(stage: Stage) -> Iterator[str]:
    path = stage.folder / "predict.toml"
    if not path.is_file():
        return
    file = f"{stage.folder.name}/predict.toml"
    questions = tomli.loads(path.read_text(encoding="utf-8")).get("question", [])
    if len(questions) < QUESTIONS:
        yield f"{file}: it has {len(questions)} questions; {QUESTIONS} is the least."
    for place, question in enumerate(questions):
        name = question.get("id", place)
        for key in QUESTION:
            if not str(question.get(key, "")).strip():
                yield f"{file}: the question {name} has no `{key}`."
        answer, choices = question.get("answer", 0), question.get("choices", ())
        if isinstance(answer, bool) or not isinstance(answer, int | float):
            yield (
                f"{file}: the question {name}: its answer is {answer!r}; it must be a number "
                "(with `choices`: the place of the right one, from 0)."
            )
        elif choices and answer not in range(len(choices)):
            yield f"{file}: the question {name}: there is no choice {answer!r}; they count from 0."


def _settings(stage: Stage) -> Iterator[str]:
    """What the catalogue cannot know: the data there is, and what a timed check can be about."""
    file = f"{stage.folder.name}/assignment.toml"
    for name in stage.data:
        if name not in DATA_FILES:
            yield f"{file}: there is no data {name!r}; there is {', '.join(DATA_FILES)}."
    exports = [export.name for export in stage.exports]
    for timing in stage.timings:
        if timing.export not in exports:
            yield (
                f"{file}: the timing of {timing.check}: {timing.export!r} is no export; "
                f"there are {', '.join(exports)}."
            )
        if timing.pairs < 1:
            yield f"{file}: the timing of {timing.check}: pairs is {timing.pairs}; use 7 or more."


def _bans(stage: Stage) -> Iterator[str]:
    """A ban of what does not exist bans nothing: a mistyped one would never be noticed."""
    file = f"{stage.folder.name}/assignment.toml"
    exports = {export.name for export in stage.exports}
    for ban in stage.bans:
        function, scoped, names = ban.rpartition(":")
        if scoped and function.strip() not in exports:
            yield f"{file}: bans {ban!r}, and {function.strip()!r} is no export."
        for name in names.split():
            if "." in name:
                yield from (f"{file}: bans {name!r}, {fault}." for fault in _no_such(name))


def _no_such(dotted: str) -> Iterator[str]:
    """What is wrong with a name like "numpy.linalg.solve"; "ndarray.dot" is an array's own.

    A name that only other versions of Python or NumPy have is not wrong, so one that is not there
    is told where a similar one is.
    """
    owner, _, name = dotted.rpartition(".")
    try:
        found = np.ndarray if owner == "ndarray" else importlib.import_module(owner)
    except ImportError:
        yield f"and there is no module {owner!r}"
        return
    if not hasattr(found, name):
        for similar in difflib.get_close_matches(name, dir(found), n=1, cutoff=0.8):
            yield f"and there is no such name; {owner}.{similar} is one"


def _hints(stage: Stage) -> Iterator[str]:
    path = stage.folder / "hints.toml"
    if not path.is_file():
        return
    hints: dict[str, dict[str, Any]] = tomli.loads(path.read_text(encoding="utf-8"))
    public = [check.id for check in stage.public]
    for check_id in public:
        levels = hints.get(check_id, {})
        for level in LEVELS:
            if not str(levels.get(level, "")).strip():
                yield f"{stage.folder.name}/hints.toml: {check_id} has no hint of level {level}."
    for check_id in sorted(set(hints) - set(public)):
        yield f"{stage.folder.name}/hints.toml: there is no public check {check_id!r}."


def _tests(stage: Stage, suite: str) -> Iterator[str]:
    folder = suite_folder(stage, suite)
    tests = [name for path in sorted(folder.glob("test_*.py")) for name in _test_names(path)]
    checks = [check.id for check in (stage.public if suite == "public" else stage.hidden)]
    for name in sorted(set(checks) - set(tests)):
        yield f"{stage.id}: the {suite} check {name!r} has no function test_{name}."
    for name in sorted(set(tests) - set(checks)):
        yield f"{stage.id}: test_{name} is no {suite} check of assignment.toml."
    for name in sorted({name for name in tests if tests.count(name) > 1}):
        yield f"{stage.id}: test_{name} is defined twice; only one would run."


def _test_names(path: Path) -> list[str]:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    return [
        node.name.removeprefix("test_")
        for node in tree.body
        if isinstance(node, ast.FunctionDef) and node.name.startswith("test_")
    ]


def _signatures(stage: Stage, path: Path) -> Iterator[str]:
    """Each export is defined, takes what the manifest says, and has a docstring."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    defined = {
        node.name: node for node in tree.body if isinstance(node, ast.FunctionDef | ast.ClassDef)
    }
    for export in stage.exports:
        node = defined.get(export.name)
        if node is None:
            yield f"{stage.id}: {path.name} does not define {export.name}."
            continue
        if not ast.get_docstring(node):
            yield f"{stage.id}: {path.name}: {export.name} has no docstring."
        if isinstance(node, ast.FunctionDef):
            found, wanted = _parameters(node.args), _declared(export.signature)
            if found != wanted:
                yield (
                    f"{stage.id}: {path.name}: {export.name}({', '.join(found)}) should take "
                    f"({', '.join(wanted)}) as assignment.toml says."
                )


def _declared(signature: str) -> list[str]:
    """The parameters of a manifest's signature, "(X, y, lr=0.1) -> None" say."""
    function = ast.parse(f"def f{signature.strip()}: ...").body[0]
    assert isinstance(function, ast.FunctionDef)
    return _parameters(function.args)


def _parameters(arguments: ast.arguments) -> list[str]:
    """Names with defaults, "lr=0.1"; annotations are the starter's own affair."""
    plain = [*arguments.posonlyargs, *arguments.args]
    defaults = [None] * (len(plain) - len(arguments.defaults)) + list(arguments.defaults)
    shown = [
        argument.arg if default is None else f"{argument.arg}={ast.unparse(default)}"
        for argument, default in zip(plain, defaults, strict=True)
    ]
    if arguments.vararg:
        shown.append(f"*{arguments.vararg.arg}")
    return shown
