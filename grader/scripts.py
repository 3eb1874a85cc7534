"""A learner's own script in the box: same interpreter, packages and limits as the checks have."""

from __future__ import annotations

import os
import select
import shutil
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from assignments.catalog import Stage

from . import sandbox
from .desk import environment_of
from .errors import UsageError
from .sandbox import Box, Mount
from .spares import BOX_FOLDER, HERE, box_spec
from .student import clean

TICK_S = 0.1
MAX_OUTPUT_BYTES = 8 << 20
MAX_FILES = 100
WHY = {
    "wall": "the script ran longer than this stage allows, and was ended.",
    "memory": "the script used more memory than this stage allows, and was ended.",
    "output": "the script wrote more than this stage allows to standard error, and was ended.",
    "signal": "the script's process ended by a signal.",
}


@dataclass(frozen=True, slots=True)
class Ended:
    """How a script ended: `ok` if it ran to its end; else `why`, where Python did not say so."""

    ok: bool
    why: str = ""


def run_script(stage: Stage, script: Path, say: Callable[[str], None]) -> Ended:
    """Run `script` with the .py files beside it; `say` hears what it prints, made harmless.

    Raises:
        UsageError: there are too many files beside it.
        SandboxError: the box could not be built.
    """
    with tempfile.TemporaryDirectory(prefix="dlsyslab-run-") as folder:
        copied = _copies(script, Path(folder))
        spec = box_spec(environment_of(stage))
        program = HERE / "worker" / "script.py"
        spec = replace(
            spec,
            program=(f"{BOX_FOLDER}/script.py", f"{BOX_FOLDER}/work/{script.name}"),
            mounts=(
                Mount(program, f"{BOX_FOLDER}/script.py"),
                *(Mount(file, f"{BOX_FOLDER}/work/{file.name}") for file in copied),
                # Data and packages; what serves the checks stays out.
                *(m for m in spec.mounts if not m.target.startswith(f"{BOX_FOLDER}/")),
            ),
        )
        with sandbox.open_box(spec) as box:
            return _listen(box, say)


def _copies(script: Path, folder: Path) -> list[Path]:
    """The .py files beside `script`, copied to where the box's own user may read them."""
    beside = sorted(script.resolve().parent.glob("*.py"))
    if len(beside) > MAX_FILES:
        raise UsageError(
            f"there are {len(beside)} .py files beside {script.name}; at most {MAX_FILES} go in."
        )
    folder.chmod(0o755)
    copied = []
    for file in beside:
        if file.is_file():
            copied.append(Path(shutil.copyfile(file, folder / file.name)))
            copied[-1].chmod(0o644)
    return copied


def _listen(box: Box, say: Callable[[str], None]) -> Ended:
    os.close(box.write_fd)  # a script is asked nothing
    box.write_fd = os.open(os.devnull, os.O_WRONLY)
    seen, told = 0, 0
    open_end = True
    while open_end and told < MAX_OUTPUT_BYTES:
        ready, _, _ = select.select([box.read_fd], [], [], TICK_S)
        if ready:
            part = os.read(box.read_fd, 1 << 16)
            open_end = bool(part)
            told += len(part)
            say(clean(part.decode(errors="replace")))
        log = box.log()
        say(clean(log[seen:].decode(errors="replace")))
        seen = len(log)
        if not ready and box.ending() is not None:
            break
    ending = box.wait_ending()
    log = box.log()
    say(clean(log[seen:].decode(errors="replace")))
    if told >= MAX_OUTPUT_BYTES:
        return Ended(False, "the script printed more than 8 MiB, and was ended.")
    return Ended(ending == "exited" and box.exit_status() == 0, WHY.get(ending or "", ""))
