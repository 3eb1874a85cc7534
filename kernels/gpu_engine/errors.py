"""What the engine raises, each with the line, the construct and a way out.

EngineError(Exception)
 |- Unsupported      correct Numba CUDA perhaps, but not something that the engine can run
 |- Rejected         Numba's compiler refuses it too
 |- LaunchError      a call of a kernel with the wrong arguments or geometry
 `- Endless          the kernel ran longer than it may
"""

from __future__ import annotations

from .findings import Finding


class EngineError(Exception):
    """A sentence about one place of the source.

    Attributes:
        line: line of the source file, from 1; None where the whole file is meant.
        construct: what stands there, in a few words.
        instead: what to write instead; may be empty.
    """

    def __init__(self, line: int | None, construct: str, fact: str, instead: str = "") -> None:
        self.line, self.construct, self.fact, self.instead = line, construct, fact, instead
        place = f"line {line}: " if line is not None else ""
        super().__init__(f"{place}{construct} {fact}." + (f" {instead}" if instead else ""))

    def finding(self) -> Finding:
        """The error as a finding of the vocabulary."""
        kind = "launch-geometry" if isinstance(self, LaunchError) else "unsupported"
        return Finding(kind, self.line, str(self))


class Unsupported(EngineError):
    """The engine cannot run this; whether it is right is not known."""

    def __init__(self, line: int | None, construct: str, instead: str = "") -> None:
        super().__init__(line, construct, "is not supported by the engine", instead)


class Rejected(EngineError):
    """Numba's CUDA compiler refuses this source: it is wrong, not merely unknown to the engine."""


class LaunchError(EngineError):
    """A kernel was called with the wrong arguments, or a geometry that no GPU accepts."""

    def __init__(self, line: int | None, construct: str, fact: str, instead: str = "") -> None:
        super().__init__(line, construct, fact, instead)


class Endless(EngineError):
    """The kernel did not come to an end in the time that it was given."""

    def __init__(self, line: int | None, seconds: float) -> None:
        super().__init__(
            line,
            "this loop",
            f"was still running after {seconds:g} seconds",
            "Check that its condition becomes false for every thread.",
        )
