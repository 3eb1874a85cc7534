"""The decoder against a worker that lies: wrong trees, states of generators, endless nesting."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from grader.wire.codec import (
    BIT_GENERATORS,
    DTYPES,
    MAX_DEPTH,
    MAX_DIGITS,
    SAFE_INTEGER,
    CodecError,
    Decoder,
    encode,
)


def decoder(body: bytes, **makers: Any) -> Decoder:
    place = 0

    def read_into(view: memoryview) -> None:
        nonlocal place
        assert place + len(view) <= len(body), "more is read than was accounted for"
        view[:] = body[place : place + len(view)]
        place += len(view)

    return Decoder(read_into, len(body), **makers)


def there_and_back(value: Any) -> Any:
    buffers: list[memoryview] = []
    tree = encode(value, buffers)
    return decoder(b"".join(buffers)).decode(tree)


@pytest.mark.parametrize("name", DTYPES)
def test_every_allowed_dtype_comes_back(name: str) -> None:
    full = np.arange(6).astype(name).reshape(2, 3)

    for value in (full, full[1, 2], full[:0], np.array(full[1, 2]), np.tile(full, (100, 100))):
        back = there_and_back(value)
        assert (type(back), back.dtype, back.shape) == (type(value), value.dtype, value.shape)
        assert back.tobytes() == value.tobytes()


@pytest.mark.parametrize("count", [3, 100_000])
def test_an_array_that_came_can_be_written_to(count: int) -> None:
    back = there_and_back(np.zeros(count, np.float32))
    back += 1

    assert back.all()


@pytest.mark.parametrize("value", [SAFE_INTEGER - 1, SAFE_INTEGER, -SAFE_INTEGER, 10**3000])
def test_integers_keep_every_digit(value: int) -> None:
    assert there_and_back([value]) == [value]


# ---- generators ---------------------------------------------------------------------------------
@pytest.mark.parametrize("name", BIT_GENERATORS)
def test_every_generator_goes_on_where_it_was(name: str) -> None:
    rng = np.random.Generator(getattr(np.random, name)(20240101))
    rng.normal(size=5)
    rng.integers(0, 10, dtype=np.uint32)  # half of a word is kept for the next draw
    back = there_and_back(rng)

    assert np.array_equal(rng.integers(0, 9, 9, np.uint32), back.integers(0, 9, 9, np.uint32))
    assert np.array_equal(rng.normal(size=3), back.normal(size=3))


@pytest.mark.parametrize(
    ("name", "place", "beyond"),
    [("MT19937", "pos", 625), ("MT19937", "pos", -1), ("Philox", "buffer_pos", -1)],
)
def test_a_generator_never_draws_from_beyond_its_state(name: str, place: str, beyond: int) -> None:
    """NumPy takes such a place without a word and then reads the memory that lies there."""
    state = getattr(np.random, name)(3).state
    inside = state if place in state else state["state"]
    inside[place] = beyond
    buffers: list[memoryview] = []
    tree = {"g": [name, encode(state, buffers)]}

    with pytest.raises(CodecError):
        decoder(b"".join(buffers)).decode(tree)


LEAVES = (
    st.none()
    | st.integers()
    | st.floats()
    | st.text(max_size=3)
    | st.sampled_from([[], {}, np.zeros(4, np.uint64), np.zeros(3), np.uint64(3), [1, 2], (), True])
)


@pytest.mark.parametrize("name", BIT_GENERATORS)
@settings(max_examples=50)
@given(data=st.data())
def test_a_state_with_a_wrong_part_is_refused_or_draws(name: str, data: st.DataObject) -> None:
    state = getattr(np.random, name)(3).state
    inside, place = state, data.draw(st.sampled_from(sorted(state)))
    while type(inside[place]) is dict and data.draw(st.booleans()):
        inside = inside[place]
        place = data.draw(st.sampled_from(sorted(inside)))
    if data.draw(st.integers(0, 4)):
        inside[place] = data.draw(LEAVES)
    else:
        del inside[place]
    buffers: list[memoryview] = []
    tree = {"g": [name, encode(state, buffers)]}
    try:
        rng = decoder(b"".join(buffers)).decode(tree)
    except CodecError:
        return

    assert np.isfinite(rng.normal(size=3)).all()


class Bits(np.random.PCG64):
    """A bit generator of a learner's own."""


