"""Values on the wire: what travels comes back as it was; nothing else travels, nothing else decodes."""

from __future__ import annotations

import contextlib
import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from grader.wire.codec import MAX_DEPTH, CodecError, Decoder, Remote, encode

DTYPES = st.sampled_from(
    ["?", "i1", "<i2", "<i4", "<i8", "u1", "<u2", "<u4", "<u8", "<f2", "<f4", "<f8", "<c8", "<c16"]
)
ARRAYS = DTYPES.flatmap(
    lambda dtype: hnp.arrays(dtype, hnp.array_shapes(min_dims=0, min_side=0, max_side=4))
)
PLAIN = st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.binary()
KEYS = st.text() | st.integers() | st.booleans() | st.binary()
VALUES = st.recursive(
    PLAIN | ARRAYS,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.lists(inner, max_size=4).map(tuple)
        | st.dictionaries(KEYS, inner, max_size=4)
    ),
    max_leaves=12,
)


def decoder(body: bytes, **options: Any) -> Decoder:
    left = memoryview(body)

    def read_into(view: memoryview) -> None:
        nonlocal left
        assert len(view) <= len(left), "more is read than was accounted for"
        view[:] = left[: len(view)]
        left = left[len(view) :]

    return Decoder(read_into, len(body), **options)


def there_and_back(value: Any) -> Any:
    buffers: list[memoryview] = []
    tree = encode(value, buffers)
    found = decoder(b"".join(buffers))
    result = found.decode(tree)
    assert found.left == 0
    return result


def same(a: Any, b: Any) -> bool:
    if type(a) is not type(b):
        return False
    if isinstance(a, np.ndarray):
        return a.dtype == b.dtype and a.shape == b.shape and a.tobytes() == b.tobytes()
    if isinstance(a, float):
        return a == b or (math.isnan(a) and math.isnan(b))
    if isinstance(a, list | tuple):
        return len(a) == len(b) and all(map(same, a, b))
    if isinstance(a, dict):
        return list(a) == list(b) and all(same(a[key], b[key]) for key in a)
    return bool(a == b)


@given(VALUES)
def test_what_travels_comes_back_as_it_was(value: Any) -> None:
    assert same(there_and_back(value), value)


@pytest.mark.parametrize(
    "array",
    [
        np.arange(12.0).reshape(3, 4).T,
        np.arange(12)[::-2],
        np.arange(6, dtype=">f4"),
        np.asfortranarray(np.ones((2, 3))),
        np.broadcast_to(np.float32(1), (2, 2)),
    ],
)
def test_strided_and_foreign_arrays_come_back_equal_and_native(array: np.ndarray) -> None:
    found = there_and_back(array)

    assert np.array_equal(found, array) and found.flags.c_contiguous and found.flags.writeable
    assert found.dtype.isnative


def test_a_generator_goes_on_where_it_was() -> None:
    rng = np.random.default_rng(7)
    rng.random(3)
    expected = np.random.Generator(type(rng.bit_generator)())
    expected.bit_generator.state = rng.bit_generator.state

    assert np.array_equal(there_and_back(rng).random(4), expected.random(4))


def test_a_numpy_scalar_keeps_its_type() -> None:
    found = there_and_back(np.float32(1.5))

    assert type(found) is np.float32 and found == np.float32(1.5)


class Lying(np.ndarray):
    pass


class Text(str):
    __slots__ = ()


def nested(depth: int) -> Any:
    value: Any = 0
    for _ in range(depth):
        value = [value]
    return value


@pytest.mark.parametrize(
    "value",
    [
        np.zeros(2).view(Lying),
        np.ma.masked_array([1.0], [True]),
        np.array([object()]),
        np.zeros(2, [("a", "f4")]),
        np.array(["text"]),
        np.array(["2026-01-01"], "M8[D]"),
        np.longdouble(1),
        Text("x"),
        {1, 2},
        object(),
        len,
        1j,
        nested(MAX_DEPTH + 1),
        1 << 20_000,
    ],
    ids=lambda value: type(value).__name__,
)
def test_everything_else_stays(value: Any) -> None:
    with pytest.raises(CodecError):
        encode(value, [])


TREES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=6),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from([*"ifyasltdhcg", "x"]), inner, max_size=2)
    ),
    max_leaves=10,
)


@given(TREES, st.binary(max_size=64))
def test_any_tree_is_a_value_or_an_error_of_ours(tree: Any, body: bytes) -> None:
    with contextlib.suppress(CodecError):
        decoder(body).decode(tree)


@pytest.mark.parametrize(
    "tree",
    [
        {"a": ["<f8", [1 << 60]]},
        {"a": ["<f8", [1 << 40, 1 << 40]]},
        {"a": ["<f8", [0, 1 << 50, 1 << 50]]},
        {"a": ["<f8", [-1]]},
        {"a": ["<f8", [1.5]]},
        {"a": ["<f8", [True]]},
        {"a": ["<f8", [1] * 65]},
        {"a": ["|O", [1]]},
        {"a": ["<M8", [1]]},
        {"a": [">f8", [1]]},
        {"a": ["f8", [1]]},
        {"a": ["<f8,<f8", [1]]},
        {"a": ["<g", [1]]},
        {"y": 1 << 52},
        {"y": -1},
        {"i": "9" * 5000},
        {"i": "1_000"},
        {"i": "٣"},
        {"f": "1.0"},
        {"d": [[{"l": []}, 1]]},
        {"d": [[1]]},
        {"g": ["os", {}]},
        {"g": ["PCG64", {"d": [["state", 3]]}]},
        {"h": 1},
        {"c": 1},
        {"l": 3},
        {},
        {"a": [], "b": []},
        [1, 2],
        1 << 60,
    ],
    ids=str,
)
def test_what_encode_would_not_write_is_refused_before_memory_is_taken(tree: Any) -> None:
    with pytest.raises(CodecError):
        decoder(b"12345678").decode(tree)


def test_handles_pass_only_where_they_are_expected() -> None:
    assert encode(Remote(7), []) == {"h": 7}
    assert decoder(b"", remote=lambda number: number * 2).decode({"h": 7}) == 14
