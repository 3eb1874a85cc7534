"""Texts that every machine has, one of a user's own, and their letters as numbers."""

from __future__ import annotations

import sys
import sysconfig
import unicodedata
from collections.abc import Sequence
from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

# Long modules in plain English and plain ASCII.
MODULES = ("argparse", "collections/__init__", "configparser", "datetime", "inspect", "textwrap")


@cache
def unicode_names() -> str:
    """The names of Unicode characters, one a line, in order of their code points.

    Names that only repeat the number (as of Chinese characters) and the syllables of Hangul are
    left out; about 30,000 remain. The text depends on `unicodedata.unidata_version`.
    """
    names = []
    for code in range(sys.maxunicode + 1):
        name = unicodedata.name(chr(code), "")
        if name and not name.endswith(f"-{code:X}") and not name.startswith("HANGUL SYLLABLE"):
            names.append(name)
    return "\n".join(names) + "\n"


def stdlib_text(modules: Sequence[str] = MODULES) -> str:
    """The sources of some modules of the standard library, one after another.

    Args:
        modules: paths below the library without `.py`, as `"collections/__init__"`.

    Raises:
        FileNotFoundError: this Python came without that source.
    """
    folder = Path(sysconfig.get_path("stdlib"))
    return "".join(text(folder / f"{module}.py") for module in modules)


def text(path: str | Path) -> str:
    """The content of a UTF-8 file of a user, with lines that end in `\\n`."""
    return Path(path).read_text(encoding="utf-8")


def encode(letters: str) -> tuple[NDArray[np.int64], str]:
    """A text as ids, and its alphabet: `alphabet[ids[i]] == letters[i]`.

    Returns:
        ids int64 (len(letters),), the alphabet in order of code points.
    """
    alphabet = "".join(sorted(set(letters)))
    codes = np.frombuffer(letters.encode("utf-32-le"), np.uint32)
    return np.searchsorted([ord(letter) for letter in alphabet], codes).astype(np.int64), alphabet


def decode(ids: NDArray[np.int64], alphabet: str) -> str:
    """The text that `ids` (N,) spell."""
    return "".join(alphabet[int(i)] for i in ids)
