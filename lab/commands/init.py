"""Make a workspace: lab.toml and one folder a stage with its starter. Nothing is overwritten."""

from __future__ import annotations

import argparse
from pathlib import Path

from .. import workspace
from .arguments import add_json, print_json


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("dir", metavar="DIR", nargs="?", type=Path, default=Path())
    add_json(parser)


def run(args: argparse.Namespace) -> int:
    made, files = workspace.create(args.dir)
    shown = [str(file.relative_to(made.root)) for file in files]
    if args.json:
        print_json({"workspace": str(made.root), "created": shown})
        return 0
    if not files:
        print(f"{made.root} is a workspace already, and nothing is missing.")
    else:
        print(f"{made.root} is your workspace:")
        for name in shown:
            print(f"  {name}")
    print("Next: `lab` opens the app; `lab check warmup` checks the first stage.")
    return 0
