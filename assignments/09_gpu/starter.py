from numba import cuda, float32

# Kernels for a GPU, and how each is launched.
#
# Write the eleven names below. `cuda`, `float32` and, if you like, `math` and more types of `numba`
# are all you need; `reference` and `kernels` are not there. With a GPU and numba-cuda you can run this
# file as it is. Without one the lab reads it: it interprets your kernels, warp by warp, on NumPy, and
# tells what your results may hide: races, accesses outside, barriers that not all threads reach, and
# how you use memory. It judges everybody in that way, so nothing depends on your machine.
#
# For every kernel: arrays are float32, in C order. The output is the last array; it arrives full of NaN,
# every element is to be written, inputs are never written. No output is empty. Kernels return nothing.
# Numbers are float32: a sum that starts with the literal 0.0 is float64, start it with float32(0).
#
# You may use shared, local and constant arrays, syncthreads, syncwarp, shuffles and votes of a warp,
# atomic.add, max and min, device functions, math.*, for over range, and while. A barrier must be
# reached by every thread of the block that has not returned.

RADIUS = 2


@cuda.jit
def vecadd(a, b, out):
    """out[i] = a[i] + b[i]: a, b and out (n,)."""
    raise NotImplementedError("vecadd is yours to write")


@cuda.jit
def window_sum(x, out):
    """out[i] = sum of all x[j] with |j - i| <= RADIUS; outside x counts as 0. x and out (n,)."""
    raise NotImplementedError("window_sum is yours to write")


@cuda.jit
def window_sum_shared(x, out):
    """The same as window_sum, from a tile in shared memory that holds a halo on both sides."""
    raise NotImplementedError("window_sum_shared is yours to write")


@cuda.jit
def block_sum(x, out):
    """out[i] = sum of x[128 i : 128 (i + 1)], whatever your blocks are. x (n,), out (ceil(n / 128),)."""
    raise NotImplementedError("block_sum is yours to write")


@cuda.jit
def prefix_sum(x, out):
    """out[i] = x[0] + ... + x[i], any n, by a grid of one block. x and out (n,)."""
    raise NotImplementedError("prefix_sum is yours to write")


@cuda.jit
def transpose_tiled(x, out):
    """out[j, i] = x[i, j], through a tile, so that reads and writes both run along rows.

    x (m, n), out (n, m).
    """
    raise NotImplementedError("transpose_tiled is yours to write")


@cuda.jit
def matmul_thread_tiled(a, b, c):
    """c = a b without shared memory; each thread computes a tile of results from its registers.

    a (m, k), b (k, n), c (m, n); k may be 0, then c is 0. For sizes that are multiples of 64 at most
    2 m n k / 4 elements are loaded from a and b together.
    """
    raise NotImplementedError("matmul_thread_tiled is yours to write")


@cuda.jit
def matmul_shared(a, b, c):
    """c = a b; the threads of a block fetch tiles of a and b together into shared memory.

    Shapes as above. At most 2 m n k / 16 elements are loaded, each at most once by each block.
    """
    raise NotImplementedError("matmul_shared is yours to write")


@cuda.jit
def softmax_rows(x, out):
    """out[i] = softmax of x[i]: x and out (b, k), any k >= 1, one block a row.

    Entries may be 1e4 or -1e4, and -inf, but never a whole row of -inf. The row may be loaded
    three times.
    """
    raise NotImplementedError("softmax_rows is yours to write")


@cuda.jit
def flash_attention(q, k, v, out, causal):
    """out = softmax(q k^T / sqrt(32)) v without ever storing the scores in global memory.

    q (n, 32), k and v (m, 32), out (n, 32); causal is 1 or 0. With 1, query i sees key j where
    j <= i + m - n; a query that sees no key gives 0. Shared memory is static, at most 48 KB. At most
    32 n + 2 * 32 m * ceil(n / 32) elements are loaded: a block takes 32 queries or more.
    """
    raise NotImplementedError("flash_attention is yours to write")


def launch(name, *args):
    """(grid, block) for the kernel `name`, which will be run as kernel[grid, block](*args).

    Both are an int or a tuple of one to three ints, and block has a multiple of 32 threads, at most
    1,024. It may look at the shapes of the arrays in `args`. Block sizes are yours to choose.
    """
    raise NotImplementedError("launch is yours to write")
