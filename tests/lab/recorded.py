"""A grading process that replays recorded events, for tests of the app."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from assignments.catalog import Stage
from lab.grader_process import Event, GraderProcess

DIFF = {
    "shape": [[2, 3], [2, 3]], "dtype": ["float64", "float64"], "bad": 2, "size": 6, "first": [0, 2],
    "expected_value": "-0.3333", "actual_value": "-0.6667", "max_abs": "0.4555", "max_rel": "1",
    "window_start": [0, 0],
    "expected_window": [["0.1667", "0.1667", "-0.3333"], ["-0.455", "0.1224", "0.3326"]],
    "actual_window": [["0.1667", "0.1667", "-0.6667"], ["-0.91", "0.1224", "0.3326"]],
    "heat": [0, 0, 8, 8, 0, 0],
}  # fmt: skip


def public_run(stage: Stage, failing: str | None = None) -> list[Event]:
    """The events of a public run in which one check fails, or none does."""
    events: list[Event] = [
        {
            "event": "run_started", "stage": stage.id, "suite": "public", "seed": 1, "isolation": "full",
            "missing": [], "checks": [{"id": c.id, "title": c.title} for c in stage.public],
        }
    ]  # fmt: skip
    for check in stage.public:
        events.append({"event": "check_started", "id": check.id})
        ended: Event = {
            "event": "check_finished",
            "id": check.id,
            "status": "passed",
            "duration_s": 0.001,
        }
        if check.id == failing:
            ended |= {
                "status": "failed", "message": "softmax_grad(Z, y)[0, 2] is -0.6667, it should be -0.3333.",
                "diagnosis": "your gradient is B = 2 times too large: divide by the batch",
                "help": "Subtract 1 at the label of each row, and remember that the loss is a mean.",
                "diff": DIFF,
            }  # fmt: skip
        events.append(ended)
    events.append({"event": "run_finished", "passed": 6, "total": 7, "duration_s": 0.2})
    return events


LINEAR = {
    "slot": "layer:Linear", "stage": "mlp", "error": "", "line": "", "code": "",
    "text": "the loss of step 1 is 2.43608, it should be 2.43168",
}  # fmt: skip


def training(steps: int = 400, model: str = "mlp", **ended: Any) -> list[Event]:
    """The events of a training whose loss falls as 1/t; without `ended` it goes on."""
    events: list[Event] = [
        {"event": "train_started", "model": model, "steps": steps, "isolation": "full"}
    ]
    events += [
        {"event": "step", "step": step, "loss": 0.1 + 2.3 / (1 + step / 40)}
        for step in (1, *range(20, steps + 1, 20))
    ]
    if ended:
        found = {"steps": steps, "loss": 0.31, "seconds": 1.5, "unseen": {"accuracy": 0.975}}
        nothing: Event = {"failures": [], "odd": {}, "trouble": {}}
        events.append({"event": "trained", **found, **nothing, **ended})
    return events


def view(stage: Stage, score: float = 95.0) -> dict[str, Any]:
    """The learner's view of a graded run, cut to what the screens show."""
    rubric = [
        {"id": "correctness", "title": "correctness", "score": 60.0, "max_score": 60.0},
        {"id": "performance", "title": "performance", "score": 10.0, "max_score": 15.0},
    ]
    tests = [
        {
            "name": "an epoch takes no longer than the course's own", "status": "partial", "score": 10.0,
            "max_score": 15.0, "message": "It is right, and slower than full points ask for.",
            "performance": {"value": 1.5, "thresholds": [{"at": 1.25, "fraction": 1.0}, {"at": 2.0, "fraction": 0.67}]},
        }
    ]  # fmt: skip
    return {
        "status": "graded", "score": score, "max_score": 100.0, "rubric": rubric, "tests": tests,
        "output": "Self-graded.", "assignment": {"id": stage.id},
    }  # fmt: skip


class RecordedGrader(GraderProcess):
    """Answers a job with events that were recorded; `pause` keeps them back."""

    def __init__(self, hear: Callable[[Event], None], events: dict[str, list[Event]]) -> None:
        super().__init__(hear)
        self._events = events
        self.jobs: list[dict[str, Any]] = []
        self.pause = False
        self.cancelled = 0

    async def warm(self, stage: str) -> None:
        self.jobs.append({"job": "warm", "stage": stage})

    async def slots(self) -> None:
        self.jobs.append({"job": "slots"})
        self._hear({"event": "slots", "names": ["kernel:gemm", "layer:Linear", "vjp:where"]})

    async def start(self, job: str, **fields: Any) -> str:
        self.jobs.append({"job": job, **fields})
        run = f"run{len(self.jobs)}"
        if not self.pause:
            known = f"{job} {fields['model']}" if job == "train" else job
            for event in self._events[known]:
                self._hear({"run": run, **event})
        return run

    async def cancel(self) -> None:
        self.cancelled += 1

    async def close(self) -> None:
        pass
