"""What must be refused inside is refused, and the attempts succeed where there are no walls."""

from __future__ import annotations

import fcntl
import json
import os
import socket
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

from grader.errors import SandboxError
from grader.sandbox import BoxSpec, Mount, advice, cgroup, isolation, open_box, probes
from grader.sandbox.box import LEVEL_VARIABLE, best_level
from grader.sandbox.denials import DENIALS

from .inside import answer, heard

PROJECT = Path(__file__).parents[3]
BY_LANDLOCK = {"files of this machine", "writing outside", "the network", "sockets of the machine",
               "tracing", "keyrings", "memory files", "io_uring", "namespaces"}  # fmt: skip


def refused(level: str | None = None) -> set[str]:
    """The names of the denials that hold at `level`."""
    spec = BoxSpec(
        (probes.PROGRAM,), (), (Mount(probes.HERE / "denials.py", probes.PROGRAM),), processes=64
    )
    with open_box(spec, level=level) as box:
        found = json.loads(heard(box))
    assert set(found) == set(DENIALS)
    return {name for name, held in found.items() if held}


def test_full_walls_refuse_everything() -> None:
    assert isolation(fresh=True).missing == ()
    assert isolation().level == "full"
    assert refused() == set(DENIALS)


def test_the_attempts_succeed_without_walls() -> None:
    """The control: a probe that is refused everywhere would prove nothing."""
    assert not refused("none") & {
        "files of this machine", "the network", "memory files", "other processes", "processors",
        "many processes",
    }  # fmt: skip


def test_landlock_refuses_what_it_can() -> None:
    assert refused("reduced") >= BY_LANDLOCK


def test_lower_walls_are_never_called_full(monkeypatch: pytest.MonkeyPatch) -> None:
    for level in ("none", "reduced"):
        monkeypatch.setenv(LEVEL_VARIABLE, level)
        found = isolation(fresh=True)
        assert found.level == level
        assert found.missing
        assert advice()
    monkeypatch.setenv(LEVEL_VARIABLE, "high")
    with pytest.raises(SandboxError, match="'high'; it may be full, reduced, none"):
        isolation(fresh=True)
    monkeypatch.delenv(LEVEL_VARIABLE)
    assert isolation(fresh=True).level == "full"


def test_a_wall_that_lacks_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("grader.sandbox.seccomp.program_fd", lambda: None)
    probes._tried.cache_clear()
    best_level.cache_clear()
    found = probes._try()
    probes._tried.cache_clear()
    assert {"sockets of the machine", "keyrings", "memory files"} <= set(found)
    assert "writing outside" not in found


# ---- one by one: what each of the ten traps would let through ----------------------------------
def test_no_capability_and_no_new_user_namespace() -> None:
    assert {"capabilities", "namespaces", "other users"} <= refused()


