"""A grading process that stays: jobs as JSON lines on standard input, events on standard output.

The app and the watch mode keep one, so that the libraries are loaded and a worker is warm when a
save comes. Ending its process group ends everything: its boxes die with it.

    {"job": "warm", "stage": "softmax"}                       have a worker ready
    {"job": "check", "run": "1f", "stage": "softmax", "file": "/abs/softmax.py", "only": null}
    {"job": "submit", "run": "20", "stage": "softmax", "file": ..., "ledger": ..., "reports": ...}
    {"job": "judge", "run": "21", "stage": "softmax", "source": "<base64>", "seed": 7,
     "phases": ["correctness"], "earlier": {}, "beside": {}}  a part of a batch's work
    {"job": "slots"}                                          the parts of the framework by name
    {"job": "train", "run": "22", "model": "gpt", "files": {"mlp": "<base64>"},
     "choice": [["layer:Linear", "mlp"]], "seed": 0}          a model on the learner's own stack
    {"job": "quit"}
"""

from __future__ import annotations

import base64
import ctypes
import json
import os
import signal
import sys
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any

from assignments import catalog

from . import events
from .desk import environment_of
from .errors import GraderError
from .grading import judge, self_grade
from .models import MODELS, SECONDS
from .outcome import Status
from .runner import run_suite
from .sandbox import isolation
from .spares import Spares
from .stack import Parts

Job = dict[str, Any]
PR_SET_PDEATHSIG = 1


class Session:
    """The jobs of one process; `emit` hears every event."""

    def __init__(self, emit: events.Emit, spares: Spares) -> None:
        self._emit = emit
        self._spares = spares
        self._jobs: dict[str, Callable[[Job], None]] = {
            "warm": self._warm,
            "check": self._check,
            "submit": self._submit,
            "judge": self._judge,
            "slots": self._slots,
            "train": self._train,
        }

    def do(self, job: Job) -> None:
        """Do one job; whatever goes wrong is told as a `problem` event."""
        run = str(job.get("run", ""))
        try:
            work = self._jobs.get(str(job.get("job")))
            if work is None:
                raise GraderError(f"there is no job {job.get('job')!r}: {', '.join(self._jobs)}")
            work(job)
        except (GraderError, OSError, LookupError) as error:
            self._emit(events.problem(run, str(error)))
        except Exception:  # a bug of ours: told with its place, and the session goes on
            self._emit(events.problem(run, traceback.format_exc(limit=-4)))

    def _warm(self, job: Job) -> None:
        self._spares.warm(environment_of(catalog.stage(job["stage"]), suite="public"))

    def _check(self, job: Job) -> None:
        run_suite(
            catalog.stage(job["stage"]),
            Path(job["file"]).read_bytes(),
            "public",
            only=job.get("only"),
            emit=self._emit,
            run=str(job["run"]),
            spares=self._spares,
            record_calls=bool(job.get("record_calls", False)),
        )

    def _submit(self, job: Job) -> None:
        self_grade(
            catalog.stage(job["stage"]),
            Path(job["file"]),
            ledger_path=Path(job["ledger"]),
            reports=Path(job["reports"]),
            emit=self._emit,
            learner=str(job.get("learner") or "me"),
            claims=job.get("claims") or {},
            run=str(job["run"]),
            spares=self._spares,
            beside=[Path(path) for path in job.get("beside") or ()],
        )

    def _judge(self, job: Job) -> None:
        judged = judge(
            catalog.stage(job["stage"]),
            base64.b64decode(job["source"]),
            seed=int(job["seed"]),
            only=job.get("only"),
            phases=job["phases"],
            earlier={name: Status(status) for name, status in job["earlier"].items()},
            run=str(job["run"]),
            spares=self._spares,
            beside={name: base64.b64decode(data) for name, data in job.get("beside", {}).items()},
        )
        self._emit(events.judged(str(job["run"]), judged.to_json()))

    def _slots(self, job: Job) -> None:
        from reference import slots  # whoever trains next finds the framework loaded

        self._emit(events.slots(slots.names()))

    def _train(self, job: Job) -> None:
        from .training import train  # its data are of no use to other jobs

        run, model = str(job["run"]), MODELS[job["model"]]
        files = {name: base64.b64decode(data) for name, data in job["files"].items()}
        parts = Parts(files, tuple((slot, stage) for slot, stage in job["choice"]))
        self._emit(events.train_started(run, model.id, model.steps, isolation()))
        found = train(
            model.id,
            parts,
            steps=model.steps,
            seconds=SECONDS,
            seed=int(job["seed"]),
            tell=lambda step, loss: self._emit(events.step(run, step, loss)),
        )
        self._emit(events.trained(run, found))


def line_writer(stream: IO[str]) -> events.Emit:
    """An `emit` that writes one JSON line an event and passes it on at once."""

    def emit(event: events.Event) -> None:
        stream.write(json.dumps(event, allow_nan=False) + "\n")
        stream.flush()

    return emit


def main() -> None:
    """Serve jobs until end of input or `quit`."""
    _die_with_parent()
    # Events keep the real standard output to themselves: a stray print must not tear a line.
    stream = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    emit = line_writer(stream)
    spares = Spares()
    session = Session(emit, spares)
    emit({"event": "ready"})
    try:
        for line in sys.stdin:
            job = json.loads(line)
            if job.get("job") == "quit":
                break
            session.do(job)
    finally:
        spares.close()


def _die_with_parent() -> None:
    """End when the app or the batch ends, however it ends; Linux only."""
    if sys.platform == "linux":
        parent = os.getppid()
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0)
        if os.getppid() != parent:
            raise SystemExit(1)


if __name__ == "__main__":
    main()
