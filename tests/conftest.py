"""What every test shares: keys and memories of the lab lie in a folder of the run's own."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from grader.keys import HOME_VARIABLE


@pytest.fixture(autouse=True, scope="session")
def lab_home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The folder that stands for the user's configuration."""
    home = tmp_path_factory.mktemp("home")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(HOME_VARIABLE, str(home))
        yield home
