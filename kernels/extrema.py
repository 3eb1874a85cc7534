# mypy: disable-error-code="no-untyped-call, import-untyped"
"""Choices between two numbers in a form that loops of vectors can hold."""

from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic


@intrinsic
def larger(typing: Any, a: Any, b: Any) -> Any:
    """The larger of two floats of one dtype. With a NaN it is either of the two.

    Python's `max` becomes a comparison and a choice, and LLVM does not turn a loop over those into
    vectors, since their order decides what becomes of NaN and of -0.0. Here it need not care.
    """
    if a != b or a not in (types.float32, types.float64):
        return None
    name = "llvm.maxnum.f32" if a == types.float32 else "llvm.maxnum.f64"

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        kind = args[0].type
        function = cgutils.get_or_insert_function(
            builder.module, ir.FunctionType(kind, [kind, kind]), name
        )
        return builder.call(function, args, fastmath=("nnan", "nsz"))

    return a(a, b), codegen


def _choose(typing: Any, condition: Any, a: Any, b: Any) -> Any:
    """`a if condition else b`, both worked out.

    Python's words become a branch, and LLVM moves what only one side needs behind it: where that is
    long, the branch stays and the loop stays scalar.
    """
    if a != b or condition != types.boolean:
        return None

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return builder.select(args[0], args[1], args[2])

    return a(condition, a, b), codegen


choose: Any = intrinsic(_choose)
