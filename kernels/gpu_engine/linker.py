"""From a kernel's name and the types of its arguments to a function that the machine can run."""

from __future__ import annotations

import ast
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from .arithmetic import NAMESPACE
from .errors import Rejected, Unsupported
from .findings import Finding
from .lanes import Loop
from .names import Function, Path
from .program import Program
from .sites import Place
from .translate_statements import FunctionTranslator
from .typed import Declaration, Promotion, Typed
from .types import NONE, Type
from .typing_statements import FunctionTyper

STATIC_LIMIT = 48 * 1024  # bytes of shared arrays with a shape that a block may declare
DEPTH = 16  # device functions that call one another


@dataclass
class Compiled:
    """A kernel for one tuple of argument types.

    Attributes:
        run: called with the machine, a mask and the arguments.
        places: places of the source that touch memory.
        names: names of the declared arrays, by identity of the declaration.
        stores: parameters that the kernel stores into.
        promotion: the first place where float64 comes in, as a finding.
        source: the generated text, for those who want to look.
    """

    function: Function
    run: Callable[..., Any]
    places: list[Place]
    names: dict[int, str]
    stores: set[str]
    promotion: Finding | None
    uses_syncwarp: bool
    source: str
    declarations: list[Declaration] = field(default_factory=list)


class Linker:
    """Types and translates a kernel and the device functions that it calls."""

    def __init__(self, program: Program) -> None:
        self.program = program
        self.typed: dict[tuple[str, tuple[Type, ...]], Typed] = {}
        self.active: list[str] = []

    def link(self, function: Function, arguments: tuple[Type, ...], call: ast.Call) -> Typed:
        """The typed device function for one call."""
        key = function.name, arguments
        if key in self.typed:
            return self.typed[key]
        if function.name in self.active or len(self.active) > DEPTH:
            raise Unsupported(call.lineno, f"{function.name}, which calls itself", "Write a loop.")
        self.active.append(function.name)
        found = FunctionTyper(self.program, function, arguments, self.link).run()
        self.active.pop()
        self.typed[key] = found
        return found

    def compile(self, name: str, arguments: tuple[Type, ...]) -> Compiled:
        """Type and translate a kernel.

        Raises:
            Unsupported: the engine cannot run it.
            Rejected: Numba would not compile it.
        """
        function = self.program.kernel(name)
        self.typed, self.active = {}, [name]
        kernel = FunctionTyper(self.program, function, arguments, self.link).run()
        if kernel.returns != NONE:
            raise Rejected(
                function.node.lineno,
                name,
                f"returns {kernel.returns}; a kernel returns nothing",
                "Store the result into an array.",
            )
        everything = [kernel, *self.typed.values()]
        places: list[Place] = []
        constants: list[Any] = []
        names = {id(one): f"D{number}" for number, one in enumerate(everything)}
        texts = []
        for one in everything:
            translator = FunctionTranslator(
                self.program, one, places, lambda callee: names[id(callee)], constants
            )
            texts.append(translator.source(names[id(one)], kernel=one is kernel))
        source = "\n\n".join(texts)
        namespace: dict[str, Any] = {**NAMESPACE, "Loop": Loop, "__builtins__": {}}
        namespace |= {"type": type, "len": len}
        namespace |= {f"K{number}": value for number, value in enumerate(constants)}
        # The text is made of tables of the engine, literals and names with a prefix of its own.
        exec(compile(source, f"<engine {name}>", "exec"), namespace)
        declarations = [one for typed in everything for one in typed.declarations.values()]
        self._check_shared(declarations)
        return Compiled(
            function,
            namespace[names[id(kernel)]],
            places,
            _names_of(everything),
            kernel.stores,
            _first_promotion([p for typed in everything for p in typed.promotions.values()]),
            any(self._calls(one, "cuda.syncwarp") for one in everything),
            source,
            declarations,
        )

    def _calls(self, typed: Typed, name: str) -> bool:
        return any(
            isinstance(one, ast.Call) and self.program.resolve(one.func) == Path(name)
            for one in ast.walk(typed.function.node)
        )

    def _check_shared(self, declarations: list[Declaration]) -> None:
        total = 0
        for one in declarations:
            if one.space == "shared":
                size = one.dtype.bits // 8
                for extent in one.shape:
                    size *= extent
                total += size
                if total > STATIC_LIMIT:
                    raise Rejected(
                        one.node.lineno,
                        f"{total} bytes of shared arrays",
                        f"are more than the {STATIC_LIMIT} that a block may declare",
                        "Make the tiles smaller.",
                    )


def _names_of(everything: list[Typed]) -> dict[int, str]:
    """Names of declared arrays: the variable that a declaration is assigned to."""
    found = {}
    for typed in everything:
        for one in ast.walk(typed.function.node):
            if isinstance(one, ast.Assign) and isinstance(one.targets[0], ast.Name):
                declaration = (
                    typed.declarations.get(one.value) if isinstance(one.value, ast.Call) else None
                )
                if declaration is not None:
                    found[id(declaration)] = one.targets[0].id
    return found


def _first_promotion(promotions: list[Promotion]) -> Finding | None:
    if not promotions:
        return None

    def place(one: Promotion) -> tuple[int, int]:
        return getattr(one.node, "lineno", 0), getattr(one.node, "col_offset", 0)

    first = min(promotions, key=place)
    line, column = place(first)
    return Finding(
        "float64",
        line,
        f"{first.text}. A GPU computes float64 at a small part of its float32 speed: write "
        "literals as float32(...), and convert integers with float32(...).",
        column,
    )
