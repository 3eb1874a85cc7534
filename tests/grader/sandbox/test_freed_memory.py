"""What a box's process frees it keeps: fetching it anew would be timed as if it were work."""

from __future__ import annotations

from assignments import catalog
from grader.desk import Desk
from grader.solutions import solution_source
from grader.spares import Spares

ALLOCATE = """
def probe(module, count):
    import resource
    import numpy as np
    def turn():
        a = np.ones(200_704, np.float32)  # 784 x 256, a weight and its temporaries
        b = a * a
        return (a - b).sum()
    turn(), turn()
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for _ in range(count):
        turn()
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before
"""


def test_temporaries_of_a_megabyte_cost_no_page_faults() -> None:
    stage = catalog.stage("softmax")
    source = solution_source(stage)
    assert source is not None
    with Spares() as spares, Desk(stage, source, spares) as desk:
        faults = desk.student("suite").probe(ALLOCATE, count=50)

    # Three arrays of 196 pages each turn: given back and fetched anew, that is 29,400.
    assert faults < 1000
