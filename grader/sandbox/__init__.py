"""The box a learner's code runs in: walls by bubblewrap, limits by the kernel, an end by us.

`open_box(spec)` gives the best box that this machine can build. How good that is, is found by trying:
`isolation()` runs programs inside that attempt what must be refused, and names what was not.
"""

from .box import Box, open_box
from .probes import advice, isolation
from .spec import BoxSpec, Mount

__all__ = ["Box", "BoxSpec", "Mount", "advice", "isolation", "open_box"]
