"""`x[i][j]` as `x[i, j]`: Numba indexes step by step, which for a whole element is the same."""

from __future__ import annotations

import ast


class _Merge(ast.NodeTransformer):
    def __init__(self, arrays: set[str]) -> None:
        self.arrays = arrays

    def visit_Subscript(self, node: ast.Subscript) -> ast.AST:
        self.generic_visit(node)
        inner = node.value
        if not (isinstance(inner, ast.Subscript) and isinstance(inner.value, ast.Name)):
            return node
        if inner.value.id not in self.arrays:
            return node
        parts = [
            part
            for one in (inner.slice, node.slice)
            for part in (one.elts if isinstance(one, ast.Tuple) else [one])
        ]
        index = ast.copy_location(ast.Tuple(parts, ast.Load()), node)
        merged = ast.Subscript(inner.value, index, node.ctx)
        return ast.copy_location(merged, node)


def merge_chains(function: ast.FunctionDef) -> None:
    """Merge chains of subscripts on the arrays of a kernel: its parameters, and what it declares."""
    arrays = {one.arg for one in function.args.args}
    for node in ast.walk(function):
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Call):
            called = node.value.func
            if isinstance(called, ast.Attribute) and called.attr == "array":
                arrays |= {one.id for one in node.targets if isinstance(one, ast.Name)}
    _Merge(arrays).visit(function)
