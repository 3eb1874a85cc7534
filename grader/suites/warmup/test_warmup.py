"""Hidden checks of the warm-up; every file is made up anew."""

import gzip
import math
import struct

import numpy as np

from grader.check import (
    check_close,
    check_equal,
    check_raises,
    check_unchanged,
    fail,
)
from reference import data

READ = """
import os, pathlib, tempfile

def probe(module, content, name, as_path):
    path = os.path.join(tempfile.mkdtemp(), name)
    with open(path, "wb") as file:
        file.write(content)
    result = module.parse_idx(pathlib.Path(path) if as_path else path)
    flags, dtype = getattr(result, "flags", None), getattr(result, "dtype", None)
    return result, bool(getattr(flags, "writeable", False)), bool(getattr(dtype, "isnative", False))
"""
READ_MISSING = """
import os, tempfile

def probe(module, name):
    return module.parse_idx(os.path.join(tempfile.mkdtemp(), name))
"""
READ_DIGITS = """
def probe(module, name):
    return module.parse_idx("/data/digits/" + name)
"""
TYPES = {8: "u1", 9: "i1", 11: "i2", 12: "i4", 13: "f4", 14: "f8"}


def idx(values, code):
    sizes = struct.pack(f">{values.ndim}I", *values.shape)
    return bytes([0, 0, code, values.ndim]) + sizes + values.astype(f">{TYPES[code]}").tobytes()


def values_of(rng, code, shape):
    dtype = np.dtype(TYPES[code])
    if dtype.kind == "f":
        return rng.standard_normal(shape).astype(dtype)
    limits = np.iinfo(dtype)
    drawn = rng.integers(limits.min, limits.max, shape, dtype=dtype, endpoint=True)
    return np.asarray(drawn)


def read(student, content, name="some.bin", as_path=False):
    return student.probe(READ, content=content, name=name, as_path=as_path)[0]


# ---- correctness ------------------------------------------------------------------------------
def test_add_values(student, rng):
    """add: random arrays of one shape"""
    for dtype in (np.float32, np.float64):
        for shape in ((1,), (7,), (3, 5), (2, 3, 4)):
            x, y = rng.standard_normal((2, *shape)).astype(dtype)
            check_close(student.add(x, y), x + y, what="add(x, y)", help="Entry by entry.")


def test_add_broadcasts(student, rng):
    """add: arrays whose shapes broadcast"""
    for a, b in (((4, 1), (1, 5)), ((3, 2), (2,)), ((1,), (6, 1)), ((2, 1, 3), (4, 1))):
        x, y = rng.standard_normal(a), rng.standard_normal(b)
        check_close(
            student.add(x, y), x + y, what="add(x, y)", help="Sizes of 1 stretch, as NumPy does it."
        )


def test_idx_types(student, rng):
    """parse_idx: every type code"""
    for code in TYPES:
        values = values_of(rng, code, (3, 4))
        check_equal(
            read(student, idx(values, code)),
            values,
            what=f"parse_idx of type {code}",
            help="Each code has its type and its size; signs and byte order matter.",
        )


def test_idx_ranks(student, rng):
    """parse_idx: ranks from 0 to 64, sizes of 0 and 1"""
    shapes = [(), (1,), (int(rng.integers(2, 50)),), (2, 1, 3), (0,), (3, 0, 2)]
    shapes += [(1,) * 32, (1,) * 60 + (2, 1, 3, 1)]
    for shape in shapes:
        values = values_of(rng, 12, shape)
        check_equal(
            read(student, idx(values, 12)),
            values,
            what=f"parse_idx of rank {len(shape)}",
            help="There are as many sizes as the rank says; with none there is one value.",
        )


def test_idx_gzip(student, rng):
    """parse_idx: gzip is known by its bytes, not by the name; str and Path"""
    values = values_of(rng, 8, (5, 6))
    plain, packed = idx(values, 8), gzip.compress(idx(values, 8))
    for content, name in ((packed, "a.idx"), (packed, "a.gz"), (plain, "a.gz"), (plain, "a")):
        for as_path in (False, True):
            check_equal(
                read(student, content, name, as_path),
                values,
                what="parse_idx of a file whose name says nothing",
                help="The first two bytes of gzip data are 1f 8b.",
            )


