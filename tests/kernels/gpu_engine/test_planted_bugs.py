"""Every planted bug is found, by its name, on its line."""

from __future__ import annotations

import pytest

from kernels.gpu_engine import KINDS, Engine

from .planted import BUGS, Bug
from .stage import KERNELS, run


@pytest.mark.parametrize("bug", BUGS, ids=lambda bug: bug.id)
def test_planted_bug(bug: Bug) -> None:
    source = bug.source()
    size = bug.size or KERNELS[bug.kernel].even
    outcome = run(Engine(source), bug.kernel, size, judged=size == KERNELS[bug.kernel].even)

    found = {(one.kind, one.line): one for one in outcome.findings}
    assert (bug.kind, bug.line(source)) in found, [str(one) for one in outcome.findings]
    if bug.missing:
        assert found[bug.kind, bug.line(source)].missing == bug.missing
    keys = [(one.kind, one.line) for one in outcome.findings]
    assert len(keys) == len(set(keys))


def test_the_table_is_large_and_covers_the_vocabulary() -> None:
    assert len(BUGS) >= 40
    assert len({bug.id for bug in BUGS}) == len(BUGS)
    assert {bug.kind for bug in BUGS} == set(KINDS) - {"unsupported", "wrong-result"}
    assert {bug.kernel for bug in BUGS} == set(KERNELS)
