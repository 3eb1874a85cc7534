"""A kernel's file as parsed source: its names, its kernels. The file is never imported.

What the engine takes from a file is what the parser shows: imports of known modules, constants
made of literals, functions. So code of the file that runs cannot change what is found about it.
"""

from __future__ import annotations

import ast
from collections.abc import Mapping

from . import names
from .chains import merge_chains
from .constants import NotConstant, constant
from .errors import LaunchError, Rejected, Unsupported
from .names import Constant, ConstantArray, Entity, Function, Path, TypeName, Unusable

MODULES = {"numba": "numba", "math": "math", "numpy": "numpy", "numba.cuda": "cuda"}


class Program:
    """The names of one file.

    Args:
        source: the text of the file.
        filename: how messages name it.

    Raises:
        Rejected: the text is not Python.
    """

    def __init__(self, source: str, filename: str = "<kernel>") -> None:
        self.source, self.filename = source, filename
        self.lines = source.splitlines()
        try:
            tree = ast.parse(source, filename)
        except (SyntaxError, ValueError, RecursionError) as error:
            line = getattr(error, "lineno", None)
            raise Rejected(line, "this file", f"is not Python: {error}") from None
        self.names: dict[str, Entity] = {name: Path(name) for name in names.BUILTINS}
        for statement in tree.body:
            self._statement(statement)

    @property
    def kernels(self) -> Mapping[str, Function]:
        """Functions decorated with `@cuda.jit` that are not for the device only."""
        return {
            name: one
            for name, one in self.names.items()
            if isinstance(one, Function) and one.is_cuda and not one.device
        }

    def kernel(self, name: str) -> Function:
        """The kernel of that name.

        Raises:
            LaunchError: there is none.
        """
        found = self.names.get(name)
        if not isinstance(found, Function):
            raise LaunchError(None, name, "is not a function of this file")
        if not found.is_cuda:
            raise LaunchError(
                found.node.lineno, name, "is not a kernel", f"Write @cuda.jit above def {name}."
            )
        return found

    def function(self, name: str) -> Function | None:
        """The function of that name, whatever it is for."""
        found = self.names.get(name)
        return found if isinstance(found, Function) else None

    def text(self, line: int, column: int, end: int) -> str:
        """A piece of one line, for messages; columns count bytes, as in the ast module."""
        if not 1 <= line <= len(self.lines):
            return ""
        return self.lines[line - 1].encode()[column:end].decode(errors="replace")

    def _statement(self, node: ast.stmt) -> None:
        match node:
            case ast.Import():
                for alias in node.names:
                    known = MODULES.get(alias.name)
                    name = alias.asname or alias.name.split(".")[0]
                    if known == "cuda" and not alias.asname:
                        known = "numba"
                    self.names[name] = (
                        Path(known) if known else Unusable(node.lineno, f"import {alias.name}")
                    )
            case ast.ImportFrom():
                for alias in node.names:
                    if alias.name == "*":
                        self.names |= names.everything(node.module or "")
                        continue
                    found = names.imported(node.module or "", node.level, alias.name)
                    self.names[alias.asname or alias.name] = found or Unusable(
                        node.lineno, f"from {node.module} import {alias.name}"
                    )
            case ast.FunctionDef():
                self.names[node.name] = self._function(node)
            case ast.Assign():
                for target in node.targets:
                    self._bind(target, node.value)
            case ast.AnnAssign() if node.value is not None:
                self._bind(node.target, node.value)
            case _:
                for inner in ast.walk(node):
                    if isinstance(inner, ast.Name) and isinstance(inner.ctx, ast.Store):
                        self.names[inner.id] = Unusable(inner.lineno, f"the value of {inner.id}")
                    elif isinstance(inner, ast.FunctionDef | ast.ClassDef):
                        self.names[inner.name] = Unusable(inner.lineno, f"{inner.name}")

    def _bind(self, target: ast.expr, value: ast.expr) -> None:
        if isinstance(target, ast.Tuple | ast.List) and isinstance(value, ast.Tuple | ast.List):
            if len(target.elts) == len(value.elts):
                for one, part in zip(target.elts, value.elts, strict=True):
                    self._bind(one, part)
            return
        if not isinstance(target, ast.Name):
            return
        found: Entity | None
        try:
            found = constant(value, self.resolve)
        except NotConstant:
            alias = self.resolve(value)
            found = alias if isinstance(alias, Path | TypeName) else None
        if isinstance(found, ConstantArray):
            found = ConstantArray(target.id, found.value)
        self.names[target.id] = found or Unusable(value.lineno, f"the value of {target.id}")

    def _function(self, node: ast.FunctionDef) -> Function | Unusable:
        cuda = device = False
        for one in node.decorator_list:
            call = one if isinstance(one, ast.Call) else None
            if self.resolve(call.func if call else one) != Path("cuda.jit"):
                return Unusable(one.lineno, f"the decorator @{ast.unparse(one)}")
            cuda = True
            if call is None:
                continue
            if call.args:
                raise Unsupported(
                    one.lineno,
                    f"a signature in @{ast.unparse(one)}",
                    "Write @cuda.jit without a signature; types come from the arguments.",
                )
            device = device or any(
                option.arg == "device"
                and isinstance(option.value, ast.Constant)
                and bool(option.value.value)
                for option in call.keywords
            )
        if cuda:
            merge_chains(node)
        return Function(node.name, node, cuda, device)

    def resolve(self, node: ast.expr) -> Entity | None:
        """What a name or a dotted name of the file stands for; None where it is neither."""
        if isinstance(node, ast.Name):
            return self.names.get(node.id)
        if isinstance(node, ast.Attribute):
            owner = self.resolve(node.value)
            if isinstance(owner, Path):
                return names.member(owner.name, node.attr)
        return None


def is_constant(entity: Entity | None) -> bool:
    """True for what Numba freezes into the kernel as a value."""
    return isinstance(entity, Constant | ConstantArray)
