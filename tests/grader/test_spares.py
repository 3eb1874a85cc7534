"""Warm workers: one for each kind, used once, alive when handed out, gone when closed."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from grader import spares as module
from grader.spares import DATA_FILES, Spares, WorkerEnvironment, box_spec, start_worker
from grader.student import Student

ONE = WorkerEnvironment(("numpy",))
OTHER = WorkerEnvironment(("numpy",), memory_mib=512)
PINNED = WorkerEnvironment(("numpy",), cpus=(0,))


class Box:
    """What `Spares` asks a box."""

    def __init__(self) -> None:
        self.living, self.restarts = True, 0

    def alive(self) -> bool:
        return self.living

    def restart_clock(self) -> None:
        self.restarts += 1


class Made:
    """What `Spares` asks a worker; `closed` counts."""

    def __init__(self, environment: WorkerEnvironment) -> None:
        self.environment, self.box, self.closed = environment, Box(), 0

    def close(self) -> None:
        self.closed += 1
        self.box.living = False


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> list[Made]:
    """Every worker that was started, without a process behind it."""
    made: list[Made] = []

    def start(environment: WorkerEnvironment) -> Made:
        made.append(Made(environment))
        return made[-1]

    monkeypatch.setattr(module, "start_worker", start)
    return made


def test_a_worker_is_handed_out_once_and_replaced(started: list[Made]) -> None:
    with Spares() as spares:
        taken = [spares.take(ONE) for _ in range(3)]

        assert len({id(worker) for worker in taken}) == 3
        assert len(started) == 4
        assert all(worker.closed == 0 for worker in started)


def test_what_waits_is_closed_and_what_was_taken_is_not(started: list[Made]) -> None:
    with Spares() as spares:
        taken = spares.take(ONE)
        spares.warm(OTHER)

    assert [worker.closed for worker in started if worker is not taken] == [1, 1]
    assert taken.closed == 0  # type: ignore[attr-defined]


def test_equal_environments_share_and_others_do_not(started: list[Made]) -> None:
    with Spares() as spares:
        spares.warm(ONE)
        spares.warm(WorkerEnvironment(("numpy",)))
        assert len(started) == 1

        assert spares.take(OTHER) is not started[0]
        assert spares.take(WorkerEnvironment(("numpy",))) is started[0]


def test_the_depth_is_how_many_wait(started: list[Made]) -> None:
    with Spares(depth=3) as spares:
        spares.warm(ONE)
        spares.warm(ONE)

        assert len(started) == 3


def test_the_clock_of_a_spare_starts_when_it_is_taken(started: list[Made]) -> None:
    with Spares() as spares:
        spares.warm(ONE)
        assert started[0].box.restarts == 0

        spares.take(ONE)
        assert started[0].box.restarts == 1


def test_a_spare_that_died_while_it_waited_is_closed_and_passed_over(started: list[Made]) -> None:
    with Spares(depth=2) as spares:
        spares.warm(ONE)
        started[0].box.living = False

        assert spares.take(ONE) is started[1]
        assert started[0].closed == 1


def test_no_spare_is_started_beside_a_measurement(started: list[Made]) -> None:
    with Spares() as spares:
        spares.take(PINNED)

        assert len(started) == 1


def test_nothing_is_started_to_wait_after_the_end(started: list[Made]) -> None:
    spares = Spares()
    spares.close()
    spares.warm(ONE)
    spares.close()

    assert not started


def test_a_worker_that_cannot_be_started_is_the_callers_error(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def fail(environment: WorkerEnvironment) -> Any:
        raise OSError("no more processes")

    monkeypatch.setattr(module, "start_worker", fail)
    with Spares() as spares, pytest.raises(OSError, match="no more"):
        spares.take(ONE)


# ---- the box of a worker --------------------------------------------------------------------------
def test_the_box_holds_the_program_and_nothing_else_of_the_grader() -> None:
    names = {mount.target for mount in box_spec(ONE).mounts}

    assert names == {
        f"/opt/box/{name}"
        for name in (
            "main.py",
            "serve.py",
            "failure.py",
            "wire/__init__.py",
            "wire/codec.py",
            "wire/frames.py",
        )
    }


def test_the_labels_of_the_test_set_are_in_no_box() -> None:
    with_data = box_spec(WorkerEnvironment(("numpy",), data=tuple(DATA_FILES)))
    names = [mount.target for mount in with_data.mounts if mount.target.startswith("/data/")]

    assert names
    assert all(mount.source.is_file() for mount in with_data.mounts)
    assert not [name for name in names if "test-labels" in name or "t10k-labels" in name]


def test_limits_reach_the_box() -> None:
    asked = WorkerEnvironment(
        ("numpy",), memory_mib=300, processes=7, log_kib=9, cpus=(0,), threads=2, wall_s=10
    )
    spec = box_spec(asked)

    assert (spec.memory_mib, spec.processes, spec.log_kib, spec.cpus) == (300, 7, 9, (0,))
    assert spec.wall_s >= 10
    assert spec.environment["OMP_NUM_THREADS"] == spec.environment["NUMBA_NUM_THREADS"] == "2"


class Patience:
    import_s = 20.0
    call_s = 20.0


@pytest.fixture(params=["best", "none"])
def opened(
    request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Callable[[WorkerEnvironment], Student]]:
    """Opens a real worker behind the best walls of this machine, or behind none."""
    if request.param == "none":
        open_box = module.sandbox.open_box
        monkeypatch.setattr(module.sandbox, "open_box", lambda spec: open_box(spec, level="none"))
    made: list[Student] = []

    def open_student(environment: WorkerEnvironment) -> Student:
        source = (
            b"import os\n"
            b"def variable(name): return os.environ.get(name)\n"
            b"def listed(): return sorted(os.listdir(os.environ['DLSYS_DATA'] + '/digits'))\n"
        )
        made.append(Student(start_worker(environment), source, "some.py", limits=Patience()))
        return made[-1]

    yield open_student
    for student in made:
        student.close()


def test_a_real_worker_has_its_threads_and_its_data(
    opened: Callable[[WorkerEnvironment], Student],
) -> None:
    student = opened(WorkerEnvironment(("numpy",), data=("digits",), threads=2))

    assert student.variable("OPENBLAS_NUM_THREADS") == "2"
    assert student.listed() == sorted(DATA_FILES["digits"])
    assert student.variable("DLSYSLAB_ISOLATION") is None
