"""`labbundle/1`: what `lab submit` hands in when the course grades elsewhere. One JSON document.

    {"schema": "labbundle/1", "stage": "softmax", "created_at": "...", "client": "dlsyslab 0.1.0",
     "identity": {"name": "...", "id": "..."},
     "files": {"softmax.py": {"sha256": "...", "content": "<base64>"}}}

The identity is what the learner's `lab.toml` says: a claim, kept beside the submission, never believed.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
from collections.abc import Mapping
from typing import Any

from assignments import catalog
from assignments.catalog import Stage

from . import __version__
from .errors import SubmissionError
from .report import now
from .submission import Submission

SCHEMA = "labbundle/1"
SUFFIX = ".labbundle.json"
MAX_CLAIM = 200


def write(submission: Submission) -> bytes:
    """The bundle of a submission, ready to be written to a file."""
    content = {
        "schema": SCHEMA,
        "stage": submission.stage,
        "created_at": now(),
        "client": f"dlsyslab {__version__}",
        "identity": dict(submission.claims),
        "files": {
            name: {
                "sha256": hashlib.sha256(data).hexdigest(),
                "content": base64.b64encode(data).decode(),
            }
            for name, data in submission.files.items()
        },
    }
    return (json.dumps(content, indent=1, ensure_ascii=False) + "\n").encode()


def read(
    content: bytes,
    stage: Stage,
    *,
    learner: str,
    origin: str,
    rejected: tuple[tuple[str, str], ...] = (),
) -> Submission:
    """The submission in a bundle.

    Raises:
        SubmissionError: it is no bundle, damaged, or for another stage.
    """
    try:
        found = json.loads(content)
    except (ValueError, RecursionError):
        raise SubmissionError("the bundle is no JSON: write it again with `lab submit`.") from None
    if not isinstance(found, dict) or found.get("schema") != SCHEMA:
        raise SubmissionError(f"the bundle does not say that it is {SCHEMA}.")
    if found.get("stage") != stage.id:
        raise SubmissionError(
            f"the bundle is for {_text(found.get('stage'))!r}, not for {stage.id}."
        )
    files = found.get("files")
    entry = files.get(stage.file_name) if isinstance(files, dict) else None
    if not isinstance(files, dict) or not isinstance(entry, dict):
        raise SubmissionError(f"the bundle holds no {stage.file_name}.")
    along = _along(stage, files)
    others = tuple(
        (ascii(name)[1:80], f"only {stage.file_name} is read")
        for name in files
        if name != stage.file_name and name not in along
    )
    identity = found.get("identity")
    return Submission(
        learner,
        stage.id,
        {stage.file_name: _content(entry, stage.file_name), **along},
        origin,
        _time(found.get("created_at")),
        _claims(identity if isinstance(identity, dict) else {}),
        (*rejected, *others[:100]),
    )


def _along(stage: Stage, files: Mapping[str, Any]) -> dict[str, bytes]:
    """The files of other stages, where this one runs on the learner's own stack."""
    if not stage.own_stack:
        return {}
    known = {other.file_name for other in catalog.load()} - {stage.file_name}
    return {
        name: _content(entry, name)
        for name, entry in files.items()
        if name in known and isinstance(entry, dict)
    }


def _content(entry: Mapping[str, Any], name: str) -> bytes:
    try:
        data = base64.b64decode(str(entry.get("content")), validate=True)
    except binascii.Error:
        raise SubmissionError(f"{name} in the bundle is damaged: write it again.") from None
    if hashlib.sha256(data).hexdigest() != entry.get("sha256"):
        raise SubmissionError(f"{name} in the bundle is not what was packed: write it again.")
    return data


def _claims(identity: Mapping[str, Any]) -> dict[str, str]:
    return {key: text for key in ("name", "id") if (text := _text(identity.get(key)))}


def _text(value: object) -> str:
    """A claim as one printable line."""
    if not isinstance(value, str):
        return ""
    return "".join(c for c in value if c.isprintable())[:MAX_CLAIM]


def _time(value: object) -> str:
    text = _text(value)
    return text if len(text) == 20 and text[10] == "T" and text.endswith("Z") else now()
