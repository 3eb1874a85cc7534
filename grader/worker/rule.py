"""What a learner's source may name, decided on the parsed text; nothing of it is run.

A program of its own, in a box of its own: a text that breaks the parser breaks only that. It reads
one line of JSON from descriptor 0 and writes its findings to descriptor 1.

`allows` are lines "KIND: names": KIND is a module that may be imported ("*" stands for all public
names of it), `attributes` for names behind a dot, `builtins` for Python's own, `options` for keywords
of `njit`. `bans` are names that get a sentence of their own, "@" for the operator among them, and
"FUNCTION: names" for what only that function, and what it calls, must do without.
"""

from __future__ import annotations

import ast
import builtins
import json
import os
from collections.abc import Iterator, Sequence

OPERATOR = "@"
COMPILER = "numba.njit"
Finding = tuple[int, str, str]  # line, name, what is wrong with it


def find(source: bytes, allows: Sequence[str], bans: Sequence[str]) -> list[Finding]:
    """What the rule refuses in `source`, by line. A text that Python cannot parse has no findings:
    its import says better what is wrong.
    """
    try:
        tree = ast.parse(source)
    except (SyntaxError, ValueError):
        return []
    reader = _Reader(_table(allows), frozenset(ban for ban in bans if ":" not in ban))
    found = list(reader.module(tree))
    for scope, names in _table(ban for ban in bans if ":" in ban).items():
        found += _within(tree, scope, names)
    return sorted(set(found))


def _table(lines: Sequence[str] | Iterator[str]) -> dict[str, frozenset[str]]:
    """{"numpy": {"abs", ...}} of ["numpy: abs ..."]; lines of one kind add up."""
    found: dict[str, frozenset[str]] = {}
    for line in lines:
        kind, names = line.split(":", 1)
        found[kind.strip()] = found.get(kind.strip(), frozenset()) | frozenset(names.split())
    return found


