"""Words for kernels that handle a whole vector register at a time, in float32 and float64.

They work inside `@jit` functions only. `i` is always an offset in elements from the array's first
element in memory, whatever its shape; nothing is checked, a kernel stays inside its arrays by
itself (the checked twin of `kernels.checked` and the guard bands of the tests watch that it does).
A vector has as many lanes as the host's registers hold (AVX-512: 16 float32 or 8 float64; AVX2: 8
or 4; NEON: 4 or 2) and is passed on as any other value. LAB_SIMD_BITS=512, 256 or 128, set before
the import, takes another width. `kernels.vectors` holds the meaning of each word in LLVM's vector
instructions.

    @jit
    def add_one(x, y):
        one = vset1(x, 1.0)
        step = lanes(x)
        for i in range(0, x.size - step + 1, step):
            vstore(y, i, vadd(vload(x, i), one))
        rest = x.size % step
        vstore_head(y, x.size - rest, vadd(vload_head(x, x.size - rest, rest), one), rest)
"""

from __future__ import annotations

from .jit import word

WIDE = 4  # registers in a wide vector

# The shape of a register
lanes = word("vectors", "lanes")  # lanes(x) -> lanes for x's dtype; a constant to the compiler
vector_bits = word("vectors", "vector_bits")  # vector_bits(x) -> 512, 256 or 128; a constant
registers = word("vectors", "registers")  # registers(x) -> 32 or 16 of them; a constant

# Memory. In place of an array, its address may be given: one argument where an array is seven.
pointer = word("vectors", "pointer")  # pointer(x): the address of x's first element
vload = word("vectors", "vload")  # vload(x, i)
vstore = word("vectors", "vstore")  # vstore(x, i, v)
vload_head = word("vectors", "vload_head")  # vload_head(x, i, n): n lanes, the others 0
vstore_head = word("vectors", "vstore_head")  # vstore_head(x, i, v, n): only n lanes
vload_wide = word("vectors", "vload_wide")  # vload_wide(x, i): WIDE registers as one vector, for
#   long formulas: the processor finds work in one register while another waits for its last product
vstream = word(
    "vectors", "vstream"
)  # vstream(x, i, v): past the cache; x[i] must begin a register's place
fence = word("vectors", "fence")  # fence(): from here on other threads see what was streamed
vbload = word("vectors", "vbload")  # vbload(x, i): one element in every lane
vgather = word("vectors", "vgather")  # vgather(x, i, step): x[i], x[i + step], ...
vturn = word("vectors", "vturn")  # vturn(to, i, ti, x, j, tj, n): a square of
#   lanes x lanes, its rows at x[j + r * tj], to columns at to[i + c * ti], stored in order; of the
#   rows n are there, the others are read as row 0
prefetch = word("vectors", "prefetch")  # prefetch(x, i): bring the line near, soon
prefetch_second = word("vectors", "prefetch_second")  # the same, no nearer than the second cache

# Making one
vset1 = word("vectors", "vset1")  # vset1(like, s): s in every lane; like is an array or a vector
vzero = word("vectors", "vzero")  # vzero(like)
viota = word("vectors", "viota")  # viota(like): 0, 1, 2, ...

# Arithmetic, a lane at a time
vadd = word("vectors", "vadd")
vsub = word("vectors", "vsub")
vmul = word("vectors", "vmul")
vdiv = word("vectors", "vdiv")
vfma = word("vectors", "vfma")  # vfma(a, b, c) = a * b + c, rounded once
vneg = word("vectors", "vneg")
vabs = word("vectors", "vabs")
vsqrt = word("vectors", "vsqrt")
vmax = word("vectors", "vmax")  # where(a > b, a, b): a NaN in a is lost, one in b stays
vmin = word("vectors", "vmin")  # where(a < b, a, b)
vrint = word("vectors", "vrint")  # to the nearest integer, halves to even
vselect_gt = word("vectors", "vselect_gt")  # vselect_gt(a, b, x, y) = where(a > b, x, y)
vselect_eq = word("vectors", "vselect_eq")  # vselect_eq(a, b, x, y) = where(a == b, x, y)

# Functions
vexp = word("vector_functions", "vexp")  # at most 2 ulp from exp; NaN, inf and 0 as NumPy
vexp_flushed = word(
    "vector_functions", "vexp_flushed"
)  # cheaper: for x <= 88; 0 below -87.3 (-708.3)
vexp_nonpositive = word("vector_functions", "vexp_nonpositive")  # cheapest: x <= 0; at most 4 ulp
vexp_quick = word("vector_functions", "vexp_quick")  # the same for every x; inf above 88.7 (709.7)
vnormal_tail = word("vector_functions", "vnormal_tail")  # vnormal_tail(a) = Phi(-a) for a >= 0
vscale2 = word("vector_functions", "vscale2")  # vscale2(a, n) = a * 2**n for integral |n| <= 2000
vexponent = word("vector_functions", "vexponent")  # floor(log2(|a|)) of a normal number, as a float
vmantissa = word("vector_functions", "vmantissa")  # |a| / 2**vexponent(a), in [1, 2)

# From a vector to a scalar
vhsum = word("vectors", "vhsum")
vhmax = word("vectors", "vhmax")  # NaN lanes are not reliable
vhmin = word("vectors", "vhmin")
vlane = word("vectors", "vlane")  # vlane(v, k): lane k; k is a constant or a variable
