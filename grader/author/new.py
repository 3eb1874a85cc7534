"""Start a new stage: every file it needs, each saying what belongs there, and nothing hidden twice."""

from __future__ import annotations

import re
from pathlib import Path

from assignments import catalog, explorations

from ..errors import UsageError

SLUG = re.compile(r"[a-z][a-z0-9_]{1,30}\Z")

MANIFEST = """\
# What this stage is. `lab author check {slug}` says what is still missing.
id = "{slug}"
number = {number}
title = "{title}"
title_zh = "{title}"
summary = "One sentence: what a learner has built when this stage passes."
version = "0.1"
needs = []
packages = ["numpy"]
data = []
hides = []
bans = []

[points]
correctness = 75
properties = 20
performance = 0
hygiene = 5

[limits]
import_s = 10.0
call_s = 10.0
suite_s = 60.0
memory_mib = 1024
processes = 64
log_kib = 64

[[exports]]
name = "double"
signature = "(x)"
summary = "twice x, elementwise"

[[checks]]
id = "double_small"
title = "doubles two numbers"
visibility = "public"
rubric = "public"
points = 0
exports = ["double"]

[[checks]]
id = "double_random"
title = "doubles arrays of any shape"
visibility = "hidden"
rubric = "correctness"
points = 75
exports = ["double"]

[[checks]]
id = "double_dtype"
title = "keeps float32"
visibility = "hidden"
rubric = "properties"
points = 20
exports = ["double"]

[[checks]]
id = "double_pure"
title = "leaves its argument as it was"
visibility = "hidden"
rubric = "hygiene"
points = 5
exports = ["double"]

# A timed check is a hidden one of rubric "performance" (which then needs points above) with a table:
# [[timings]]
# check = "double_speed"
# export = "double"
# pairs = 7    # runs of the learner's and of the solution, in turns
# floor = 0.2  # a learner faster than this share of the solution's time is shown to a person
# tiers = [{{ at = 1.25, fraction = 1.0 }}, {{ at = 2.0, fraction = 0.5 }}]
"""

STARTER = '''\
"""{title}: what a learner writes. Only the functions below are called."""

import numpy as np


def double(x):
    """Twice `x`, elementwise.

    Args:
        x: float array of any shape.

    Returns:
        A new array of x's shape and dtype.
    """
    raise NotImplementedError("double is yours to write")
'''

SOLUTION = '''\
"""The stage's own solution: clean, vectorised, the baseline of its timed checks."""

import numpy as np


def double(x):
    """Twice `x`, elementwise."""
    return np.add(x, x)
'''

PUBLIC = '''\
"""Public checks teach, in the order a learner builds: small inputs that can be read."""

import numpy as np

from grader.check import check_close


def test_double_small(student):
    """doubles two numbers"""
    x = np.array([1.0, -2.5])

    check_close(
        student.double(x), np.array([2.0, -5.0]), what="double([1, -2.5])", help="Add x to x."
    )
'''

HIDDEN = '''\
"""Hidden checks decide: everything they ask is drawn from `rng`."""

import numpy as np

from grader.check import check_array, check_close, check_unchanged


def test_double_random(student, rng):
    """doubles arrays of any shape"""
    for shape in [(1,), (7,), (3, 5)]:
        x = rng.standard_normal(shape)
        check_close(student.double(x), x + x, what="double(x)", help="Every entry counts.")


def test_double_dtype(student, rng):
    """keeps float32"""
    x = rng.standard_normal(9).astype(np.float32)
    check_array(student.double(x), x.shape, x.dtype, what="double(x)", help="Keep x's dtype.")


def test_double_pure(student, rng):
    """leaves its argument as it was"""
    x = rng.standard_normal(6)
    (after,) = student.invoke("double", (x,), read=(0,)).read
    check_unchanged(after, x, what="x")


# A timed check, once the manifest has it. `release` draws anew for every run, the same for both.
# def test_double_speed(bench, rng):
#     """doubles a million numbers no slower than the course's own"""
#
#     def check(released, result, read):
#         check_close(result, 2 * released[0], what="a timed double(x)")
#
#     bench.compare(
#         "double",
#         staged=(),  # large arguments that never change: copied before the clock starts
#         release=lambda rng: (rng.standard_normal(1_000_000),),
#         arguments=lambda staged, released: (*staged, *released),
#         check=check,
#     )
'''

