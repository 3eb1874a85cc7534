"""The course's key: make it, show its public half, keep a copy; and whose reports to believe."""

from __future__ import annotations

import argparse
from pathlib import Path

from .arguments import add_json, print_json


def add_arguments(parser: argparse.ArgumentParser) -> None:
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    actions.add_parser("new", help="make the course's key on this machine")
    show = actions.add_parser("show", help="the public key, to be given to those who verify")
    add_json(show)
    backup = actions.add_parser("backup", help="copy the private key to FILE")
    backup.add_argument("file", metavar="FILE", type=Path)
    trust = actions.add_parser("trust", help="believe reports signed with the public key PUB")
    trust.add_argument("public", metavar="PUB")
    trust.add_argument("--name", default="a course", help="what to call it")


def run(args: argparse.Namespace) -> int:
    from grader import keys

    if args.action == "new":
        key = keys.create("course")
        print(f"The course's key is made: {keys.path('course')} (keep it; back it up).")
        print(f"Its public half: {key.public}")
    elif args.action == "show":
        public, trusted = keys.load("course").public, keys.trusted()
        if args.json:
            print_json({"public": public, "trusted": dict(trusted)})
        else:
            print(public)
    elif args.action == "backup":
        keys.backup("course", args.file)
        print(f"{args.file} holds the private key now: whoever has it can sign for the course.")
    else:
        keys.trust(args.public, args.name)
        print(f"Reports signed with {args.public[:16]}... are believed from now on ({args.name}).")
    return 0
