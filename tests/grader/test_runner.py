"""What a run does to the process that judges."""

from __future__ import annotations

import threadpoolctl

from assignments import catalog
from grader.runner import run_suite

STAGE = catalog.stage("warmup")


def blas_threads() -> set[int]:
    return {
        pool["num_threads"]
        for pool in threadpoolctl.threadpool_info()
        if pool["user_api"] == "blas"
    }


def test_oracles_have_one_blas_thread_so_that_none_spins_beside_what_is_timed() -> None:
    seen: set[int] = set()

    def look(event: dict[str, object]) -> None:
        if event["event"] == "check_finished":
            seen.update(blas_threads())

    with threadpoolctl.threadpool_limits(2, user_api="blas"):
        assert blas_threads() == {2}
        run_suite(STAGE, STAGE.starter.read_bytes(), "public", emit=look)

        assert seen == {1}
        assert blas_threads() == {2}
