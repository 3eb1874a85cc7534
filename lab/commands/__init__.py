"""The commands of `lab`: one module each, with `add_arguments(parser)` and `run(args) -> status`."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Command:
    """A command as the help, the app's palette and the dispatcher know it."""

    name: str
    audience: str  # "learner" | "instructor"
    help: str

    @property
    def module(self) -> str:
        """Its module in this package."""
        return self.name


COMMANDS = (
    Command("init", "learner", "make a workspace with every stage's starter"),
    Command("list", "learner", "the stages, and how far you are"),
    Command("show", "learner", "what a stage asks for, or its lesson"),
    Command("check", "learner", "run the public checks; --watch runs them at every save"),
    Command("explore", "learner", "what the lesson claims, with knobs to turn"),
    Command("hint", "learner", "a hint for a check, three levels"),
    Command("bench", "learner", "time your file against the course's solution; --machine: roofs"),
    Command("run", "learner", "run a script of yours in the box"),
    Command("stack", "learner", "your code in the framework's slots; train a model on it"),
    Command("submit", "learner", "grade your file by the hidden checks and keep the attempt"),
    Command("history", "learner", "your attempts and their scores"),
    Command("diff", "learner", "what changed since an attempt"),
    Command("restore", "learner", "bring an attempt back (keeps a backup)"),
    Command("reset", "learner", "bring the starter back (keeps a backup)"),
    Command("doctor", "learner", "what this machine can do, and what to install"),
    Command("grade", "instructor", "grade a folder of submissions"),
    Command("regrade", "instructor", "grade kept submissions again"),
    Command("export", "instructor", "csv, gradescope, html or junit from a grading"),
    Command("verify", "instructor", "who signed a report, and whether it was changed"),
    Command("key", "instructor", "the course's key, and whose reports to believe"),
    Command("author", "instructor", "prove a stage, start one, build the learners' wheel"),
)
