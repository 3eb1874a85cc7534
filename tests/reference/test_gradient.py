"""backward, grad and jvp: what they return, what they keep, what they free, how deep they go."""

from __future__ import annotations

import gc
import sys
import tracemalloc

import numpy as np
import pytest

from reference import (
    GraphError,
    Parameter,
    ShapeError,
    Tensor,
    grad,
    jvp,
    live_tensors,
    nn,
    no_grad,
    ops,
    optim,
    trace,
)


def variable(*values: float) -> Tensor:
    return Tensor(np.array(values), requires_grad=True)


class TestBackward:
    def test_gradients_add_up_over_calls(self):
        x = variable(1.0, 2.0)
        for _ in range(3):
            (x * x).sum().backward()

        np.testing.assert_array_equal(x.grad.data, [6, 12])

    def test_a_node_that_is_used_often_gets_every_share(self):
        x = variable(3.0)
        y = x * x
        (y * y + y + y).backward()

        assert x.grad.data == 4 * 27 + 4 * 3

    def test_an_upstream_gradient_weighs(self):
        for upstream in ([1.0, 10.0], np.array([1.0, 10.0]), Tensor([1.0, 10.0])):
            x = variable(1.0, 2.0)
            (x * 3).backward(upstream)
            np.testing.assert_array_equal(x.grad.data, [3, 30])

    def test_one_element_of_any_rank_needs_none(self):
        x = Tensor(np.ones((1, 1)), requires_grad=True)
        (x * 2).backward()

        assert x.grad.data.tolist() == [[2]]

    def test_only_leaves_that_want_a_gradient_get_one(self):
        x, constant = variable(1.0), Tensor(np.ones(1))
        y = x * constant
        (y * 2).backward()

        assert constant.grad is None
        assert y.grad is None
        assert x.grad.data == 2

    def test_the_graph_is_freed_once_it_has_been_walked(self):
        x = variable(1.0)
        y = x.exp()
        z = y * y
        z.backward()

        assert z.parents == y.parents == ()
        with pytest.raises(GraphError, match="retain_graph"):
            z.backward()
        with pytest.raises(GraphError, match="freed"):
            (y * 2).backward()

    def test_a_kept_graph_can_be_walked_again(self):
        x = variable(1.0)
        y = (x * x).sum()
        y.backward(retain_graph=True)
        y.backward(retain_graph=True)
        y.backward()

        assert x.grad.data == 6

    def test_zero_grad_forgets(self):
        x = variable(1.0)
        (x * 2).backward()
        x.zero_grad()

        assert x.grad is None

    def test_a_rule_that_fails_leaves_no_trace(self):
        x = variable(1.0)

        def wrong(g, out, x):
            raise RuntimeError("on purpose")

        y = ops.custom(lambda x: x, wrong)(x) + x
        with pytest.raises(RuntimeError, match="on purpose"):
            y.backward(retain_graph=True)
        assert x.grad is None
        (x * 2).backward()

        assert x.grad.data == 2


class TestGrad:
    def test_it_returns_and_neither_stores_nor_frees(self):
        x, y = variable(2.0), variable(3.0)
        z = x * y
        first = grad(z, [x, y])
        again = grad(z, (y,))

        assert [g.item() for g in first] == [3, 2]
        assert again[0].item() == 2
        assert x.grad is None
        assert not first[0].requires_grad

    def test_a_node_inside_the_graph_can_be_asked_for(self):
        x = variable(2.0)
        y = x * x
        z = y * 3 + x
        into_y, into_x = grad(z, [y, x])

        assert (into_y.item(), into_x.item()) == (3, 13)
        assert grad(x, x)[0].item() == 1

    def test_several_outputs_are_weighed(self):
        x = variable(1.0, 2.0)
        a, b = x * 2, x.sum()
        (g,) = grad([a, b], x, [np.array([1.0, 10.0]), np.array(100.0)])

        np.testing.assert_array_equal(g.data, [102, 120])

    def test_an_input_without_influence_gets_zeros(self):
        x, y = variable(1.0), variable(1.0, 2.0)

        assert grad(x * 2, y)[0].data.tolist() == [0, 0]

    def test_results_can_be_changed_without_harm(self):
        x, y = variable(1.0, 1.0), variable(1.0, 1.0)
        upstream = np.ones(2)
        a, b = grad(x + y, [x, y], upstream)
        a.data *= 5

        assert b.data.tolist() == upstream.tolist() == [1, 1]

    def test_mistakes_are_named(self):
        x = variable(1.0)
        with pytest.raises(GraphError, match="input number 1"):
            grad(x * 2, [x, Tensor([1.0])])
        with pytest.raises(GraphError, match="output number 0"):
            grad(Tensor([1.0]), x)
        with pytest.raises(ShapeError, match="1 outputs have 2"):
            grad([x * 2], x, [1.0, 2.0])
        with pytest.raises(ShapeError, match="grad"):
            grad(variable(1.0, 2.0) * 2, x)

    def test_derivatives_of_any_order(self):
        x = variable(0.7)
        y = x.sin()
        for _ in range(4):
            (y,) = grad(y, x, create_graph=True)

        assert y.item() == pytest.approx(np.sin(0.7))

    def test_what_create_graph_returns_trains(self):
        # A gradient penalty: the gradient of a function of a gradient.
        x, w = variable(1.0, 2.0), variable(3.0, 4.0)
        (g,) = grad((x * x * w).sum(), x, create_graph=True)
        (g * g).sum().backward()

        np.testing.assert_allclose(w.grad.data, 8 * x.data**2 * w.data)

    def test_older_parts_of_the_graph_are_not_walked(self):
        x = variable(1.0)

        def never(g, out, x):
            raise AssertionError("walked past the input")

        y = ops.custom(lambda x: x, never)(x)
        z = y * 2
        assert grad(z * z, z)[0].item() == 4


