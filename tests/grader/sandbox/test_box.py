"""How a box ends, and that nothing of it is left."""

from __future__ import annotations

import fcntl
import os
import signal
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from grader.sandbox import BoxSpec, cgroup, open_box
from grader.sandbox.slots import COUNT, FIRST, FOLDER, Slot

from .inside import answer, heard, program

LEVELS = ("full", "reduced", "none")
PATIENCE_S = 30.0
WAITS = "say('here')\nos.read(0, 1)\n"
DAEMONS = """
    if os.fork() == 0:
        os.setsid()
        if os.fork() == 0:
            os.read(0, 1)
        os._exit(0)
    os.wait()
    say('gone')
"""


@pytest.fixture(scope="module", autouse=True)
def a_first_box() -> None:
    """What is there once for all boxes is there before anything is counted."""
    open_box(BoxSpec(program("pass"), packages=())).close()


def ours() -> set[int]:
    """Processes below this one, zombies among them."""
    return {child.pid for child in psutil.Process().children(recursive=True)}


def more_than(before: set[int]) -> list[str]:
    """What runs below this process now, stays, and did not run `before`."""
    more = [child for child in psutil.Process().children(recursive=True) if child.pid not in before]
    told = {child.pid: str(child) for child in more}
    # Waiting for a zombie would take it away, and nobody but its parent may.
    ending = [child for child in more if "status='zombie'" not in told[child.pid]]
    gone, _ = psutil.wait_procs(ending, PATIENCE_S)
    return sorted(told[child.pid] for child in set(more) - set(gone))


def groups() -> set[Path]:
    """The folders of control groups that this process made."""
    mine = f"{cgroup.NAME}-{os.getpid()}-*"
    return {folder for base in cgroup._bases().values() for folder in base.glob(mine)}


def left_behind() -> set[int]:
    """Processes, zombies too, of a box's user id that no box holds, whoever ran the box."""
    if os.getuid() != 0:
        return set()
    found = [
        process
        for process in psutil.process_iter(["uids"])
        if process.info["uids"] and not held(process.info["uids"].real)
    ]
    _, alive = psutil.wait_procs(found, PATIENCE_S)  # another run's may be ending just now
    return {process.pid for process in alive}


def held(uid: int) -> bool:
    """Whether a box, of this run or of another, has the user id now; others are nobody's."""
    if not FIRST <= uid < FIRST + COUNT:
        return True
    with (FOLDER / str(uid)).open("rb") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return False


@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize(
    ("source", "wanted", "ending"),
    [
        ("pass", {}, "exited"),
        ("sys.exit(3)", {}, "exited"),
        ("os.kill(os.getpid(), 9)", {}, "signal"),
        ("os.read(0, 1)", {"wall_s": 0.3}, "wall"),
        ("while True: os.write(2, b'x' * 4096)", {"log_kib": 16}, "output"),
    ],
    ids=["returns", "exits", "killed", "hangs", "floods"],
)
def test_endings(source: str, wanted: dict[str, float], ending: str, level: str) -> None:
    with open_box(BoxSpec(program(source), packages=(), **wanted), level=level) as box:  # type: ignore[arg-type]
        if level == "full" and ending == "signal":
            assert box.wait_ending() in ("signal", "exited")  # the first process of a namespace
        else:
            assert box.wait_ending() == ending


