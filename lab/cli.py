"""`lab`: the command line. Without a command it opens the terminal app.

A command's module is imported only when it is asked for, so that `lab list` answers at once.
"""

from __future__ import annotations

import argparse
import importlib
import os
import sys
from collections.abc import Sequence

from grader import __version__

from .commands import COMMANDS, Command

OK, SOME_FAILED, USAGE, UNABLE, INTERRUPTED = 0, 1, 2, 3, 130


class Parser(argparse.ArgumentParser):
    """A parser whose errors are one sentence and the way to the help."""

    def error(self, message: str) -> None:  # type: ignore[override]
        self.exit(USAGE, f"lab: {message}. Type `{self.prog} --help` to see what is possible.\n")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run `lab` with `arguments` (those of the process if None) and return its exit status."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    try:
        return _main(given)
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:
        # Whoever read our output has seen enough; say nothing more on the way out.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return OK


def _main(given: list[str]) -> int:
    if not given:
        return _app()
    if given[0] in ("-V", "--version"):
        print(f"lab {__version__}")
        return OK
    if given[0] in ("-h", "--help", "help"):
        print(overview())
        return OK
    command = next((found for found in COMMANDS if found.name == given[0]), None)
    if command is None:
        return _unknown(given[0])
    module = importlib.import_module(f".commands.{command.module}", __package__)
    parser = Parser(prog=f"lab {command.name}", description=module.__doc__, formatter_class=_Plain)
    module.add_arguments(parser)
    try:
        parsed = parser.parse_args(given[1:])
    except SystemExit as ended:  # argparse has said why
        return int(ended.code or 0)
    return _run(module.run, parsed)


def _run(run: object, parsed: argparse.Namespace) -> int:
    from assignments.catalog import ManifestError, UnknownStage
    from grader.errors import GraderError, UsageError

    assert callable(run)
    try:
        return int(run(parsed))
    except (UsageError, UnknownStage) as error:
        return _said(str(error), USAGE)
    except (GraderError, ManifestError) as error:
        return _said(str(error), UNABLE)
    except OSError as error:
        if isinstance(error, BrokenPipeError):
            raise
        return _said(f"{error.filename or 'a file'}: {error.strerror or error}", UNABLE)


def overview() -> str:
    """What `lab --help` says."""
    width = max(len(command.name) for command in COMMANDS) + 2
    lines = [
        "lab: build deep learning from its parts, and check every part.",
        "",
        "lab                opens the app",
        "lab COMMAND        does one thing; `lab COMMAND --help` says how",
    ]
    for audience, title in (("learner", "For learners"), ("instructor", "For instructors")):
        lines += ["", title]
        lines += [f"  {c.name.ljust(width)}{c.help}" for c in COMMANDS if c.audience == audience]
    lines += ["", "STAGE is a slug or a number: `softmax` or `1`. --json prints one document."]
    return "\n".join(lines)


def _unknown(word: str) -> int:
    import difflib

    near = difflib.get_close_matches(word, [command.name for command in COMMANDS], 1)
    hint = f"did you mean `lab {near[0]}`?" if near else "`lab --help` lists the commands."
    return _said(f"there is no command {word!r}; {hint}", USAGE)


def _said(message: str, status: int) -> int:
    print(f"lab: {message}", file=sys.stderr)
    return status


def _app() -> int:
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        return _said("the app needs a terminal; `lab --help` lists what works without one.", USAGE)
    from .app import main as app

    return app()


class _Plain(argparse.HelpFormatter):
    """Help in the words of the module's docstring, its paragraphs kept."""

    def _fill_text(self, text: str, width: int, indent: str) -> str:
        return "\n".join(indent + line for line in text.strip().splitlines())


__all__ = ["Command", "main", "overview"]
