"""Everything the grader can raise, in one tree.

GraderError
├── UsageError          bad input of a person: one clear sentence, exit status 2
│   ├── SubmissionError     a submission that cannot be read or has no such file
│   └── KeyFileError        a key that is missing, readable by others, or not trusted
├── InfrastructureError the grader itself could not judge: exit status 3, never the learner's fault
│   └── SandboxError        the box could not be built
├── NotAssessed         a check that this machine cannot judge (no GPU, say)
└── WorkerError         what a learner's process did; each becomes the verdict of one check
    ├── WorkerCrashed       the process ended: exit, signal, end of file
    ├── WorkerTimeout       a call or the whole box ran past its deadline
    ├── WorkerMemory        the box was killed for its memory
    ├── SourceRefused       the file names what its stage does not allow: it is not run
    ├── ProtocolError       bytes on the wire that the protocol does not allow
    └── StudentError        an exception raised by the learner's code (see `student.py`)
"""

from __future__ import annotations


class GraderError(Exception):
    """Base of all errors of the grader; `str(error)` is fit for a person to read."""


class UsageError(GraderError):
    """Bad input of a person: what, which value, what to do."""


class SubmissionError(UsageError):
    """A submission that cannot be read, or that lacks the stage's file."""


class KeyFileError(UsageError):
    """A signing or verifying key that is missing, readable by others, malformed or not trusted."""


class InfrastructureError(GraderError):
    """The grader itself could not judge; never the learner's fault."""


class SandboxError(InfrastructureError):
    """The box could not be built, frozen or ended."""


class WorkerError(GraderError):
    """What a learner's process did instead of answering; the verdict of one check."""


class WorkerCrashed(WorkerError):
    """The learner's process ended while an answer was due."""


class WorkerTimeout(WorkerError):
    """A call, or the whole box, ran past its deadline."""


class WorkerMemory(WorkerError):
    """The box was killed for the memory it used."""


class SourceRefused(WorkerError):
    """The learner's file names what its stage does not allow; nothing of it was run."""


class ProtocolError(WorkerError):
    """Bytes on the wire that the protocol does not allow."""


class NotAssessed(GraderError):
    """Raised by a check that cannot be judged here; its points are rescaled, never passed.

    Args:
        reason: why.
        diagnosis: what a learner may know of it, even of a hidden check; no value of a run.
    """

    def __init__(self, reason: str, diagnosis: str = "") -> None:
        super().__init__(reason)
        self.diagnosis = diagnosis


class MachineLacks(NotAssessed):
    """The same for something that the machine lacks, which says nothing of the check: a learner
    is told the reason, and knows whether another machine or a quieter hour would help."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason, reason)
