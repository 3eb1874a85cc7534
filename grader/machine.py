"""What of this machine belongs into a report: versions and sizes, no names of hosts or people."""

from __future__ import annotations

import os
import platform
from functools import cache
from importlib import metadata
from typing import Any

PACKAGES = ("numpy", "numba", "pytest", "pytest-json-report")


@cache
def environment() -> dict[str, Any]:
    """Python, the packages that decide results, the processor's kind and count."""
    versions = {}
    for name in PACKAGES:
        try:
            versions[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            versions[name] = "absent"
    return {
        "python": platform.python_version(),
        "packages": versions,
        "system": f"{platform.system()} {platform.machine()}",
        "processors": os.cpu_count() or 1,
    }
