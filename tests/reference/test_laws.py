"""Algebraic laws, for arrays of any shape that hypothesis thinks of."""

from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from reference import Tensor, grad, ops

LAWS = settings(max_examples=40, deadline=None, derandomize=True, database=None)
NUMBERS = st.floats(-3, 3, width=32)
SHAPES = hnp.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=4)


def arrays(shape: Any) -> Any:
    return hnp.arrays(np.float64, shape, elements=NUMBERS)


def close(a: Any, b: Any) -> None:
    np.testing.assert_allclose(
        a.data if isinstance(a, Tensor) else a,
        b.data if isinstance(b, Tensor) else b,
        rtol=1e-9,
        atol=1e-9,
    )


@st.composite
def together(draw: Any, count: int) -> list[Any]:
    """Arrays whose shapes broadcast with each other."""
    shapes = draw(hnp.mutually_broadcastable_shapes(num_shapes=count, max_dims=3, max_side=3))
    return [draw(arrays(shape)) for shape in shapes.input_shapes]


@LAWS
@given(together(3))
def test_sums_and_products_commute_associate_and_distribute(operands):
    a, b, c = map(Tensor, operands)
    close(a + b, b + a)
    close(a * b, b * a)
    close((a + b) + c, a + (b + c))
    close((a * b) * c, a * (b * c))
    close(a * (b + c), a * b + a * c)
    close(a - b, a + (-b))


@LAWS
@given(together(2))
def test_the_gradient_of_a_product_follows_the_product_rule(operands):
    a, b = (Tensor(x, requires_grad=True) for x in operands)
    y = a * b
    into_a, into_b = grad(y, [a, b], np.ones(y.shape))
    ones = np.ones(y.shape)

    assert into_a.shape == a.shape
    assert into_b.shape == b.shape
    # Euler: a product is linear in each factor.
    assert np.isclose(np.sum(into_a.data * a.data), np.sum(y.data * ones))
    assert np.isclose(np.sum(into_b.data * b.data), np.sum(y.data * ones))


@LAWS
@given(SHAPES.flatmap(lambda s: st.tuples(arrays(s), arrays(s), NUMBERS)))
def test_a_gradient_is_linear_in_the_upstream_gradient(case):
    x, u, factor = case
    t = Tensor(x, requires_grad=True)
    y = t.sin() * t
    (one,) = grad(y, t, u)
    (other,) = grad(y, t, np.ones(y.shape))
    (both,) = grad(y, t, factor * u + np.ones(y.shape))

    close(both, one.data * factor + other.data)


@LAWS
@given(SHAPES.flatmap(lambda s: st.tuples(arrays(s), st.permutations(range(len(s))))))
def test_transposing_and_back_changes_nothing(case):
    array, axes = case
    x = Tensor(array)
    back = np.argsort(axes).tolist()

    close(x.transpose(tuple(axes)).transpose(tuple(back)), x)
    close(x.T.T, x)
    close(x.reshape(-1).reshape(x.shape), x)
    close(ops.flip(ops.flip(x)), x)


@LAWS
@given(hnp.array_shapes(min_dims=1, max_dims=3, max_side=5).flatmap(arrays), st.data())
def test_cutting_and_joining_changes_nothing(array, data):
    axis = data.draw(st.integers(-array.ndim, array.ndim - 1))
    length = array.shape[axis]
    first = data.draw(st.integers(0, length))
    x = Tensor(array, requires_grad=True)
    whole = ops.concat(ops.split(x, [first, length - first], axis), axis)
    close(whole, x)
    close(grad(whole, x, array)[0], array)
    parts = ops.split(x, length, axis)
    close(ops.stack([p.squeeze(axis) for p in parts], axis), x)


@LAWS
@given(hnp.array_shapes(min_dims=1, max_dims=3, max_side=5).flatmap(arrays), NUMBERS)
def test_softmax_sums_to_one_and_ignores_a_constant(array, constant):
    x = Tensor(array)
    p = ops.softmax(x)

    close(p.sum(-1), np.ones(array.shape[:-1]))
    close(ops.softmax(x + constant), p)
    close(ops.log_softmax(x).exp(), p)
    close(ops.logsumexp(x + constant, -1), ops.logsumexp(x, -1) + constant)


@LAWS
@given(st.data())
def test_getitem_and_scatter_add_are_adjoint(data):
    array = data.draw(hnp.array_shapes(min_dims=1, max_dims=3, max_side=4).flatmap(arrays))
    index = data.draw(hnp.basic_indices(array.shape, allow_newaxis=True, allow_ellipsis=True))
    taken = Tensor(array)[index]
    g = np.random.default_rng(0).normal(size=taken.shape)
    back = ops.scatter_add(Tensor(g), index, array.shape)

    assert np.isclose(np.sum(taken.data * g), np.sum(array * back.data))


@LAWS
@given(st.data())
def test_padding_and_cutting_are_adjoint(data):
    array = data.draw(SHAPES.flatmap(arrays))
    widths = data.draw(
        st.tuples(*[st.tuples(st.integers(0, 2), st.integers(0, 2)) for _ in array.shape])
    )
    x = Tensor(array, requires_grad=True)
    y = ops.pad(x, widths)
    g = np.random.default_rng(0).normal(size=y.shape)

    assert np.isclose(np.sum(y.data * g), np.sum(array * grad(y, x, g)[0].data))
    assert np.isclose(y.data.sum(), array.sum())


@LAWS
@given(
    st.tuples(*[st.integers(0, 4)] * 4).flatmap(
        lambda n: st.tuples(arrays(n[:2]), arrays(n[1:3]), arrays((n[2], n[3])))
    )
)
def test_products_of_matrices_associate_and_transpose(case):
    a, b, c = map(Tensor, case)
    close((a @ b) @ c, a @ (b @ c))
    close((a @ b).T, b.T @ a.T)


@LAWS
@given(st.integers(1, 3), st.integers(0, 2), st.integers(1, 2), st.integers(1, 2), st.data())
def test_convolution_is_linear_and_its_gradients_are_adjoints(
    stride, padding, dilation, groups, data
):
    rng = np.random.default_rng(data.draw(st.integers(0, 100)))
    kh, kw = rng.integers(1, 4, 2)
    x = rng.normal(size=(2, 2 * groups, 7, 8))
    w = rng.normal(size=(2 * groups, 2, kh, kw))
    form = {"stride": stride, "padding": padding, "dilation": dilation, "groups": groups}
    y = ops.conv2d(Tensor(x), Tensor(w), **form)
    g = rng.normal(size=y.shape)
    into_x = ops.conv2d_input_grad(Tensor(g), Tensor(w), x.shape, **form)
    into_w = ops.conv2d_weight_grad(Tensor(g), Tensor(x), w.shape, **form)

    close(ops.conv2d(Tensor(3 * x), Tensor(w), **form), 3 * y.data)
    assert np.isclose(np.sum(y.data * g), np.sum(into_x.data * x))
    assert np.isclose(np.sum(y.data * g), np.sum(into_w.data * w))
