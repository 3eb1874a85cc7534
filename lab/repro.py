"""`lab check --repro`: the calls of a public check as a plain script, to debug with."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from assignments.catalog import Stage

HEAD = '''\
"""The calls that the public check {check!r} makes, for a debugger and for print.

{title}
{said}
Run it here with any Python that has numpy, or in the box: lab run {name}
"""

import numpy as np

import {module}
'''

# Kernels are not called but launched, and by the engine: it tells what each line costs, too.
HEAD_OF_KERNELS = '''\
"""The launches that the public check {check!r} makes, with what each line of them costs.

{title}
{said}
Run it with the lab's own Python, or in the box: lab run {name}
"""

from pathlib import Path

import numpy as np
from kernels.gpu_engine import Engine
from kernels.gpu_engine.examine import examine
from kernels.gpu_engine.judge import Budget
from kernels.gpu_engine.report import report

FILE = Path(__file__).with_name("{module}.py")
ENGINE = Engine(FILE.read_text(encoding="utf-8"), FILE.name)


def launch(name, *arguments, judged=False, per_element=None, total=None):
    done = examine(ENGINE, name, arguments, judged=judged, budget=Budget(per_element, total))
    if done.launch is None:
        print(name, *(found.message for found in done.findings))
        return
    judged_found = [found for found in done.findings if found not in done.launch.findings]
    print(report(done.launch, judged_found))
    print("  the result:", [one for one in arguments if isinstance(one, np.ndarray)][-1])

'''


def write_repro(stage: Stage, file: Path, check_id: str) -> tuple[Path | None, int]:
    """Run one public check over `file` and write its calls beside it.

    Returns:
        The script (None if the check called nothing) and the number of calls.
    """
    from grader.runner import run_suite

    calls: list[dict[str, Any]] = []

    def hear(event: dict[str, Any]) -> None:
        if event["event"] == "call":
            calls.append(event)

    ran = run_suite(
        stage, file.read_bytes(), "public", only=[check_id], emit=hear, record_calls=True
    )
    if not calls:
        return None, 0
    outcome = ran.outcomes[0]
    said = f"It ended so: {outcome.status}. {outcome.message}".strip()
    place = file.parent
    text = _script(stage, check_id, said.replace('"""', "'''").replace("\\", "/"), calls)
    script = _free(place, f"repro_{check_id}", text)
    script.write_text(text, encoding="utf-8")
    return script, len(calls)


def _script(stage: Stage, check_id: str, said: str, calls: list[dict[str, Any]]) -> str:
    title = stage.check(check_id).title
    parts = [
        (HEAD_OF_KERNELS if stage.runs == "gpu_engine" else HEAD).format(
            check=check_id, title=title, said=said, name=f"repro_{check_id}.py", module=stage.id
        )
    ]
    parts += [_call(stage, number, call) for number, call in enumerate(calls, 1)]
    return "\n".join(parts)


def _call(stage: Stage, number: int, call: dict[str, Any]) -> str:
    names = _parameters(stage, call["export"])
    lines, passed = [f"# call {number}"], []
    for place, value in enumerate(call["args"]):
        name = names[place] if place < len(names) else f"argument_{place}"
        lines.append(f"{name} = {_literal(value)}")
        passed.append(name)
    passed += [f"{name}={_literal(value)}" for name, value in call["kwargs"].items()]
    if stage.runs == "gpu_engine":
        lines.append(f'launch("{call["export"]}", {", ".join(passed)})')
        return "\n".join(lines) + "\n"
    lines.append(f"result = {stage.id}.{call['export']}({', '.join(passed)})")
    lines.append(f'print("{call["export"]} returns", repr(result))')
    changed = [name for name, value in zip(names, call["args"], strict=False) if _is_array(value)]
    if changed and number == 1:
        lines.append("# Arguments may have changed in place:")
    lines += [f'print("  afterwards {name} =", repr({name}))' for name in changed]
    return "\n".join(lines) + "\n"


def _parameters(stage: Stage, export: str) -> list[str]:
    for found in stage.exports:
        if found.name == export:
            inside = found.signature[1 : found.signature.index(")")]
            return [
                part.split("=")[0].split(":")[0].strip(" *") for part in inside.split(",") if part
            ]
    return []


def _literal(value: Any) -> str:
    """The Python text of a recorded value (see `grader.plugin.plain`)."""
    if _is_array(value):
        data = json.dumps(value["data"]).replace("NaN", "np.nan").replace("Infinity", "np.inf")
        text = f'np.array({data.replace("true", "True").replace("false", "False")}, dtype="{value["dtype"]}")'
        return (
            text
            if len(value["shape"]) > 0 and 0 not in value["shape"]
            else (f"{text}.reshape({tuple(value['shape'])})")
        )
    if isinstance(value, dict) and "text" in value:
        return f"...  # {value['text']}"
    if isinstance(value, float) and value != value:
        return "np.nan"
    return repr(value)


def _is_array(value: Any) -> bool:
    return isinstance(value, dict) and "dtype" in value


def _free(folder: Path, stem: str, text: str) -> Path:
    """A name that is free, or whose file says the same already: nobody's notes are overwritten."""
    place, number = folder / f"{stem}.py", 2
    while place.exists() and place.read_text(encoding="utf-8", errors="replace") != text:
        place, number = folder / f"{stem}_{number}.py", number + 1
    return place
