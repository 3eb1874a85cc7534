"""Functions of a vector made of other words: exponentials, and the parts of a floating-point number."""

# Numba calls what is written here with objects it does not type.
# mypy: disable-error-code="no-untyped-def, no-untyped-call, union-attr, arg-type, import-untyped"
from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from llvmlite import ir
from numba import types

from .error_function import MILLS
from .exponential import B0, B1, B2, B3, B4, B5, B6, B7, B8, B9
from .vectors import I32, SCALEF, Vector, _all, _call, _compared, _ints, _ir, _lanewise, _named

# (bits of the mantissa, bias, a number whose last bit is worth one)
_LAYOUT = {types.float32: (23, 127, 1.5 * 2.0**23), types.float64: (52, 1023, 1.5 * 2.0**52)}


def _power(builder: Any, vector: Vector, n: Any) -> Any:
    """2**n for integers n of the exponent's range, by building the number's bits."""
    mantissa, bias, _ = _LAYOUT[vector.dtype]
    ints = _ints(vector)
    bits = builder.shl(builder.add(n, _all(ints, bias)), _all(ints, mantissa))
    return builder.bitcast(bits, _ir(vector))


def _scale2(builder: Any, vector: Vector, a: Any, n: Any) -> Any:
    """a * 2**n; in two halves, so that results below the normal range lose bits gradually."""
    if SCALEF:
        size, letter = (512, "ps") if vector.dtype is types.float32 else (512, "pd")
        name = f"llvm.x86.avx512.mask.scalef.{letter}.{size}"
        mask = ir.Constant(ir.IntType(vector.lanes), -1)
        return _call(builder, name, _ir(vector), [a, n, a, mask, ir.Constant(I32, 4)])
    ints, magic = _ints(vector), _all(_ir(vector), _LAYOUT[vector.dtype][2])
    whole = builder.sub(builder.bitcast(builder.fadd(n, magic), ints), builder.bitcast(magic, ints))
    half = builder.ashr(whole, _all(ints, 1))
    rest = builder.sub(whole, half)
    first = builder.fmul(a, _power(builder, vector, half))
    return builder.fmul(first, _power(builder, vector, rest))


# exp(r) = 1 + r + r**2 * p(r) for |r| <= ln(2)/2, highest power first. float32: Cephes expf (Moshier
# 1992). float64: the Taylor series, whose next term is below 5e-18.
_EXP = {
    types.float32: (
        (-104.0, 89.0),
        (0.693359375, -2.12194440e-4),
        (
            1.9875691500e-4,
            1.3981999507e-3,
            8.3334519073e-3,
            4.1665795894e-2,
            1.6666665459e-1,
            5.0000001201e-1,
        ),
    ),
    types.float64: (
        (-746.0, 710.0),
        (6.93145751953125e-1, 1.42860682030941723212e-6),
        (
            1 / 6227020800,
            1 / 479001600,
            1 / 39916800,
            1 / 3628800,
            1 / 362880,
            1 / 40320,
            1 / 5040,
            1 / 720,
            1 / 120,
            1 / 24,
            1 / 6,
            1 / 2,
        ),
    ),
}
LOG2E = 1.4426950408889634


def _exp(builder: Any, vector: Vector, x: Any) -> Any:
    """exp(x) = 2**n exp(r), n the integer nearest x / ln(2); ln(2) in two parts keeps r exact."""
    (least, most), (high, low), powers = _EXP[vector.dtype]
    kind = _ir(vector)
    fma = _named("fma")
    choose_less = _compared("<")
    x = choose_less(builder, vector, x, _all(kind, least), _all(kind, least), x)  # a NaN stays
    x = choose_less(builder, vector, _all(kind, most), x, _all(kind, most), x)
    n = _named("rint")(builder, vector, builder.fmul(x, _all(kind, LOG2E)))
    r = fma(builder, vector, n, _all(kind, -high), x)
    r = fma(builder, vector, n, _all(kind, -low), r)
    p = _all(kind, powers[0])
    for power in powers[1:]:
        p = fma(builder, vector, p, r, _all(kind, power))
    p = fma(builder, vector, builder.fmul(p, r), r, r)
    return _scale2(builder, vector, builder.fadd(p, _all(kind, 1.0)), n)


def _exp_flushed(builder: Any, vector: Vector, x: Any) -> Any:
    """exp(x) for x <= 88 (709), and 0 where that is below the normal range: one step to scale."""
    (_, most), (high, low), powers = _EXP[vector.dtype]
    kind, ints = _ir(vector), _ints(vector)
    fma = _named("fma")
    x = _compared("<")(builder, vector, _all(kind, most - 1), x, _all(kind, most - 1), x)
    n = _named("rint")(builder, vector, builder.fmul(x, _all(kind, LOG2E)))
    r = fma(builder, vector, n, _all(kind, -high), x)
    r = fma(builder, vector, n, _all(kind, -low), r)
    p = _all(kind, powers[0])
    for power in powers[1:]:
        p = fma(builder, vector, p, r, _all(kind, power))
    p = fma(builder, vector, builder.fmul(p, r), r, r)
    p = builder.fadd(p, _all(kind, 1.0))
    magic = _all(kind, _LAYOUT[vector.dtype][2])
    whole = builder.sub(builder.bitcast(builder.fadd(n, magic), ints), builder.bitcast(magic, ints))
    scaled = builder.fmul(p, _power(builder, vector, whole))
    least = _all(kind, {types.float32: -87.3, types.float64: -708.3}[vector.dtype])
    return _compared("<")(builder, vector, x, least, _all(kind, 0.0), scaled)


