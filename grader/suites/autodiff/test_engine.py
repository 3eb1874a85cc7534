"""Hidden checks of the engine's parts: the order, the accumulation, the adjoint of broadcasting."""

import numpy as np

from grader.check import check_equal, check_raises, fail
from grader.suites.autodiff.oracles import DTYPES, check_values
from grader.suites.autodiff.probes import ADJOINTS, LONG_ORDER, ORDER

DEEP = 100_000


# ---- graphs -----------------------------------------------------------------------------------------
def draw_graph(rng, count, *, leaves=3):
    """Parents by name: names say nothing about the order, operands repeat, some nodes lead nowhere."""
    names = rng.permutation(count)
    parents = [()] * count
    for place in range(leaves, count):
        recent = int(rng.integers(max(0, place - 3), place))
        others = rng.integers(0, place, int(rng.integers(0, 3)))
        chosen = [recent, *others.tolist()]
        if rng.random() < 0.25:
            chosen.append(chosen[0])
        parents[names[place]] = tuple(int(names[other]) for other in chosen)
    return parents, [int(name) for name in names]


def reachable(parents, outputs):
    found, waiting = set(), list(outputs)
    while waiting:
        name = waiting.pop()
        if name not in found:
            found.add(name)
            waiting += parents[name]
    return found


def order(student, parents, outputs):
    """`topological_order`, and that it is one."""
    kind, found, given = student.probe(ORDER, parents=parents, outputs=outputs)
    check_equal(kind, "list", what="the type of what topological_order returns")
    if given != outputs:
        fail("topological_order changed the list of outputs.", help="Work on a copy.")
    if len(set(found)) != len(found):
        fail(
            "a node stands twice in the order.",
            help="Remember in a set which nodes have been seen.",
        )
    missing, stray = set(reachable(parents, outputs)) - set(found), set(found)
    stray -= reachable(parents, outputs)
    if missing:
        fail(
            f"{len(missing)} nodes that the outputs depend on are missing from the order.",
            help="The outputs themselves belong to it, and the leaves do.",
        )
    if stray:
        fail(
            f"{len(stray)} things in the order are no nodes that the outputs depend on.",
            help="Walk from the outputs along `.parents` only.",
        )
    place = {name: i for i, name in enumerate(found)}
    for name in found:
        for parent in parents[name]:
            if place[parent] > place[name]:
                fail(
                    "a node stands before one of its parents.",
                    help="A node is done when all of its parents are, by whatever way they were "
                    "reached: put it down after them, not when it is first seen.",
                )


def test_order_valid(student, rng):
    """topological_order: parents first, in any graph"""
    for count in (4, 9, 30, 60):
        for _ in range(3):
            parents, names = draw_graph(rng, count)
            order(student, parents, [names[-1]])
    # A short way and a long way to the same node.
    order(student, [(), (0,), (1,), (2,), (0, 3)], [4])
    order(student, [(), (0,), (1,), (2,), (3, 0)], [4])


def test_order_of_outputs(student, rng):
    """topological_order: no outputs, several, repeats, one that is reached from another"""
    order(student, [(), (0,)], [])
    order(student, [(), (0,)], [0])
    order(student, [(), (0, 0)], [1, 1, 1])
    order(student, [(), (0,), (1,), (2,)], [1, 3])
    order(student, [(), (0,), (1,), (2,)], [3, 1])
    for _ in range(4):
        parents, names = draw_graph(rng, 20)
        order(student, parents, [int(name) for name in rng.choice(names, 4)])


def test_order_deep(student, rng):
    """topological_order: a chain of 100,000 nodes, with the recursion limit as it is"""
    length = DEEP + int(rng.integers(10))
    count, right, deepest = student.probe(LONG_ORDER, length=length)
    if deepest > 5000:
        fail(
            f"the recursion limit was raised to {deepest}.",
            help="Keep what is still to do in a list of your own.",
        )
    check_equal(count, length, what="the number of nodes in the order")
    check_equal(right, True, what="whether each node stands after its parent")


