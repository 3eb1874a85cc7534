"""From a hostile folder, file or bundle to a `Submission`: bytes only, nothing parsed, nothing followed.

Of a learner's folder exactly one file is read, the stage's own (`softmax.py`), or else one bundle that
`lab submit` wrote; where a stage runs on the learner's own stack, the files of the other stages, too.
Everything else is listed with the reason why it was left, never opened. The file
is opened once, relative to the folder's descriptor, without following links and without waiting for
a pipe; what is checked is what was opened, so that nothing can be swapped in between.
"""

from __future__ import annotations

import hashlib
import os
import re
import stat
import unicodedata
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from assignments import catalog
from assignments.catalog import Stage

from . import bundle
from .errors import SubmissionError
from .submission import Submission

MAX_FILE_BYTES = 1 << 20  # a stage's file is some kilobytes; a megabyte is no longer homework
MAX_LISTED = 200
NAME = re.compile(r"[^\W_][\w.@+\- ]{0,63}\Z")
SPELLED = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.\-]{0,63}\Z")
OPEN_FLAGS = (
    os.O_RDONLY
    | getattr(os, "O_NOFOLLOW", 0)
    | getattr(os, "O_NONBLOCK", 0)
    | getattr(os, "O_CLOEXEC", 0)
)


def entries(submissions: Path) -> list[Path]:
    """What in the folder `submissions` is somebody's work: folders and bundles, by name.

    Raises:
        SubmissionError: there is no such folder, or nothing in it.
    """
    try:
        found = sorted(submissions.iterdir(), key=lambda path: os.fsencode(path.name))
    except NotADirectoryError:
        raise SubmissionError(f"{submissions} is a file: name the folder that holds it.") from None
    except FileNotFoundError:
        raise SubmissionError(f"there is no folder {submissions}.") from None
    except PermissionError:
        raise SubmissionError(f"{submissions} cannot be read: permission denied.") from None
    kept = [
        p for p in found if not p.name.startswith(".") and (_is_folder(p) or _is_bundle(p.name))
    ]
    if not kept:
        raise SubmissionError(
            f"{submissions} holds no submissions: it should hold one folder a learner, "
            "or bundles written by `lab submit`."
        )
    return kept


def learner_of(entry: Path) -> str:
    """The learner whom an entry of a folder of submissions belongs to: its name, made harmless.

    A name that a terminal, a spreadsheet or a path could misread is replaced by one made of its
    digest, so that it stays one learner and stays apart from every other.
    """
    raw = entry.name.removesuffix(bundle.SUFFIX) if _is_bundle(entry.name) else entry.name
    name = unicodedata.normalize("NFC", raw)
    if name == raw and NAME.match(name) and name.isprintable() and not name.endswith((".", " ")):
        return name
    return f"learner-{hashlib.sha256(os.fsencode(entry.name)).hexdigest()[:12]}"


def ingest(
    path: Path, stage: Stage, *, learner: str | None = None, beside: Iterable[Path] = ()
) -> Submission:
    """Read what was handed in at `path`: a learner's folder, the stage's file itself, or a bundle.

    Args:
        learner: who hands in; None takes the name of the folder or bundle.
        beside: the files of other stages, where `path` is a file and the stage has `own_stack`.

    Raises:
        SubmissionError: there is nothing that can be read, with the reason.
    """
    who = learner if learner is not None else learner_of(path)
    if _is_folder(path):
        return _from_folder(path, stage, who)
    content, changed_at = _read(path, None)
    if _is_bundle(path.name):
        return bundle.read(content, stage, learner=who, origin=str(path))
    files = {stage.file_name: content}
    for file in beside:
        if file.name in others(stage):
            files[file.name] = _read(file, None)[0]
    return Submission(who, stage.id, files, str(path), changed_at)


def others(stage: Stage) -> set[str]:
    """The names of the files of other stages that may come along."""
    if not stage.own_stack:
        return set()
    return {other.file_name for other in catalog.load()} - {stage.file_name}