MUTANTS = """\
# Single realistic mistakes, each named by the hidden check that must catch it.

[[mutant]]
name = "tripled"
caught_by = ["double_random"]
diagnosis = "this is three times x."
[[mutant.edit]]
find = "return np.add(x, x)"
replace = "return 3 * x"

[[mutant]]
name = "always_float64"
caught_by = ["double_dtype"]
diagnosis = "the result is float64 whatever came in."
[[mutant.edit]]
find = "return np.add(x, x)"
replace = "return np.add(x, x, dtype=np.float64)"

[[mutant]]
name = "in_place"
caught_by = ["double_pure"]
diagnosis = "x itself was doubled."
[[mutant.edit]]
find = "return np.add(x, x)"
replace = "return np.add(x, x, out=x)"
"""

LESSON = """\
# {title}

Why this matters, the mathematics ($y = 2x$), a worked example, what it costs.

```python recompute
import numpy as np

x = np.array([1.0, -2.5])
(x + x).tolist()
# -> [2.0, -5.0]
```
"""
HINTS = '[double_small]\n1 = "What is added to what?"\n2 = "NumPy adds arrays elementwise."\n3 = "`x + x`."\n'
PREDICT = """\
[[question]]
id = "additions"
text = "How many additions does double(x) make for x of shape (3, 5)?"
unit = "additions"
answer = 15
explanation = "One an entry."

[[question]]
id = "bytes"
text = "How many bytes does the result take in float32?"
unit = "bytes"
answer = 60
explanation = "15 entries of 4 bytes."

[[question]]
id = "limit"
text = "What bounds double(x) for large x?"
choices = ["the adders", "the memory"]
answer = 1
explanation = "One addition for two transfers of an entry: the adders wait."
"""

EXPLORE = """\
# A claim of the lesson, with a knob to turn; explore.py beside this file computes the curves.
[[exploration]]
id = "doublings"
title = "How fast doubling grows"
text = "What 1 has become after so many calls: on a logarithmic axis it is a straight line."
x = "calls"
y = "result"
log = true

[[exploration.knobs]]
name = "factor"
title = "the factor of one call"
values = [2, 3]
"""

EXPLORE_CODE = """\
\"\"\"Explorations of stage {number:02d}.\"\"\"

from __future__ import annotations

Points = list[tuple[float, float]]


def doublings(factor: int) -> dict[str, Points]:
    \"\"\"The result by the number of calls.\"\"\"
    return {{"result": [(float(k), float(factor) ** k) for k in range(20)]}}
"""


def new_stage(slug: str, root: Path) -> list[Path]:
    """Write the files of a new stage `slug` into the checkout at `root`; return their paths.

    Raises:
        UsageError: the slug is taken or not a slug, or a file is in the way.
    """
    if not SLUG.match(slug):
        raise UsageError(f"{slug!r} is no slug: use 2 to 31 of a-z, 0-9 and _, a letter first.")
    stages = catalog.load()
    if any(stage.id == slug for stage in stages):
        raise UsageError(f"there is a stage {slug!r} already: choose another slug.")
    number = max((stage.number for stage in stages), default=-1) + 1
    words = {"slug": slug, "number": number, "title": slug.replace("_", " ").capitalize()}
    folder = Path("assignments") / f"{number:02d}_{slug}"
    files = {
        folder / "assignment.toml": MANIFEST,
        folder / "starter.py": STARTER,
        folder / "lesson.md": LESSON,
        folder / "lesson.zh.md": LESSON,
        folder / "hints.toml": HINTS,
        folder / "predict.toml": PREDICT,
        folder / explorations.FILE: EXPLORE,
        folder / explorations.CODE: EXPLORE_CODE,
        folder / "checks" / f"test_{slug}.py": PUBLIC,
        Path("grader/suites") / slug / f"test_{slug}.py": HIDDEN,
        Path("grader/solutions") / f"{slug}.py": SOLUTION,
        Path("grader/mutants") / f"{slug}.toml": MUTANTS,
    }
    taken = [str(path) for path in files if (root / path).exists()]
    if taken:
        raise UsageError(f"{taken[0]} is there already: move it away first.")
    for path, text in files.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        filled = text.format(**words) if "{" in text and path.suffix != ".toml" else text
        if path.name == "assignment.toml":
            filled = text.format(**words)
        (root / path).write_text(filled, encoding="utf-8")
    return [root / path for path in files]
