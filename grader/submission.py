"""A submission: bytes that somebody handed in, and what is known about them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from .errors import SubmissionError


@dataclass(frozen=True, slots=True)
class Submission:
    """The files of one learner for one stage.

    `learner` is who hands in (in a batch the folder's name); `claims` is what the files say about
    that, which proves nothing. `rejected` lists names that were left out, each with the reason.
    """

    learner: str
    stage: str
    files: Mapping[str, bytes]
    origin: str
    submitted_at: str
    claims: Mapping[str, str] = field(default_factory=dict)
    rejected: tuple[tuple[str, str], ...] = ()

    @property
    def sha256(self) -> str:
        """The digest of names and contents, independent of their order."""
        return digest(self.files)

    def source(self, file_name: str) -> bytes:
        """The bytes of `file_name`.

        Raises:
            SubmissionError: there is no such file.
        """
        try:
            return self.files[file_name]
        except KeyError:
            raise SubmissionError(f"{self.learner}: there is no {file_name} in it.") from None

    def beside(self, file_name: str) -> dict[str, bytes]:
        """The files other than `file_name`."""
        return {name: content for name, content in self.files.items() if name != file_name}


def digest(files: Mapping[str, bytes]) -> str:
    """SHA-256 over every file's name, length and bytes, in the order of their names."""
    import hashlib  # it loads OpenSSL, which listing stages does not wait for

    found = hashlib.sha256()
    for name, content in sorted(files.items()):
        found.update(f"{len(name)}:{name}:{len(content)}:".encode())
        found.update(content)
    return found.hexdigest()
