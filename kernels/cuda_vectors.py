"""`load4` and `store4` for Numba's CUDA target: 16 bytes in one instruction.

Numba has vector types but no vector loads, so the two are inline PTX. The address is generic: the
array may lie in global or in shared memory. The index must be a multiple of 4.
"""

from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.cuda.extending import intrinsic

WORDS = 4


def _address(context: Any, builder: Any, array_type: Any, array: Any, index: Any) -> Any:
    made = context.make_array(array_type)(context, builder, array)
    pointer = cgutils.pointer_add(  # type: ignore[no-untyped-call]
        builder, made.data, builder.mul(index, ir.Constant(index.type, 4)), made.data.type
    )
    return builder.ptrtoint(pointer, ir.IntType(64))


@intrinsic
def load4(typingctx: Any, array: Any, index: Any) -> Any:
    """Four neighbouring float32 of a one-dimensional array, as a tuple."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        address = _address(context, builder, signature.args[0], *arguments)
        word = ir.FloatType()
        made = ir.LiteralStructType([word] * WORDS)
        assembly = ir.InlineAsm(
            ir.FunctionType(made, [ir.IntType(64)]),
            "ld.v4.f32 {$0, $1, $2, $3}, [$4];",
            "=f,=f,=f,=f,l,~{memory}",
            side_effect=True,
        )
        found = builder.call(assembly, [address])
        parts = [builder.extract_value(found, place) for place in range(WORDS)]
        return context.make_tuple(builder, signature.return_type, parts)

    four = types.UniTuple(types.float32, WORDS)  # type: ignore[no-untyped-call]
    return four(array, types.intp), generate


@intrinsic
def store4(typingctx: Any, array: Any, index: Any, a: Any, b: Any, c: Any, d: Any) -> Any:
    """Write four neighbouring float32 of a one-dimensional array."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        array_value, place, *values = arguments
        address = _address(context, builder, signature.args[0], array_value, place)
        word = ir.FloatType()
        assembly = ir.InlineAsm(
            ir.FunctionType(ir.VoidType(), [ir.IntType(64), *[word] * WORDS]),
            "st.v4.f32 [$0], {$1, $2, $3, $4};",
            "l,f,f,f,f,~{memory}",
            side_effect=True,
        )
        builder.call(assembly, [address, *values])
        return context.get_dummy_value()

    return types.void(array, types.intp, *[types.float32] * WORDS), generate