# ---- exact types --------------------------------------------------------------------------------
@pytest.mark.parametrize(
    "value",
    [
        type("Number", (int,), {})(3),
        type("Items", (list,), {})(),
        type("Scalar", (np.float64,), {})(3),
        np.zeros(3, np.clongdouble),
        np.str_("text"),
        np.datetime64("2020-01-01"),
        np.float64,
        np.random.RandomState(3),
        np.random.Generator(Bits(3)),
        {np.float32(1): 2},
        {frozenset(): 2},
        slice(3),
        ...,
    ],
    ids=lambda value: type(value).__name__,
)
def test_what_only_looks_plain_stays(value: Any) -> None:
    for whole in (value, [{"deep": (value,)}]):
        with pytest.raises(CodecError):
            encode(whole, [])


def test_what_never_ends_is_refused() -> None:
    endless: list[Any] = []
    endless.append(endless)

    with pytest.raises(CodecError):
        encode(endless, [])


def nested(depth: int) -> Any:
    tree: Any = {"l": []}
    for _ in range(depth):
        tree = {"l": [tree]}
    return tree


@pytest.mark.parametrize(
    "tree",
    [
        {"i": 3},
        {"i": ""},
        {"i": "x"},
        {"i": "1" * (MAX_DIGITS + 1)},
        {"f": 1},
        {"f": []},
        {"y": 1.5},
        {"y": True},
        {"y": 65},
        {"y": 1 << 60},
        {"t": [{"y": 40}, {"y": 25}]},
        {"a": 1},
        {"a": ["<f8"]},
        {"a": ["<f8", [2], 3]},
        {"a": ["<f8", 3]},
        {"a": ["<f8", [-1, -1]]},
        {"a": ["<f8", [0, -1]]},
        {"a": ["<f8", [None]]},
        {"a": ["<f8", [9]]},
        {"a": ["<f8", [1 << 31, 1 << 31]]},
        {"a": ["<f8", [1] * 100_000]},
        {"a": ["O", [1]]},
        {"a": ["<f16", [1]]},
        {"a": ["|S4", [1]]},
        {"a": ["|V8", [1]]},
        {"a": [["<f8"], [1]]},
        {"a": [{"names": []}, [1]]},
        {"a": [None, [1]]},
        {"s": "|O"},
        {"s": ["<f8"]},
        {"d": [3]},
        {"d": [[1, 2, 3]]},
        {"d": [[{"a": ["<f8", [0]]}, 1]]},
        {"d": [[{"t": [{"l": []}]}, 1]]},
        {"d": [[{"s": "<f8"}, 1]]},
        {"g": 1},
        {"g": ["PCG64"]},
        {"g": ["RandomState", {"d": []}]},
        {"g": ["__class__", {"d": []}]},
        {"g": [["PCG64"], {"d": []}]},
        {"l": {"l": []}},
        {"x": 1},
        math.inf,
        nested(MAX_DEPTH + 1),
        nested(400),
    ],
    ids=lambda tree: repr(tree)[:40],
)
def test_a_tree_that_encode_never_writes_is_refused(tree: Any) -> None:
    with pytest.raises(CodecError):
        decoder(b"\0" * 64).decode(tree)


@pytest.mark.parametrize("tag", ["h", "c"])
@pytest.mark.parametrize("number", [-1, 1.0, True, "1", None, [], 1 << 60])
def test_a_reference_needs_a_number(tag: str, number: Any) -> None:
    with pytest.raises(CodecError):
        decoder(b"", remote=lambda n: n, callback=lambda n: n).decode({tag: number})
