"""Which exports of a learner's files pass, so that they may run in the learner's own stack.

What does not pass stays the framework's own: a fault in one stage costs nothing in another.
"""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Mapping
from pathlib import Path

import platformdirs

from assignments import catalog
from assignments.catalog import Stage
from reference import wiring

from .outcome import Status
from .runner import run_suite
from .spares import Spares
from .stack import JUDGED, Parts, parts_of, passed_exports
from .suites import installed, suite_folder

KEEP_DAYS = 30.0


def passing_parts(files: Mapping[str, bytes], spares: Spares | None = None) -> Parts:
    """The parts of every export that passes, of the stages' files (by name, `mlp.py`).

    Where two stages fill one slot, the later one's passing export does.
    """
    by_file = {stage.file_name: stage for stage in catalog.load()}
    sources, passed = {}, {}
    for name, source in files.items():
        stage = by_file.get(name)
        if stage is not None and stage.id in wiring.WIRES and stage.id not in wiring.COMPILED:
            sources[stage.id] = source
            passed[stage.id] = passing(stage, source, spares)
    return parts_of(sources, passed)


def passing(stage: Stage, source: bytes, spares: Spares | None = None) -> set[str]:
    """The exports of `stage` that fill slots and whose checks all pass on `source`.

    The hidden checks decide, or the public ones where no others are installed. What was found is
    kept in the user's cache, by the content of the file and of the checks.
    """
    suite = "hidden" if installed(stage) else "public"
    wanted = {name for names in wiring.WIRES.get(stage.id, {}).values() for name in names}
    known = _folder() / f"{_digest(stage, source, suite)}.json"
    try:
        return set(json.loads(known.read_text(encoding="utf-8")))
    except (OSError, ValueError):
        pass
    rubric = JUDGED if suite == "hidden" else catalog.PUBLIC_RUBRIC
    only = {
        check.id
        for check in stage.checks
        if check.rubric == rubric and check.visibility == suite and wanted & set(check.exports)
    }
    ran = run_suite(stage, source, suite, only=only, phases=(JUDGED,), spares=spares)
    found = passed_exports(stage, {o.id: str(o.status) for o in ran.outcomes}) & wanted
    if all(outcome.status is not Status.ERROR for outcome in ran.outcomes):
        _keep(known, found)
    return found


def _folder() -> Path:
    return Path(platformdirs.user_cache_dir("dlsyslab")) / "passing"


def _digest(stage: Stage, source: bytes, suite: str) -> str:
    """Of all that decides: the file, the manifest, and the checks."""
    found = hashlib.sha256(source)
    for path in [stage.folder / catalog.MANIFEST, *sorted(suite_folder(stage, suite).glob("*.py"))]:
        content = path.read_bytes()
        found.update(f":{path.name}:{len(content)}:".encode() + content)
    return found.hexdigest()[:32]


def _keep(file: Path, found: set[str]) -> None:
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        for old in file.parent.glob("*.json"):
            if time.time() - old.stat().st_mtime > KEEP_DAYS * 86400:
                old.unlink(missing_ok=True)
        fresh = file.with_suffix(".new")
        fresh.write_text(json.dumps(sorted(found)), encoding="utf-8")
        fresh.replace(file)
    except OSError:
        pass  # it is only a cache