@pytest.mark.parametrize("bounded_by", ["a control group", "the watchdog"])
def test_memory_beyond_the_bound_ends_the_box(
    bounded_by: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if bounded_by == "the watchdog":
        monkeypatch.setattr(cgroup, "available", lambda: False)
    greedy = "x = [bytearray(1 << 24) for _ in range(40)]; say(len(x)); os.read(0, 1)"
    spec = BoxSpec(program(greedy), packages=(), memory_mib=96, wall_s=20)
    with open_box(spec) as box:
        assert heard(box) == b""
        assert box.wait_ending() == "memory" or b"MemoryError" in box.log()


def test_shared_memory_beyond_the_bound_ends_the_box() -> None:
    greedy = """
        import mmap
        held = [mmap.mmap(-1, 1 << 24) for _ in range(16)]
        for part in held:
            part.write(b'x' * (1 << 24))
        say('held')
    """
    with open_box(BoxSpec(program(greedy), packages=(), memory_mib=96, wall_s=20)) as box:
        assert heard(box) == b""
        assert box.wait_ending() == "memory"


def test_exit_status_and_log_are_told() -> None:
    spec = BoxSpec(program("sys.stderr.write('so long'); sys.exit(7)"), packages=())
    with open_box(spec) as box:
        assert box.wait_ending() == "exited"
        assert box.exit_status() == 7
        assert box.log() == b"so long"


def test_the_clock_of_a_box_can_be_started_again() -> None:
    with open_box(BoxSpec(program(WAITS), packages=(), wall_s=60)) as box:
        heard(box, b'"here"')
        box._deadline = 0.0
        box.restart_clock()
        box.look()
        assert box.alive()
        box._deadline = 0.0
        box.look()
        assert box.ending() == "wall"


def test_a_frozen_box_uses_no_processor() -> None:
    with open_box(BoxSpec(program("say('here')\nwhile True: pass"), packages=())) as box:
        heard(box, b'"here"')
        box.freeze()
        before = box.cpu_ns()
        with pytest.raises(psutil.TimeoutExpired):
            psutil.Process(box.pid).wait(0.1)
        assert box.cpu_ns() == before
        box.thaw()
        with pytest.raises(psutil.TimeoutExpired):
            psutil.Process(box.pid).wait(0.1)
        assert box.cpu_ns() > before


# ---- nothing is left -----------------------------------------------------------------------------
@pytest.mark.parametrize("level", LEVELS)
def test_a_hundred_boxes_leave_nothing(level: str) -> None:
    """Boxes that are killed, that end by themselves, and that leave a daemon behind."""
    before, descriptors = ours(), psutil.Process().num_fds()
    for turn in range(100):
        source = (WAITS, "say('bye')", DAEMONS)[turn % 3]
        with open_box(BoxSpec(program(source), packages=()), level=level) as box:
            assert heard(box, b'"')
            if turn % 3 and level != "none":
                box.wait_ending()
    assert more_than(before) == []
    assert left_behind() == set()
    assert groups() == set()
    assert psutil.Process().num_fds() == descriptors


def test_user_ids_are_handed_out_once_and_given_back() -> None:
    if os.getuid() != 0:
        assert not FOLDER.exists() or not os.access(FOLDER, os.W_OK)  # only root hands them out
        return
    first, second = Slot(), Slot()
    assert first.uid != second.uid
    first.release()
    third = Slot()
    assert third.uid == first.uid
    second.release()
    third.release()


GRADER = """
import os, sys
from grader.sandbox import BoxSpec, open_box
boxes = [open_box(BoxSpec(("-c", {program!r}), packages=()), level=sys.argv[1]) for _ in range(3)]
for box in boxes:
    os.read(box.read_fd, 6)
print(*[box.pid for box in boxes], flush=True)
sys.stdin.read()
"""


@pytest.mark.parametrize("level", LEVELS)
def test_a_killed_grader_leaves_nothing_alive_and_the_next_one_sweeps(level: str) -> None:
    code = GRADER.format(program=program(WAITS)[1])
    command = [sys.executable, "-c", code, level]
    grader = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert grader.stdout is not None
    inside = [psutil.Process(int(pid)) for pid in grader.stdout.readline().split()]
    assert len(inside) == 3
    grader.send_signal(signal.SIGKILL)
    grader.wait(PATIENCE_S)
    assert grader.stdin is not None
    grader.stdin.close()
    grader.stdout.close()

    _, alive = psutil.wait_procs(inside, PATIENCE_S)
    assert [p for p in alive if p.status() != psutil.STATUS_ZOMBIE] == []

    bases = cgroup._bases()
    left = f"{cgroup.NAME}-{grader.pid}-*"
    for base in bases.values():
        cgroup._sweep(base)
        assert list(base.glob(left)) == []


@pytest.mark.skipif(not cgroup.available(), reason="no control groups can be made here")
def test_a_grader_killed_while_its_box_is_frozen_leaves_nothing_and_nobody_need_sweep() -> None:
    code = GRADER.format(program=program(WAITS)[1]).replace(
        "sys.stdin.read()",
        "[box.freeze() for box in boxes]; print(flush=True); sys.stdin.read()",
    )
    grader = subprocess.Popen(
        [sys.executable, "-c", code, "full"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert grader.stdout is not None and grader.stdin is not None
    inside = [psutil.Process(int(pid)) for pid in grader.stdout.readline().split()]
    grader.stdout.readline()  # it is frozen
    grader.kill()
    grader.wait(PATIENCE_S)
    grader.stdin.close()
    grader.stdout.close()

    _, alive = psutil.wait_procs(inside, PATIENCE_S)

    assert [p for p in alive if p.status() != psutil.STATUS_ZOMBIE] == []


def test_a_box_that_cannot_be_built_leaves_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    from grader.errors import SandboxError

    before, descriptors = ours(), psutil.Process().num_fds()

    def no_process(*args: object, **options: object) -> None:
        raise OSError("no more processes")

    monkeypatch.setattr("grader.sandbox.box.subprocess.Popen", no_process)
    for level in LEVELS:
        with pytest.raises(SandboxError, match="no more processes"):
            open_box(BoxSpec(program("pass"), packages=()), level=level)
    assert more_than(before) == []
    assert groups() == set()
    assert psutil.Process().num_fds() == descriptors


def test_files_in_the_box_are_private_and_bounded() -> None:
    found = answer(
        """
        try:
            with open("/box/large", "wb") as file:
                for _ in range(32):
                    file.write(bytes(1 << 20))
            say("written")
        except OSError as error:
            say(error.errno)
        """,
        box_mib=8,
        file_mib=64,
    )
    assert found == 28  # ENOSPC
    assert answer("say(os.listdir('/box'))") == []