# ---- adjoints -----------------------------------------------------------------------------------------
def draw_weights(rng, parents, *, nothing=0.15, same=0.25):
    """A factor for every edge; None where nothing flows, 1.0 where the array itself is handed on."""

    def weight():
        kind = rng.random()
        if kind < nothing:
            return None
        return 1.0 if kind < nothing + same else float(rng.uniform(-1.2, 1.2))

    return [[weight() for _ in names] for names in parents]


def adjoints(parents, weights, outputs, grads, order):
    """What each node collects, in float64; nodes that nothing reaches are absent."""
    found = {}

    def add(name, partial):
        found[name] = found[name] + partial if name in found else partial.copy()

    for name, grad in zip(outputs, grads, strict=True):
        add(name, grad)
    for name in reversed(order):
        if name in found:
            for parent, weight in zip(parents[name], weights[name], strict=True):
                if weight is not None:
                    add(parent, weight * found[name])
    return found


def run(student, rng, parents, weights, outputs, shape=(3,)):
    """What the learner's accumulate gives, its calls, the gradients after it and before."""
    grads = [rng.standard_normal(shape) for _ in outputs]
    kind, found, calls, after = student.probe(
        ADJOINTS, parents=parents, weights=weights, outputs=outputs, grads=grads
    )
    check_equal(kind, "dict", what="the type of what accumulate returns")
    return dict(found), calls, after, grads


def check_adjoints(found, want, *, help=""):
    missing, stray = set(want) - set(found), set(found) - set(want)
    if missing or stray:
        seen = f"{len(missing)} nodes are missing" if missing else f"{len(stray)} keys are too many"
        fail(
            f"in the dict of accumulate {seen}.",
            help="The keys are the nodes that a gradient reaches: outputs, leaves and all between; "
            "a node that only got None is none of them.",
        )
    for name, right in want.items():
        check_values(found[name], right, what="an adjoint", rtol=1e-9, atol=1e-9, help=help)


def graphs(rng, counts=(5, 12, 40)):
    for count in counts:
        for _ in range(3):
            parents, names = draw_graph(rng, count)
            yield parents, names


def test_accumulate_values(student, rng):
    """accumulate: every node's adjoint is the sum over its uses"""
    for parents, names in graphs(rng):
        weights = draw_weights(rng, parents, nothing=0.0, same=0.0)
        outputs = [names[-1]]
        found, _, _, grads = run(student, rng, parents, weights, outputs)
        want = adjoints(parents, weights, outputs, grads, names)
        check_adjoints(found, want, help="Partial adjoints of all uses of a node add up.")


def test_accumulate_none(student, rng):
    """accumulate: where a rule says None nothing flows, and who gets nothing is absent"""
    for parents, names in graphs(rng):
        weights = draw_weights(rng, parents, nothing=0.4, same=0.0)
        outputs = [names[-1]]
        found, calls, _, grads = run(student, rng, parents, weights, outputs)
        want = adjoints(parents, weights, outputs, grads, names)
        check_adjoints(found, want)
        called = {name for name, _ in calls}
        if any(name not in want for name in called):
            fail(
                "vjp_of was called for a node that no gradient reaches.",
                help="Skip nodes that have no adjoint.",
            )


def test_accumulate_calls(student, rng):
    """accumulate: one call a node, when its adjoint is complete, and none for leaves"""
    for parents, names in graphs(rng):
        weights = draw_weights(rng, parents, nothing=0.0, same=0.0)
        outputs = [names[-1]]
        _, calls, _, grads = run(student, rng, parents, weights, outputs)
        want = adjoints(parents, weights, outputs, grads, names)
        called = [name for name, _ in calls]
        if any(not parents[name] for name in called):
            fail("vjp_of was called for a leaf.", help="A node without parents has no rule.")
        if len(set(called)) != len(called):
            fail(
                "vjp_of was called twice for one node.",
                help="Once for each node: first add up all partial adjoints, then ask the rule.",
            )
        if set(called) != {name for name in want if parents[name]}:
            fail("vjp_of was not called for every node that has a gradient and parents.")
        for name, g in calls:
            check_values(
                g,
                want[name],
                what="the adjoint that vjp_of was called with",
                rtol=1e-9,
                atol=1e-9,
                help="It must be complete: go backwards through the topological order.",
            )


