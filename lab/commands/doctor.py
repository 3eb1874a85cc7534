"""What this machine can do, and the one thing to type where something lacks."""

from __future__ import annotations

import argparse
import sys
from dataclasses import asdict

from ..doctor import examine, warm
from ..workspace import find, remembered
from .arguments import add_json, print_json, style

STATUS = {"good": "passed", "fair": "partial", "bad": "failed"}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_json(parser)
    parser.add_argument(
        "--warm", action="store_true", help="compile the reference's kernels now (once, a minute)"
    )


def run(args: argparse.Namespace) -> int:
    findings = examine()
    if args.warm:
        findings.append(warm(_progress))
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


def _progress(done: int, total: int, what: str) -> None:
    """One line on a terminal, written over; nothing where nobody reads along."""
    if sys.stderr.isatty():
        told = f"compiling {done + 1} of {total}: {what}" if done < total else ""
        print(f"\r\x1b[K{told}", end="", file=sys.stderr, flush=True)
