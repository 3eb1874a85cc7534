"""The verdict on one check, and on one run of a suite: plain frozen data, no behaviour of the run."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from typing import Any


class Status(StrEnum):
    """How a check ended; ARCHITECTURE.md (Verdicts) says who pays for which."""

    PASSED = "passed"
    PARTIAL = "partial"
    FAILED = "failed"
    ERROR = "error"  # the grader could not judge: the stage's own solution fails here too
    TIMEOUT = "timeout"
    MEMORY = "memory"
    CRASHED = "crashed"
    SKIPPED = "skipped"  # a check it depends on did not pass
    NOT_RUN = "not_run"
    INCONCLUSIVE = "inconclusive"  # the machine was too noisy: pending, timed again
    NOT_ASSESSED = "not_assessed"  # cannot be judged on this machine: points are rescaled


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one check found.

    `message` says what was seen, `help` what to think about next, `diagnosis` names a known
    mistake. `expected`, `actual` and `diff` hold values and therefore reach nobody's view but
    the instructor's when the check is hidden. `fraction` is the share of the points earned by
    a check that passed in part (performance tiers); None means all or nothing by `status`.
    """

    id: str
    status: Status
    message: str = ""
    help: str = ""
    diagnosis: str = ""
    expected: str = ""
    actual: str = ""
    diff: Mapping[str, Any] | None = None
    traceback: str = ""
    output: str = ""
    reason: str = ""
    fraction: float | None = None
    duration_s: float = 0.0
    cpu_s: float = 0.0
    peak_rss_bytes: int = 0
    attempts: int = 1
    seed: int = 0
    performance: Mapping[str, Any] | None = None

    def to_json(self) -> dict[str, Any]:
        """A dict of plain data, without the fields that are empty."""
        plain = {k: v for k, v in asdict(self).items() if v not in ("", None)}
        return plain | {"status": str(self.status)}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Outcome:
        """The outcome that `to_json` wrote down."""
        return cls(**{**data, "status": Status(data["status"])})


@dataclass(frozen=True, slots=True)
class Isolation:
    """What the denial probes showed: `full`, `reduced` or `none`, and the layers that lack."""

    level: str
    missing: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class SuiteRun:
    """One run of one suite of a stage over one submission; `outcomes` follow the manifest's order."""

    stage: str
    suite: str  # "public" | "hidden"
    seed: int
    outcomes: tuple[Outcome, ...]
    isolation: Isolation
    started_at: str
    finished_at: str
    duration_s: float
    environment: Mapping[str, Any] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """A dict of plain data; `from_json` is its inverse."""
        return {
            **{name: getattr(self, name) for name in _PLAIN_FIELDS},
            "outcomes": [outcome.to_json() for outcome in self.outcomes],
            "isolation": {"level": self.isolation.level, "missing": list(self.isolation.missing)},
            "environment": dict(self.environment),
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> SuiteRun:
        """The run that `to_json` wrote down."""
        return cls(
            **{name: data[name] for name in _PLAIN_FIELDS},
            outcomes=tuple(Outcome.from_json(entry) for entry in data["outcomes"]),
            isolation=Isolation(data["isolation"]["level"], tuple(data["isolation"]["missing"])),
            environment=data["environment"],
        )


_PLAIN_FIELDS = ("stage", "suite", "seed", "started_at", "finished_at", "duration_s")