def test_idx_rejects(student, rng):
    """parse_idx: wrong, cut, overlong and broken files raise ValueError"""
    code = int(rng.choice(list(TYPES)))
    values = values_of(rng, code, (int(rng.integers(2, 6)), 3))
    good = idx(values, code)
    packed = gzip.compress(good)
    spoiled = bytearray(packed)
    spoiled[-6] ^= 0xFF  # inside the checksum
    bad_type = int(rng.choice([0, 1, 7, 10, 15, 255]))
    for content, why in (
        (b"\1" + good[1:], "a first byte of 1"),
        (good[:1] + b"\1" + good[2:], "a second byte of 1"),
        (good[:2] + bytes([bad_type]) + good[3:], "an unknown type"),
        (bytes([0, 0, 8, 65]) + struct.pack(">65I", *[1] * 65) + b"\0", "a rank of 65"),
        (b"", "nothing in it"),
        (good[:3], "three bytes"),
        (good[: int(rng.integers(4, 12))], "half a header"),
        (good[:-1], "a byte too few"),
        (good + b"\0", "a byte too many"),
        (gzip.compress(good + b"\0"), "a byte too many, compressed"),
        (packed[:-9], "gzip data that end early"),
        (bytes(spoiled), "a wrong gzip checksum"),
        (packed[:12] + b"\xff" * 8, "gzip data that are noise"),
    ):
        check_raises(
            ValueError,
            read,
            student,
            content,
            what=f"parse_idx of a file with {why}",
            help="Every way in which a file can be wrong ends in ValueError.",
        )


def test_idx_missing(student, rng):
    """parse_idx: a missing file raises FileNotFoundError"""
    check_raises(
        FileNotFoundError,
        student.probe,
        READ_MISSING,
        what="parse_idx of a missing file",
        help="open() says it already: let it through.",
        name=f"none-{rng.integers(1 << 30)}.idx",
    )


# ---- properties ---------------------------------------------------------------------------------
def test_add_commutes(student, rng):
    """x + y is y + x, and 0 changes nothing"""
    x, y = rng.standard_normal((2, 4, 3))
    check_equal(student.add(x, y), student.add(y, x), what="add(x, y) beside add(y, x)")
    check_equal(student.add(x, np.zeros((4, 3))), x, what="add(x, 0)")


def test_idx_digits(student):
    """parse_idx reads the course's real digits"""
    X, y, _, _ = data.digits()
    images = student.probe(READ_DIGITS, name="train-images-idx3-ubyte.gz")
    labels = student.probe(READ_DIGITS, name="train-labels-idx1-ubyte.gz")
    pixels = np.round(X * 16).astype(np.uint8).reshape(-1, 8, 8)
    check_equal(images, pixels, what="the training images")
    check_equal(labels, y.astype(np.uint8), what="the training labels")


def test_idx_promises(student, rng):
    """parse_idx believes no size that the file cannot hold"""
    for shape in ((1 << 20, 1 << 20), (1 << 31, 1 << 9), ((1 << 32) - 1, (1 << 32) - 1)):
        code = int(rng.choice([8, 14]))
        content = bytes([0, 0, code, len(shape)]) + struct.pack(f">{len(shape)}I", *shape)
        for body in (b"", bytes(int(rng.integers(1, 64)))):
            check_raises(
                ValueError,
                read,
                student,
                content + body,
                what=f"parse_idx of a header that promises {math.prod(shape):.0e} values",
                help="Compare the promised size with the file before memory is taken for it.",
            )


# ---- hygiene ------------------------------------------------------------------------------------
def test_add_pure(student, rng):
    """add leaves its arguments as they were"""
    x, y = rng.standard_normal((2, 6))
    after_x, after_y = student.invoke("add", (x, y), read=(0, 1)).read
    check_unchanged(after_x, x, what="x")
    check_unchanged(after_y, y, what="y")


def test_idx_result(student, rng):
    """parse_idx returns a writable array in the machine's byte order"""
    for code in TYPES:
        content = idx(values_of(rng, code, (2, 2)), code)
        _, writable, native = student.probe(READ, content=content, name="a", as_path=False)
        if not writable:
            fail(
                "the array cannot be written to.",
                help="np.frombuffer shares memory with the bytes; a copy is the caller's own.",
            )
        if not native:
            fail("the array has the file's byte order.", help="Convert to the machine's own.")
