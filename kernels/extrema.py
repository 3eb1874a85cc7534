# mypy: disable-error-code="no-untyped-call, import-untyped"
"""The larger of two numbers in a form whose running maximum becomes a vector maximum."""

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
