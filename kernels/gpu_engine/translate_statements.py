"""A typed function as Python source: masks instead of branches.

In the generated text `m` is the mask of active lanes, `rt` the machine, `S` its places. Control
flow of single lanes becomes masks: a branch narrows `m`, its end restores it, lanes that break,
continue or return are taken out until the loop or the function ends.
"""

from __future__ import annotations

import ast

from .intrinsics import RULES
from .names import Path
from .translate_expressions import ExpressionTranslator, form
from .types import FLOAT32, FLOAT64, NONE, Array, Scalar, Tuple, Type, loop_variable, unify


def _kills(node: ast.AST, *, loop: bool = False) -> bool:
    """True where lanes may leave the code around this statement and not come back at its end."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.Return):
            return True
        if isinstance(child, ast.Break | ast.Continue) and not loop:
            return True
        if _kills(child, loop=loop or isinstance(child, ast.For | ast.While)):
            return True
    return False


class FunctionTranslator(ExpressionTranslator):
    """Writes the source of one function."""

    def source(self, name: str, *, kernel: bool) -> str:
        """The text of `def name(rt, m, arguments)`; what returns from a kernel is gone."""
        self.leaves = "exit" if kernel else "leave"
        self.lines: list[str] = []
        self.depth = 1
        self.loops: list[str] = []
        function = self.typed.function
        parameters = "".join(f", v_{one}" for one in function.parameters)
        self.lines.append(f"def {name}(rt, m{parameters}):")
        self.write("S = rt.sites; M0 = rt.m0; outer = rt.returned; rt.returned = None")
        unset = sorted(set(self.typed.targets) - set(function.parameters))
        if unset:
            self.write(" = ".join(f"v_{one}" for one in unset) + " = None")
        self.write("result = None")
        self.last = function.node.body[-1]
        self.block(function.node.body)
        self.depth = 1
        self.write("rt.returned = outer")
        self.write("return result")
        return "\n".join(self.lines)

    def write(self, text: str) -> None:
        """One line at the current depth."""
        self.lines.append("    " * self.depth + text)

    def block(self, statements: list[ast.stmt]) -> None:
        """A list of statements; what follows one that lanes leave from is guarded."""
        depth = self.depth
        self._tally(statements)
        for place, one in enumerate(statements):
            getattr(self, f"_{type(one).__name__.lower()}_statement")(one)
            if isinstance(one, ast.Return | ast.Break | ast.Continue):
                break
            rest = statements[place + 1 :]
            inside = isinstance(one, ast.For | ast.While)
            if rest and isinstance(one, ast.If | ast.For | ast.While) and _kills(one, loop=inside):
                self.write("if m is not None:")
                self.depth += 1
                self._tally(rest)
        self.depth = depth

    def _tally(self, statements: list[ast.stmt]) -> None:
        """Count the statements up to the next one that lanes may leave from."""
        count = flops = 0
        for one in statements:
            count += 1
            inside = isinstance(one, ast.For | ast.While)
            if isinstance(one, ast.If | ast.For | ast.While):
                if _kills(one, loop=inside):
                    break
            else:
                flops += self._flops(one)
        self.write(f"rt.tally(m, {count}, {flops}, {statements[0].lineno})")

    def _flops(self, statement: ast.stmt) -> int:
        count = 0
        if isinstance(statement, ast.AugAssign):
            kind = self.typed.types.get(self.typed.augmented[statement])
            count += kind in (FLOAT32, FLOAT64)
        for one in ast.walk(statement):
            if one in self.typed.constants or self.typed.types.get(one) not in (FLOAT32, FLOAT64):  # type: ignore[call-overload]
                continue
            if isinstance(one, ast.BinOp):
                count += 1
            elif isinstance(one, ast.Call):
                found = self._entity(one.func)
                count += isinstance(found, Path) and getattr(RULES.get(found.name), "flops", False)
        return count

    # statements

    def _pass_statement(self, node: ast.Pass) -> None:
        self.write("pass")

    def _expr_statement(self, node: ast.Expr) -> None:
        if isinstance(node.value, ast.Call):
            self.write(self.statement_call(node.value))
        elif not isinstance(node.value, ast.Constant):
            self.write(self.value(node.value))

    def _assign_statement(self, node: ast.Assign) -> None:
        kind = self.typed.types[node.value]
        if len(node.targets) == 1 and isinstance(node.targets[0], ast.Subscript):
            element = self._element(node.targets[0])
            self._store(node.targets[0], self.value(node.value, element))
            return
        name = self.temporary()
        self.write(f"{name} = {self.value(node.value)}")
        for target in node.targets:
            self._bind(target, name, kind)

    def _annassign_statement(self, node: ast.AnnAssign) -> None:
        if node.value is not None:
            name = self.temporary()
            self.write(f"{name} = {self.value(node.value)}")
            self._bind(node.target, name, self.typed.types[node.value])

    def _bind(self, target: ast.expr, text: str, kind: Type) -> None:
        if isinstance(target, ast.Name):
            self._merge(target.id, text, kind)
        elif isinstance(target, ast.Subscript):
            self._store(target, self.converted(text, kind, self._element(target)))
        else:
            assert isinstance(target, ast.Tuple | ast.List) and isinstance(kind, Tuple)
            for place, (one, item) in enumerate(zip(target.elts, kind.items, strict=True)):
                self._bind(one, f"{text}[{place}]", item)

    def _merge(self, name: str, text: str, kind: Type) -> None:
        kinds = self.typed.targets[name]
        forms = {form(one) for one in kinds}
        if len(forms) > 1 and isinstance(kind, Scalar):
            whole = kind
            for one in kinds:
                whole = unify(whole, one) if isinstance(one, Scalar) else whole
            wide = self.converted("{}", NONE, whole)
            self.write(
                f"v_{name} = {text} if m is M0 or v_{name} is None else "
                f"rt.merge({wide.format(f'v_{name}')}, {wide.format(text)}, m)"
            )
        else:
            self.write(f"v_{name} = {text} if m is M0 else rt.merge(v_{name}, {text}, m)")

    def _element(self, target: ast.Subscript) -> Scalar:
        owner = self.typed.types[target.value]
        assert isinstance(owner, Array)
        return owner.dtype

    def _store(self, target: ast.Subscript, text: str, index: str | None = None) -> None:
        owner = self.typed.types[target.value]
        assert isinstance(owner, Array)
        place = self.place(target, "store", self._array_name(target.value))
        index = index or self.index(target.slice)
        array = self.value(target.value)
        self.write(f"rt.store_{owner.space}({array}, {place}, m, {text}, {index})")

    def _augassign_statement(self, node: ast.AugAssign) -> None:
        binary = self.typed.augmented[node]
        target = node.target
        if isinstance(target, ast.Name):
            name = self.temporary()
            self.write(f"{name} = {self.value(binary)}")
            self._merge(target.id, name, self.typed.types[binary])
            return
        assert isinstance(target, ast.Subscript)
        owner = self.typed.types[target.value]
        assert isinstance(owner, Array) and isinstance(binary.left, ast.Subscript)
        index, held = self.temporary(), self.temporary()
        self.write(f"{index} = ({self.index(target.slice)},)")
        ast.copy_location(binary.left, target)
        self.write(f"{held} = {self.load(binary.left, owner, f'*{index}')}")
        self.held = {binary.left: held}
        text = self.converted(self.value(binary), self.typed.types[binary], owner.dtype)
        self.held = {}
        self._store(target, text, f"*{index}")

    held: dict[ast.expr, str] = {}  # noqa: RUF012 - replaced, never changed

    def _subscript(self, node: ast.Subscript) -> str:
        return self.held[node] if node in self.held else super()._subscript(node)

    def _return_statement(self, node: ast.Return) -> None:
        if node.value is not None and self.typed.returns != NONE:
            to = self.typed.returns if isinstance(self.typed.returns, Scalar) else None
            name = self.temporary()
            self.write(f"{name} = {self.value(node.value, to)}")
            self.write(f"result = {name} if result is None else rt.merge(result, {name}, m)")
        if node is not self.last:
            self.write(f"rt.{self.leaves}(m); m = None")

    def _break_statement(self, node: ast.Break) -> None:
        self.write(f"{self.loops[-1]}.stop(m); m = None")

    def _continue_statement(self, node: ast.Continue) -> None:
        self.write(f"{self.loops[-1]}.skip(m); m = None")

    def _if_statement(self, node: ast.If) -> None:
        test, saved = self.temporary(), self.temporary()
        self.write(f"{test} = {self.condition(node.test)}; {saved} = m")
        self.write(f"m = rt.branch(m, {test})")
        self._guarded(node.body)
        if node.orelse:
            self.write(f"m = rt.unless({saved}, {test})")
            self._guarded(node.orelse)
        if _kills(node):
            loop = self.loops[-1] if self.loops else "None"
            self.write(f"m = rt.alive({saved}, {loop})")
        else:
            self.write(f"m = {saved}")

    def _guarded(self, statements: list[ast.stmt]) -> None:
        self.write("if m is not None:")
        self.depth += 1
        self.block(statements)
        self.depth -= 1

    def _for_statement(self, node: ast.For) -> None:
        assert isinstance(node.iter, ast.Call) and isinstance(node.target, ast.Name)
        loop, saved = self.temporary(), self.temporary()
        bounds = ", ".join(self.value(one) for one in node.iter.args)
        self.write(f"{loop} = Loop(); {saved} = m")
        self.write(f"for i_{loop}, m in rt.span(m, {loop}, {node.lineno}, {bounds}):")
        self.depth += 1
        self._merge(node.target.id, f"i_{loop}", self._loop_type(node))
        self.loops.append(loop)
        self.block(node.body)
        self.loops.pop()
        self.depth -= 1
        self._after(node, saved)

    def _loop_type(self, node: ast.For) -> Type:
        assert isinstance(node.iter, ast.Call)
        kinds = [self.typed.types[one] for one in node.iter.args]
        return loop_variable(tuple(one for one in kinds if isinstance(one, Scalar))) or NONE

    def _while_statement(self, node: ast.While) -> None:
        loop, saved, before = self.temporary(), self.temporary(), self.temporary()
        self.write(f"{loop} = Loop(); {saved} = m")
        self.write("while True:")
        self.depth += 1
        self.write(f"m = rt.branch(m, {self.condition(node.test)})")
        self.write("if m is None: break")
        self.write(f"{before} = m")
        self.loops.append(loop)
        self.block(node.body)
        self.loops.pop()
        if _kills(node):
            self.write(f"m = rt.again({before}, {loop})")
            self.write("if m is None: break")
        else:
            self.write(f"m = {before}")
        self.depth -= 1
        self._after(node, saved)

    def _after(self, node: ast.For | ast.While, saved: str) -> None:
        returns = _kills(node, loop=True)
        self.write(f"m = rt.alive({saved}, None)" if returns else f"m = {saved}")
