"""The catalogue of stages: the only reader of `assignment.toml`.

Every manifest becomes frozen data. A bad one is refused with the file, the key, the value that is
there and what is allowed, so that an author never has to guess.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import tomli

FOLDER = Path(__file__).parent
MANIFEST = "assignment.toml"
FOLDER_NAME = re.compile(r"(\d\d)_([a-z][a-z0-9_]*)\Z")
IDENTIFIER = re.compile(r"[A-Za-z_][A-Za-z0-9_]*\Z")
VISIBILITIES = ("public", "hidden")
# What a worker does with a learner's file: imports it, or interprets the GPU kernels in it.
RUNS = ("python", "gpu_engine")
RUBRICS = ("correctness", "properties", "performance", "hygiene")
PUBLIC_RUBRIC = "public"
FULL_POINTS = 100.0


class ManifestError(Exception):
    """A manifest that is not as it must be: `file`, `key`, `value`, and what is `allowed`."""

    def __init__(self, file: str, key: str, value: object, allowed: str) -> None:
        super().__init__(f"{file}: {key} is {value!r}; {allowed}")
        self.file, self.key, self.value, self.allowed = file, key, value, allowed


class UnknownStage(LookupError):
    """There is no such stage; `str(error)` lists those there are."""

    def __str__(self) -> str:
        return str(self.args[0])


@dataclass(frozen=True, slots=True)
class Export:
    """A name that the learner's file must define."""

    name: str
    signature: str  # "(Z, y)", as in a def
    summary: str


@dataclass(frozen=True, slots=True)
class Check:
    """One expected check; its test is `test_ID` in the public or hidden suite."""

    id: str
    title: str
    visibility: str
    rubric: str
    points: float
    exports: tuple[str, ...]
    depends_on: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Tier:
    """Up to a ratio of times `at`, the `fraction` of the points."""

    at: float
    fraction: float


@dataclass(frozen=True, slots=True)
class Timing:
    """What a timed check needs: its export, its tiers, pairs of samples, and the least ratio that
    is plausible (`floor`; a smaller one needs a person's eye), and the threads it may use."""

    check: str
    export: str
    tiers: tuple[Tier, ...]
    pairs: int
    floor: float
    threads: int = 1


@dataclass(frozen=True, slots=True)
class Limits:
    """What a learner's process may use: seconds, MiB, processes, KiB of output, and threads.

    `cpu_s` bounds the time of the processor in one worker; None lets the wall clock decide.
    """

    import_s: float
    call_s: float
    suite_s: float
    memory_mib: int
    processes: int
    log_kib: int
    cpu_s: int | None = None
    threads: int = 1


@dataclass(frozen=True, slots=True)
class Stage:
    """One stage of the course, as its manifest says."""

    id: str
    number: int
    title: str
    title_zh: str
    summary: str
    version: str
    needs: tuple[str, ...]
    exports: tuple[Export, ...]
    packages: tuple[str, ...]
    hides: tuple[str, ...]
    bans: tuple[str, ...]  # names that raise BannedError, and "@"; see grader/worker/rule.py
    allows: tuple[str, ...]  # if any: all that the learner's file may name
    data: tuple[str, ...]
    points: Mapping[str, float]
    limits: Limits
    checks: tuple[Check, ...]
    timings: tuple[Timing, ...]
    runs: str
    own_stack: bool  # the learner's files of other stages come along, and run in `reference`
    folder: Path

    @property
    def file_name(self) -> str:
        """The learner's file, `softmax.py` say."""
        return f"{self.id}.py"

    @property
    def public(self) -> tuple[Check, ...]:
        """The checks that teach."""
        return tuple(check for check in self.checks if check.visibility == "public")

    @property
    def hidden(self) -> tuple[Check, ...]:
        """The checks that decide, timed ones included."""
        return tuple(check for check in self.checks if check.visibility == "hidden")

    @property
    def starter(self) -> Path:
        return self.folder / "starter.py"

    @property
    def checks_folder(self) -> Path:
        return self.folder / "checks"

    def lesson(self, language: str = "en") -> Path:
        """The lesson in `language`, or in English where there is no other."""
        translated = self.folder / f"lesson.{language}.md"
        return translated if translated.is_file() else self.folder / "lesson.md"

    def check(self, check_id: str) -> Check:
        """The check `check_id`.

        Raises:
            LookupError: there is none.
        """
        for check in self.checks:
            if check.id == check_id:
                return check
        known = ", ".join(check.id for check in self.checks)
        raise LookupError(f"{self.id} has no check {check_id!r}; it has {known}.")


@cache
def load() -> tuple[Stage, ...]:
    """Every stage, in order.

    Raises:
        ManifestError: a manifest is not as it must be.
    """
    folders = sorted(path.parent for path in FOLDER.glob(f"*/{MANIFEST}"))
    stages = tuple(read(folder) for folder in folders)
    known = {stage.id for stage in stages}
    for stage in stages:
        for needed in stage.needs:
            if needed not in known:
                raise ManifestError(
                    f"{stage.folder.name}/{MANIFEST}",
                    "needs",
                    needed,
                    f"allowed are {', '.join(sorted(known))}.",
                )
    return stages


