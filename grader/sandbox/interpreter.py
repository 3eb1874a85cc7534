"""Which interpreter runs in the box, and what of this machine it needs to see for that."""

from __future__ import annotations

import sys
from functools import cache
from importlib.util import find_spec
from pathlib import Path

from ..errors import SandboxError
from .spec import Mount

PREFIX_IN_BOX = "/opt/py"
SITE_IN_BOX = "/opt/site"
SYSTEM = Path("/usr")


@cache
def system_python() -> bool:
    """Whether the base interpreter lies under /usr, which every box sees anyway."""
    return Path(sys.base_prefix).resolve().is_relative_to(SYSTEM)


@cache
def executable() -> Path:
    """The interpreter below a virtual environment: links resolved, the venv itself left out."""
    return Path(sys._base_executable or sys.executable).resolve()  # type: ignore[attr-defined]


def executable_in_box() -> str:
    """Where that interpreter is found inside a box."""
    if system_python():
        return str(executable())
    return f"{PREFIX_IN_BOX}/{executable().relative_to(Path(sys.base_prefix).resolve())}"


def interpreter_mounts() -> tuple[Mount, ...]:
    """The interpreter's folder, if it is not the system's (it may lie under a closed home)."""
    if system_python():
        return ()
    return (Mount(Path(sys.base_prefix).resolve(), PREFIX_IN_BOX),)


@cache
def package_mounts(packages: tuple[str, ...]) -> tuple[Mount, ...]:
    """Each allowed package and the folder of shared libraries beside it, one by one.

    Raises:
        SandboxError: a package is not installed.
    """
    mounts = []
    for package in packages:
        found = find_spec(package)
        if found is None or not found.submodule_search_locations:
            raise SandboxError(f"the package {package} is not installed: run `make lab` again.")
        folder = Path(found.submodule_search_locations[0])
        libraries = folder.with_name(f"{package}.libs")
        for path in (folder, libraries):
            if path.is_dir():
                mounts.append(Mount(path, f"{SITE_IN_BOX}/{path.name}"))
    return tuple(mounts)


def site_folders(packages: tuple[str, ...]) -> tuple[str, ...]:
    """Where the packages lie on this machine, for a process without walls."""
    return tuple(dict.fromkeys(str(m.source.parent) for m in package_mounts(packages)))
