"""Tiling: views of a buffer, the ladder of matrix products, fused rows, and what they load."""

import math

import numpy as np
from numba import njit, prange

# Any order of summation, but infinities stay what they are: softmax meets them.
ANY_ORDER = {"reassoc", "contract", "arcp", "nsz"}

DEPTH = 64  # rows of b that are worked on together: with WIDTH they fill 128 KiB of the cache
WIDTH = 512
# Columns of a block that stay empty: a cache line. Without it every other row of a block has the last
# twelve bits of its address in common, by where the block happens to lie also with the rows of c, and
# a load waits for a store that it takes for its own: up to a fifth longer at n = 1024.
PAD = 16
BAND = 64  # rows of c that a thread takes at a time
PIXELS = 1024  # of the image that a convolution works on together


# ---- views ---------------------------------------------------------------------------------------
def transpose_view(shape, strides, offset, axes):
    """Axis i of the result is axis axes[i] of the view."""
    return tuple(shape[a] for a in axes), tuple(strides[a] for a in axes), offset


def slice_view(shape, strides, offset, slices):
    """One slice an axis; steps may be negative."""
    sizes, steps = [], []
    for n, stride, part in zip(shape, strides, slices, strict=True):
        start, stop, step = part.indices(n)
        size = len(range(start, stop, step))
        sizes.append(size)
        steps.append(stride * step)
        if size:
            offset += start * stride
    return tuple(sizes), tuple(steps), offset


def broadcast_view(shape, strides, offset, new_shape):
    """What is repeated has stride 0."""
    missing = len(new_shape) - len(shape)
    if missing < 0:
        raise ValueError(f"broadcast_view: {new_shape} has fewer axes than {shape}")
    steps = [0] * missing
    for n, stride, wanted in zip(shape, strides, new_shape[missing:], strict=True):
        if n not in (wanted, 1):
            raise ValueError(f"broadcast_view: {shape} does not fit {new_shape}")
        steps.append(stride if n == wanted else 0)
    return tuple(new_shape), tuple(steps), offset


def compact(buffer, shape, strides, offset):
    """A new contiguous array of what the view names."""
    size = math.prod(shape)
    out = np.empty(size, buffer.dtype)
    if size:
        reach = [(n - 1) * stride for n, stride in zip(shape, strides, strict=True)]
        lowest = offset + sum(min(0, r) for r in reach)
        highest = offset + sum(max(0, r) for r in reach)
        if lowest < 0 or highest >= len(buffer):
            raise ValueError(
                f"compact: the view reaches from {lowest} to {highest}, "
                f"and the buffer has {len(buffer)} elements"
            )
        # One axis of size 1 in front, so that there always is a last one.
        sizes = np.array([1, *shape], np.int64)
        steps = np.array([0, *strides], np.int64)
        _gather(buffer, sizes, steps, np.zeros_like(sizes), offset, out)
    return out.reshape(shape)


@njit
def _gather(buffer, sizes, steps, index, offset, out):
    """Walk the view in row-major order: `index` counts like the wheels of an odometer."""
    last = len(sizes) - 1
    place = offset
    for start in range(0, len(out), sizes[last]):
        at = place
        for j in range(sizes[last]):
            out[start + j] = buffer[at]
            at += steps[last]
        for axis in range(last - 1, -1, -1):
            index[axis] += 1
            place += steps[axis]
            if index[axis] < sizes[axis]:
                break
            place -= steps[axis] * sizes[axis]
            index[axis] = 0


# ---- matrix products -----------------------------------------------------------------------------
def _operands(a, b):
    """a and b, contiguous, and a c of zeros."""
    if a.shape[1] != b.shape[0]:
        raise ValueError(f"matmul: a is {a.shape}, b is {b.shape}; the inner sizes differ")
    c = np.zeros((a.shape[0], b.shape[1]), np.float32)
    return np.ascontiguousarray(a), np.ascontiguousarray(b), c


def matmul_naive(a, b):
    """The definition: row of a times column of b."""
    a, b, c = _operands(a, b)
    _naive(a, b, c)
    return c