def test_accumulate_outputs(student, rng):
    """accumulate: several outputs, repeats, one reached from another; lengths that differ"""
    for parents, names in graphs(rng, (6, 15)):
        weights = draw_weights(rng, parents)
        for outputs in (
            [],
            [names[-1], names[-1]],
            [names[-1], names[-3]],
            [names[1], names[-1], names[-2], names[1]],
        ):
            found, _, _, grads = run(student, rng, parents, weights, outputs)
            want = adjoints(parents, weights, outputs, grads, names)
            check_adjoints(
                found, want, help="An output's own gradient and what reaches it from above add up."
            )
    for count in (0, 2):
        check_raises(
            ValueError,
            student.probe,
            ADJOINTS,
            parents=[(), (0,)],
            weights=[[], [2.0]],
            outputs=[1],
            grads=[np.ones(2)] * count,
            what=f"accumulate of one output with {count} gradients",
            help="zip stops at the shorter list: compare the lengths.",
        )


def test_accumulate_out_of_place(student, rng):
    """accumulate: arrays that a rule hands on are not added into"""
    for parents, names in graphs(rng):
        weights = draw_weights(rng, parents, nothing=0.0, same=0.8)
        outputs = [names[-1], names[-2], names[-1]]
        found, calls, after, grads = run(student, rng, parents, weights, outputs)
        help = (
            "A rule may return the array that it was given, or one array twice: `a += b` changes "
            "everybody's array, `a = a + b` makes a new one."
        )
        check_equal(len(after), len(grads), what="the number of output gradients after the call")
        for left, given in zip(after, grads, strict=True):
            check_values(left, given, what="an output's gradient after the call", help=help)
        want = adjoints(parents, weights, outputs, grads, names)
        check_adjoints(found, want, help=help)
        for name, g in calls:
            check_values(g, want[name], what="an adjoint", rtol=1e-9, atol=1e-9, help=help)


# ---- the adjoint of broadcasting ------------------------------------------------------------------------
SHAPES = (
    ((3,), ()),
    ((4, 3), (3,)),
    ((3, 3), (3,)),
    ((4, 3), (1, 3)),
    ((4, 3), (4, 1)),
    ((4, 3), (1, 1)),
    ((4, 3), (1,)),
    ((2, 4, 3), (4, 1)),
    ((2, 4, 3), (2, 1, 3)),
    ((2, 1, 3), (1, 1, 3)),
    ((5, 1, 2, 3), (2, 3)),
    ((3, 3), (3, 1)),
    ((3, 3, 3), (3, 1, 3)),
    ((1, 1), ()),
    ((65, 33), (33,)),
    ((4, 3), (4, 3)),
    ((), ()),
)


def test_unbroadcast_values(student, rng):
    """unbroadcast: sums over new axes and over stretched ones, for any shapes"""
    for dtype in DTYPES:
        for seen, shape in SHAPES:
            grad = rng.standard_normal(seen).astype(dtype)
            # The adjoint of copying, entry by entry: who was copied where adds up.
            want = np.zeros(shape)
            source = np.broadcast_to(np.arange(want.size).reshape(shape), seen)
            np.add.at(want.reshape(-1), source.reshape(-1), grad.reshape(-1).astype(np.float64))
            check_values(
                student.unbroadcast(grad, shape),
                want,
                dtype,
                terms=grad.size,
                scale=4.0,
                what=f"unbroadcast of {seen} to {shape}",
                help="Axes count from the right: sum over the axes that are new on the left, and, "
                "keeping length 1, over those that were stretched.",
            )


def test_unbroadcast_errors(student, rng):
    """unbroadcast: a shape that does not broadcast to the gradient's raises ValueError"""
    for seen, shape in (
        ((3,), (2,)),
        ((4,), (2,)),
        ((4, 3), (4,)),
        ((4, 3), (3, 4)),
        ((3,), (1, 3)),
        ((1, 3), (2, 3)),
        ((4, 3), (2, 3)),
        ((6,), (2, 3)),
        ((), (1,)),
    ):
        check_raises(
            ValueError,
            student.unbroadcast,
            rng.standard_normal(seen),
            shape,
            what=f"unbroadcast of {seen} to {shape}",
            help="Every length of the shape is 1 or the gradient's own, counted from the right.",
        )
