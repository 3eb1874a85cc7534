"""What the lesson claims, with knobs to turn: the curves are computed anew for each setting.

lab explore mlp                     the first exploration of the stage
lab explore mlp valley kappa=100    another one, another setting
"""

from __future__ import annotations

import argparse
import textwrap

from assignments import catalog
from assignments.explorations import explorations, series
from grader.errors import UsageError

from .. import explore
from ..curve import curves
from ..render import WIDTH
from ..workspace import find, remembered
from .arguments import add_json, add_stage, print_json, style


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_stage(parser)
    parser.add_argument("what", metavar="ID", nargs="*", help="an exploration, and NAME=VALUE")
    add_json(parser)


def run(args: argparse.Namespace) -> int:
    stage = catalog.stage(args.stage)
    names = [word for word in args.what if "=" not in word]
    if len(names) > 1:
        raise UsageError(f"one exploration at a time: {names[0]!r} or {names[1]!r}?")
    shown = explore.exploration(stage, names[0] if names else None)
    given = dict(word.split("=", 1) for word in args.what if "=" in word)
    settings = explore.settings(shown, given)
    found = series(stage, shown, settings)
    if args.json:
        print_json({"stage": stage.id, "id": shown.id, "settings": settings, "series": found})
        return 0
    workspace = find() or remembered()
    marks = style(workspace)
    print(f"{shown.title}\n{textwrap.fill(shown.text, WIDTH)}\n\n{shown.y}")
    print("\n".join(curves(found, ascii=marks.symbols == "ascii", log=shown.log)))
    print(f"{shown.x:>64}\n")
    print("\n".join(explore.table(found, shown.x)), end="\n\n")
    for knob in shown.knobs:
        values = "  ".join(f"[{v}]" if v == settings[knob.name] else f"{v}" for v in knob.values)
        print(f"{knob.name} ({knob.title}): {values}")
    others = [one.id for one in explorations(stage) if one is not shown]
    if others:
        print(f"There is more: `lab explore {stage.id} {others[0]}`.")
    return 0
