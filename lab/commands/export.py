"""Write a grading in another program's form, from the ledger in DIR.

csv prints the gradebook; gradescope, html and junit write one file a learner beside the reports.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from grader.errors import UsageError

FORMS = {"gradescope": "gradescope.json", "html": "html", "junit": "xml"}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "form", metavar="FORM", choices=("csv", *FORMS), help="csv, gradescope, html, junit"
    )
    parser.add_argument("--out", metavar="DIR", type=Path, required=True, help="of the grading")


def run(args: argparse.Namespace) -> int:
    from grader.batch import LEDGER
    from grader.ledger import Ledger
    from grader.views import gradescope, html, junit, table

    path = args.out / LEDGER
    if not path.is_file():
        raise UsageError(f"{args.out} holds no ledger: `lab grade` writes one.")
    with Ledger(path) as ledger:
        reports = [report for stage in ledger.stages() for report in ledger.grade_reports(stage)]
    if args.form == "csv":
        print(table.gradebook(reports), end="")
        return 0
    for report in reports:
        text = {
            "gradescope": lambda r: json.dumps(gradescope.results(r), indent=1, ensure_ascii=False),
            "html": html.page,
            "junit": junit.junit,
        }[args.form](report)
        folder = args.out / report["submission"]["students"][0]
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"{report['assignment']['id']}.{FORMS[args.form]}").write_text(
            text, encoding="utf-8"
        )
    print(f"Wrote {len(reports)} {args.form} files under {args.out}.")
    return 0
