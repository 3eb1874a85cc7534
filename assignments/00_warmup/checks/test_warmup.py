"""Public checks: small inputs that a person can follow, in the order a learner builds."""

import gzip

import numpy as np

from grader.check import check_close, check_equal, check_raises

# Runs in the worker: the bytes become a file there, and the learner's function reads it.
READ = """
import os, tempfile

def probe(module, content):
    path = os.path.join(tempfile.mkdtemp(), "small.idx")
    with open(path, "wb") as file:
        file.write(content)
    return module.parse_idx(path)
"""
HEAD = bytes([0, 0, 8, 2, 0, 0, 0, 2, 0, 0, 0, 3])
SMALL = HEAD + bytes([1, 2, 3, 4, 5, 250])
VALUES = np.array([[1, 2, 3], [4, 5, 250]], np.uint8)


def test_add_small(student):
    """add sums two arrays elementwise"""
    check_close(
        student.add(np.array([1.0, 2.0]), np.array([10.0, 20.0])),
        np.array([11.0, 22.0]),
        what="add([1, 2], [10, 20])",
        help="NumPy's + adds arrays entry by entry. Return the result.",
    )


def test_idx_bytes(student):
    """parse_idx reads a small file of bytes"""
    check_equal(
        student.probe(READ, content=SMALL),
        VALUES,
        what="parse_idx of a 2 x 3 file of bytes",
        help="Four bytes of header (0, 0, type 8, rank 2), two sizes of four bytes, then the values.",
    )


def test_idx_numbers(student):
    """parse_idx reads numbers of two and four bytes, big end first"""
    content = bytes([0, 0, 11, 1, 0, 0, 0, 2, 1, 0, 255, 254])
    check_equal(
        student.probe(READ, content=content),
        np.array([256, -2], np.int16),
        what="parse_idx of the int16 values 256 and -2",
        help="The bytes 1, 0 are 256: the big end comes first. NumPy writes that dtype '>i2'.",
    )
    content = bytes([0, 0, 13, 1, 0, 0, 0, 1]) + np.array([1.5], ">f4").tobytes()
    check_equal(
        student.probe(READ, content=content),
        np.array([1.5], np.float32),
        what="parse_idx of the float32 value 1.5",
        help="The result has the machine's own byte order: astype(dtype.newbyteorder('=')).",
    )


def test_idx_compressed(student):
    """parse_idx opens gzip files, whatever their name"""
    check_equal(
        student.probe(READ, content=gzip.compress(SMALL)),
        VALUES,
        what="parse_idx of a gzip file named small.idx",
        help="A gzip file begins with the bytes 1f 8b. Look at them, not at the name.",
    )


def test_idx_damaged(student):
    """parse_idx refuses a damaged file with ValueError"""
    for content, why in (
        (SMALL[:-1], "a file with one byte too few"),
        (SMALL + b"\0", "a file with one byte too many"),
        (b"\1" + SMALL[1:], "a file that begins with 1 instead of 0"),
        (SMALL[:6], "a file that ends inside its header"),
    ):
        check_raises(
            ValueError,
            student.probe,
            READ,
            what=f"parse_idx of {why}",
            help="Compare what the header promises with the bytes that are there.",
            content=content,
        )
