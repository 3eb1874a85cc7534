"""What the framework raises when it was asked for something that it cannot do.

    ValueError
        ShapeError      shapes that do not fit together, or axes that are not there
    TypeError
        DTypeError      values whose data type has no meaning for the operation
    RuntimeError
        GraphError      a gradient that was not recorded, was freed, or cannot be differentiated

Every message says who speaks, what was seen, and what must hold.
"""

from __future__ import annotations


class ShapeError(ValueError):
    """The shapes seen do not satisfy what the named operation needs."""


class DTypeError(TypeError):
    """The data types seen do not satisfy what the named operation needs."""


class GraphError(RuntimeError):
    """There is no graph to walk: nothing was recorded, or an earlier backward has freed it."""
