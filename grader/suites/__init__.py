"""Where the suites lie: public checks with the stage, hidden ones here, one folder a slug."""

from __future__ import annotations

from pathlib import Path

from assignments.catalog import Stage

from ..errors import InfrastructureError

FOLDER = Path(__file__).parent


def suite_folder(stage: Stage, suite: str) -> Path:
    """The folder of test files of the "public" or "hidden" `suite` of `stage`.

    Raises:
        InfrastructureError: hidden suites are not installed (a learner's wheel has none).
    """
    folder = stage.checks_folder if suite == "public" else FOLDER / stage.id
    if not folder.is_dir():
        raise InfrastructureError(
            f"{stage.id}: the {suite} checks are not installed; "
            "hand in a bundle with `lab submit` and let the course grade it."
        )
    return folder


def installed(stage: Stage) -> bool:
    """Whether the hidden suite of `stage` lies on this machine."""
    return (FOLDER / stage.id).is_dir()