def _from_folder(folder: Path, stage: Stage, learner: str) -> Submission:
    with _opened_folder(folder) as directory:
        names = _names(directory)
        bundles = [name for name in names if _is_bundle(name) and SPELLED.match(name)]
        if stage.file_name in names:
            chosen = stage.file_name
        elif len(bundles) == 1:
            chosen = bundles[0]
        elif bundles:
            raise SubmissionError(
                f"there are {len(bundles)} bundles and no {stage.file_name} in it."
            )
        else:
            raise SubmissionError(_nothing(stage, names))
        content, changed_at = _read(Path(chosen), directory)
        files = {chosen: content}
        if chosen == stage.file_name:
            along = [name for name in names if name in others(stage)]
            files |= {name: _read(Path(name), directory)[0] for name in along}
    rejected = tuple(
        (_shown(name), f"only {chosen} is read") for name in names[:MAX_LISTED] if name not in files
    )
    if chosen != stage.file_name:
        return bundle.read(
            content, stage, learner=learner, origin=str(folder / chosen), rejected=rejected
        )
    return Submission(learner, stage.id, files, str(folder / chosen), changed_at, {}, rejected)


def _nothing(stage: Stage, names: list[str]) -> str:
    if not names:
        return f"there is no {stage.file_name} in it: the folder is empty."
    more = f" and {len(names) - 5} more" if len(names) > 5 else ""
    there = ", ".join(_shown(name) for name in names[:5])
    return f"there is no {stage.file_name} in it, only {there}{more}."


@contextmanager
def _opened_folder(folder: Path) -> Iterator[int]:
    try:
        directory = os.open(folder, OPEN_FLAGS | getattr(os, "O_DIRECTORY", 0))
    except OSError as error:
        raise SubmissionError(f"the folder cannot be read: {error.strerror}.") from None
    try:
        yield directory
    finally:
        os.close(directory)


def _names(directory: int) -> list[str]:
    """The names in a folder, sorted, at most a few more than are listed."""
    names = []
    with os.scandir(directory) as found:
        for entry in found:
            names.append(entry.name)
            if len(names) > 100 * MAX_LISTED:
                raise SubmissionError(f"there are more than {100 * MAX_LISTED} files in it.")
    return sorted(names, key=os.fsencode)


def _read(path: Path, directory: int | None) -> tuple[bytes, str]:
    """The bytes of a regular file of its own, and when it was last changed (RFC 3339, UTC)."""
    name = path.name
    try:
        fd = os.open(path, OPEN_FLAGS, dir_fd=directory)
    except FileNotFoundError:
        raise SubmissionError(f"there is no file {path}.") from None
    except OSError as error:
        why = "it is a link" if path.is_symlink() or error.errno == 40 else error.strerror
        raise SubmissionError(f"{name} cannot be read: {why}.") from None
    try:
        found = os.fstat(fd)
        if not stat.S_ISREG(found.st_mode):
            raise SubmissionError(f"{name} is no regular file.")
        if found.st_nlink > 1 and directory is not None:
            raise SubmissionError(
                f"{name} is linked from elsewhere too: hand in a file of your own."
            )
        if found.st_size > MAX_FILE_BYTES:
            raise SubmissionError(
                f"{name} has {found.st_size:,} bytes; at most {MAX_FILE_BYTES:,} are read."
            )
        content = _exactly(fd, MAX_FILE_BYTES + 1)
    finally:
        os.close(fd)
    if len(content) > MAX_FILE_BYTES:
        raise SubmissionError(f"{name} grew while it was read.")
    changed = datetime.fromtimestamp(int(found.st_mtime), UTC)
    return content, changed.isoformat().replace("+00:00", "Z")


def _exactly(fd: int, at_most: int) -> bytes:
    parts, left = [], at_most
    while left and (part := os.read(fd, left)):
        parts.append(part)
        left -= len(part)
    return b"".join(parts)


def _shown(name: str) -> str:
    return name if SPELLED.match(name) else ascii(name)[:80]


def _is_folder(path: Path) -> bool:
    try:
        return stat.S_ISDIR(path.lstat().st_mode)
    except OSError:
        return False


def _is_bundle(name: str) -> bool:
    return name.endswith(bundle.SUFFIX) and len(name) > len(bundle.SUFFIX)