def stage(key: str) -> Stage:
    """The stage named `key`: its slug, its number, or its folder's name.

    Raises:
        UnknownStage: there is none.
    """
    wanted = key.strip().strip("/").lower()
    for found in load():
        if wanted in (found.id, str(found.number), f"{found.number:02d}", found.folder.name):
            return found
    known = ", ".join(f"{found.number} {found.id}" for found in load())
    raise UnknownStage(f"there is no stage {key!r}; the stages are {known}.")


def read(folder: Path) -> Stage:
    """The stage of one folder.

    Raises:
        ManifestError: its manifest is not as it must be.
    """
    file = f"{folder.name}/{MANIFEST}"
    named = FOLDER_NAME.match(folder.name)
    if named is None:
        raise ManifestError(file, "the folder's name", folder.name, "it must be like 01_softmax.")
    try:
        content = tomli.loads((folder / MANIFEST).read_text(encoding="utf-8"))
    except (tomli.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ManifestError(file, "the text", str(error), "it must be TOML.") from None
    table = _Table(file, "", content)
    slug = table.text("id")
    if slug != named[2]:
        table.refuse("id", slug, f"it must be {named[2]!r}, as the folder says.")
    number = table.integer("number")
    if number != int(named[1]):
        table.refuse("number", number, f"it must be {int(named[1])}, as the folder says.")
    exports = tuple(_export(entry) for entry in table.tables("exports"))
    names = tuple(export.name for export in exports)
    checks = tuple(_check(entry, names) for entry in table.tables("checks"))
    found = Stage(
        id=slug,
        number=number,
        title=table.text("title"),
        title_zh=table.text("title_zh"),
        summary=table.text("summary"),
        version=table.text("version"),
        needs=table.texts("needs"),
        exports=exports,
        packages=table.texts("packages"),
        hides=table.texts("hides"),
        bans=table.texts("bans"),
        allows=table.texts("allows", optional=True),
        data=table.texts("data"),
        points=_points(table.table("points")),
        limits=_limits(table.table("limits")),
        checks=checks,
        timings=tuple(_timing(entry, checks) for entry in table.tables("timings", optional=True)),
        runs=table.choice("runs", RUNS, default=RUNS[0]),
        own_stack=table.truth("own_stack"),
        folder=folder,
    )
    table.finish()
    _consistent(table, found)
    return found


def _export(table: _Table) -> Export:
    found = Export(table.identifier("name"), table.text("signature"), table.text("summary"))
    if not found.signature.startswith("("):
        table.refuse("signature", found.signature, "it must be like (Z, y).")
    table.finish()
    return found


def _check(table: _Table, exports: Sequence[str]) -> Check:
    visibility = table.choice("visibility", VISIBILITIES)
    rubrics = RUBRICS if visibility == "hidden" else (PUBLIC_RUBRIC,)
    found = Check(
        id=table.identifier("id"),
        title=table.text("title"),
        visibility=visibility,
        rubric=table.choice("rubric", rubrics),
        points=table.number("points"),
        exports=tuple(table.each("exports", exports)),
        depends_on=table.texts("depends_on", optional=True),
        tags=table.texts("tags", optional=True),
    )
    if visibility == "public" and found.points:
        table.refuse("points", found.points, "public checks teach; only hidden ones carry points.")
    if visibility == "hidden" and found.points <= 0:
        table.refuse("points", found.points, "a hidden check must be worth something.")
    table.finish()
    return found


def _timing(table: _Table, checks: Sequence[Check]) -> Timing:
    timed = [check.id for check in checks if check.rubric == "performance"]
    tiers = tuple(_tier(entry) for entry in table.tables("tiers"))
    found = Timing(
        check=table.choice("check", timed),
        export=table.identifier("export"),
        tiers=tiers,
        pairs=table.integer("pairs"),
        floor=table.number("floor"),
        threads=table.integer("threads", default=1),
    )
    at = [tier.at for tier in tiers]
    fractions = [tier.fraction for tier in tiers]
    if not tiers or at != sorted(set(at)) or fractions != sorted(set(fractions), reverse=True):
        table.refuse(
            "tiers", list(zip(at, fractions, strict=True)), "`at` rises, `fraction` falls."
        )
    table.finish()
    return found


def _tier(table: _Table) -> Tier:
    found = Tier(table.number("at"), table.number("fraction"))
    if not 0 < found.fraction <= 1:
        table.refuse("fraction", found.fraction, "it must be above 0 and at most 1.")
    table.finish()
    return found


def _points(table: _Table) -> Mapping[str, float]:
    found = {rubric: table.number(rubric) for rubric in RUBRICS}
    total = sum(found.values())
    if total != FULL_POINTS:
        table.refuse("the sum", total, f"it must be {FULL_POINTS:g}.")
    table.finish()
    return found


def _limits(table: _Table) -> Limits:
    found = Limits(
        import_s=table.number("import_s"),
        call_s=table.number("call_s"),
        suite_s=table.number("suite_s"),
        memory_mib=table.integer("memory_mib"),
        processes=table.integer("processes"),
        log_kib=table.integer("log_kib"),
        cpu_s=table.integer("cpu_s", default=None),
        threads=table.integer("threads", default=1),
    )
    for name in Limits.__slots__:
        if (getattr(found, name) or 0) <= 0 and (name, found.cpu_s) != ("cpu_s", None):
            table.refuse(name, getattr(found, name), "it must be above 0.")
    table.finish()
    return found


def _consistent(table: _Table, stage: Stage) -> None:
    """What no single table can say: unique names, known dependencies, sums of points."""
    ids = [check.id for check in stage.checks]
    for name in ids:
        if ids.count(name) > 1:
            table.refuse("checks.id", name, "every id must occur once.")
    for place, check in enumerate(stage.checks):
        for needed in check.depends_on:
            if needed not in ids[:place]:
                path = f"checks[{check.id}].depends_on"
                table.refuse(path, needed, "it must be the id of an earlier check.")
    for rubric, points in stage.points.items():
        total = sum(check.points for check in stage.checks if check.rubric == rubric)
        if abs(total - points) > 1e-9:
            table.refuse(
                f"points.{rubric}", points, f"the checks of this line add up to {total:g}."
            )
    timed = {timing.check for timing in stage.timings}
    for check in stage.checks:
        # Kernels that are interpreted earn these points by what was counted, never by time.
        counted = stage.runs == "gpu_engine"
        if check.rubric == "performance" and check.id not in timed and not counted:
            table.refuse("timings", check.id, "every performance check needs its [[timings]].")


class _Table:
    """A table of a manifest; each key is asked for once, and what nobody asked for is refused."""

    def __init__(self, file: str, path: str, content: Any) -> None:
        self._file, self._path = file, path
        if not isinstance(content, dict):
            self.refuse("", content, "it must be a table.")
        self._left = dict(content)

    def refuse(self, key: str, value: object, allowed: str) -> None:
        """Raise a ManifestError about `key` of this table."""
        raise ManifestError(self._file, f"{self._path}{key}".rstrip("."), value, allowed)

    def finish(self) -> None:
        for key, value in self._left.items():
            self.refuse(key, value, "there is no such key.")

    def _pop(self, key: str, kind: Callable[[Any], bool], allowed: str, default: Any = ...) -> Any:
        if key not in self._left:
            if default is not ...:
                return default
            self.refuse(key, "missing", allowed)
        value = self._left.pop(key)
        if not kind(value):
            self.refuse(key, value, allowed)
        return value

    def text(self, key: str, default: Any = ...) -> str:
        found: str = self._pop(
            key, lambda v: isinstance(v, str) and bool(v.strip()), "it must be a text.", default
        )
        return found

    def identifier(self, key: str) -> str:
        name = self.text(key)
        if not IDENTIFIER.match(name):
            self.refuse(key, name, "it must be a Python name.")
        return name

    def choice(self, key: str, allowed: Sequence[str], default: Any = ...) -> str:
        value = self.text(key, default)
        if value not in allowed:
            self.refuse(key, value, f"allowed are {', '.join(allowed)}.")
        return value

    def each(self, key: str, allowed: Sequence[str]) -> tuple[str, ...]:
        values = self.texts(key)
        for value in values:
            if value not in allowed:
                self.refuse(key, value, f"allowed are {', '.join(allowed)}.")
        return values

    def texts(self, key: str, *, optional: bool = False) -> tuple[str, ...]:
        def is_texts(value: Any) -> bool:
            return isinstance(value, list) and all(isinstance(part, str) for part in value)

        return tuple(
            self._pop(key, is_texts, "it must be a list of texts.", [] if optional else ...)
        )

    def number(self, key: str) -> float:
        def is_number(value: Any) -> bool:
            return isinstance(value, int | float) and not isinstance(value, bool)

        return float(self._pop(key, is_number, "it must be a number."))

    def integer(self, key: str, default: Any = ...) -> Any:
        return self._pop(key, lambda v: type(v) is int, "it must be a whole number.", default)

    def truth(self, key: str) -> bool:
        return bool(
            self._pop(key, lambda v: isinstance(v, bool), "it must be true or false.", False)
        )

    def table(self, key: str) -> _Table:
        value = self._pop(key, lambda v: isinstance(v, dict), "it must be a table.")
        return _Table(self._file, f"{self._path}{key}.", value)

    def tables(self, key: str, *, optional: bool = False) -> list[_Table]:
        value = self._pop(
            key, lambda v: isinstance(v, list), "it must be tables.", [] if optional else ...
        )

        def mark(place: int, entry: Any) -> object:  # an id tells more than a place
            return entry.get("id", place) if isinstance(entry, dict) else place

        return [
            _Table(self._file, f"{self._path}{key}[{mark(place, entry)}].", entry)
            for place, entry in enumerate(value)
        ]
