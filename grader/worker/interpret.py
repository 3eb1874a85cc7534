"""What a worker can be asked about a file of GPU kernels: it is parsed and interpreted, never imported.

The learner's file is no Python here: `kernels.gpu_engine` reads its kernels and its `launch` and
runs them on NumPy, so nothing in the file can change what is found about it.
"""

from __future__ import annotations

import ast
from typing import Any

import numpy as np
from serve import Server
from wire.frames import Channel

from kernels.gpu_engine import Engine, EngineError, LaunchError, Unsupported
from kernels.gpu_engine.examine import examine
from kernels.gpu_engine.findings import Finding
from kernels.gpu_engine.judge import Budget
from kernels.gpu_engine.program import Program
from kernels.gpu_engine.sites import Counter

FOREIGN = ("reference", "kernels")  # not there for a learner's file, on a GPU or off it
UNWRITTEN = "NotImplementedError"
SHOWN = 100  # characters of a line


class Interpreter(Server):  # type: ignore[misc]
    """The kernels of one learner."""

    def __init__(self, channel: Channel) -> None:
        super().__init__(channel)
        self._engine: Engine | None = None
        self._refusal: EngineError | None = None
        self._operations = {
            "load": self._parse,
            "kernel": self._kernel,
            "has": self._has,
            "nothing": lambda: None,
        }

    def _parse(self, filename: str, source: bytes) -> None:
        self._path = filename
        text = source.decode("utf-8-sig")
        _refuse_foreign(ast.parse(text, filename))
        try:
            self._engine = Engine(text, filename)
        except EngineError as error:  # correct Numba perhaps: an answer to each kernel, no error
            self._refusal = error

    def _has(self, name: str) -> bool:
        return self._engine is not None and self._engine.program.function(name) is not None

    def _kernel(
        self,
        name: str,
        args: tuple[Any, ...],
        outputs: int,
        judged: bool,
        budget: tuple[float | None, float | None] | None,
        seconds: float,
    ) -> dict[str, Any]:
        """Run one kernel; arrays come as they are: inputs, outputs full of NaN, numbers."""
        if self._engine is None:
            assert self._refusal is not None
            return _answer(None, (), self._refusal)
        program = self._engine.program
        for function in (name, "launch"):
            _refuse_unwritten(program, function)
        arrays = [place for place, one in enumerate(args) if isinstance(one, np.ndarray)]
        # What came over the wire may be read-only, and a learner's kernel may write into an input.
        own = tuple(np.array(one) if place in arrays else one for place, one in enumerate(args))
        found = examine(
            self._engine,
            name,
            own,
            outputs=outputs,
            judged=judged,
            budget=Budget(*budget) if budget is not None else None,
            seconds=seconds,
        )
        if isinstance(found.error, LaunchError) and UNWRITTEN in str(found.error):
            raise NotImplementedError(f"launch has no grid and block for {name} yet")
        reply = _answer(program, found.findings, found.error)
        if found.launch is not None:
            last = arrays[len(arrays) - outputs :]
            names = program.kernel(name).parameters
            inputs = {names[place] for place in arrays if place not in last}
            reply |= {
                "outputs": tuple(own[place] for place in last),
                "counters": [_counter(one) for one in found.launch.counters],
                "grid": found.launch.grid,
                "block": found.launch.block,
                "shared_bytes": found.launch.shared_bytes,
                "loaded": found.launch.loaded_elements,
                "written": [
                    [one.array, one.place.line, _text(program, one.place.line)]
                    for one in found.launch.counters
                    if one.array in inputs and one.space == "global" and one.place.op != "load"
                ],
            }
        return reply


def _answer(
    program: Program | None, findings: tuple[Finding, ...], error: EngineError | None
) -> dict[str, Any]:
    found = [[one.kind, one.line, one.message, _text(program, one.line)] for one in findings]
    if error is not None:  # its own message would tell the line once more
        kind = error.finding().kind if isinstance(error, LaunchError | Unsupported) else ""
        said = f"{error.construct} {error.fact}. {error.instead}".strip()
        found = [[kind, error.line, said, _text(program, error.line)]]
    return {"error": "" if error is None else _kind(error), "findings": found}


def _kind(error: EngineError) -> str:
    return "unsupported" if isinstance(error, Unsupported) else type(error).__name__.lower()


def _counter(one: Counter) -> dict[str, Any]:
    return {
        "line": one.place.line,
        "op": one.place.op,
        "array": one.array,
        "space": one.space,
        "requests": int(one.requests),
        "lanes": int(one.lanes),
        "sectors": int(one.sectors),
        "wavefronts": int(one.wavefronts),
    }


def _text(program: Program | None, line: int | None) -> str:
    if program is None or line is None or not 1 <= line <= len(program.lines):
        return ""
    return program.lines[line - 1].strip()[:SHOWN]


def _refuse_foreign(tree: ast.Module) -> None:
    """Raise ImportError for what would not be there if the file were run on a GPU."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            names = [node.module or ""]
        else:
            continue
        for name in names:
            if name.split(".")[0] in FOREIGN:
                raise ImportError(f"line {node.lineno}: there is no {name} in this stage")


def _refuse_unwritten(program: Program, name: str) -> None:
    """Raise NotImplementedError for a function whose body does nothing but that."""
    function = program.function(name)
    body = list(function.node.body) if function is not None else []
    if body and isinstance(body[0], ast.Expr) and isinstance(body[0].value, ast.Constant):
        del body[0]
    if not body or not isinstance(body[0], ast.Raise) or body[0].exc is None:
        return
    raised = body[0].exc
    kind = raised.func if isinstance(raised, ast.Call) else raised
    if isinstance(kind, ast.Name) and kind.id == UNWRITTEN:
        said = raised.args[0] if isinstance(raised, ast.Call) and raised.args else None
        text = said.value if isinstance(said, ast.Constant) else ""
        raise NotImplementedError(text or f"{name} is yours to write")
