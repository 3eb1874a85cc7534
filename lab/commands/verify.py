"""Hold a report against its signature. Exit status 0 only for a course whose key you trust.

`lab key trust PUB` adds a course's key; --key accepts one for this time.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

from grader.errors import UsageError

from .arguments import add_json, print_json

MAX_BYTES = 64 << 20


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("report", metavar="REPORT", type=Path)
    parser.add_argument("--key", metavar="PUB", help="a course's public key, for this time")
    add_json(parser)


def run(args: argparse.Namespace) -> int:
    from grader import keys, signing
    from grader.report import official

    report = _read(args.report)
    trusted = dict(keys.trusted())
    if args.key:
        trusted[keys.public_key(args.key)] = "the key given with --key"
    found = signing.verify(report, trusted)
    counts, why_not = official(report)
    ok = found.ok and counts
    if args.json:
        print_json(
            {
                "ok": ok,
                "signer": found.key_id,
                "course": found.course,
                "problem": found.problem or ("" if counts else why_not),
                "official": counts,
            }
        )
    elif not found.ok:
        print(f"{args.report}: not to be believed: {found.problem}.")
    elif not counts:
        print(
            f"{args.report}: signed by {found.course}, unchanged, but no official grade: {why_not}."
        )
    else:
        who = ", ".join(report["submission"]["students"])
        print(
            f"{args.report}: signed by {found.course}, unchanged. {who}: "
            f"{report['score']:g} of {report['max_score']:g} for {report['assignment']['id']}."
        )
    return 0 if ok else 1


def _read(path: Path) -> dict[str, Any]:
    from jsonschema import ValidationError

    from grader.report import validate

    try:
        if path.stat().st_size > MAX_BYTES:
            raise UsageError(f"{path} is too large for a report.")
        report = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise UsageError(f"there is no file {path}.") from None
    except (OSError, ValueError, RecursionError):
        raise UsageError(f"{path} is no JSON document.") from None
    try:
        validate(report)
    except ValidationError as error:
        place = "/".join(str(part) for part in error.absolute_path) or "the document"
        raise UsageError(
            f"{path} is no labgrade/1 report: {place}: {error.message[:200]}"
        ) from None
    return dict(report)
