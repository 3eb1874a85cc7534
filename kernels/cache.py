"""Where machine code lies on the disk: Numba's cache with our folder, names and forgiveness."""

# Numba's cache classes are untyped.
# mypy: disable-error-code="no-untyped-call, assignment"
from __future__ import annotations

import os
from typing import Any

from numba.core.caching import CompileResultCacheImpl, FunctionCache, _CacheLocator


class _Locator(_CacheLocator):
    """One folder for all; the name holds the sources and options, so nothing goes stale in it."""

    def __init__(self, folder: str, name: str) -> None:
        self._folder, self._name = folder, name

    def get_cache_path(self) -> str:
        return self._folder

    def get_source_stamp(self) -> str:
        return self._name

    def get_disambiguator(self) -> str:
        return self._name

    def ensure_cache_path(self) -> None:
        os.makedirs(self._folder, mode=0o700, exist_ok=True)  # noqa: PTH103 -- Numba's own words


class LabCache(FunctionCache):
    """A function's cache in a given folder. A broken or read-only one means: compile in memory."""

    @classmethod
    def at(cls, function: Any, folder: str, name: str) -> LabCache:
        """The cache of `function` in `folder`; `name` tells its versions apart."""

        class Found(CompileResultCacheImpl):
            """Numba chooses a place from a list of classes; ours holds one entry."""

            _locator_classes = (_Always(folder, name),)

        class Here(cls):  # type: ignore[misc,valid-type]
            """The cache with that place."""

            _impl_class = Found

        return Here(function)

    def load_overload(self, sig: Any, target_context: Any) -> Any:
        """The compiled function, or None where there is none or it cannot be read."""
        try:
            return super().load_overload(sig, target_context)
        except Exception:
            return None

    def save_overload(self, sig: Any, data: Any) -> None:
        """Keep it, where there is room and permission."""
        try:
            super().save_overload(sig, data)
        except OSError:
            self.disable()
        except Exception:  # an index that cannot be read: begin a new one
            try:
                self.flush()
                super().save_overload(sig, data)
            except Exception:
                self.disable()


class _Always:
    """Answers Numba's question for a locator with the one we know."""

    def __init__(self, folder: str, name: str) -> None:
        self._made = _Locator(folder, name)

    def from_function(self, function: Any, file: str) -> _Locator:
        return self._made
