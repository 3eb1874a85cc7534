"""How good the walls are, found by trying them.

A program inside a box attempts what must be refused (`denials.py`), another fills memory past its
bound. What was not refused is named in every report; a grade that counts needs all of it.
"""

from __future__ import annotations

import json
import os
import select
import sys
import time
from functools import cache
from pathlib import Path

import platformdirs

from ..errors import SandboxError
from ..outcome import Isolation
from . import bubblewrap, seccomp
from .box import best_level, open_box
from .spec import BoxSpec, Mount

HERE = Path(__file__).parent
PROGRAM = "/opt/box/denials.py"
ANSWER_S = 20.0
MEMORY_MIB = 64
MEMORY_BOMB = "x = [bytearray(1 << 24) for _ in range(64)]; print('held', flush=True)"
RESTRICTED = Path("/proc/sys/kernel/apparmor_restrict_unprivileged_userns")
NOT_BOUND = "memory"
SILENT = "the walls could not be tried"


def isolation(*, fresh: bool = False) -> Isolation:
    """The level of isolation and what is missing from it.

    Args:
        fresh: try again, instead of believing what was found since this machine started.
    """
    if fresh:
        _tried.cache_clear()
        best_level.cache_clear()
        _cache_file().unlink(missing_ok=True)
    return _tried()


@cache
def _tried() -> Isolation:
    level = best_level()
    if level == "none":
        return Isolation("none", ("every wall: self-checks only",))
    key = _key(level)
    known = _read(key)
    if known is None:
        known = _try()
        _write(key, known)
    if level == "reduced":
        return Isolation("reduced", tuple(known))
    return Isolation("reduced" if known else "full", tuple(known))


def advice() -> str:
    """What to do for full isolation, in a sentence; empty where there is nothing to do."""
    if isolation().level == "full":
        return ""
    if sys.platform != "linux":
        return "full isolation needs Linux; self-checks work, official grades need another machine."
    if not bubblewrap.installed():
        return "install bubblewrap (on Debian and Ubuntu: sudo apt-get install bubblewrap)."
    if RESTRICTED.is_file() and RESTRICTED.read_text().strip() == "1" and os.getuid() != 0:
        return (
            "this system forbids user namespaces to programs without an AppArmor profile: give "
            "bwrap one, or run as root."
        )
    return "see ARCHITECTURE.md (What runs where) for the walls that a full box needs."


def _try() -> list[str]:
    """The names of what was not refused."""
    try:
        answers = json.loads(
            _output(BoxSpec((PROGRAM,), (), (Mount(HERE / "denials.py", PROGRAM),)))
        )
        missing = [name for name, refused in answers.items() if not refused]
        bomb = BoxSpec(("-c", MEMORY_BOMB), (), memory_mib=MEMORY_MIB)
        if b"held" in _output(bomb):
            missing.append(NOT_BOUND)
    except (SandboxError, ValueError):
        return [SILENT]
    return missing


def _output(spec: BoxSpec) -> bytes:
    """What the program of a box writes as its answer, up to its end."""
    with open_box(spec) as box:
        said, ends = b"", time.monotonic() + ANSWER_S
        while (left := ends - time.monotonic()) > 0 and len(said) < 1 << 16:
            if not select.select([box.read_fd], [], [], left)[0]:
                break
            part = os.read(box.read_fd, 1 << 16)
            if not part:
                break
            said += part
        return said


def _key(level: str) -> str:
    """Changes with anything on which the answer depends."""
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    except OSError:
        boot = "?"
    program = seccomp.program()
    tools = [
        str(Path(f"/usr/bin/{n}").stat().st_mtime_ns) for n in ("bwrap",) if bubblewrap.installed()
    ]
    sources = [str(path.stat().st_mtime_ns) for path in sorted(HERE.glob("*.py"))]
    return "|".join([boot, level, str(os.getuid()), str(len(program or b"")), *tools, *sources])


def _cache_file() -> Path:
    return Path(platformdirs.user_cache_dir("dlsyslab")) / "isolation.json"


def _read(key: str) -> list[str] | None:
    try:
        known = json.loads(_cache_file().read_text())
    except (OSError, ValueError):
        return None
    return known["missing"] if known.get("key") == key else None


def _write(key: str, missing: list[str]) -> None:
    try:
        _cache_file().parent.mkdir(parents=True, exist_ok=True)
        _cache_file().write_text(json.dumps({"key": key, "missing": missing}))
    except OSError:
        pass  # it is found again the next time