class TestForwardMode:
    def test_it_takes_numbers_arrays_and_several_arguments(self):
        value, tangent = jvp(lambda x: x * x, 3.0, 1.0)
        assert (value.item(), tangent.item()) == (9, 6)

        value, tangent = jvp(
            lambda x, y: x * y, (np.ones(2), np.ones(2)), (np.ones(2), np.zeros(2))
        )
        assert tangent.data.tolist() == [1, 1]
        assert tangent.shape == value.shape
        assert not tangent.requires_grad

    def test_a_constant_has_tangent_zero(self):
        assert jvp(lambda x: Tensor([1.0, 2.0]), 1.0, 1.0)[1].data.tolist() == [0, 0]
        assert jvp(lambda x: x.detach() * 2, 1.0, 1.0)[1].item() == 0

    def test_shapes_must_match(self):
        with pytest.raises(ShapeError, match="jvp"):
            jvp(lambda x: x, np.ones(2), np.ones(3))

    def test_a_rule_for_arrays_only_cannot_be_turned_round(self):
        double = ops.custom(lambda x: 2 * x, lambda g, out, x: (2 * g,))
        with pytest.raises(GraphError, match="custom"):
            jvp(double, 1.0, 1.0)

    def test_it_nests(self):
        def slope(x):
            return jvp(lambda x: x.exp() * x, x, np.ones(()))[1]

        _, second = jvp(slope, np.array(0.5), np.ones(()))

        assert second.item() == pytest.approx(np.exp(0.5) * 2.5)


class TestHessian:
    """f(x) = sum x^4 / 12 + x A x / 2 has the Hessian diag(x^2) + A (A symmetric)."""

    rng = np.random.default_rng(0)
    half = rng.normal(size=(4, 4))
    A = half + half.T
    x = rng.normal(size=4)
    v = rng.normal(size=4)

    def f(self, x):
        return (x**4).sum() * (1 / 12) + (x @ self.A @ x) * 0.5

    def wanted(self):
        return self.x**2 * self.v + self.A @ self.v

    def test_reverse_over_reverse(self):
        x = Tensor(self.x, requires_grad=True)
        (g,) = grad(self.f(x), x, create_graph=True)
        (product,) = grad((g * self.v).sum(), x)

        np.testing.assert_allclose(product.data, self.wanted())

    def test_forward_over_reverse(self):
        _, product = jvp(lambda x: grad(self.f(x), x, create_graph=True)[0], self.x, self.v)

        np.testing.assert_allclose(product.data, self.wanted())

    def test_reverse_over_forward(self):
        x = Tensor(self.x, requires_grad=True)
        (product,) = grad(jvp(self.f, x, self.v)[1], x)

        np.testing.assert_allclose(product.data, self.wanted())


class TestCustom:
    def test_it_differentiates_by_the_given_rule(self):
        cube = ops.custom(lambda x, y: x**3 + y, lambda g, out, x, y: (3 * g * x**2, None))
        x, y = variable(2.0), variable(1.0)
        z = cube(x, y)
        z.backward()

        assert (z.item(), x.grad.item(), y.grad) == (9, 12, None)

    def test_its_mistakes_are_named(self):
        x = variable(2.0)
        with pytest.raises(ShapeError, match=r"custom.*0 gradients for 1"):
            ops.custom(lambda x: x, lambda g, out, x: ())(x).backward()
        with pytest.raises(ShapeError, match=r"custom.*one ndarray"):
            ops.custom(lambda x: x, lambda g, out, x: g)(x).backward()
        with pytest.raises(GraphError, match="custom"):
            grad(ops.custom(lambda x: x, lambda g, out, x: (g,))(x), x, create_graph=True)


