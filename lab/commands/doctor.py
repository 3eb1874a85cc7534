"""What this machine can do, and the one thing to type where something lacks."""

from __future__ import annotations

import argparse
from dataclasses import asdict

from ..doctor import examine
from ..workspace import find, remembered
from .arguments import add_json, print_json, style

STATUS = {"good": "passed", "fair": "partial", "bad": "failed"}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_json(parser)


def run(args: argparse.Namespace) -> int:
    findings = examine()
    bad = any(finding.state == "bad" for finding in findings)
    if args.json:
        print_json({"ok": not bad, "findings": [asdict(finding) for finding in findings]})
        return 1 if bad else 0
    out = style(find() or remembered())
    for finding in findings:
        print(f"{out.mark(STATUS[finding.state])} {finding.name:<14}{finding.found}")
        if finding.advice:
            print(f"    {finding.advice}")
    return 1 if bad else 0
