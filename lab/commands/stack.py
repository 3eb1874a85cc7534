"""Your own stack: whose code fills each slot of the framework, and models trained on the mixture.

lab stack                          the slots and who fills them
lab stack use layer:Linear mine    (or reference, auto; a slot, a kind, a stage, or all)
lab stack train gpt                in the box, with a live curve; a part that breaks is named
"""

from __future__ import annotations

import argparse
import shutil
import sys
from typing import Any

from grader.models import MODELS, SECONDS, document

from .. import render
from ..curve import curve
from ..workspace import Workspace, require
from .arguments import add_json, print_json, style

LINES = 12  # of the curve on a terminal
TOLD = 20  # lines about a training where there is no terminal


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--all", action="store_true", help="list the slots that only we fill, too")
    add_json(parser)
    actions = parser.add_subparsers(dest="action", metavar="ACTION")
    use = actions.add_parser("use", help="say whose code fills a slot")
    use.add_argument("slot", metavar="SLOT", help="a slot, a kind (layer, vjp), a stage, or all")
    use.add_argument("owner", metavar="WHOSE", help="mine, reference, auto, or a stage's slug")
    train = actions.add_parser("train", help="train a model on what is plugged in")
    train.add_argument("model", metavar="MODEL", choices=list(MODELS), help=_titles())
    train.add_argument("--steps", type=_positive, metavar="N", help="how many steps")
    train.add_argument(
        "--seconds", type=_positive, default=SECONDS, metavar="S", help="at most so long"
    )
    train.add_argument("--seed", type=int, default=0, metavar="N")
    train.add_argument("--reference", action="store_true", help="with our parts alone")
    for action in (use, train):
        # The default stays away, or it would undo a --json that stands before the action.
        action.add_argument("--json", action="store_true", default=argparse.SUPPRESS)


def run(args: argparse.Namespace) -> int:
    workspace = require()
    if args.action == "use":
        return _use(workspace, args)
    if args.action == "train":
        return _train(workspace, args)
    return _list(workspace, args)


# ---- the slots ----------------------------------------------------------------------------------
def _list(workspace: Workspace, args: argparse.Namespace) -> int:
    from reference import slots

    from ..stack import Stack, grouped

    stack = Stack(workspace)
    fillings = stack.fillings()
    wired = {one.slot for one in fillings}
    others = [name for name in slots.names() if name not in wired]
    if args.json:
        print_json({"slots": [_plain(one, stack) for one in fillings], "reference_only": others})
        return 0
    out = style(workspace)
    for title, group in grouped(fillings).items():
        print(out.strong(title))
        for one in group:
            print(_line(one, stack, out))
    mine = sum(one.mine for one in fillings)
    print(f"\n{mine} of {len(fillings)} slots run your code; the others run the course's own part.")
    if args.all:
        print("Slots that no stage fills: " + ", ".join(others) + ".")
    else:
        print(
            f"{len(others)} more slots have only the course's part: `lab stack --all` names them."
        )
    print("`lab stack use SLOT mine` plugs yours in; `lab stack train gpt` trains on the mixture.")
    return 0


def _line(one: Any, stack: Any, out: render.Style) -> str:
    return "  " + render.filling(one, stack.standing(one.owner) if one.mine else "", out)


def _plain(one: Any, stack: Any) -> dict[str, Any]:
    attempt = stack.attempts.get(one.owner)
    return {
        "slot": one.slot,
        "owner": one.owner,
        "stages": list(one.stages),
        "chosen": one.chosen,
        "score": attempt.score if attempt else None,
        "max_score": attempt.max_score if attempt else None,
    }


def _use(workspace: Workspace, args: argparse.Namespace) -> int:
    from ..stack import Stack

    stack = Stack(workspace)
    changed = stack.use(args.slot, args.owner)
    if args.json:
        print_json({"slots": [_plain(one, stack) for one in changed]})
        return 0
    out = style(workspace)
    for one in changed:
        print(_line(one, stack, out))
    return 0


# ---- training -----------------------------------------------------------------------------------
def _train(workspace: Workspace, args: argparse.Namespace) -> int:
    from grader.stack import Parts
    from grader.training import train

    from ..stack import Stack

    parts = Parts() if args.reference else Stack(workspace).parts()
    model = MODELS[args.model]
    steps = args.steps or model.steps
    told = _Told(workspace, steps, silent=args.json)
    told.say(f"{model.title}; {len(parts.choice)} slots run your code.")
    try:
        found = train(
            model.id, parts, steps=steps, seconds=args.seconds, seed=args.seed, tell=told.hear
        )
    finally:
        told.end()
    if args.json:
        print_json({"model": model.id, **document(found), "curve": told.points})
    else:
        for sentence in render.trained(found, len(parts.choice)):
            told.say(sentence)
    return 0 if found.ok else 1


class _Told:
    """What is said of a training: a curve that grows on a terminal, lines elsewhere."""

    def __init__(self, workspace: Workspace, steps: int, *, silent: bool) -> None:
        self._style, self._steps, self._silent = style(workspace), steps, silent
        self._live = sys.stdout.isatty() and not silent
        self._drawn = 0
        self._next = 1
        self.points: list[tuple[int, float]] = []

    def say(self, text: str) -> None:
        if not self._silent:
            print(text, flush=True)

    def hear(self, step: int, loss: float) -> None:
        """A point of the curve."""
        self.points.append((step, loss))
        if self._live:
            self._draw()
        elif not self._silent and (step >= self._next or step == self._steps):
            self._next = step + max(1, self._steps // TOLD)
            print(f"step {step:>5} of {self._steps}   loss {loss:.4f}", flush=True)

    def _draw(self) -> None:
        width = min(72, shutil.get_terminal_size((80, 24)).columns - 10)
        lines = curve(
            self.points, width, LINES, ascii=self._style.symbols == "ascii", total=self._steps
        )
        lines.append(f"step {self.points[-1][0]} of {self._steps}   loss {self.points[-1][1]:.4f}")
        up = f"\x1b[{self._drawn}A" if self._drawn else ""
        sys.stdout.write(up + "".join(f"\x1b[2K{line}\n" for line in lines))
        sys.stdout.flush()
        self._drawn = len(lines)

    def end(self) -> None:
        """Nothing is drawn over from now on."""
        self._drawn = 0


def _titles() -> str:
    return "; ".join(f"{model.id}: {model.title}" for model in MODELS.values())


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"{text} must be at least 1")
    return number
