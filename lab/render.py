"""Events and views as text for a terminal: what passed, the first failure explained, what comes next.

Everything that a learner's code said is text here, cleaned of control sequences by the grader.
"""

from __future__ import annotations

import os
import textwrap
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TextIO

if TYPE_CHECKING:
    from grader.models import Trained

    from .stack import Filling

UNICODE = {
    "passed": "✓", "partial": "◐", "failed": "✗", "error": "!", "timeout": "✗", "memory": "✗",
    "crashed": "✗", "skipped": "·", "not_run": "!", "inconclusive": "?", "not_assessed": "·",
    "mine": "●", "reference": "·",
}  # fmt: skip
ASCII = {
    "passed": "+", "partial": "~", "failed": "x", "error": "!", "timeout": "x", "memory": "x",
    "crashed": "x", "skipped": ".", "not_run": "!", "inconclusive": "?", "not_assessed": ".",
    "mine": "*", "reference": ".",
}  # fmt: skip
COLOURS = {
    "passed": "32", "partial": "33", "skipped": "2", "not_assessed": "2", "mine": "32", "reference": "2",
}  # fmt: skip
HEAT = {"unicode": " ▁▂▃▄▅▆▇█", "ascii": " .:-=+*#@"}
WIDTH = 92
UNEARNED = "Hygiene and performance count once what they are about is right."


@dataclass(frozen=True, slots=True)
class Style:
    """How to write: with which symbols, and whether in colour."""

    symbols: str = "unicode"
    colour: bool = False

    @classmethod
    def of(cls, stream: TextIO, symbols: str = "unicode") -> Style:
        """Colour on a terminal only, ASCII where the stream knows no Unicode."""
        encoding = (stream.encoding or "ascii").lower()
        dumb = "NO_COLOR" in os.environ or os.environ.get("TERM", "dumb") == "dumb"
        return cls(symbols if encoding.startswith("utf") else "ascii", stream.isatty() and not dumb)

    def mark(self, status: str) -> str:
        """The symbol of a status; colour only repeats what the symbol says."""
        symbol = (ASCII if self.symbols == "ascii" else UNICODE)[status]
        return self.painted(symbol, COLOURS.get(status, "31"))

    def strong(self, text: str) -> str:
        return self.painted(text, "1")

    def faint(self, text: str) -> str:
        return self.painted(text, "2")

    def painted(self, text: str, code: str) -> str:
        """`text` in the colour of an ANSI code, where there is colour."""
        return f"\x1b[{code}m{text}\x1b[0m" if self.colour else text


def check_line(title: str, event: Mapping[str, Any], style: Style) -> str:
    """One line for one check."""
    status = event["status"]
    note = "" if status in ("passed", "failed") else f" ({status.replace('_', ' ')})"
    return f"  {style.mark(status)} {title}{style.faint(note)}"


def failure(title: str, event: Mapping[str, Any], style: Style, width: int = WIDTH) -> list[str]:
    """A failing check explained: what was seen, where, the diagnosis, what to think about next."""
    lines = [f"{style.mark(event['status'])} {style.strong(title)}"]
    lines += _wrapped(event.get("message") or event.get("reason", ""), width)
    if event.get("diagnosis"):
        lines += _wrapped(f"Diagnosis: {event['diagnosis']}.".replace("..", "."), width)
    if event.get("diff"):
        lines += [f"  {line}" for line in array_diff(event["diff"], style.symbols, width)]
    elif event.get("expected"):
        lines += [f"  expected  {event['expected']}", f"  got       {event.get('actual', '')}"]
    if event.get("traceback"):
        lines += [f"    {style.faint(line)}" for line in event["traceback"].strip().splitlines()]
    if event.get("output"):
        lines += ["  your code printed:"]
        lines += [f"    {line}" for line in event["output"].strip().splitlines()[-20:]]
    if event.get("help"):
        lines += _wrapped(f"Think about: {event['help']}", width)
    return lines


def array_diff(diff: Mapping[str, Any], symbols: str = "unicode", width: int = WIDTH) -> list[str]:
    """Two arrays beside each other around the first wrong entry, and where the others are."""
    wanted, got = diff["shape"]
    lines = []
    if wanted != got or diff["dtype"][0] != diff["dtype"][1]:
        lines.append(f"shape {_shape(wanted)} expected, {_shape(got)} got")
        lines.append(f"dtype {diff['dtype'][0]} expected, {diff['dtype'][1]} got")
    if "bad" not in diff:
        return lines
    first = ", ".join(str(place) for place in diff["first"])
    lines.append(f"{diff['bad']} of {diff['size']} entries differ, the first at [{first}]")
    lines.append(f"largest error: {diff['max_abs']} absolute, {diff['max_rel']} relative")
    lines += _windows(diff, width)
    lines.append("where: " + heat_strip(diff["heat"], symbols))
    return lines