class _Reader:
    """Walks a module: `_aliases` are its names of modules, `_known` its names of allowed things."""

    def __init__(self, allows: dict[str, frozenset[str]], bans: frozenset[str]) -> None:
        self._attributes = allows.pop("attributes", frozenset())
        self._builtins = allows.pop("builtins", frozenset())
        self._options = allows.pop("options", frozenset())
        self._modules = allows
        self._bans = bans
        self._aliases: dict[str, str] = {}
        self._known: dict[str, str] = {}
        self._notes: set[int] = set()  # the nodes of annotations

    def module(self, tree: ast.Module) -> Iterator[Finding]:
        for node in ast.walk(tree):
            yield from self._imported(node)
        bases = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Attribute)}
        self._notes = {id(part) for note in _notes(tree) for part in ast.walk(note)}
        compiles = _compiling(tree)
        for node in ast.walk(tree):
            yield from self._node(node)
            if isinstance(node, ast.Name) and node.id in self._aliases and id(node) not in bases:
                yield node.lineno, node.id, "a module is used through its names only"
            if (
                isinstance(node, ast.Name | ast.Attribute)
                and self._full(node) == COMPILER
                and id(node) not in compiles
            ):
                yield node.lineno, COMPILER, "it decorates a function, with or without options"

    # ---- imports ------------------------------------------------------------------------------
    def _imported(self, node: ast.AST) -> Iterator[Finding]:
        if isinstance(node, ast.Import):
            for alias in node.names:
                if alias.name in self._modules:
                    yield from self._bound(node.lineno, alias, self._aliases, alias.name)
                else:
                    yield node.lineno, f"import {alias.name}", self._importable()
        elif isinstance(node, ast.ImportFrom):
            module = node.module or "."
            if module == "__future__":
                return
            if node.level or module not in self._modules:
                yield node.lineno, f"from {module} import", self._importable()
                return
            for alias in node.names:
                full = f"{module}.{alias.name}"
                yield from self._bound(node.lineno, alias, self._known, full)
                yield from self._of_module(node.lineno, module, alias.name)

    def _bound(
        self, line: int, alias: ast.alias, names: dict[str, str], what: str
    ) -> Iterator[Finding]:
        """Remember what an import binds; one name is one thing in the whole file."""
        name = alias.asname or alias.name
        before = self._aliases.get(name) or self._known.get(name) or what
        if before != what:
            yield line, name, f"it is already the name of {before}"
        names[name] = what

    def _importable(self) -> str:
        return f"only {', '.join(sorted(self._modules))} can be imported here"

    def _of_module(self, line: int, module: str, name: str) -> Iterator[Finding]:
        allowed = self._modules[module]
        full = f"{module}.{name}"
        if name == "*":
            yield line, f"from {module} import *", "import the names one by one"
        elif full in self._bans:
            yield line, full, "banned here: this product is yours to write"
        elif not (name in allowed or ("*" in allowed and not name.startswith("_"))):
            yield line, full, "not among the names that this stage allows"

    # ---- everything else ------------------------------------------------------------------------
    def _node(self, node: ast.AST) -> Iterator[Finding]:
        if isinstance(node, ast.BinOp | ast.AugAssign) and isinstance(node.op, ast.MatMult):
            sign = OPERATOR if isinstance(node, ast.BinOp) else f"{OPERATOR}="
            yield node.lineno, sign, "banned here: this product is yours to write"
        elif isinstance(node, ast.Attribute):
            yield from self._attribute(node)
        elif isinstance(node, ast.Name):
            yield from self._name(node.lineno, node.id)
        elif isinstance(node, ast.arg):
            yield from self._name(node.lineno, node.arg, binds=True)
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            if node.name != "__init__":
                yield from self._name(node.lineno, node.name, binds=True)
        elif isinstance(node, ast.Call):
            yield from self._call(node)
        elif isinstance(node, ast.MatchClass):
            yield node.lineno, "case", "a pattern with a class reads attributes unseen"

    def _attribute(self, node: ast.Attribute) -> Iterator[Finding]:
        base = node.value
        if isinstance(base, ast.Name) and base.id in self._aliases:
            if node.attr == "ndarray" and id(node) in self._notes:
                return  # it makes views of anything, but not in an annotation
            yield from self._of_module(node.lineno, self._aliases[base.id], node.attr)
        elif f"ndarray.{node.attr}" in self._bans:
            yield node.lineno, f".{node.attr}", "banned here: this product is yours to write"
        elif node.attr not in self._attributes:
            yield node.lineno, f".{node.attr}", "not among the attributes that this stage allows"

    def _name(self, line: int, name: str, *, binds: bool = False) -> Iterator[Finding]:
        if name.startswith("__") and name not in ("__all__", "__name__"):
            yield line, name, "names with two underscores are Python's own"
        elif hasattr(builtins, name) and name not in self._builtins:
            yield line, name, "not among the built-in names that this stage allows"
        elif binds and name in self._aliases:
            yield line, name, f"it is already the name of {self._aliases[name]}"

    def _call(self, node: ast.Call) -> Iterator[Finding]:
        if self._full(node.func) != COMPILER:
            return
        for keyword in node.keywords:
            off = (
                keyword.arg == "nopython"
                and isinstance(keyword.value, ast.Constant)
                and keyword.value.value is True
            )
            if keyword.arg not in self._options and not off:
                name = "njit(**...)" if keyword.arg is None else f"njit({keyword.arg}=...)"
                yield node.lineno, name, f"njit takes {', '.join(sorted(self._options))} here"

    def _full(self, node: ast.expr) -> str:
        if isinstance(node, ast.Name):
            return self._known.get(node.id, "")
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            return f"{self._aliases.get(node.value.id, '')}.{node.attr}"
        return ""


def _notes(tree: ast.Module) -> Iterator[ast.expr]:
    """Annotations that neither call nor bind anything."""
    for node in ast.walk(tree):
        for note in (getattr(node, "annotation", None), getattr(node, "returns", None)):
            if isinstance(note, ast.expr) and not any(
                isinstance(part, ast.Call | ast.NamedExpr) for part in ast.walk(note)
            ):
                yield note


def _compiling(tree: ast.Module) -> set[int]:
    """Where the compiler may stand: as a decorator, or called."""
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            found.add(id(node.func))
        elif isinstance(node, ast.FunctionDef):
            found.update(id(decorator) for decorator in node.decorator_list)
    return found


def _within(tree: ast.Module, scope: str, names: frozenset[str]) -> Iterator[Finding]:
    """Uses of `names` in the function `scope` and in the functions of the file that it names."""
    functions = {node.name: node for node in tree.body if isinstance(node, ast.FunctionDef)}
    waiting, seen = [scope], {scope}
    while waiting:
        function = functions.get(waiting.pop())
        if function is None:
            continue
        for node in ast.walk(function):
            name = (
                node.attr
                if isinstance(node, ast.Attribute)
                else node.id
                if isinstance(node, ast.Name)
                else ""
            )
            if name in names:
                line = getattr(node, "lineno", function.lineno)
                yield line, name, f"banned in {scope} and in what it calls"
            if isinstance(node, ast.Name) and name in functions and name not in seen:
                seen.add(name)
                waiting.append(name)


def main() -> None:
    """One question, one answer."""
    with os.fdopen(0, "rb") as asked:
        question = json.loads(asked.readline())
    found = find(question["source"].encode("latin-1"), question["allows"], question["bans"])
    with os.fdopen(1, "w", encoding="utf-8") as answer:
        json.dump(found[:50], answer)


if __name__ == "__main__":
    main()
