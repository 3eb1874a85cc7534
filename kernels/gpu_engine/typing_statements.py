"""Types a function: its statements, with variables followed along every path.

Numba gives each assignment its own version of a variable and unifies versions where paths meet
(static single assignment). Following the paths of structured code gives the same: a scope at
each point, joined after branches, and loops repeated until nothing changes.
"""

from __future__ import annotations

import ast
from collections.abc import Callable

from . import types
from .errors import Rejected, Unsupported
from .names import Function, Path
from .program import Program
from .scope import Scope, Variable, join, same
from .typed import Typed
from .types import FLOAT32, FLOAT64, NONE, Array, Scalar, Tuple, Type
from .typing_calls import CallTyper

ROUNDS = 12  # a lattice of this height comes to rest long before
STATEMENTS = {
    ast.With: "Write the statements out.",
    ast.Try: "A kernel cannot catch exceptions: test before you act.",
    ast.Raise: "A kernel cannot raise: guard with if.",
    ast.Assert: "Remove the assert.",
    ast.Global: "Pass the value as an argument.",
    ast.Nonlocal: "Pass the value as an argument.",
    ast.Import: "Import at the top of the file.",
    ast.ImportFrom: "Import at the top of the file.",
    ast.FunctionDef: "Define device functions at the top of the file.",
    ast.ClassDef: "Classes have no place in a kernel.",
    ast.Delete: "Remove the del.",
    ast.Match: "Write if and elif.",
}


