"""Timed checks: each function against the solution's function of the same name, in the same breath."""

from statistics import median

from grader.check import check_close, fail
from grader.errors import MachineLacks
from grader.suites.tiling.oracles import FEW, conv, drawn, layernorm, product, softmax
from grader.suites.tiling.programs import SPEED, THREADS

SPARE = 64  # rows more than a call takes, so that each call can take others
TOLD = 4  # rows of each result that come back
# Of the solution's own product on two idle processors; well above the best tier and its margin, so
# that one thread alone cannot reach it.
SPEEDUP = 1.45
LOOKS = 7  # at one thread and two, in turns


def compare(bench, name, arrays, sizes, want, *, more=(), times=1):
    """Time `times` calls, each on its own rows of the arrays; `want(*parts, rows)` is right."""

    def release(rng):
        starts = [
            [int(rng.integers(len(x) - n + 1)) for x, n in zip(arrays, sizes, strict=True)]
            for _ in range(times)
        ]
        return starts, rng.integers(sizes[0], size=TOLD)

    def arguments(staged, released):
        return (name, staged, sizes, more, *released)

    def check(released, result, read):
        starts, rows = released
        if type(result) is not list or len(result) != times:
            fail(f"{name} gave something else than arrays.")
        # One of the results in full, chosen where nobody could know it.
        place = int(rows.sum()) % times
        parts = [x[p : p + n] for x, n, p in zip(arrays, sizes, starts[place], strict=True)]
        check_close(result[place], want(*parts, rows), what=f"a timed call of {name}", **FEW)

    return bench.compare(
        name,
        staged=arrays,
        release=release,
        arguments=arguments,
        check=check,
        program=SPEED,
        compiles=True,
    )


def compare_product(bench, rng, name, n):
    a, b = drawn(rng, (n + SPARE, n), (n + SPARE, n))
    compare(bench, name, (a, b), (n, n), lambda a, b, rows: product(a[rows], b))


def test_reordered_speed(bench, rng):
    """matmul_reordered at n = 512 takes no longer than the course's own"""
    compare_product(bench, rng, "matmul_reordered", 512)


def test_register_speed(bench, rng):
    """matmul_register_tiled at n = 512 takes no longer than the course's own"""
    compare_product(bench, rng, "matmul_register_tiled", 512)


def test_tiled_speed(bench, rng):
    """matmul_tiled at n = 512 takes no longer than the course's own"""
    compare_product(bench, rng, "matmul_tiled", 512)


def test_tiled_large_speed(bench, rng):
    """matmul_tiled at n = 1024 takes no longer than the course's own"""
    compare_product(bench, rng, "matmul_tiled", 1024)


def test_softmax_speed(bench, rng):
    """softmax_fused at 1024 x 1024 takes no longer than the course's own"""
    (x,) = drawn(rng, (1024 + SPARE, 1024))
    compare(bench, "softmax_fused", (x,), (1024,), lambda x, rows: softmax(x[rows]), times=4)


def test_layernorm_speed(bench, rng):
    """layernorm_fused at 1024 x 1024 takes no longer than the course's own"""
    x, gamma, beta = drawn(rng, (1024 + SPARE, 1024), (1024 + SPARE,), (1024 + SPARE,))

    def want(x, gamma, beta, rows):
        return layernorm(x[rows], gamma, beta, 1e-5)

    compare(bench, "layernorm_fused", (x, gamma, beta), (1024,) * 3, want, more=(1e-5,), times=8)


def test_conv_speed(bench, rng):
    """conv2d_direct at 8 x 32 x 32 x 32 -> 64 takes no longer than the course's own"""
    x, w = drawn(rng, (24, 32, 32, 32), (64 + 16, 32, 3, 3))
    compare(
        bench, "conv2d_direct", (x, w), (8, 64), lambda x, w, rows: conv(x[rows], w, 1), more=(1,)
    )


def test_parallel_speed(bench, rng):
    """matmul_parallel at n = 1024 on two idle processors"""
    require_two_processors(bench, rng)
    compare_product(bench, rng, "matmul_parallel", 1024)
    require_two_processors(bench, rng)  # if one was lost meanwhile, one thread looked like two


def require_two_processors(bench, rng):
    """Not assessed where the solution gains too little from its second thread."""
    a, b = (bench.kept(x) for x in drawn(rng, (1024, 1024), (1024, 1024)))
    times = [[bench.seconds(THREADS, threads=n, a=a, b=b) for n in (1, 2)] for _ in range(LOOKS)]
    gain = median(one / two for one, two in times)
    if gain < SPEEDUP:
        raise MachineLacks(
            f"two threads are {gain:.2f} times as fast as one here: not two idle processors."
        )