@njit(fastmath=True)
def _naive(a, b, c):
    for i in range(a.shape[0]):
        for j in range(b.shape[1]):
            total = np.float32(0)
            for k in range(a.shape[1]):
                total += a[i, k] * b[k, j]
            c[i, j] = total


def matmul_reordered(a, b):
    """The loop over k comes before the one over j: rows of b and c are walked along."""
    a, b, c = _operands(a, b)
    _reordered(a, b, c)
    return c


@njit(fastmath=True)
def _reordered(a, b, c):
    for i in range(a.shape[0]):
        row = c[i]
        for k in range(a.shape[1]):
            x = a[i, k]
            line = b[k]
            for j in range(b.shape[1]):
                row[j] += x * line[j]


def matmul_register_tiled(a, b):
    """Four rows of c with four rows of b at once: sixteen products for eight loads."""
    a, b, c = _operands(a, b)
    _tiled(a, b, c, 0, len(c), _block(len(b), b.shape[1]))
    return c


@njit(fastmath=True)
def _row(c, x, line):
    for j in range(len(c)):
        c[j] += x * line[j]


@njit(fastmath=True)
def _four_rows(a, b, c, i, top, left, start, depth, width):
    """c[i : i + 4, left : left + width] += a[i : i + 4, top : top + depth] times the first `depth`
    rows of b, of which the columns from `start` on. Callers give np.int64(0) for 0: Numba compiles a
    function once more for a number that it knows.
    """
    # One row each: what is cut from an array along its last axis alone is still known to be dense.
    end, right = start + width, left + width
    c0, c1 = c[i, left:right], c[i + 1, left:right]
    c2, c3 = c[i + 2, left:right], c[i + 3, left:right]
    a0, a1, a2, a3 = a[i], a[i + 1], a[i + 2], a[i + 3]
    whole = depth - depth % 4
    for k in range(0, whole, 4):
        b0, b1 = b[k, start:end], b[k + 1, start:end]
        b2, b3 = b[k + 2, start:end], b[k + 3, start:end]
        p = top + k
        a00, a01, a02, a03 = a0[p], a0[p + 1], a0[p + 2], a0[p + 3]
        a10, a11, a12, a13 = a1[p], a1[p + 1], a1[p + 2], a1[p + 3]
        a20, a21, a22, a23 = a2[p], a2[p + 1], a2[p + 2], a2[p + 3]
        a30, a31, a32, a33 = a3[p], a3[p + 1], a3[p + 2], a3[p + 3]
        for j in range(width):
            x0, x1, x2, x3 = b0[j], b1[j], b2[j], b3[j]
            c0[j] += a00 * x0 + a01 * x1 + a02 * x2 + a03 * x3
            c1[j] += a10 * x0 + a11 * x1 + a12 * x2 + a13 * x3
            c2[j] += a20 * x0 + a21 * x1 + a22 * x2 + a23 * x3
            c3[j] += a30 * x0 + a31 * x1 + a32 * x2 + a33 * x3
    for k in range(whole, depth):
        _row(c0, a0[top + k], b[k, start:end])
        _row(c1, a1[top + k], b[k, start:end])
        _row(c2, a2[top + k], b[k, start:end])
        _row(c3, a3[top + k], b[k, start:end])


def matmul_cache_tiled(a, b, tile):
    """A square of b, tile x tile, stays in the cache while every row of a passes by."""
    if tile < 1:
        raise ValueError(f"matmul_cache_tiled: tile is {tile}, it must be at least 1")
    a, b, c = _operands(a, b)
    _cache_tiled(a, b, c, min(tile, max(a.shape[1], b.shape[1], 1)))
    return c


@njit(fastmath=True)
def _cache_tiled(a, b, c, tile):
    depth = a.shape[1]
    for top in range(0, depth, tile):
        bottom = min(top + tile, depth)
        for left in range(0, b.shape[1], tile):
            for i in range(len(c)):
                row = c[i, left : left + tile]
                for k in range(top, bottom):
                    x = a[i, k]
                    line = b[k, left : left + tile]
                    for j in range(len(row)):
                        row[j] += x * line[j]


