"""The tape: how a computation is recorded, and the one loop that walks it backwards.

A recorded Tensor is its own node. It knows how it came about: the rule (`_pull`), the arrays that
the rule needs (`_saved`), the Tensors that the gradient flows to (`_inputs`), and when (`_key`).
Keys count downwards, so the node that was recorded last has the smallest, and a heap of keys hands
out nodes in the reverse of the order of creation. Whoever uses a value was created after it, so by
the time a node comes out of the heap its gradient is complete. No sorting, no recursion.

Nothing else holds a node: a graph that nobody refers to is gone at once.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from heapq import heappop, heappush, heappushpop
from types import TracebackType
from typing import TYPE_CHECKING, Any

from .errors import GraphError

if TYPE_CHECKING:
    from .tensor import Tensor

next_key = itertools.count(0, -1).__next__

# Every key is below this one: a walk with this bound visits everything that it can reach.
BEFORE_EVERYTHING = 1


class Mode:
    """Whether operations are recorded at this moment."""

    __slots__ = ("recording",)

    def __init__(self) -> None:
        self.recording = True


mode = Mode()


class recorded:
    """`with recorded(flag):` records operations, or does not, and restores what was before."""

    def __init__(self, flag: bool) -> None:
        self.flag = flag
        self.before: list[bool] = []

    def __enter__(self) -> None:
        self.before.append(mode.recording)
        mode.recording = self.flag

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        mode.recording = self.before.pop()


class no_grad(recorded):
    """`with no_grad():` computes without recording: results do not require gradients."""

    def __init__(self) -> None:
        super().__init__(False)


class Pull:
    """How a gradient passes a node: `run(g, *saved)` returns one gradient (or None) per input.

    Nodes refer to the Pull and not to the function, so filling a slot reaches them all.
    """

    __slots__ = ("op", "run")

    def __init__(self, op: Any, run: Callable[..., Any]) -> None:
        self.op = op
        self.run = run


def _freed(g: object, *saved: object) -> Any:
    raise GraphError(
        "backward: an earlier backward has already walked this graph and freed it. "
        "Compute the result anew, or call backward(retain_graph=True) the first time."
    )


FREED = Pull(None, _freed)


def sweep(
    adjoints: dict[Tensor, Any],
    rule: Callable[[Tensor, Any], Any] | None = None,
    oldest: int = BEFORE_EVERYTHING,
    free: bool = False,
) -> None:
    """Send the gradients in `adjoints` backwards until they lie at the leaves.

    Args:
        adjoints: node -> gradient of each output; afterwards leaf -> gradient.
        rule: `rule(node, g)` gives the gradients of `node._inputs`; by default the node's own
            rule runs on its saved arrays.
        oldest: nodes created before this key are not entered; they count as leaves.
        free: let go of what each node saved as soon as the gradient has passed it.
    """
    heap = [(n._key, n) for n in adjoints if n._pull is not None and n._key < oldest]
    heap.sort(key=_first)
    # Sums that this loop has made itself: adding to them in place harms nobody.
    owned: set[Tensor] = set()
    # The first node that a gradient has just reached, and that gradient. In a chain it is the next
    # one, and passes neither the heap nor the dictionary.
    following: Tensor | None = None
    held: Any = None
    find = adjoints.get
    while True:
        if following is None:
            if not heap:
                return
            node = heappop(heap)[1]
            g = adjoints.pop(node)
        elif heap:
            adjoints[following] = held
            node = heappushpop(heap, (following._key, following))[1]
            g = adjoints.pop(node)
        else:
            node = following
            g = held
        following = None
        pull: Any = node._pull
        grads = pull.run(g, *node._saved) if rule is None else rule(node, g)
        # A keyword argument of zip would cost a tenth of the time of a small op.
        for parent, grad in zip(node._inputs, grads):  # noqa: B905
            if parent is None or grad is None:
                continue
            if parent is following:
                held = held + grad
                continue
            before = find(parent)
            if before is None:
                if parent._pull is None or parent._key >= oldest:
                    adjoints[parent] = grad
                elif following is None:
                    following = parent
                    held = grad
                else:
                    adjoints[parent] = grad
                    heappush(heap, (parent._key, parent))
            elif parent in owned:
                before += grad
                adjoints[parent] = before  # a NumPy scalar is not changed in place
            else:
                adjoints[parent] = before + grad
                owned.add(parent)
        if free:
            node._pull = FREED
            node._inputs = node._saved = ()


def _first(entry: tuple[int, Any]) -> int:
    return entry[0]
