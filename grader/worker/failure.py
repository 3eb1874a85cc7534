"""An exception of the learner's code as plain text: names of its types, its message, its lines."""

from __future__ import annotations

import os
import traceback
from typing import Any

MAX_TEXT = 2000
MAX_FRAMES = 8


def describe(error: BaseException, path: str) -> dict[str, Any]:
    """The reply that tells `error`; only frames of the learner's files, beside `path`, are shown."""
    try:
        # A note says, for instance, in which slot of the framework it happened.
        notes = [note for note in getattr(error, "__notes__", ()) if type(note) is str]
        text = "\n".join([str(error), *notes])[:MAX_TEXT]
    except BaseException:  # a message that cannot be made is no message
        text = ""
    return {
        "error": [kind.__name__ for kind in type(error).__mro__][:16],
        "text": text,
        "traceback": _lines(error, path),
    }


def _lines(error: BaseException, path: str) -> str:
    name = os.path.basename(path)
    try:
        if isinstance(error, SyntaxError):
            shown = traceback.format_exception_only(error)
            return "".join(shown).replace(path, name)[-MAX_TEXT:]
        folder = os.path.dirname(path)
        frames = [
            frame
            for frame in traceback.extract_tb(error.__traceback__)
            if os.path.dirname(frame.filename) == folder
        ]
        parts = [
            f"{os.path.basename(frame.filename)}, line {frame.lineno}, in {frame.name}\n    {frame.line}"
            for frame in frames[-MAX_FRAMES:]
        ]
        return "\n".join(parts)[-MAX_TEXT:]
    except BaseException:  # the learner's code may have broken what this uses
        return ""
