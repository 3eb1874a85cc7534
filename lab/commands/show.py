"""What a stage asks for: its exports, checks, points and limits; --lesson prints its lesson."""

from __future__ import annotations

import argparse
import shutil

from assignments import catalog
from assignments.catalog import Stage

from ..workspace import find, remembered
from .arguments import add_json, add_stage, print_json, style


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_stage(parser)
    parser.add_argument("--lesson", action="store_true", help="print the lesson")
    parser.add_argument("--language", choices=("en", "zh"), help="of the lesson")
    add_json(parser)


def run(args: argparse.Namespace) -> int:
    stage = catalog.stage(args.stage)
    workspace = find() or remembered()
    language = args.language or (workspace.language if workspace else "en")
    if args.lesson:
        from ..lesson import lines, read

        width = min(shutil.get_terminal_size((88, 24)).columns, 100)
        ascii_only = style(workspace).symbols == "ascii"
        print("\n".join(lines(read(stage, language), width, ascii=ascii_only)))
        return 0
    if args.json:
        print_json(_document(stage))
        return 0
    out = style(workspace)
    print(out.strong(f"{stage.number:02d} {stage.title}"))
    print(f"{stage.summary}\n\nYou write, in {stage.file_name}:")
    for export in stage.exports:
        print(f"  {export.name}{export.signature}\n      {export.summary}")
    print(f"\nPublic checks ({len(stage.public)}), in the order to build:")
    for check in stage.public:
        print(f"  {check.id:<20}{check.title}")
    points = ", ".join(f"{name} {value:g}" for name, value in stage.points.items() if value)
    print(f"\n{len(stage.hidden)} hidden checks decide 100 points: {points}.")
    for timing in stage.timings:
        tiers = ", ".join(f"{tier.fraction:.0%} up to {tier.at:g}x" for tier in timing.tiers)
        print(f"Timed: {timing.export} against the course's own solution: {tiers} of its time.")
    return 0


def _document(stage: Stage) -> dict[str, object]:
    return {
        "id": stage.id,
        "number": stage.number,
        "title": stage.title,
        "title_zh": stage.title_zh,
        "summary": stage.summary,
        "version": stage.version,
        "needs": list(stage.needs),
        "file": stage.file_name,
        "exports": [
            {"name": e.name, "signature": e.signature, "summary": e.summary} for e in stage.exports
        ],
        "public_checks": [{"id": check.id, "title": check.title} for check in stage.public],
        "hidden_checks": len(stage.hidden),
        "points": dict(stage.points),
        "timed": [
            {
                "export": timing.export,
                "tiers": [{"at": tier.at, "fraction": tier.fraction} for tier in timing.tiers],
            }
            for timing in stage.timings
        ],
    }
