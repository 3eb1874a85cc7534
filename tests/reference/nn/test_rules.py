"""What the layers promise beyond their formula: edge cases, modes, errors, statistics, caches."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from reference import ShapeError, Tensor, nn, no_grad, ops

F32 = np.float32


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def tensor(*shape: int, seed: int = 0) -> Tensor:
    return Tensor(rng(seed).standard_normal(shape).astype(F32))


# ------------------------------------------------------------- initial weights


@pytest.mark.parametrize(
    ("name", "make", "bound"),
    [
        ("weight", lambda r: nn.Linear(200, 300, rng=r), math.sqrt(6 / 200)),
        ("weight", lambda r: nn.Conv2d(8, 64, 5, groups=2, rng=r), math.sqrt(6 / 100)),
        ("w_ih", lambda r: nn.RNNCell(100, 64, rng=r), 1 / 8),
        ("w_hh", lambda r: nn.LSTMCell(100, 64, rng=r), 1 / 8),
        ("b", lambda r: nn.LSTMCell(100, 2500, rng=r), 1 / 50),
        ("b_hn", lambda r: nn.GRUCell(3, 2500, rng=r), 1 / 50),
    ],
)
def test_initial_weights_fill_their_interval(name: str, make: Any, bound: float) -> None:
    values = getattr(make(rng()), name).data

    assert 0.99 * bound < np.abs(values).max() <= bound * (1 + 1e-6)
    assert abs(values.std() * math.sqrt(3) / bound - 1) < 0.03


def test_embeddings_are_standard_normal_and_biases_zero() -> None:
    weight = nn.Embedding(300, 100, rng=rng()).weight.data

    assert abs(weight.mean()) < 0.02 and abs(weight.std() - 1) < 0.02
    assert not nn.Linear(4, 5).bias.data.any() and not nn.Conv2d(4, 5, 3).bias.data.any()


def test_without_a_generator_two_layers_differ() -> None:
    assert not np.array_equal(nn.Linear(4, 5).weight.data, nn.Linear(4, 5).weight.data)


def test_a_bias_can_be_left_out() -> None:
    linear, conv = nn.Linear(4, 5, bias=False), nn.Conv2d(4, 5, 3, bias=False)

    assert linear.bias is None and conv.bias is None
    assert len(linear.parameters()) == len(conv.parameters()) == 1
    assert linear(tensor(2, 4)).shape == (2, 5) and conv(tensor(2, 4, 6, 6)).shape == (2, 5, 4, 4)


@pytest.mark.parametrize(
    ("make", "count"),
    [
        (lambda: nn.LeNet(), 61_706),
        (lambda: nn.MLPResNet(64, 32, 2, 10), 4_746),
        (lambda: nn.MLP([784, 100, 100, 10]), 89_610),
        (lambda: nn.ResNet9(), 6_573_130),
    ],
    ids=["LeNet", "MLPResNet", "MLP", "ResNet9"],
)
def test_models_have_the_published_number_of_weights(make: Any, count: int) -> None:
    assert sum(p.size for p in make().parameters()) == count


# ------------------------------------------------------------------ containers


def test_sequential_fuses_with_the_same_result() -> None:
    linear, x = nn.Linear(6, 8, rng=rng()), tensor(5, 6)
    conv, image = nn.Conv2d(2, 4, 3, padding=1, rng=rng()), tensor(2, 2, 6, 6)
    for layer, values in ((linear, x), (conv, image)):
        for activation in (nn.ReLU(), nn.GELU(), nn.Tanh()):
            fused = nn.Sequential(layer, activation)(values)
            np.testing.assert_allclose(
                fused.data, activation(layer(values)).data, rtol=1e-6, atol=1e-6
            )


def test_sequential_asks_a_subclass_itself() -> None:
    class Shifted(nn.ReLU):
        def forward(self, x: Tensor) -> Tensor:
            return super().forward(x) + 1.0

    class Doubled(nn.Linear):
        def forward(self, x: Tensor) -> Tensor:
            return super().forward(x) * 2.0

    x, linear, doubled = tensor(3, 4), nn.Linear(4, 4, rng=rng()), Doubled(4, 4, rng=rng())

    shifted = nn.Sequential(linear, Shifted())(x).data
    np.testing.assert_allclose(shifted, np.maximum(linear(x).data, 0) + 1, rtol=1e-6)
    twice = nn.Sequential(doubled, nn.ReLU())(x).data
    np.testing.assert_allclose(twice, np.maximum(2 * linear(x).data, 0), rtol=1e-6)


def test_an_empty_sequential_is_the_identity() -> None:
    x = tensor(2, 3)

    assert nn.Sequential()(x) is x


# ---------------------------------------------------------------------- modes


def test_dropout_keeps_the_mean_and_draws_anew() -> None:
    layer, x = nn.Dropout(0.3, rng()), Tensor(np.ones((200, 300), F32))
    first, second = layer(x).data, layer(x).data

    assert set(np.unique(first)) == {F32(0), F32(1) / F32(1 - 0.3)}
    assert abs((first == 0).mean() - 0.3) < 0.01
    assert not np.array_equal(first, second)


def test_dropout_when_evaluating_leaves_the_generator_alone() -> None:
    generator = rng()
    layer, x = nn.Dropout(0.5, generator).eval(), tensor(3, 4)

    assert layer(x) is x
    assert generator.bit_generator.state == rng().bit_generator.state


def test_dropout_at_its_ends() -> None:
    x = tensor(3, 4)

    assert not nn.Dropout(1.0)(x).data.any()
    np.testing.assert_array_equal(nn.Dropout(0.0)(x).data, x.data)
    for p in (-0.1, 1.1):
        with pytest.raises(ValueError, match="Dropout: p is"):
            nn.Dropout(p)


@pytest.mark.parametrize("kind", ["BatchNorm1d", "BatchNorm2d"])
def test_running_statistics_follow_the_batch(kind: str) -> None:
    layer = getattr(nn, kind)(3, momentum=0.2)
    shape, axes = ((8, 3), (0,)) if kind == "BatchNorm1d" else ((4, 3, 5, 6), (0, 2, 3))
    mean, var = np.zeros(3), np.ones(3)
    for step in range(3):
        x = rng(step).standard_normal(shape).astype(F32) * 2 + 1
        with no_grad():  # also without a graph
            layer(Tensor(x))
        mean = 0.8 * mean + 0.2 * x.mean(axes)
        var = 0.8 * var + 0.2 * x.var(axes)

    assert type(layer.running_mean) is np.ndarray and layer.running_mean.dtype == F32
    assert layer.running_var.dtype == F32
    np.testing.assert_allclose(layer.running_mean, mean, rtol=1e-5)
    np.testing.assert_allclose(layer.running_var, var, rtol=1e-5)
    assert set(layer.state_dict()) == {"weight", "bias", "running_mean", "running_var"}


@pytest.mark.parametrize("kind", ["BatchNorm1d", "BatchNorm2d"])
def test_evaluation_uses_the_running_statistics(kind: str) -> None:
    layer = getattr(nn, kind)(3).eval()
    layer.running_mean[:] = [1, 2, 3]
    layer.running_var[:] = [4, 1, 0.25]
    layer.weight.data[:] = [1, 2, 3]
    layer.bias.data[:] = [0, 1, 0]
    column = (1, 3) if kind == "BatchNorm1d" else (1, 3, 1, 1)
    x = tensor(6, 3) if kind == "BatchNorm1d" else tensor(2, 3, 4, 4)

    y = layer(x)

    def bent(values: Any) -> Any:
        return np.reshape(values, column)

    expected = (x.data - bent([1, 2, 3])) / np.sqrt(bent([4, 1, 0.25]) + 1e-5)
    np.testing.assert_allclose(y.data, expected * bent([1, 2, 3]) + bent([0, 1, 0]), rtol=1e-5)
    assert layer.running_mean.tolist() == [1, 2, 3]
    y.sum().backward()
    assert layer.weight.grad is not None and layer.bias.grad is not None


def test_norms_accept_weights_in_float64() -> None:
    layer = nn.BatchNorm1d(3)
    for p in layer.parameters():
        p.data = p.data.astype(np.float64)
    x = Tensor(rng().standard_normal((5, 3)))

    assert layer(x).dtype == np.float64 and layer.eval()(x).dtype == np.float64
    assert layer.running_mean.dtype == F32


# --------------------------------------------------------------------- errors


@pytest.mark.parametrize(
    ("work", "text"),
    [
        (lambda: nn.Linear(3, 2)(tensor(4, 5)), "linear"),
        (lambda: nn.Residual(nn.Linear(3, 1))(tensor(4, 3)), "Residual"),
        (lambda: nn.BatchNorm1d(3)(tensor(4, 5)), "BatchNorm1d"),
        (lambda: nn.BatchNorm1d(3)(tensor(4, 3, 2)), "BatchNorm1d"),
        (lambda: nn.BatchNorm2d(3)(tensor(4, 3)), "BatchNorm2d"),
        (lambda: nn.LayerNorm(3)(tensor(4, 5)), "layer_norm"),
        (lambda: nn.Conv2d(3, 4, 3, groups=2), "Conv2d"),
        (lambda: nn.Conv2d(3, 4, 3)(tensor(2, 4, 5, 5)), "conv2d"),
        (lambda: nn.Conv2d(3, 4, 3)(tensor(2, 3, 2, 5)), "conv2d"),
        (lambda: nn.LSTM(3, 4)(tensor(0, 2, 3)), "LSTM"),
        (lambda: nn.RNN(3, 4)(tensor(0, 2, 3)), "RNN"),
        (lambda: nn.MultiHeadAttention(6, 4), "MultiHeadAttention"),
        (lambda: nn.MSELoss()(tensor(3), tensor(3, 1)), "MSELoss"),
        (lambda: nn.BCEWithLogitsLoss()(tensor(3), tensor(3, 1)), "BCEWithLogitsLoss"),
        (lambda: nn.GPT(5, 4, 1, 2, 3)(np.zeros((1, 4), int)), "GPT"),
    ],
)
def test_shapes_that_do_not_fit_are_named(work: Any, text: str) -> None:
    with pytest.raises(ShapeError, match=f"^{text}: "):
        work()


def test_other_values_that_do_not_fit() -> None:
    with pytest.raises(ValueError, match="RNNCell: 'sin'"):
        nn.RNNCell(3, 4, "sin")
    for ids in ([[5]], [[-1]]):
        with pytest.raises(IndexError):
            nn.Embedding(5, 2)(np.array(ids))
    for labels in ([0, 3], [-1, 0]):
        with pytest.raises(ValueError, match="label"):
            nn.CrossEntropyLoss()(tensor(2, 3), np.array(labels))


def test_losses_are_finite_far_out() -> None:
    logits = Tensor(np.array([[1e5, -1e5, 0], [-1e5, 1e5, 0]], F32), requires_grad=True)

    loss = nn.CrossEntropyLoss()(logits, np.array([1, 1]))
    loss.backward()
    both = Tensor(np.array([-1e5, 0.0, 1e5], F32), requires_grad=True)
    binary = nn.BCEWithLogitsLoss()(both, np.array([1.0, 1.0, 1.0], F32))
    binary.backward()

    assert loss.item() == pytest.approx(1e5) and np.isfinite(logits.grad.data).all()
    assert binary.item() == pytest.approx((1e5 + math.log(2)) / 3)
    np.testing.assert_allclose(both.grad.data * 3, [-1, -0.5, 0], atol=1e-6)


# ------------------------------------------------------------------- recurrent


@pytest.mark.parametrize("kind", ["RNN", "LSTM", "GRU"])
def test_state_is_carried_and_out_ends_with_it(kind: str) -> None:
    model, x = getattr(nn, kind)(3, 4, 2, rng=rng()), tensor(6, 2, 3)

    out, state = model(x)
    first, middle = model(x[:4])
    second, last = model(x[4:], middle)

    h = state[0] if kind == "LSTM" else state
    assert out.shape == (6, 2, 4) and h.shape == (2, 2, 4)
    np.testing.assert_array_equal(out.data[-1], h.data[-1])
    np.testing.assert_allclose(
        np.concatenate([first.data, second.data]), out.data, rtol=1e-5, atol=1e-6
    )
    again = last[0] if kind == "LSTM" else last
    np.testing.assert_allclose(again.data, h.data, rtol=1e-5, atol=1e-6)


def test_one_layer_has_the_axis_of_layers_too() -> None:
    _, (h, c) = nn.LSTM(3, 4)(tensor(2, 5, 3))

    assert h.shape == c.shape == (1, 5, 4)


def test_a_relu_cell() -> None:
    cell = nn.RNNCell(3, 4, "relu", rng=rng())
    x, h = tensor(2, 3), tensor(2, 4, seed=1)

    z = x.data @ cell.w_ih.data + h.data @ cell.w_hh.data + cell.b.data
    np.testing.assert_allclose(cell(x, h).data, np.maximum(z, 0), rtol=1e-5, atol=1e-6)


def test_batches_of_text_follow_their_columns() -> None:
    data = nn.batchify(np.arange(11), 3)

    assert data.tolist() == [[0, 3, 6], [1, 4, 7], [2, 5, 8]]
    x, y = nn.get_batch(data, 1, 5)
    assert x.tolist() == [[1, 4, 7]] and y.tolist() == [[2, 5, 8]]
    with pytest.raises(ValueError, match="batchify"):
        nn.batchify(np.arange(2), 3)


def test_detach_keeps_values_and_structure() -> None:
    _, state = nn.LSTM(3, 4, rng=rng())(tensor(2, 5, 3))
    h, c = nn.detach(state)

    assert nn.detach(None) is None and isinstance(nn.detach(state), tuple)
    assert state[0].requires_grad and not h.requires_grad and not c.requires_grad
    np.testing.assert_array_equal(h.data, state[0].data)


def test_an_epoch_learns_and_no_gradient_crosses_chunks() -> None:
    from reference import optim

    model = nn.LanguageModel(5, 4, 6, rng=rng())
    data = nn.batchify(np.array([4, 0, 1, 2, 3, 0, 1, 2, 3, 0] * 2), 2)
    before = model.embedding.weight.data.copy()
    losses = [nn.train_epoch(model, data, 3, optim.Adam(model.parameters(), 0.05), 1.0)]
    # Id 4 occurs in the first chunk alone; the last step's gradient does not reach it.
    assert not model.embedding.weight.grad.data[4].any()
    assert not np.array_equal(model.embedding.weight.data, before)
    for _ in range(20):
        losses.append(nn.train_epoch(model, data, 3, optim.SGD(model.parameters(), 0.5)))
    assert losses[-1] < 0.5 * losses[0]


def test_sampling_reads_the_start_and_follows_the_draws() -> None:
    model = nn.LanguageModel(7, 5, 8, rng=rng())
    start = np.array([1, 2, 3])

    drawn = nn.sample(model, start, 6, 0.7, rng(5))

    generator, ids = rng(5), [1, 2, 3]
    for _ in range(6):
        logits, _ = model(np.array(ids)[:, None])
        z = logits.data[-1, 0].astype(np.float64) / 0.7
        p = np.exp(z - z.max()) / np.exp(z - z.max()).sum()
        ids.append(int(np.argmax(np.cumsum(p) > generator.random())))
    assert drawn.dtype == np.int64 and drawn.tolist() == ids[3:]


def test_temperature_zero_takes_the_first_of_the_largest() -> None:
    model = nn.LanguageModel(4, 2, 3, rng=rng())
    model.head.weight.data[:] = 0
    model.head.bias.data[:] = [0, 2, 2, 1]

    assert nn.sample(model, 3, 4, 0, None).tolist() == [1, 1, 1, 1]


def test_seq2seq_answers_as_it_is_fed() -> None:
    model = nn.Seq2Seq(6, 7, 3, 4, 2, rng=rng())
    source = rng().integers(0, 6, (5, 3))

    answer = model.answer(source, 0, 4)

    fed = np.concatenate([np.zeros((1, 3), np.int64), answer[:-1]])
    assert answer.shape == (4, 3)
    np.testing.assert_array_equal(model(source, fed).data.argmax(-1), answer)


# ------------------------------------------------------------------- attention


def test_causal_mask_is_right_aligned() -> None:
    assert nn.causal_mask(2, 4).tolist() == [[True] * 3 + [False], [True] * 4]
    assert nn.causal_mask(3, 2).tolist() == [[False] * 2, [True, False], [True, True]]


def test_the_recognised_mask_is_worth_as_much_as_its_copy() -> None:
    layer, x = nn.MultiHeadAttention(8, 2, rng=rng()), tensor(2, 5, 8)

    one, other = layer(x, mask=nn.causal_mask(5, 5)), layer(x, mask=nn.causal_mask(5, 5).copy())

    np.testing.assert_allclose(one.data, other.data, rtol=1e-5, atol=1e-6)


def test_attention_without_mask_is_equivariant() -> None:
    layer, x = nn.TransformerBlock(8, 2, 12, rng=rng()), tensor(2, 6, 8)
    order = rng().permutation(6)

    np.testing.assert_allclose(
        layer(x[:, order]).data, layer(x).data[:, order], rtol=1e-4, atol=1e-5
    )


def test_nothing_before_a_token_changes_with_it() -> None:
    model = nn.GPT(9, 8, 2, 2, 12, rng=rng())
    ids = rng().integers(0, 9, (2, 10))
    other = ids.copy()
    other[:, 6] = (ids[:, 6] + 1) % 9

    one, two = model(ids).data, model(other).data

    np.testing.assert_array_equal(one[:, :6], two[:, :6])
    assert (one[:, 6:] != two[:, 6:]).any((0, 2)).all()


@pytest.mark.parametrize(("dtype", "tolerance"), [(F32, 1e-5), (np.float64, 1e-10)])
@pytest.mark.parametrize("cuts", [[8], [1] * 8, [3, 1, 4], [1, 7]])
def test_any_cutting_through_a_cache_gives_the_same_logits(
    cuts: list[int], dtype: Any, tolerance: float
) -> None:
    model = nn.GPT(9, 8, 2, 2, 12, rng=rng())
    for p in model.parameters():
        p.data = p.data.astype(dtype)
    ids = rng().integers(0, 9, (2, 8))
    cache = nn.KVCache()

    parts, start = [], 0
    for size in cuts:
        assert cache.length == start
        parts.append(model(ids[:, start : start + size], cache).data)
        start += size

    assert cache.length == 8 and not hasattr(cache, "__len__")
    np.testing.assert_allclose(np.concatenate(parts, 1), model(ids).data, atol=tolerance)


def test_a_cache_gives_back_what_all_calls_appended() -> None:
    cache, parts = (
        nn.KVCache(),
        [rng(n).standard_normal((2, 3, t, 4)) for n, t in enumerate((2, 1, 5))],
    )
    for count, part in enumerate(parts, 1):
        k, v = cache.append(0, part, -part)
        np.testing.assert_array_equal(k, np.concatenate(parts[:count], 2))
        np.testing.assert_array_equal(v, -k)
    assert cache.length == 8


@pytest.mark.parametrize("known", [None, 0, 2, 4])
def test_generation_with_a_cache_is_generation(known: int | None) -> None:
    model = nn.GPT(9, 8, 2, 2, 12, rng=rng())
    ids = rng().integers(0, 9, (2, 4))
    cache = None if known is None else nn.KVCache()
    if known:
        model(ids[:, :known], cache)

    result = nn.generate(model, ids, 7, 0.8, rng(3), cache)

    assert result.dtype == np.int64 and result.shape == (2, 11)
    np.testing.assert_array_equal(result[:, :4], ids)
    np.testing.assert_array_equal(result, nn.generate(model, ids, 7, 0.8, rng(3)))


def test_generation_beyond_the_context_draws_nothing() -> None:
    generator = rng()
    with pytest.raises(ValueError, match="generate: 4 \\+ 5"):
        nn.generate(nn.GPT(9, 8, 1, 2, 8), np.zeros((1, 4), int), 5, 1.0, generator)
    assert generator.bit_generator.state == rng().bit_generator.state


def test_a_fully_masked_row_is_finite() -> None:
    layer, x = nn.MultiHeadAttention(8, 2, rng=rng()), tensor(1, 3, 8)
    mask = np.array([[False] * 3, [True] * 3, [True] * 3])
    y = layer(x, mask=mask)
    y.sum().backward()

    np.testing.assert_allclose(y.data[0, 0], layer.out_proj.bias.data, atol=1e-6)
    assert all(np.isfinite(p.grad.data).all() for p in layer.parameters())


def test_gelu_in_the_block_is_exact() -> None:
    assert ops.gelu(Tensor(np.array([1.0]))).item() == pytest.approx(0.8413447460685429)
