"""The part of `reference` and `kernels` that a stage leaves in sight of a learner's process.

What the stage asks for is hidden by not being there: a mirror holds the sources that remain, and
their byte code, so that a box need not compile them at each start. Data files are no part of it.
A mirror is a folder in the user's cache, named by its content; the box sees it read-only.
"""

from __future__ import annotations

import hashlib
import os
import py_compile
import shutil
import sys
import tempfile
import time
from fnmatch import fnmatchcase
from functools import cache
from pathlib import Path

import platformdirs

from .sandbox.interpreter import SITE_IN_BOX
from .sandbox.spec import Mount

PACKAGES = ("reference", "kernels")
ROOT = Path(__file__).parents[1]
KEEP_DAYS = 14.0
PREFIX = "mirror-"


def mounts(packages: tuple[str, ...], hides: tuple[str, ...]) -> tuple[Mount, ...]:
    """Mounts for those of `packages` that are ours, without the files that `hides` names.

    Args:
        packages: names of packages; a dotted one, `kernels.gpu_engine`, brings that part only.
        hides: patterns of paths below the root of the project, such as "reference/nn/linear.py".
    """
    own = tuple(name for name in packages if _is_ours(name))
    if not own:
        return ()
    folder = _folder(own, hides)
    roots = dict.fromkeys(name.split(".")[0] for name in own)
    return tuple(Mount(folder / name, f"{SITE_IN_BOX}/{name}") for name in roots)


def foreign(packages: tuple[str, ...]) -> tuple[str, ...]:
    """Those of `packages` that are installed from elsewhere."""
    return tuple(name for name in packages if not _is_ours(name))


def _is_ours(name: str) -> bool:
    return name.split(".")[0] in PACKAGES


def visible(packages: tuple[str, ...], hides: tuple[str, ...]) -> list[str]:
    """The paths of what remains, below the root, sorted."""
    found: set[str] = set()
    for name in packages:
        folder = ROOT / name.replace(".", "/")
        paths = list(folder.rglob("*.py"))
        while folder.parent != ROOT:  # what Python runs on the way to a part of a package
            folder = folder.parent
            paths.append(folder / "__init__.py")
        found.update(path.relative_to(ROOT).as_posix() for path in paths)
    return sorted(path for path in found if not any(fnmatchcase(path, hide) for hide in hides))


def idle(hides: tuple[str, ...]) -> list[str]:
    """Patterns that name no file: a hidden part that was renamed would be in sight again."""
    everything = visible(PACKAGES, ())
    return [hide for hide in hides if not any(fnmatchcase(path, hide) for path in everything)]


@cache
def _folder(own: tuple[str, ...], hides: tuple[str, ...]) -> Path:
    paths = visible(own, hides)
    digest = hashlib.sha256(sys.version.encode())
    for path in paths:
        digest.update(path.encode() + b"\0" + (ROOT / path).read_bytes() + b"\0")
    base = Path(platformdirs.user_cache_dir("dlsyslab"))
    folder = base / f"{PREFIX}{digest.hexdigest()[:24]}"
    if not folder.is_dir():
        base.mkdir(parents=True, exist_ok=True)
        _prune(base)
        # Made aside and renamed: another process never sees half of it.
        fresh = Path(tempfile.mkdtemp(prefix="fresh-", dir=base))
        try:
            for path in paths:
                _place(path, fresh)
            fresh.chmod(0o755)
            fresh.rename(folder)
        except OSError:
            if not folder.is_dir():  # else another process was quicker
                raise
        finally:
            shutil.rmtree(fresh, ignore_errors=True)
    os.utime(folder)
    return folder


def _place(path: str, fresh: Path) -> None:
    place = fresh / path
    place.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(ROOT / path, place)
    py_compile.compile(
        str(place),
        dfile=f"{SITE_IN_BOX}/{path}",
        doraise=True,
        # Checked by nobody: time stamps differ between machines, and the box is read-only.
        invalidation_mode=py_compile.PycInvalidationMode.UNCHECKED_HASH,
    )


def _prune(base: Path) -> None:
    for old in base.glob(f"{PREFIX}*"):
        if time.time() - old.stat().st_mtime > KEEP_DAYS * 86400:
            shutil.rmtree(old, ignore_errors=True)
