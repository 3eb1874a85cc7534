"""Tiling: views of a buffer, the ladder of matrix products, fused rows, and what they load.

Write the eighteen functions, with loops that Numba compiles. Matrices, rows and images are float32 in
and float32 out; they may be C-contiguous, transposed or strided, and you change none of them. What
raises ValueError is said below; nothing else is given to you out of bounds.

Your file is read before it runs, and may name what is listed here and what it defines itself. There
is no matrix product among it: `@`, `dot`, `matmul`, `einsum` and the like are banned, they are what
you are writing. Only numpy, numba and math can be imported; `reference` and `kernels` are not there.

    numpy: abs absolute add subtract multiply divide true_divide floor_divide mod negative power
    numpy: square sqrt reciprocal exp exp2 expm1 log log2 log1p tanh maximum minimum fmax fmin
    numpy: clip where sign floor ceil rint trunc isfinite isnan isinf equal not_equal less
    numpy: less_equal greater greater_equal logical_and logical_or logical_not bitwise_and
    numpy: bitwise_or bitwise_xor invert left_shift right_shift
    numpy: array asarray ascontiguousarray zeros ones empty full zeros_like ones_like empty_like
    numpy: full_like arange copy copyto pad concatenate stack
    numpy: sum prod max min amax amin mean var std any all argmax argmin cumsum cumprod
    numpy: reshape ravel transpose swapaxes moveaxis expand_dims squeeze broadcast_to
    numpy: broadcast_shapes ndindex newaxis flip
    numpy: float32 float64 int8 int16 int32 int64 intp uint8 uint16 uint32 uint64 bool_ dtype
    numpy: finfo iinfo inf nan pi errstate result_type
    numba: njit prange float32 float64 int32 int64 uint32 uint64 boolean get_num_threads
    math: *
    attributes: shape strides size ndim dtype itemsize nbytes flags c_contiguous f_contiguous T
    attributes: type name eps max min tiny sum prod mean var std any all argmax argmin cumsum
    attributes: cumprod clip round astype copy reshape ravel flatten fill view transpose
    attributes: swapaxes squeeze item tolist reduce accumulate start stop step indices append
    attributes: extend insert pop reverse sort index count items keys values get add
    options: fastmath parallel cache nogil error_model boundscheck inline
    builtins: abs all any bool dict divmod enumerate filter float frozenset int isinstance iter
    builtins: len list map max min next pow print range repr reversed round set slice sorted str
    builtins: sum tuple zip ArithmeticError AssertionError Exception IndexError KeyError
    builtins: NotImplementedError OverflowError RuntimeError TypeError ValueError
    builtins: ZeroDivisionError __name__ __doc__

Attributes are what may stand behind a dot, options are what `njit` takes (any fastmath). In `compact`,
and in what it calls, there is no `ascontiguousarray`, `copy` or `copyto`, and no array of places as an
index. The number of threads is the grader's. The first call of a function, which compiles it, is not
timed.
"""

import numpy as np
from numba import njit, prange


# ---- views: (shape, strides, offset), with strides and offset in elements -------------------------
def transpose_view(shape, strides, offset, axes):
    """The view whose axis i is axis axes[i] of the given one. Nothing is copied.

    Args:
        shape, strides: tuples of as many ints as the view has axes.
        offset: where the element with all indices 0 lies.
        axes: a permutation of the axes.

    Returns:
        (shape, strides, offset) of the new view.
    """
    raise NotImplementedError("transpose_view is yours to write")


def slice_view(shape, strides, offset, slices):
    """The view that one slice an axis cuts out, as x[slices] of an array x would.

    Args:
        shape, strides, offset: as in transpose_view.
        slices: a tuple of slice objects, one an axis; bounds may be missing, negative or beyond the
            end, steps may be negative, never 0. Ints are not given.

    Returns:
        (shape, strides, offset). Where a view has no elements its offset does not matter.
    """
    raise NotImplementedError("slice_view is yours to write")


def broadcast_view(shape, strides, offset, new_shape):
    """The view of shape new_shape in which axes of size 1, and new axes in front, are repeated.

    Args:
        shape, strides, offset: as in transpose_view.
        new_shape: a tuple; shapes are aligned at their last axis.

    Returns:
        (shape, strides, offset): an axis that is repeated has stride 0.

    Raises:
        ValueError: an axis is neither as long as the new one nor of size 1, or new_shape has fewer
            axes.
    """
    raise NotImplementedError("broadcast_view is yours to write")


def compact(buffer, shape, strides, offset):
    """What a view names, written out in row-major order into a new C-contiguous array.

    Args:
        buffer (n,): of any dtype, contiguous.
        shape, strides, offset: of the view; strides may be 0 or negative, the rank may be 0.

    Returns:
        A new array of that shape and of the buffer's dtype. A view without elements reads nothing.

    Raises:
        ValueError: an element of the view lies outside of the buffer.
    """
    raise NotImplementedError("compact is yours to write")