# (least, magic number, ln(2) in parts, 2 * exp(r) from the constant up). As in `exponential`:
# the magic number holds the bias of the exponent less one, hence the doubled polynomial. float32:
# one power less than there, 9e-8 off, and exp(0) is exactly 1.
_NONPOSITIVE = {
    types.float32: (
        -87.3,
        1.5 * 2.0**23 + 126,
        (0.6931471805599453,),
        tuple(
            2 * c
            for c in (
                1.0,
                0.9999997070122886,
                0.4999914918827728,
                0.16667636584726225,
                0.041897975985418764,
                0.008290306230881044,
            )
        ),
    ),
    types.float64: (
        -708.3,
        1.5 * 2.0**52 + 1022,
        (float.fromhex("0x1.62e42feep-1"), 1.9082149292705877e-10),
        (2.0, 2.0, *map(float, (B0, B1, B2, B3, B4, B5, B6, B7, B8, B9))),
    ),
}


def _power_of_e(builder: Any, vector: Vector, x: Any, k: float) -> tuple[Any, Any]:
    """(p, q) with exp(k * x) = p * q, q a power of two or 0; k is 1, or -1/2 for squares."""
    _, bias, parts, powers = _NONPOSITIVE[vector.dtype]
    kind, ints = _ir(vector), _ints(vector)
    fma = _named("fma")
    magic = _all(kind, bias)
    t = fma(builder, vector, x, _all(kind, LOG2E * k), magic)
    n = builder.fsub(t, magic)
    for part in parts:
        x = fma(builder, vector, n, _all(kind, -part / k), x)
    scaled = [power * k**index for index, power in enumerate(powers)]
    p = _polynomial(builder, vector, x, scaled)
    bits = builder.shl(builder.bitcast(t, ints), _all(ints, _LAYOUT[vector.dtype][0]))
    return p, builder.bitcast(bits, kind)


def _exp_nonpositive(builder: Any, vector: Vector, x: Any) -> Any:
    """exp(x) for x <= 0: no upper end to look at, and the shift that makes 2**n flushes to 0."""
    least = _all(_ir(vector), _NONPOSITIVE[vector.dtype][0])
    x = _compared(">")(builder, vector, least, x, least, x)  # a NaN stays
    return builder.fmul(*_power_of_e(builder, vector, x, 1.0))


def _exp_quick(builder: Any, vector: Vector, x: Any) -> Any:
    """exp(x): 0 where it is below the normal range, inf above."""
    least = _all(_ir(vector), _NONPOSITIVE[vector.dtype][0])
    most = _all(_ir(vector), _EXP[vector.dtype][0][1])
    x = _compared(">")(builder, vector, least, x, least, x)
    x = _compared("<")(builder, vector, most, x, most, x)
    return builder.fmul(*_power_of_e(builder, vector, x, 1.0))


# Beyond it exp(-a*a/2) is 0 to `_power_of_e`; below, no power of two leaves its range.
_FAR = {types.float32: 13.2, types.float64: 37.6}


def _normal_tail(builder: Any, vector: Vector, a: Any) -> Any:
    """Phi(-a) for a >= 0, from the Mills ratio: see `error_function`."""
    kind = _ir(vector)
    far = _all(kind, _FAR[vector.dtype])
    a = _compared("<")(builder, vector, far, a, far, a)  # a NaN stays
    above, below = MILLS[vector.dtype.bitwidth]
    p, power = _power_of_e(builder, vector, builder.fmul(a, a), -0.5)
    above = builder.fmul(_polynomial(builder, vector, a, above), p)
    return builder.fmul(builder.fdiv(above, _polynomial(builder, vector, a, below)), power)


def _polynomial(builder: Any, vector: Vector, x: Any, powers: Sequence[float]) -> Any:
    """By Horner's rule, `powers` from the constant up."""
    kind = _ir(vector)
    p = _all(kind, float(powers[-1]))
    for power in powers[-2::-1]:
        p = _named("fma")(builder, vector, p, x, _all(kind, float(power)))
    return p


def _exponent(builder: Any, vector: Vector, a: Any) -> Any:
    mantissa, bias, _ = _LAYOUT[vector.dtype]
    ints = _ints(vector)
    bits = builder.bitcast(_named("fabs")(builder, vector, a), ints)
    whole = builder.sub(builder.lshr(bits, _all(ints, mantissa)), _all(ints, bias))
    return builder.sitofp(whole, _ir(vector))


def _mantissa(builder: Any, vector: Vector, a: Any) -> Any:
    mantissa, bias, _ = _LAYOUT[vector.dtype]
    ints = _ints(vector)
    kept = builder.and_(builder.bitcast(a, ints), _all(ints, (1 << mantissa) - 1))
    return builder.bitcast(builder.or_(kept, _all(ints, bias << mantissa)), _ir(vector))


vexp = _lanewise(1, _exp)
vexp_flushed = _lanewise(1, _exp_flushed)
vexp_nonpositive = _lanewise(1, _exp_nonpositive)
vexp_quick = _lanewise(1, _exp_quick)
vnormal_tail = _lanewise(1, _normal_tail)
vscale2 = _lanewise(2, _scale2)
vexponent = _lanewise(1, _exponent)
vmantissa = _lanewise(1, _mantissa)
