"""A report as one HTML page: no scripts, nothing loaded from elsewhere, every text escaped."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape
from typing import Any

from .learner import learner_view

STYLE = (
    "body{font:16px/1.5 system-ui,sans-serif;max-width:52rem;margin:2rem auto;padding:0 1rem}"
    "table{border-collapse:collapse;width:100%}td,th{padding:.4rem .6rem;border-bottom:1px solid "
    "#ddd;text-align:left;vertical-align:top}td.n{text-align:right;white-space:nowrap}"
    "small{color:#555}"
)
MARKS = {"passed": "✓", "partial": "◐"}


def page(report: Mapping[str, Any]) -> str:
    """The page of the learner's view of a report."""
    view = learner_view(report)
    title = f"{view['assignment'].get('title', view['assignment']['id'])}"
    who = ", ".join(view["submission"]["students"])
    rubric = "".join(
        f"<tr><td>{escape(line.get('title', line['id']))}</td>"
        f"<td class=n>{line['score']:g} / {line['max_score']:g}</td></tr>"
        for line in view.get("rubric", ())
    )
    checks = "".join(_row(test) for test in view["tests"])
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{escape(title)}</title>'
        f"<style>{STYLE}</style></head><body><h1>{escape(title)}</h1>"
        f"<p>{escape(who)} · {view['score']:g} of {view['max_score']:g} · {escape(view['status'])} "
        f"· {escape(view['authority'])} · isolation {escape(view['isolation'])}</p>"
        f"<p>{escape(view.get('output', ''))}</p><table>{rubric}</table>"
        f"<h2>Checks</h2><table>{checks}</table></body></html>\n"
    )


def _row(test: Mapping[str, Any]) -> str:
    said = " ".join(filter(None, (test.get(n) for n in ("message", "diagnosis", "hint"))))
    return (
        f"<tr><td>{MARKS.get(test['status'], '✗')}</td><td>{escape(test['name'])}"
        f"<br><small>{escape(said or test['status'])}</small></td>"
        f"<td class=n>{test['score']:g} / {test['max_score']:g}</td></tr>"
    )