def heat_strip(heat: Sequence[int], symbols: str = "unicode") -> str:
    """The whole array in one line, from its first entry to its last: how much of it is wrong."""
    ramp = HEAT[symbols]
    return "[" + "".join(ramp[level] for level in heat) + "]"


def _windows(diff: Mapping[str, Any], width: int) -> list[str]:
    expected, actual = diff["expected_window"], diff["actual_window"]
    if diff["size"] < 2:
        return []
    row, column = diff["window_start"]
    wide = max(len(entry) for line in (*expected, *actual) for entry in line)
    title = f"from [{row}, {column}]" if len(diff["shape"][0]) > 1 else f"from [{column}]"
    left = ["  ".join(entry.rjust(wide) for entry in line) for line in expected]
    right = ["  ".join(entry.rjust(wide) for entry in line) for line in actual]
    head = f"expected {title}"
    gap = max(len(head), *(len(line) for line in left))
    if gap + max(len(line) for line in right) > width - 6:
        fits = max(1, (width - 4) // (wide + 2)) * (wide + 2)
        rows = [[f"  {line[:fits].rstrip()}" for line in side] for side in (left, right)]
        return [head, *rows[0], "got", *rows[1]]
    pairs = [(head, "got"), *zip(left, right, strict=True)]
    return [f"{one.ljust(gap)}   {two}" for one, two in pairs]


def rubric(view: Mapping[str, Any], style: Style) -> list[str]:
    """Points by rubric line."""
    lines = []
    for line in view.get("rubric", ()):
        mark = (
            "passed"
            if line["score"] == line["max_score"]
            else "partial"
            if line["score"]
            else "failed"
        )
        lines.append(
            f"  {style.mark(mark)} {line['title']:<26}{line['score']:>6g} of {line['max_score']:g}"
        )
    return lines


def graded(view: Mapping[str, Any], style: Style, width: int = WIDTH) -> list[str]:
    """A learner's view: the score, the rubric, and each check that did not pass."""
    if view["status"] == "infrastructure_error":
        return _owed(view, style, width)
    lines = [style.strong(f"{view['score']:g} of {view['max_score']:g} points")]
    if view["status"] == "needs_review":
        lines.append("  A person should look at this: a time is better than seems possible.")
    lines += rubric(view, style)
    for test in view["tests"]:
        performance = test.get("performance")
        if test["status"] != "passed" or performance is not None:
            lines.append(check_line(test["name"], test, style) + _points(test))
            lines += [f"    {line}" for line in _advice(test, width)]
        if performance is not None and "value" in performance:
            lines += _wrapped(speed(performance), width, " " * 6)
    if any(t["status"] == "passed" and t["score"] < t["max_score"] for t in view["tests"]):
        lines += _wrapped(UNEARNED, width)
    if view.get("output"):
        lines += ["", *_wrapped(view["output"], width, "")]
    return lines


def _owed(view: Mapping[str, Any], style: Style, width: int) -> list[str]:
    """A run without a score: what the grader still owes, and that it costs nothing."""
    owed = [t for t in view["tests"] if t["status"] in ("error", "not_run", "inconclusive")]
    return [
        style.strong("No score yet: the grader could not judge everything."),
        *_wrapped("This costs you nothing; submit again. What is open:", width),
        *(check_line(test["name"], test, style) for test in owed),
    ]


def speed(performance: Mapping[str, Any]) -> str:
    """A timing in one line: the ratio, and the tiers with the one that was reached."""
    value = performance["value"]
    tiers = ", ".join(
        f"{tier['fraction']:.0%} up to {tier['at']:g}x"
        for tier in performance.get("thresholds", ())
    )
    return f"{value:.2f}x the time of the course's solution ({tiers})"


def timed(title: str, outcome: Mapping[str, Any], style: Style, width: int = WIDTH) -> list[str]:
    """One timed check: how fast, against what, or why it could not be timed."""
    lines = [check_line(title, outcome, style)]
    performance = outcome.get("performance")
    if performance is None:
        lines += _wrapped(outcome.get("message") or outcome.get("reason", ""), width, " " * 6)
        return lines
    lines += _wrapped(speed(performance), width, " " * 6)
    low, high = performance["ci"]
    said = f"{performance['pairs']} pairs in turns; the ratio lies in {low:.2f} .. {high:.2f}"
    if "first_call_s" in performance:
        said += f"; the first call, which compiles, took {performance['first_call_s']:.2g} s apart"
    if performance.get("reason"):
        said += f"; {performance['reason']}"
    return [*lines, *_wrapped(said, width, " " * 6)]


def _advice(test: Mapping[str, Any], width: int) -> list[str]:
    said = [test.get(name, "") for name in ("message", "diagnosis", "hint")]
    return [line for part in said if part for line in textwrap.wrap(part, width - 6)]


def points(score: float | None, max_score: float | None, status: str | None) -> str:
    """A score as history shows it; none where the grader still owes one."""
    if status == "infrastructure_error" or score is None or max_score is None:
        return "no score yet"
    return f"{score:g} of {max_score:g}"


# ---- the own stack --------------------------------------------------------------------------------
def filling(one: Filling, standing: str, style: Style, *, mark: str = "") -> str:
    """A slot in one line: whose code fills it, and how far that file is."""
    sign = style.mark(mark or ("mine" if one.mine else "reference"))
    if one.mine:
        why = "" if one.chosen else style.faint(" (it passes)")
        return f"{sign} {one.slot:<24} {one.owner + '.py':<13}{standing}{why}"
    could = f"{', '.join(one.stages)} could" if one.stages else "no stage fills it"
    return f"{sign} {one.slot:<24} {'reference':<13}{style.faint(could)}"


TAKE_OUT = "`lab stack use {slot} reference` takes it out."


def trained(found: Trained, plugged: int, remedy: str = TAKE_OUT) -> list[str]:
    """How a training on `plugged` parts of the learner ended, in sentences; what broke comes first.

    Args:
        remedy: what to do about the first broken part, with a place for its {slot}.
    """
    said = [*_unplugged(found.failures)]
    if found.trouble:
        said.append(f"Training broke at step {found.steps + 1}: {_complaint(found.trouble)}")
        if found.trouble.get("slot"):
            whose = found.trouble.get("stage") or "reference"
            said.append(f"It happened in the slot {found.trouble['slot']} ({whose}).")
    if found.odd and not _same(found.odd, found.trouble):
        from grader.stack import blame

        said.append(f"Beside the course's own parts, {blame(found.odd)}.")
    mine = [one for one in (*found.failures, found.trouble, found.odd) if one.get("stage")]
    if mine and mine[0].get("slot"):
        said.append(remedy.format(slot=mine[0]["slot"]))
    if found.loss is None or found.seconds is None:
        return said
    said.append(
        f"{found.steps} steps in {found.seconds:.1f} s; the loss of the last batch {found.loss:.3f}."
    )
    if "accuracy" in found.unseen:
        said.append(f"Unseen digits: {found.unseen['accuracy']:.1%} right.")
    else:
        loss, guess = found.unseen["loss"], found.unseen["guess"]
        said.append(
            f"Unseen text: loss {loss:.3f}, {loss / guess:.0%} of log(vocabulary) = {guess:.2f}."
        )
    if plugged and not found.odd:
        said.append("Over three steps, it did the same with your parts as with the course's own.")
    return said


def _unplugged(failures: Iterable[Mapping[str, str]]) -> list[str]:
    """Parts that could not be plugged in; those of one cause are told together."""
    causes: dict[tuple[str, ...], list[Mapping[str, str]]] = {}
    for failure in failures:
        cause = tuple(failure.get(name, "") for name in ("stage", "error", "text", "line"))
        causes.setdefault(cause, []).append(failure)
    said = []
    for (stage, *_), alike in causes.items():
        slot, more = alike[0].get("slot", ""), len(alike) - 1
        others = f" and {more} more slots" if more else ""
        said.append(f"{stage}.py could not be plugged into {slot}{others}: {_complaint(alike[0])}")
    return said


def _same(one: Mapping[str, str], other: Mapping[str, str]) -> bool:
    return all(one.get(name) == other.get(name) for name in ("slot", "error", "text"))


def _complaint(found: Mapping[str, str]) -> str:
    place = f" [{found['line']}: {found.get('code', '')}]" if found.get("line") else ""
    return f"{found.get('error', '')}: {found.get('text', '')}{place}"


def _points(test: Mapping[str, Any]) -> str:
    return f"  {test['score']:g}/{test['max_score']:g}"


def _wrapped(text: str, width: int = WIDTH, indent: str = "  ") -> list[str]:
    return [
        line
        for part in text.splitlines()
        for line in textwrap.wrap(part, width, initial_indent=indent, subsequent_indent=indent)
    ]


def _shape(sizes: Iterable[int]) -> str:
    inner = ", ".join(str(size) for size in sizes)
    return f"({inner},)" if inner and "," not in inner else f"({inner})"