def test_processes_are_bounded_with_and_without_control_groups(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    count = """
        children = []
        try:
            for _ in range(60):
                pid = os.fork()
                if pid == 0:
                    os.read(0, 1)
                    os._exit(0)
                children.append(pid)
        except OSError:
            pass
        say(len(children))
    """
    assert answer(count, processes=32) < 32
    monkeypatch.setattr(cgroup, "available", lambda: False)
    assert answer(count, processes=32) < 32
    assert answer(count, processes=64) == 60


def test_the_root_of_the_box_cannot_be_written() -> None:
    found = answer(
        """
        def written(path):
            try:
                open(path, "w").close()
                return True
            except OSError:
                return False
        say([written(p) for p in ("/x", "/opt/x", "/usr/x", "/etc/x", "/box/x", "/tmp/x")])
        """
    )
    assert found == [False, False, False, False, True, True]


def test_no_descriptor_of_the_grader_is_inside() -> None:
    secret = os.open(__file__, os.O_RDONLY)
    high = fcntl.fcntl(secret, fcntl.F_DUPFD, 40)  # one that is inheritable
    os.set_inheritable(high, True)
    try:
        listed = "fds = os.listdir('/proc/self/fd')\nsay(sorted(int(fd) for fd in fds))"
        for level in ("full", "reduced", "none"):
            inside = answer(listed, level=level)
            assert inside[:3] == [0, 1, 2]
            assert len(inside) <= 4, f"{level}: {inside}"  # and the one that lists
    finally:
        os.close(high)
        os.close(secret)


@pytest.mark.parametrize("family", ["AF_INET", "AF_INET6", "AF_NETLINK", "AF_VSOCK", "AF_PACKET"])
def test_sockets_beyond_local_ones_cannot_be_made(family: str) -> None:
    number = int(getattr(socket, family))
    found = answer(
        f"""
        import socket
        try:
            socket.socket({number}, socket.SOCK_DGRAM).close()
            say(True)
        except OSError:
            say(False)
        """
    )
    assert found is False


def test_a_box_on_one_processor_stays_there() -> None:
    found = answer(
        """
        before = sorted(os.sched_getaffinity(0))
        try:
            os.sched_setaffinity(0, range(os.cpu_count()))
        except OSError:
            pass
        say([before, sorted(os.sched_getaffinity(0))])
        """,
        cpus=(0,),
    )
    assert found == [[0], [0]]


def test_threads_beyond_the_bound_are_refused_and_fewer_are_not() -> None:
    count = """
        import threading
        wait, made = threading.Event(), 0
        try:
            for _ in range(40):
                threading.Thread(target=wait.wait, daemon=True).start()
                made += 1
        except RuntimeError:
            pass
        say(made)
        os._exit(0)
    """
    assert answer(count, processes=16) < 16
    assert answer(count, processes=64) == 40


def test_what_lies_under_a_closed_home_can_be_bound(tmp_path: Path) -> None:
    closed = tmp_path / "home"
    closed.mkdir(mode=0o700)
    (closed / "given.txt").write_text("seen")
    mounts = (Mount(closed / "given.txt", "/data/given.txt"),)
    for level in ("full", "reduced", "none"):
        where = "os.environ['DLSYS_DATA']"
        seen = answer(f"say(open({where} + '/given.txt').read())", mounts=mounts, level=level)
        assert seen == "seen"


def test_the_environment_is_ours() -> None:
    os.environ["A_SECRET_OF_THE_GRADER"] = "x"
    try:
        for level in ("full", "reduced", "none"):
            assert "A_SECRET_OF_THE_GRADER" not in answer("say(dict(os.environ))", level=level)
    finally:
        del os.environ["A_SECRET_OF_THE_GRADER"]


def test_nothing_inside_tells_where_things_lie_on_this_machine() -> None:
    seen = answer(
        """
        texts = []
        for pid in filter(str.isdigit, os.listdir("/proc")):
            for name in ("cmdline", "environ", "mountinfo"):
                try:
                    texts.append(open(f"/proc/{pid}/{name}", "rb").read().decode("latin1"))
                except OSError:
                    pass
        say("\\n".join(texts))
        """
    )
    assert str(PROJECT) not in seen.replace(str(PROJECT / ".venv"), "")
    assert "grader" not in seen.replace("dlsyslab", "")


# ---- the same as an ordinary user ---------------------------------------------------------------
def test_an_ordinary_user_builds_the_same_walls(tmp_path: Path) -> None:
    """As root: once more as somebody else, who sees interpreter and project under open folders."""
    tried = (
        "from grader.sandbox import isolation, open_box, BoxSpec\n"
        "import json, os, psutil\n"
        "for _ in range(5):\n"
        "    with open_box(BoxSpec(('-c', 'pass'), packages=('numpy',))) as box:\n"
        "        assert box.wait_ending() == 'exited', box.log()\n"
        "found = isolation(fresh=True)\n"
        "left = len(psutil.Process().children(recursive=True))\n"
        "print(json.dumps([os.getuid(), found.level, found.missing, left]))\n"
    )
    if os.getuid() == 0:
        command, environment = _as_somebody_else(tried, tmp_path)
    else:
        command, environment = [sys.executable, "-c", tried], dict(os.environ)
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    uid, level, missing, left = json.loads(done.stdout)
    assert uid != 0
    assert (level, missing, left) == ("full", [], 0)


def _as_somebody_else(code: str, folder: Path) -> tuple[list[str], dict[str, str]]:
    """A command that runs `code` as a user without rights, in a mount namespace of its own."""
    base = Path(sys.base_prefix).resolve()
    binds = {base: "/mnt/py", PROJECT: "/mnt/project", sysconfig.get_path("purelib"): "/mnt/site"}
    script = ["set -e", "mount -t tmpfs -o mode=755 none /mnt", "mkdir -m 777 /mnt/home"]
    for source, target in binds.items():
        script += [f"mkdir {target}", f"mount --bind '{source}' {target}"]
    python = "/mnt/py/" + str(Path(sys.executable).resolve().relative_to(base))
    script += [f'exec setpriv --reuid=65533 --regid=65533 --clear-groups {python} -c "$CODE"']
    (folder / "as.sh").write_text("\n".join(script))
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": "/mnt/home",
        "PYTHONPATH": "/mnt/project:/mnt/site",
        "CODE": code,
    }
    return ["unshare", "--mount", "sh", str(folder / "as.sh")], environment