def matmul_tiled(a, b):
    """Both: four rows at once, against a block of b that was packed to stay in the cache."""
    a, b, c = _operands(a, b)
    _tiled(a, b, c, 0, len(c), _block(DEPTH, WIDTH))
    return c


def _block(depth, width):
    """Room for a block of b."""
    return np.empty((max(depth, 1), max(width, 1) + PAD), np.float32)


@njit(fastmath=True)
def _tiled(a, b, c, first, end, block):
    """The rows from `first` to `end` of c, by pieces of b as large as `block` without its last PAD
    columns, copied to it.
    """
    rows = end - (end - first) % 4
    for top in range(0, len(b), block.shape[0]):
        depth = min(block.shape[0], len(b) - top)
        for left in range(0, b.shape[1], block.shape[1] - PAD):
            width = min(block.shape[1] - PAD, b.shape[1] - left)
            for k in range(depth):
                line, packed = b[top + k, left : left + width], block[k]
                for j in range(width):
                    packed[j] = line[j]
            for i in range(first, rows, 4):
                _four_rows(a, block, c, i, top, left, np.int64(0), depth, width)
            for i in range(rows, end):
                row = c[i, left : left + width]
                for k in range(depth):
                    _row(row, a[i, top + k], block[k])


def matmul_parallel(a, b):
    """Bands of rows of c, each the work of one thread: nobody writes where another does."""
    a, b, c = _operands(a, b)
    bands = (len(c) + BAND - 1) // BAND
    _parallel(a, b, c, np.empty((bands, DEPTH, WIDTH + PAD), np.float32))
    return c


@njit(parallel=True)
def _parallel(a, b, c, blocks):
    for band in prange(len(blocks)):
        first = np.int64(band) * BAND
        _tiled(a, b, c, first, min(first + BAND, len(c)), blocks[band])


# ---- rows and images -----------------------------------------------------------------------------
@njit(fastmath=ANY_ORDER)
def _exp(x):
    """exp(x) for x <= 0, good to three units in the last place, in steps that become vectors.

    x = n log 2 + r with |r| <= log(2) / 2; exp(r) is a polynomial, 2 ** n is put into the exponent.
    """
    x = max(x, np.float32(-87.0))
    n = np.floor(x * np.float32(1.44269504) + np.float32(0.5))
    r = x - n * np.float32(0.693359375) + n * np.float32(2.12194440e-4)
    p = np.float32(1.9875691500e-4)
    p = p * r + np.float32(1.3981999507e-3)
    p = p * r + np.float32(8.3334519073e-3)
    p = p * r + np.float32(4.1665795894e-2)
    p = p * r + np.float32(1.6666665459e-1)
    p = p * r + np.float32(5.0000001201e-1)
    p = p * r * r + r + np.float32(1)
    return p * np.int32((np.int32(n) + np.int32(127)) << np.int32(23)).view(np.float32)


def softmax_fused(x):
    """Three walks along a row that stays in the cache: the maximum, exp and its sum, the scaling."""
    x = np.ascontiguousarray(x)
    out = np.empty(x.shape, np.float32)
    _softmax(x, out)
    return out


@njit(fastmath=ANY_ORDER)
def _softmax(x, out):
    for i in range(x.shape[0]):
        row, y = x[i], out[i]
        top = np.float32(-np.inf)
        for j in range(len(row)):
            top = max(top, row[j])
        total = np.float32(0)
        for j in range(len(row)):
            e = _exp(row[j] - top)
            y[j] = e
            total += e
        scale = np.float32(1) / total
        for j in range(len(row)):
            y[j] *= scale


def layernorm_fused(x, gamma, beta, eps):
    """Mean, variance and result of a row while it is in the cache."""
    x = np.ascontiguousarray(x)
    out = np.empty(x.shape, np.float32)
    _layernorm(x, np.ascontiguousarray(gamma), np.ascontiguousarray(beta), np.float32(eps), out)
    return out