class FunctionTyper(CallTyper):
    """Types one function for one tuple of argument types."""

    def __init__(
        self,
        program: Program,
        function: Function,
        arguments: tuple[Type, ...],
        link: Callable[[Function, tuple[Type, ...], ast.Call], Typed],
    ) -> None:
        super().__init__(program, function, link)
        self.arguments = arguments
        node = function.node
        rest = node.args
        if rest.vararg or rest.kwarg or rest.kwonlyargs or rest.defaults or rest.posonlyargs:
            raise Unsupported(
                node.lineno, f"the parameters of {function.name}", "Use plain parameters."
            )
        self.rebound = {
            one.id
            for one in ast.walk(node)
            if isinstance(one, ast.Name) and isinstance(one.ctx, ast.Store)
        }
        self.assigned = set(function.parameters) | self.rebound
        self.targets: dict[str, set[Type]] = {}
        self.returned: list[tuple[ast.AST, Type]] = []
        self.constant_returns: set[ast.AST] = set()
        self.augmented: dict[ast.AugAssign, ast.BinOp] = {}
        self.loops: list[tuple[list[Scope | None], list[Scope | None]]] = []

    def run(self) -> Typed:
        """Type the whole function."""
        node = self.function.node
        start: Scope = {}
        for name, kind in zip(self.function.parameters, self.arguments, strict=True):
            start[name] = Variable(kind, False, node)
            self.targets.setdefault(name, set()).add(kind)
        end = self.block(node.body, start)
        return Typed(
            self.function,
            self.arguments,
            self._returns(end),
            self.types,
            self.constants,
            self.targets,
            self.declarations,
            self.callees,
            self.promotions,
            self.stores,
            self.augmented,
        )

    def _returns(self, end: Scope | None) -> Type:
        kinds = [kind for _, kind in self.returned]
        if end is not None and any(kind != NONE for kind in kinds):
            raise Rejected(
                self.function.node.lineno,
                self.function.name,
                "returns a value on some paths and nothing on others",
            )
        found = kinds[0] if kinds else NONE
        for node, kind in self.returned[1:]:
            if isinstance(found, Scalar) and isinstance(kind, Scalar):
                found = types.unify(found, kind)
            elif found != kind:
                raise Rejected(
                    getattr(node, "lineno", None), "this return", f"gives {kind}, another {found}"
                )
        if found == FLOAT64:
            for node, kind in self.returned:
                if kind != FLOAT64 and node not in self.constant_returns:
                    self.promote(
                        node,
                        f"{self.function.name} returns {kind} here and float64 elsewhere, which "
                        "makes it float64",
                    )
        return found

    def block(self, statements: list[ast.stmt], scope: Scope | None) -> Scope | None:
        """The scope after a list of statements; None where control never comes there."""
        for one in statements:
            if scope is None:
                break
            self.scope = scope
            method = getattr(self, f"_{type(one).__name__.lower()}_statement", None)
            if method is None:
                raise Unsupported(
                    one.lineno,
                    f"`{ast.unparse(one).splitlines()[0]}`",
                    STATEMENTS.get(type(one), ""),
                )
            scope = method(one, scope)
        return scope

    # simple statements

    def _pass_statement(self, node: ast.Pass, scope: Scope) -> Scope:
        return scope

    def _expr_statement(self, node: ast.Expr, scope: Scope) -> Scope:
        if not (isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)):
            self.expression(node.value)
        return scope

    def _assign_statement(self, node: ast.Assign, scope: Scope) -> Scope:
        kind = self.expression(node.value)
        for target in node.targets:
            self._bind(target, kind, node.value, node)
        return self.scope

    def _annassign_statement(self, node: ast.AnnAssign, scope: Scope) -> Scope:
        if node.value is not None:
            self._bind(node.target, self.expression(node.value), node.value, node)
        return self.scope

    def _augassign_statement(self, node: ast.AugAssign, scope: Scope) -> Scope:
        target = node.target
        load = ast.copy_location(self._as_load(target), target)
        binary = ast.copy_location(ast.BinOp(load, node.op, node.value), node)
        # One node for each statement, so that repeated rounds of a loop write to one place.
        binary = self.augmented.setdefault(node, binary)
        kind = self.expression(binary)
        self._bind(target, kind, binary, node)
        return self.scope

    @staticmethod
    def _as_load(target: ast.expr) -> ast.expr:
        if isinstance(target, ast.Name):
            return ast.Name(target.id, ast.Load())
        if isinstance(target, ast.Subscript):
            return ast.Subscript(target.value, target.slice, ast.Load())
        raise Unsupported(target.lineno, f"`{ast.unparse(target)}`", "Assign to a variable.")

    def _bind(self, target: ast.expr, kind: Type, value: ast.expr, statement: ast.stmt) -> None:
        if isinstance(target, ast.Name):
            if kind == NONE:
                raise Rejected(statement.lineno, target.id, "is given nothing to hold")
            literal = None
            if isinstance(statement, ast.Assign) and not isinstance(value, ast.BinOp):
                literal = self.literal(value)
            self.scope = {
                **self.scope,
                target.id: Variable(kind, value in self.constants, statement, literal),
            }
            self.targets.setdefault(target.id, set()).add(kind)
        elif isinstance(target, ast.Tuple | ast.List):
            items = kind.items if isinstance(kind, Tuple) else ()
            if len(items) != len(target.elts):
                raise Rejected(
                    statement.lineno,
                    f"`{ast.unparse(statement)}`",
                    f"has {len(target.elts)} names for {kind}",
                )
            for one, item in zip(target.elts, items, strict=True):
                self._bind(one, item, value, statement)
        elif isinstance(target, ast.Subscript):
            self._store(target, kind, value, statement)
        else:
            raise Unsupported(
                statement.lineno, f"`{ast.unparse(target)}`", "Assign to a variable or an element."
            )

    def _store(
        self, target: ast.Subscript, kind: Type, value: ast.expr, statement: ast.stmt
    ) -> None:
        owner = self.expression(target.value)
        if not isinstance(owner, Array):
            raise Rejected(statement.lineno, f"`{ast.unparse(target)}`", f"stores into {owner}")
        if owner.space == "constant":
            raise Rejected(statement.lineno, f"`{ast.unparse(target)}`", "is constant memory")
        element = self.element(target, owner)
        if not isinstance(kind, Scalar):
            raise Rejected(statement.lineno, f"`{ast.unparse(target)}`", f"cannot hold {kind}")
        if element == FLOAT64 and kind == FLOAT32 and value not in self.constants:
            self.promote(
                statement,
                f"`{ast.unparse(target)}` is float64 and is given a float32",
            )
        self.stored(target.value)

    def _return_statement(self, node: ast.Return, scope: Scope) -> None:
        kind = NONE if node.value is None else self.expression(node.value)
        if isinstance(node.value, ast.Constant) and node.value.value is None:
            kind = NONE
        self.returned.append((node, kind))
        if node.value in self.constants:
            self.constant_returns.add(node)

    def _break_statement(self, node: ast.Break, scope: Scope) -> None:
        self.loops[-1][0].append(scope)

    def _continue_statement(self, node: ast.Continue, scope: Scope) -> None:
        self.loops[-1][1].append(scope)

    # branches and loops

    def _if_statement(self, node: ast.If, scope: Scope) -> Scope | None:
        self.scalar(node.test)
        scope = self.scope
        return join([self.block(node.body, dict(scope)), self.block(node.orelse, dict(scope))])

    def _while_statement(self, node: ast.While, scope: Scope) -> Scope | None:
        self._no_else(node)

        def head(entry: Scope) -> Scope:
            self.scope = entry
            self.scalar(node.test)
            return entry

        return self._loop(node, scope, head)

    def _for_statement(self, node: ast.For, scope: Scope) -> Scope | None:
        self._no_else(node)
        call = node.iter
        if not (isinstance(call, ast.Call) and self.entity(call.func) == Path("range")):
            raise Unsupported(
                node.lineno, f"`for ... in {ast.unparse(call)}`", "Write a for loop over range."
            )
        if not isinstance(node.target, ast.Name):
            raise Unsupported(node.lineno, f"`{ast.unparse(node.target)}`", "Use one variable.")
        if not 1 <= len(call.args) <= 3 or call.keywords:
            raise Rejected(node.lineno, f"`{ast.unparse(call)}`", "takes one to three integers")
        name = node.target.id

        def head(entry: Scope) -> Scope:
            self.scope = entry
            kind = types.loop_variable(tuple(self.scalar(one) for one in call.args))
            if kind is None:
                raise Rejected(node.lineno, f"`{ast.unparse(call)}`", "takes integers")
            self.targets.setdefault(name, set()).add(kind)
            return {**self.scope, name: Variable(kind, False, node)}

        return self._loop(node, scope, head)

    def _no_else(self, node: ast.For | ast.While) -> None:
        if node.orelse:
            raise Unsupported(node.lineno, "else after a loop", "Use a variable and an if.")

    def _loop(
        self, node: ast.For | ast.While, entry: Scope, head: Callable[[Scope], Scope]
    ) -> Scope | None:
        scope = entry
        for _ in range(ROUNDS):
            self.loops.append(([], []))
            inside = head(scope)
            end = self.block(node.body, inside)
            breaks, continues = self.loops.pop()
            again = join([scope, end, *continues])
            assert again is not None
            if same(again, scope):
                return join([inside, *breaks])
            scope = again
        raise Unsupported(node.lineno, "the types of this loop", "Give each variable one type.")
