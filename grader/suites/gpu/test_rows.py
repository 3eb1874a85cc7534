"""Rows: softmax, and attention with a running softmax."""

from __future__ import annotations

import numpy as np

from grader.check import check_close
from grader.launches import check_kernel, check_sound, empty, launch
from grader.student import Student
from grader.suites.gpu.oracles import HEAD, attention, draw, softmax


def test_softmax_values(student: Student, rng: np.random.Generator) -> None:
    for rows, k in ((1, 1), (3, 2), (2, 33), (5, 100), (2, 128), (3, 300), (2, 1025)):
        x = draw(rng, rows, k) * np.float32(3)
        check_kernel(student, "softmax_rows", (x,), softmax(x))


def test_softmax_extremes(student: Student, rng: np.random.Generator) -> None:
    for k in (3, 40, 300):
        x = draw(rng, 4, k)
        x[0] *= np.float32(1e4)
        x[1] = np.float32(-1e4) + draw(rng, k)
        x[2, rng.permutation(k)[: k // 2]] = -np.inf
        x[3, 1:] = -np.inf
        check_kernel(
            student,
            "softmax_rows",
            (x,),
            softmax(x),
            help="exp(x - largest): no exponent is above 0, and exp(-inf) is 0. From which number "
            "does the search for the largest start?",
        )


def test_softmax_shift(student: Student, rng: np.random.Generator) -> None:
    """Numbers in steps of 1 / 8, so that adding is exact."""
    x = (rng.integers(-40, 41, (6, 150)) / 8).astype(np.float32)
    first = check_sound(launch(student, "softmax_rows", x, empty(6, 150))).outputs[0]
    moved = x + np.array([[-2000], [-64], [0], [8], [256], [5000]], np.float32)
    second = check_sound(launch(student, "softmax_rows", moved, empty(6, 150))).outputs[0]
    check_close(second, first, what="softmax_rows(x + c)", rtol=1e-4, atol=2e-4)
    check_close(
        second.astype(np.float64).sum(axis=1),
        np.ones(6),
        what="the sums of the rows of softmax_rows",
        rtol=1e-4,
    )


def attended(
    student: Student, rng: np.random.Generator, n: int, m: int, causal: int, **fields: str
) -> None:
    q, k, v = draw(rng, n, HEAD), draw(rng, m, HEAD), draw(rng, m, HEAD) + np.float32(1)
    check_kernel(
        student,
        "flash_attention",
        (q, k, v),
        attention(q, k, v, causal),
        causal,
        what=f"flash_attention with causal = {causal}",
        diagnoses={
            "the scale 1 / sqrt(32) is missing.": lambda: attention(q, k, v, causal, scale=1.0),
            "causal is ignored.": lambda: attention(q, k, v, 0),
            "the causal mask is aligned at the first key, not at the last.": lambda: attention(
                q, k[:n], v[:n], causal
            ),
        },
        **fields,
    )


def test_flash_values(student: Student, rng: np.random.Generator) -> None:
    for n, m in ((1, 1), (2, 40), (33, 5), (40, 70)):
        attended(
            student,
            rng,
            n,
            m,
            0,
            help="When a larger score comes, all that was summed so far, weights and values, is "
            "multiplied by exp(old largest - new largest).",
        )


def test_flash_causal(student: Student, rng: np.random.Generator) -> None:
    for n, m in ((1, 3), (5, 5), (33, 40), (40, 90)):
        attended(student, rng, n, m, 1, help="Query i sees key j where j <= i + m - n.")


def test_flash_blind(student: Student, rng: np.random.Generator) -> None:
    for n, m in ((3, 1), (40, 20), (70, 33)):
        attended(
            student,
            rng,
            n,
            m,
            1,
            help="Of the first n - m queries none sees a key: no weight, and the answer is 0.",
        )


def test_flash_future(student: Student, rng: np.random.Generator) -> None:
    n, m, cut = 20, 50, 12
    q, k, v = draw(rng, n, HEAD), draw(rng, m, HEAD), draw(rng, m, HEAD)
    first = check_sound(launch(student, "flash_attention", q, k, v, empty(n, HEAD), 1)).outputs[0]
    later = cut + m - n
    k[later:], v[later:] = draw(rng, m - later, HEAD), draw(rng, m - later, HEAD)
    second = check_sound(launch(student, "flash_attention", q, k, v, empty(n, HEAD), 1)).outputs[0]
    check_close(
        second[:cut],
        first[:cut],
        what="flash_attention after keys and values that these queries may not see have changed",
        rtol=1e-4,
        atol=2e-4,
    )
    if np.array_equal(second[cut], first[cut]):
        check_close(
            second,
            attention(q, k, v, 1).astype(np.float32),
            what="flash_attention after the keys that a query may see have changed",
            rtol=1e-4,
            atol=2e-4,
        )


def test_flash_means(student: Student, rng: np.random.Generator) -> None:
    for n, m, causal in ((3, 70, 0), (34, 34, 1)):
        q, k, v = np.zeros((n, HEAD), np.float32), draw(rng, m, HEAD), draw(rng, m, HEAD)
        seen = [min(m, i + m - n + 1) if causal else m for i in range(n)]
        check_kernel(
            student,
            "flash_attention",
            (q, k, v),
            np.array([v[:count].astype(np.float64).mean(axis=0) for count in seen]),
            causal,
            what="flash_attention of queries that are 0",
            help="All weights are equal then: each result is a mean of the values that are seen.",
        )