# ---- matrix products: c[i, j] = sum over k of a[i, k] b[k, j] -----------------------------------------
def matmul_naive(a, b):
    """The product by its definition: for each i and j a sum over k.

    Args:
        a (M, K), b (K, N): float32, any layout, any sizes.

    Returns:
        c (M, N) float32. Without an inner size (K = 0) it is all zeros.

    Raises:
        ValueError: the inner sizes differ.
    """
    raise NotImplementedError("matmul_naive is yours to write")


def matmul_reordered(a, b):
    """As matmul_naive, with the three loops in the order i, k, j."""
    raise NotImplementedError("matmul_reordered is yours to write")


def matmul_register_tiled(a, b):
    """As matmul_naive, by tiles of c and b whose values are used several times once they are loaded."""
    raise NotImplementedError("matmul_register_tiled is yours to write")


def matmul_cache_tiled(a, b, tile):
    """As matmul_naive, by squares of b, tile x tile, each of which is used by every row of a.

    Args:
        a (M, K), b (K, N): as in matmul_naive.
        tile: an int of at least 1; it may be larger than the matrix.

    Raises:
        ValueError: the inner sizes differ, or tile is below 1.
    """
    raise NotImplementedError("matmul_cache_tiled is yours to write")


def matmul_tiled(a, b):
    """As matmul_naive, tiled for the registers and for the cache at once."""
    raise NotImplementedError("matmul_tiled is yours to write")


def matmul_parallel(a, b):
    """As matmul_naive, on several threads. The same matrices give the same bits at every call."""
    raise NotImplementedError("matmul_parallel is yours to write")


# ---- rows, images, sums: at most one array beside the result ---------------------------------------------
def softmax_fused(x):
    """exp(x) / sum of exp(x) over the last axis, finite for entries of any size.

    Args:
        x (B, K): float32, any layout; entries may be as large as 1e5 in either direction, and some of
            a row, not all, may be -inf (their share is 0).

    Returns:
        (B, K) float32. Beside it at most one contiguous copy of x and 64 KB may be allocated.
    """
    raise NotImplementedError("softmax_fused is yours to write")


def layernorm_fused(x, gamma, beta, eps):
    """(x - mean) / sqrt(var + eps) * gamma + beta, mean and biased variance over the last axis.

    Args:
        x (B, K), gamma (K,), beta (K,): float32, any layout.
        eps: a float.

    Returns:
        (B, K) float32. Beside it at most one contiguous copy of x and 64 KB may be allocated.
    """
    raise NotImplementedError("layernorm_fused is yours to write")


def conv2d_direct(x, w, padding):
    """y[n, o, i, j] = sum over c, p, q of x[n, c, i + p - padding, j + q - padding] w[o, c, p, q].

    A cross-correlation of stride 1; outside of the image there are zeros.

    Args:
        x (N, C, H, W), w (O, C, kh, kw): float32, any layout.
        padding: an int of at least 0.

    Returns:
        (N, O, H + 2 padding - kh + 1, W + 2 padding - kw + 1) float32. Beside it at most one padded
        copy of x and 64 KB may be allocated.

    Raises:
        ValueError: a size of the result would be negative. (It may be 0.)
    """
    raise NotImplementedError("conv2d_direct is yours to write")


def vecadd(a, b):
    """a + b, entry by entry.

    Args:
        a, b: float32 of one shape and any rank and layout.

    Returns:
        A float32 array of that shape.
    """
    raise NotImplementedError("vecadd is yours to write")


# ---- what a product of two n x n matrices loads: elements, not bytes; c is not counted -------------------
def dram_loads_naive(n):
    """Elements loaded by matmul_naive, if nothing stays in a cache: an int."""
    raise NotImplementedError("dram_loads_naive is yours to write")


def dram_loads_register_tiled(n, v1, v2):
    """Elements of a and of b loaded, if tiles of c of v1 rows and v2 columns stay in registers.

    Args:
        n: a multiple of v1 and of v2.

    Returns:
        The pair (loads of a, loads of b), ints.
    """
    raise NotImplementedError("dram_loads_register_tiled is yours to write")


def dram_loads_cache_tiled(n, b1):
    """Elements of a and of b loaded from memory by the strip algorithm.

    A strip of b1 whole rows of a lies in the cache, and all of b passes by, once a strip.

    Args:
        n: a multiple of b1.

    Returns:
        The pair (loads of a, loads of b), ints.
    """
    raise NotImplementedError("dram_loads_cache_tiled is yours to write")


def loads_tiled(n, b1, v1, v2):
    """Elements loaded by strips of b1 rows in the cache, and in them tiles of v1 x v2 in registers.

    Args:
        n: a multiple of b1, v1 and v2; b1 is a multiple of v1.

    Returns:
        The pair (loads from memory, loads from the cache into registers), ints.
    """
    raise NotImplementedError("loads_tiled is yours to write")
