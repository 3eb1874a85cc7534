"""What a Tensor is: types, sharing of memory, conversions, comparisons, indexing, messages."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from reference import DTypeError, Parameter, ShapeError, Tensor, no_grad, ops

F32, F64 = np.float32, np.float64


class TestTypes:
    @pytest.mark.parametrize(
        ("data", "dtype"),
        [
            (3, F32),
            (2.5, F32),
            (np.float64(2.5), F32),
            ([1, 2], F32),
            ([[1.5], [2.5]], F32),
            ([np.float64(1)], F32),
            (np.zeros(2, F32), F32),
            (np.zeros(2, F64), F64),
            (np.array(2.0), F64),
            (np.arange(3), np.int64),
            (np.zeros(2, bool), bool),
            (np.zeros(2, ">f8"), F64),
        ],
    )
    def test_only_an_array_brings_its_own_type(self, data, dtype):
        assert Tensor(data).dtype == dtype

    def test_dtype_decides_where_it_is_given(self):
        assert Tensor([1, 2], dtype=F64).dtype == F64
        assert Tensor(np.zeros(2), dtype="float32").dtype == F32
        assert Parameter(np.zeros(2), dtype=F32).dtype == F32
        assert Parameter([1, 2]).dtype == F32

    @pytest.mark.parametrize("number", [2, 2.5, F64(2.5), np.int64(2), np.array(2.5), np.array(3)])
    @pytest.mark.parametrize("dtype", [F32, F64])
    def test_a_number_never_changes_the_type(self, number, dtype):
        x = Tensor(np.ones(3, dtype), requires_grad=True)
        for recorded in (x, x.detach()):
            for result in (
                recorded + number,
                number + recorded,
                number - recorded,
                recorded * number,
                number * recorded,
                recorded / number,
                number / recorded,
                recorded**number,
                number**recorded,
                ops.maximum(recorded, number),
                ops.where([True, False, True], recorded, number),
            ):
                assert result.dtype == dtype

    def test_float64_wins_over_float32_and_each_gradient_has_its_own_type(self):
        a = Tensor(np.ones(3, F32), requires_grad=True)
        b = Tensor(np.ones(3, F64), requires_grad=True)
        y = a * b
        y.sum().backward()

        assert (y.dtype, a.grad.dtype, b.grad.dtype) == (F64, F32, F64)
        assert (a + np.ones(3)).dtype == F64

    def test_a_tensor_without_axes_yields_to_one_with_axes(self):
        a = Tensor(np.ones(3, F32), requires_grad=True)
        b = Tensor(np.array(2.0), requires_grad=True)
        y = a * b
        y.sum().backward()

        assert (y.dtype, b.grad.dtype, b.grad.shape) == (F32, F64, ())

    def test_integers_and_booleans_become_the_float_that_they_meet(self):
        x = Tensor(np.ones(3, F32))

        assert (x * np.arange(3)).dtype == F32
        assert (x * (x > 0)).dtype == F32
        assert ops.exp(Tensor(np.arange(3))).dtype == F32
        assert Tensor(np.arange(4)).mean().dtype == F32

    def test_astype_carries_the_gradient_back(self):
        x = Tensor(np.ones(2, F32), requires_grad=True)
        y = x.astype(F64)
        (y * 3).sum().backward()

        assert (y.dtype, x.grad.dtype) == (F64, F32)
        np.testing.assert_array_equal(x.grad.data, [3, 3])
        assert x.astype(np.int64).dtype == np.int64

    @pytest.mark.parametrize("data", ["text", [1, "two"], 1j, [object()], np.zeros(2, complex)])
    def test_what_is_not_a_real_number_is_refused(self, data):
        with pytest.raises(DTypeError, match="Tensor"):
            Tensor(data)

    def test_integers_have_no_gradient(self):
        with pytest.raises(DTypeError, match="int64"):
            Tensor(np.arange(3), requires_grad=True)

    def test_ragged_lists_are_refused(self):
        with pytest.raises(ShapeError, match="lengths"):
            Tensor([[1, 2], [3]])


class TestMemory:
    def test_a_tensor_shares_an_array_of_the_right_type(self):
        array = np.zeros(3, F32)

        assert Tensor(array).data is array
        assert np.shares_memory(Tensor(array).numpy(), array)
        assert not np.shares_memory(Tensor(array, dtype=F64).data, array)

    def test_a_parameter_copies(self):
        array = np.zeros(3, F32)
        parameter = Parameter(array)

        assert not np.shares_memory(parameter.data, array)
        assert parameter.requires_grad
        assert isinstance(parameter, Tensor)

    def test_detach_shares_and_leaves_the_graph(self):
        x = Tensor([1.0, 2.0], requires_grad=True)
        y = (x * 2).detach()

        assert not y.requires_grad
        assert np.shares_memory(x.detach().data, x.data)

    def test_data_can_be_assigned_and_a_gradient_is_that_of_what_was_computed(self):
        x = Tensor([1.0, 2.0], requires_grad=True)
        y = (x * x).sum()
        x.data = np.array([10, 20], F32)
        y.backward()

        np.testing.assert_array_equal(x.grad.data, [2, 4])
        np.testing.assert_array_equal(x.data, [10, 20])

    def test_grad_can_be_assigned(self):
        x = Tensor([1.0, 2.0], requires_grad=True)
        x.grad = Tensor([5.0, 5.0])
        (x * 2).sum().backward()
        np.testing.assert_array_equal(x.grad.data, [7, 7])
        x.grad = None

        assert x.grad is None
        with pytest.raises(ShapeError, match="grad"):
            x.grad = Tensor([1.0])

    def test_grad_is_one_object_until_the_next_backward(self):
        x = Tensor([1.0, 2.0], requires_grad=True)
        (x * 2).sum().backward()
        x.grad.data *= 3

        assert x.grad is x.grad
        np.testing.assert_array_equal(x.grad.data, [6, 6])

    def test_no_two_gradients_share_memory(self):
        a, b = (Tensor(np.ones((40, 30), F32), requires_grad=True) for _ in range(2))
        upstream = np.ones((40, 30), F32)
        (a + b).backward(upstream)
        a.grad.data *= 2

        np.testing.assert_array_equal(b.grad.data, 1)
        np.testing.assert_array_equal(upstream, 1)

    def test_a_gradient_shares_nothing_with_a_saved_array(self):
        x = Tensor(np.ones(5, F32), requires_grad=True)
        factor = np.full(5, 3, F32)
        y = (x * factor).sum()
        y.backward(retain_graph=True)
        x.grad.data[:] = 0
        y.backward()

        np.testing.assert_array_equal(x.grad.data, 3)
        np.testing.assert_array_equal(factor, 3)


class TestValues:
    def test_scalars_and_containers(self):
        x = Tensor([[1.0, 2.0], [3.0, 4.0]])

        assert (x.shape, x.ndim, x.size, len(x), x.device) == ((2, 2), 2, 4, 2, "cpu")
        assert x[1, 0].item() == 3.0
        assert float(x[0, 1]) == 2.0
        assert int(x[0, 1]) == 2
        assert bool(x[0, 0])
        assert [row.data.tolist() for row in x] == [[1, 2], [3, 4]]
        assert isinstance(x.sum().data, np.ndarray)
        assert isinstance(x[0, 0].numpy(), np.ndarray)
        np.testing.assert_array_equal(np.asarray(x), x.data)

    def test_it_prints_like_an_array(self):
        x = Tensor(np.array([1.0, 2.5]), requires_grad=True)

        assert repr(x) == "Tensor([1. , 2.5], dtype=float64, requires_grad=True)"
        assert repr(Tensor([1])) == "Tensor([1.])"

    def test_comparisons_give_boolean_arrays_and_hashing_goes_by_identity(self):
        x, y = Tensor([1.0, 2.0]), Tensor([1.0, 3.0])
        for found, wanted in (
            (x == y, [True, False]),
            (x != y, [False, True]),
            (x < y, [False, True]),
            (x <= 1, [True, False]),
            (x > np.zeros(2), [True, True]),
            (x.__ge__(1), [True, True]),
        ):
            assert type(found) is np.ndarray
            assert found.tolist() == wanted
        assert len({x, y, x}) == 2

    def test_an_array_on_the_left_leaves_the_work_to_the_tensor(self):
        x = Tensor(np.ones((2, 2)), requires_grad=True)
        array = np.arange(4.0).reshape(2, 2)
        for result, wanted in (
            (array + x, array + 1),
            (array - x, array - 1),
            (array * x, array),
            (array / x, array),
            (array @ x, array @ np.ones((2, 2))),
            (array**x, array),
            (F64(2) * x, np.full((2, 2), 2.0)),
        ):
            assert isinstance(result, Tensor)
            assert result.requires_grad
            np.testing.assert_array_equal(result.data, wanted)

    def test_methods_accept_both_spellings(self):
        x = Tensor(np.arange(6.0).reshape(1, 2, 3))

        assert x.reshape(3, 2).shape == x.reshape((3, 2)).shape == (3, 2)
        assert x.transpose(2, 0, 1).shape == x.transpose((2, 0, 1)).shape == (3, 1, 2)
        assert x.T.shape == x.transpose().shape == (3, 2, 1)
        assert x.swapaxes(-1, 0).shape == (3, 2, 1)
        assert x.broadcast_to((4, 2, 3)).shape == (4, 2, 3)
        assert x.flatten().shape == (6,)
        assert x.flatten(1).shape == (1, 6)
        assert x.flatten(-1).shape == (1, 2, 3)
        assert x.squeeze().shape == x.squeeze(0).shape == (2, 3)
        assert x.unsqueeze(-1).shape == (1, 2, 3, 1)
        assert x.clip(1, None).data.min() == 1
        assert x.to("cpu") is x

    @pytest.mark.parametrize(
        "index",
        [
            0,
            -1,
            (1, 2),
            slice(1, None),
            (slice(None), 1),
            (slice(None, None, -2), ...),
            (..., None, 0),
            None,
            (),
            np.array([2, 0, 2]),
            (np.array([[0, 1], [1, 0]]), slice(1, 3)),
            (slice(None), np.array([0, 0, 2])),
            np.array([True, False, True]),
            [0, 2],
            [],
        ],
    )
    def test_indexing_is_numpys_and_repeats_accumulate(self, index):
        rng = np.random.default_rng(0)
        array = rng.normal(size=(3, 4))
        x = Tensor(array, requires_grad=True)
        y = x[index]
        wanted = array[np.array(index, int) if isinstance(index, list) else index]
        upstream = rng.normal(size=wanted.shape)
        y.backward(upstream)

        expected = np.zeros_like(array)
        np.add.at(expected, np.array(index, int) if isinstance(index, list) else index, upstream)
        np.testing.assert_array_equal(y.data, wanted)
        np.testing.assert_allclose(x.grad.data, expected)

    def test_a_mask_from_a_comparison_indexes(self):
        x = Tensor(np.array([1.0, -2.0, 3.0]), requires_grad=True)
        x[x > 0].sum().backward()

        np.testing.assert_array_equal(x.grad.data, [1, 0, 1])


class TestEdges:
    """Points at which a formula alone would give nan, inf or a warning."""

    def slope(self, function: Any, *values: float) -> list[float]:
        tensors = [Tensor(np.array(value), requires_grad=True) for value in values]
        function(*tensors).backward()
        return [tensor.grad.item() for tensor in tensors]

    def test_kinks(self):
        assert self.slope(ops.relu, 0.0) == [0]
        assert self.slope(ops.abs, 0.0) == [0]
        assert self.slope(ops.maximum, 1.0, 1.0) == [0.5, 0.5]
        assert self.slope(ops.minimum, 1.0, 1.0) == [0.5, 0.5]
        assert self.slope(lambda x: ops.clip(x, 0, 1), 1.0) == [1]

    def test_powers_of_zero_and_of_negative_numbers(self):
        assert self.slope(ops.pow, 0.0, 2.0) == [0, 0]
        assert self.slope(ops.pow, 0.0, 1.0) == [1, 0]
        assert self.slope(ops.pow, 0.0, 0.0) == [0, 0]
        assert self.slope(lambda x: x**2, -3.0) == [-6]
        assert self.slope(lambda x: x**0, 0.0) == [0]
        assert self.slope(lambda x: 2**x, 3.0) == [pytest.approx(8 * math.log(2))]
        base, exponent = self.slope(ops.pow, -2.0, 3.0)
        assert base == 12
        assert math.isnan(exponent)

    def test_equal_maxima_share(self):
        x = Tensor(np.array([[1.0, 3.0, 3.0], [3.0, 0.0, 0.0]]), requires_grad=True)
        x.max().backward()

        np.testing.assert_allclose(x.grad.data, np.array([[0, 1, 1], [1, 0, 0]]) / 3)

    def test_numbers_of_any_size(self):
        x = Tensor(np.array([[1e5, -1e5, 0.0]]), requires_grad=True)
        (ops.logsumexp(x, 1).sum() + ops.softmax(x).sum() + ops.log_softmax(x)[0, 0]).backward()

        assert np.isfinite(x.grad.data).all()
        loss = ops.cross_entropy(x, [1])
        assert loss.item() == pytest.approx(2e5)
        assert ops.sigmoid(Tensor(np.array([-1e4, 1e4]))).data.tolist() == [0, 1]

    def test_logsumexp_of_nothing_but_minus_infinity(self):
        x = Tensor(np.full((2, 3), -np.inf), requires_grad=True)
        y = ops.logsumexp(x, -1)
        y.sum().backward()

        assert y.data.tolist() == [-np.inf, -np.inf]
        np.testing.assert_array_equal(x.grad.data, 0)

    def test_pooling_gives_a_tie_to_the_first(self):
        x = Tensor(np.ones((1, 1, 2, 2)), requires_grad=True)
        ops.max_pool2d(x, 2).sum().backward()

        assert x.grad.data.ravel().tolist() == [1, 0, 0, 0]

    def test_a_query_that_sees_nothing_attends_to_nothing(self):
        q, k, v = (Tensor(np.ones((1, 1, 3, 2)), requires_grad=True) for _ in range(3))
        out = ops.attention(q, k[:, :, :2], v[:, :, :2], causal=True)
        out.sum().backward()

        np.testing.assert_array_equal(out.data[0, 0, 0], 0)
        np.testing.assert_array_equal(q.grad.data[0, 0, 0], 0)

    def test_dropout_of_everything_and_of_nothing(self):
        x = Tensor(np.ones((3, 3)))

        assert ops.dropout(x, 1, np.random.default_rng(0)).data.tolist() == [[0.0] * 3] * 3
        np.testing.assert_array_equal(ops.dropout(x, 0, np.random.default_rng(0)).data, 1)

    def test_empty_arrays_pass(self):
        x = Tensor(np.zeros((0, 3)), requires_grad=True)
        (ops.softmax(x).sum() + (x @ np.ones((3, 2))).sum() + x[:0].exp().sum()).backward()

        assert x.grad.shape == (0, 3)


def test_nothing_is_recorded_under_no_grad():
    x = Tensor([1.0], requires_grad=True)
    with no_grad():
        y = x * 2
        with no_grad():
            pass
        z = x + x
    w = x * 3

    assert [t.requires_grad for t in (y, z, w)] == [False, False, True]


def test_recording_comes_back_after_an_error():
    x = Tensor([1.0], requires_grad=True)
    with pytest.raises(RuntimeError, match="on purpose"), no_grad():
        raise RuntimeError("on purpose")

    assert (x * 2).requires_grad