@njit(fastmath=True)
def _layernorm(x, gamma, beta, eps, out):
    width = np.float32(x.shape[1])
    for i in range(x.shape[0]):
        row, y = x[i], out[i]
        total = np.float32(0)
        for j in range(len(row)):
            total += row[j]
        mean = total / width
        squares = np.float32(0)
        for j in range(len(row)):
            d = row[j] - mean
            squares += d * d
        scale = np.float32(1) / np.sqrt(squares / width + eps)
        for j in range(len(row)):
            y[j] = (row[j] - mean) * scale * gamma[j] + beta[j]


def conv2d_direct(x, w, padding):
    """Rows of the image against four filters and four channels at once, and no im2col."""
    n, c, h, width = x.shape
    o, _, kh, kw = w.shape
    ho, wo = h + 2 * padding - kh + 1, width + 2 * padding - kw + 1
    if ho < 0 or wo < 0:
        raise ValueError(f"conv2d_direct: the filter {w.shape} is larger than the image {x.shape}")
    padded = np.zeros((n, c, h + 2 * padding, width + 2 * padding), np.float32)
    padded[:, :, padding : padding + h, padding : padding + width] = x
    out = np.zeros((n, o, ho, wo), np.float32)
    if out.size:
        band = max(1, PIXELS // padded.shape[3])
        taps = np.zeros((kh * kw, 4, c), np.float32)
        sums = np.empty((4, band * padded.shape[3]), np.float32)
        flat = padded.reshape(n, c, padded.shape[2] * padded.shape[3])
        _conv(flat, np.ascontiguousarray(w), out, taps, sums, band)
    return out


@njit(fastmath=True)
def _conv(x, w, out, taps, sums, band):
    """An image lies flat, row after row: one tap of four filters is a product with a shifted image.

    Places at the end of each row, where a filter would hang over the edge, are computed too and
    left behind. `taps` and `sums` are room for four filters and for `band` rows of their results.
    """
    channels = x.shape[1]
    kh, kw = w.shape[2], w.shape[3]
    ho, wo = out.shape[2], out.shape[3]
    width, nought = wo + kw - 1, np.int64(0)
    for first in range(0, len(w), 4):
        filters = min(4, len(w) - first)
        for f in range(filters):
            for c in range(channels):
                for i in range(kh):
                    for j in range(kw):
                        taps[i * kw + j, f, c] = w[first + f, c, i, j]
        for n in range(len(x)):
            for top in range(0, ho, band):
                rows = min(band, ho - top)
                size = (rows - 1) * width + wo
                for f in range(4):
                    line = sums[f]
                    for q in range(size):
                        line[q] = 0
                for i in range(kh):
                    for j in range(kw):
                        start = (top + i) * width + j
                        tap, image = taps[i * kw + j], x[n]
                        _four_rows(tap, image, sums, nought, nought, nought, start, channels, size)
                for f in range(filters):
                    for row in range(rows):
                        line = sums[f, row * width : row * width + wo]
                        y = out[n, first + f, top + row]
                        for q in range(wo):
                            y[q] = line[q]


def vecadd(a, b):
    """a + b, both taken as one long row."""
    out = np.empty(a.shape, np.float32)
    _add(np.ascontiguousarray(a).reshape(-1), np.ascontiguousarray(b).reshape(-1), out.reshape(-1))
    return out


@njit
def _add(a, b, out):
    for i in range(len(out)):
        out[i] = a[i] + b[i]


# ---- what a product loads ------------------------------------------------------------------------
def dram_loads_naive(n):
    """Every product loads its two factors."""
    return 2 * n**3


def dram_loads_register_tiled(n, v1, v2):
    """A row of a is loaded for every v2 columns, a column of b for every v1 rows."""
    return n**3 // v2, n**3 // v1


def dram_loads_cache_tiled(n, b1):
    """a once; b once for every b1 rows."""
    return n**2, n**3 // b1


def loads_tiled(n, b1, v1, v2):
    """From memory as the strips do, from the cache as the tiles in registers do."""
    return n**2 + n**3 // b1, n**3 // v2 + n**3 // v1