class TestTrace:
    """The worked example of automatic differentiation: y = ln(x1) + x1 x2 - sin(x2) at (2, 5)."""

    found = trace(lambda a, b: a.log() + a * b - b.sin(), 2, 5)

    def test_both_modes_find_the_gradient(self):
        assert self.found.value == pytest.approx(11.652, abs=5e-4)
        assert self.found.gradient == pytest.approx((5.5, 1.716), abs=5e-4)
        assert self.found.steps[-1].tangents == pytest.approx(self.found.gradient)

    def test_it_prints_as_a_table(self):
        assert str(self.found) == (
            "    operation     value  d/dx1  d/dx2  adjoint\n"
            "x1                2.000  1.000  0.000    5.500\n"
            "x2                5.000  0.000  1.000    1.716\n"
            "v1  log(x1)       0.693  0.500  0.000    1.000\n"
            "v2  mul(x1, x2)  10.000  5.000  2.000    1.000\n"
            "v3  add(v1, v2)  10.693  5.500  2.000    1.000\n"
            "v4  sin(x2)      -0.959  0.000  0.284   -1.000\n"
            "v5  sub(v3, v4)  11.652  5.500  1.716    1.000"
        )

    def test_only_numbers_can_be_traced(self):
        with pytest.raises(ShapeError, match="trace"):
            trace(lambda x: x * np.ones(3), 1.0)


class TestMemory:
    def test_a_chain_of_100_000_nodes(self):
        x = variable(1.0)
        y = x
        limit = sys.getrecursionlimit()
        for _ in range(100_000):
            y = y + 1.0
        (y * y).backward()

        assert x.grad.data == 2 * 100_001
        assert sys.getrecursionlimit() == limit
        del y
        gc.collect()

    def test_a_long_chain_may_be_dropped_unwalked(self):
        x = variable(1.0)
        y = x
        for _ in range(100_000):
            y = y * 1.0
        assert grad(y, x)[0].item() == 1
        before = live_tensors()
        del y

        assert live_tensors() == before - 100_000

    def test_live_tensors_counts_what_is_alive(self):
        before = live_tensors()
        kept = [variable(1.0) for _ in range(5)]
        assert live_tensors() == before + 5
        y = kept[0] * 2
        assert live_tensors() == before + 6
        del y, kept

        assert live_tensors() == before

    def test_a_walked_graph_leaves_only_its_end(self):
        x = variable(1.0, 2.0)
        y = ((x * 2).exp() + x).sum()
        before = live_tensors()
        y.backward()

        assert live_tensors() == before - 3  # the three between x and y

    @pytest.mark.parametrize("optimizer", ["SGD", "Adam"])
    def test_training_does_not_gather_tensors(self, optimizer):
        rng = np.random.default_rng(0)
        w1, w2 = Parameter(rng.normal(size=(8, 16))), Parameter(rng.normal(size=(16, 3)))
        optimiser = getattr(optim, optimizer)([w1, w2], 0.01)
        x, y = Tensor(rng.normal(size=(10, 8))), rng.integers(0, 3, 10)
        losses, counts = [], []
        for step in range(20):
            optimiser.zero_grad()
            loss = ops.cross_entropy(ops.dropout((x @ w1).relu(), 0.5, rng) @ w2, y)
            loss.backward()
            optim.clip_grad_norm([w1, w2], 1.0)
            optimiser.step()
            losses.append(loss.item())
            if step in (5, 19):
                gc.collect()
                counts.append(live_tensors())

        assert counts[0] == counts[1]
        assert np.isfinite(losses).all()

    def test_losses_that_are_kept_do_not_keep_their_graphs(self):
        x = Tensor(np.zeros(100_000), requires_grad=True)
        losses = []
        tracemalloc.start()
        for _ in range(10):
            loss = (x.exp() * x).sum()
            loss.backward()
            x.zero_grad()
            losses.append(loss)
        held, _ = tracemalloc.get_traced_memory()
        tracemalloc.stop()

        assert held < 1_000_000  # one array of x's size is 800 kB

    def test_gradients_are_freed_on_the_way(self):
        # A chain of 50 large steps: the walk needs a few arrays, not fifty.
        x = Tensor(np.zeros(100_000), requires_grad=True)
        y = x
        for _ in range(50):
            y = y.sin()
        total = y.sum()
        del y
        tracemalloc.start()
        total.backward()
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()

        assert peak < 5 * x.data.nbytes

    def test_a_large_gradient_is_kept_and_not_copied(self):
        w = Parameter(np.zeros((300, 400)))
        x = Tensor(np.ones((2, 300)))
        y = (x @ w).sum()
        tracemalloc.start()
        y.backward()
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()

        assert peak < 1.5 * w.data.nbytes
        assert w.grad.data.flags.writeable

    def test_nothing_is_recorded_where_nothing_is_wanted(self):
        model = nn.Linear(4, 2)
        with no_grad():
            y = model(Tensor(np.ones((3, 4))))

        assert not y.requires_grad
        assert y.parents == ()
