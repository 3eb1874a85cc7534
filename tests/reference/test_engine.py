"""The plain parts of reverse mode, and that the one loop that replaces them does the same."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from reference import ShapeError, Tensor, engine
from reference.engine import Parts, accumulate, topological_order, unbroadcast
from reference.gradient import on_arrays
from reference.tape import sweep


def leaf(value: float = 1.0) -> Tensor:
    return Tensor(np.array([value]), requires_grad=True)


class TestUnbroadcast:
    @pytest.mark.parametrize(
        ("grad", "shape"),
        [
            ((2, 3), (2, 3)),
            ((2, 3), (3,)),
            ((2, 3), (1, 3)),
            ((2, 3), (2, 1)),
            ((4, 2, 3), (1, 1)),
            ((2, 3), ()),
            ((), ()),
            ((0, 3), (3,)),
            ((0, 3), (1, 3)),
            ((2, 1), (2, 1)),
        ],
    )
    @pytest.mark.parametrize("wrap", [np.asarray, Tensor], ids=["array", "tensor"])
    def test_it_is_the_adjoint_of_broadcasting(self, grad, shape, wrap):
        rng = np.random.default_rng(0)
        g, x = rng.normal(size=grad), rng.normal(size=shape)
        found = unbroadcast(wrap(g), shape)

        assert found.shape == shape
        values = found.data if isinstance(found, Tensor) else found
        assert np.sum(values * x) == pytest.approx(np.sum(g * np.broadcast_to(x, grad)))

    @pytest.mark.parametrize(
        ("grad", "shape"), [((2, 3), (2,)), ((3,), (1, 3)), ((1, 3), (2, 3)), ((2, 3), (4, 3))]
    )
    def test_a_shape_that_does_not_broadcast_is_refused(self, grad, shape):
        with pytest.raises(ShapeError, match="unbroadcast"):
            unbroadcast(np.ones(grad), shape)


class TestOrder:
    def test_parents_come_first_and_each_node_once(self):
        x, y = leaf(), leaf()
        a = x * y
        b = a + x
        c = a * b
        order = topological_order([c, a, c])

        assert len(order) == len(set(order)) == 5
        place = {node: i for i, node in enumerate(order)}
        for node in order:
            assert all(place[parent] < place[node] for parent in node.parents)

    def test_nothing_else_and_nothing_at_all(self):
        x = leaf()
        y = x * 2
        y.exp()

        assert set(topological_order([y])) == {x, y}
        assert topological_order([]) == []
        assert topological_order([x]) == [x]


class TestAccumulate:
    def test_outputs_may_repeat_and_depend_on_each_other(self):
        x = leaf(3.0)
        a = x * 2
        b = a * a
        one = np.ones(1)
        found = accumulate([b, a, b], [one, 10 * one, one], on_arrays)

        assert found[b] == 2
        assert found[a] == 10 + 2 * (2 * 6)
        assert found[x] == 2 * found[a]

    def test_a_rule_runs_once_per_node_with_a_complete_gradient(self):
        x = leaf()
        nodes = [x]
        for _ in range(4):
            nodes.append(nodes[-1] + nodes[-1])
        seen: list[Any] = []

        def spy(node: Tensor, g: Any) -> Any:
            seen.append((node, float(g[0])))
            return on_arrays(node, g)

        accumulate([nodes[-1]], [np.ones(1)], spy)

        assert seen == [(node, 2.0**i) for i, node in enumerate(reversed(nodes[1:]))]

    def test_what_no_gradient_reaches_is_absent_and_nothing_is_changed_in_place(self):
        x, y = leaf(), leaf()
        z = x + y
        g = np.ones(1)
        found = accumulate([z], [g], lambda node, g: (g, None))

        assert set(found) == {z, x}
        assert g == 1

    def test_every_output_needs_a_gradient(self):
        with pytest.raises(ValueError, match="1 outputs have 0 gradients"):
            accumulate([leaf()], [], on_arrays)


def random_graph(rng: np.random.Generator, size: int) -> tuple[list[Tensor], Tensor]:
    leaves = [Tensor(rng.normal(size=rng.choice([1, 3])), requires_grad=True) for _ in range(3)]
    nodes = list(leaves)
    for _ in range(size):
        a, b = rng.choice(len(nodes), 2)
        form = rng.integers(4)
        if form == 0:
            nodes.append(nodes[a] * nodes[b])
        elif form == 1:
            nodes.append(nodes[a] - nodes[b])
        elif form == 2:
            nodes.append((nodes[a] * 0.3).sin())
        else:
            nodes.append(nodes[a] + nodes[a].sum())
    return leaves, nodes[-1] + nodes[-2]


@pytest.mark.parametrize("seed", range(8))
def test_the_loop_gives_what_the_parts_give(seed):
    rng = np.random.default_rng(seed)
    leaves, output = random_graph(rng, 25)
    g = rng.normal(size=output.shape)
    adjoints = {output: g}
    sweep(adjoints)
    found = accumulate([output], [g], on_arrays)

    assert set(adjoints) == {node for node in found if node._pull is None}
    for node in leaves:
        assert (node in found) == (node in adjoints)
        if node in found:
            np.testing.assert_allclose(adjoints[node], found[node], rtol=1e-12)


def test_gradients_of_several_outputs_add_entry_by_entry():
    one = Parts((np.ones(2), None)) + Parts((np.ones(2), None)) + Parts((None, np.ones(1)))

    assert [entry.tolist() for entry in one.entries] == [[2, 2], [1]]
    assert engine.filled is False
