"""The vocabulary of the suites: each comparison looks at type, dtype, shape and values in that order
and says, in a sentence, what was seen and what to think about next.

Only exact arrays and plain values are compared; what lives in the worker must be fetched first.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from . import diff
from .errors import WorkerError
from .handle import Handle
from .student import Student, StudentError

# Errors of a sum of n rounded terms grow like sqrt(n) eps in practice; 32 leaves room for other
# orders of summation and other, equally good, formulas.
SLACK = 32.0


class CheckFailure(AssertionError):
    """A fault that a check found. The fields are those of `Outcome`."""

    def __init__(
        self,
        message: str,
        *,
        help: str = "",
        diagnosis: str = "",
        expected: str = "",
        actual: str = "",
        diff: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(message)
        self.message, self.help, self.diagnosis = message, help, diagnosis
        self.expected, self.actual, self.diff = expected, actual, diff


def fail(message: str, **fields: Any) -> None:
    """Raise a CheckFailure."""
    raise CheckFailure(message, **fields)


def tolerance(dtype: np.dtype[Any], terms: int = 1) -> float:
    """Relative tolerance for results of `dtype` that sum up to `terms` rounded terms."""
    return SLACK * float(np.finfo(dtype).eps) * math.sqrt(max(1, terms))


def check_close(
    got: Any,
    want: np.ndarray,
    *,
    what: str,
    rtol: float | None = None,
    atol: float | None = None,
    terms: int = 1,
    help: str = "",
    diagnoses: Mapping[str, Any] | None = None,
) -> None:
    """`got` is an ndarray of the dtype and shape of `want`, with its values.

    Args:
        want: the right values; its dtype is the one asked for.
        what: names the value in messages, like "softmax(Z)".
        rtol, atol: tolerances; by default from the dtype and the number of `terms` summed.
        help: what to think about next.
        diagnoses: sentences and the wrong values that betray each.
    """
    want = np.asarray(want)
    check_array(got, want.shape, want.dtype, what=what, help=help)
    floating = want.dtype.kind in "fc"
    if rtol is None:
        rtol = tolerance(want.dtype, terms) if floating else 0.0
    if atol is None:
        finite = np.abs(want[np.isfinite(want)]) if floating else np.zeros(0)
        atol = rtol * float(finite.max(initial=0.0)) if floating else 0.0
    bad = wrong_entries(got, want, rtol, atol)
    if not bad.any():
        return
    found = diff.array_diff(want, got, bad)
    raise CheckFailure(
        _where(what, found),
        help=help,
        diagnosis=_diagnosis(got, diagnoses, rtol, atol),
        expected=diff.short(want),
        actual=diff.short(got),
        diff=found,
    )


def check_array(
    got: Any, shape: tuple[int, ...], dtype: np.dtype[Any] | type, *, what: str, help: str = ""
) -> None:
    """`got` is an exact ndarray of this shape and dtype."""
    dtype = np.dtype(dtype)
    if type(got) is not np.ndarray:
        raise CheckFailure(
            f"{what} is {kind_of(got)}, not a NumPy array.",
            help=help,
            expected=f"{dtype} array of shape {shape}",
            actual=kind_of(got),
        )
    if got.shape != shape:
        raise CheckFailure(
            f"{what} has shape {got.shape}, it should have shape {shape}.",
            help=help,
            expected=f"shape {shape}",
            actual=f"shape {got.shape}",
            diff=diff.mismatch(np.empty(shape, dtype), got) if math.prod(shape) < 10**7 else None,
        )
    if got.dtype != dtype:
        raise CheckFailure(
            f"{what} has dtype {got.dtype}, it should have dtype {dtype}.",
            help=help or "A function returns the dtype that it was given.",
            expected=str(dtype),
            actual=str(got.dtype),
        )


def check_number(
    got: Any,
    want: float,
    *,
    what: str,
    rtol: float = 1e-9,
    atol: float = 0.0,
    help: str = "",
    diagnoses: Mapping[str, float] | None = None,
) -> None:
    """`got` is a Python float with the value `want`."""
    if type(got) is not float:
        raise CheckFailure(
            f"{what} is {kind_of(got)}, it should be a Python float.",
            help=help if isinstance(got, Handle) else "float(x) turns a NumPy number into one.",
            expected=f"a float, {diff.number(want)}",
            actual=kind_of(got),
        )
    if not (math.isfinite(got) and abs(got - want) <= atol + rtol * abs(want)):
        found = [
            sentence
            for sentence, wrong in (diagnoses or {}).items()
            if math.isfinite(got) and abs(got - wrong) <= atol + rtol * abs(wrong)
        ]
        raise CheckFailure(
            f"{what} is {diff.number(got)}, it should be {diff.number(want)}.",
            help=help,
            diagnosis=found[0] if found else "",
            expected=diff.number(want),
            actual=diff.number(got),
        )


def check_equal(got: Any, want: Any, *, what: str, help: str = "") -> None:
    """`got` is plain data equal to `want`, of the same type."""
    if isinstance(want, np.ndarray):
        check_close(got, want, what=what, rtol=0.0, atol=0.0, help=help)
    elif isinstance(got, Handle) or type(got) is not type(want) or got != want:
        shown = kind_of(got) if isinstance(got, Handle) else repr(got)[:200]
        raise CheckFailure(
            f"{what} is {shown}, it should be {want!r:.200}.",
            help=help,
            expected=repr(want)[:200],
            actual=shown,
        )


def check_raises(
    kind: type[Exception],
    call: Callable[..., Any],
    *args: Any,
    what: str,
    help: str = "",
    **kwargs: Any,
) -> None:
    """The call raises `kind` (or an exception below it) in the learner's code."""
    try:
        got = call(*args, **kwargs)
    except StudentError as error:
        if isinstance(error, kind):
            return
        raise CheckFailure(
            f"{what} raises {error.type_name}, it should raise {kind.__name__}.",
            help=help,
            expected=kind.__name__,
            actual=error.type_name,
        ) from None
    raise CheckFailure(
        f"{what} returns {kind_of(got)}, it should raise {kind.__name__}.",
        help=help,
        expected=kind.__name__,
        actual=kind_of(got),
    )


def check_unchanged(after: Any, before: np.ndarray, *, what: str, help: str = "") -> None:
    """An argument read back after a call is, bit for bit, what was given."""
    check_array(after, before.shape, before.dtype, what=f"{what} after the call", help=help)
    if after.tobytes() != before.tobytes():
        raise CheckFailure(
            f"{what} was changed by the call.",
            help=help or f"Make a new array instead of writing into {what}.",
        )


def check_no_warnings(student: Student, *, what: str, help: str = "") -> None:
    """The last call gave no RuntimeWarning (overflow, invalid value, division by zero)."""
    found = [text for category, text in student.warnings if category == "RuntimeWarning"]
    if found:
        raise CheckFailure(
            f"{what} gives a RuntimeWarning: {found[0]}.",
            help=help
            or "A warning about overflow or invalid values is a wrong number in the making.",
        )


def check_finite(got: Any, *, what: str, help: str = "") -> None:
    """Every entry of the array `got` is a finite number."""
    if type(got) is not np.ndarray:
        raise CheckFailure(f"{what} is {kind_of(got)}, not a NumPy array.", help=help)
    if not np.isfinite(got).all():
        place = tuple(int(i) for i in np.argwhere(~np.isfinite(got))[0])
        raise CheckFailure(f"{what}{list(place)} is {diff.number(got[place])}.", help=help)


def wrong_entries(got: np.ndarray, want: np.ndarray, rtol: float, atol: float) -> np.ndarray:
    """Which entries are off: beyond the tolerance, or finite where they should not be, or reverse."""
    if want.dtype.kind not in "fc":
        return np.asarray(got != want)
    with np.errstate(all="ignore"):
        wide = np.result_type(want.dtype, np.float64)
        near = np.abs(got.astype(wide) - want.astype(wide)) <= atol + rtol * np.abs(
            want.astype(wide)
        )
        # Every number is within an infinite tolerance of infinity, and none is right.
        far = ~(near & np.isfinite(got) & np.isfinite(want))
        same_infinity = (got == want) & np.isinf(want)
        both_nan = np.isnan(got) & np.isnan(want)
    return np.asarray(far & ~same_infinity & ~both_nan)


def kind_of(value: Any) -> str:
    """What a value is, for a message: "None", "a float", "an object of type 'Lazy'"."""
    if isinstance(value, Handle):
        try:
            name = value._student.type_name(value)
        except WorkerError:
            return "an object that cannot be asked"
        return f"an object of type {name!r}"
    if value is None:
        return "None"
    if type(value) is np.ndarray:
        return f"a {value.dtype} array of shape {value.shape}"
    name = type(value).__name__
    return f"{'an' if name[0] in 'aeiou' else 'a'} {name}"


def _where(what: str, found: Mapping[str, Any]) -> str:
    place = f"{found['first']}" if found["first"] else ""
    seen = f"{what}{place} is {found['actual_value']}, it should be {found['expected_value']}"
    if found["size"] == 1:
        return f"{seen}."
    return f"{seen} ({found['bad']} of {found['size']} entries are off)."


def _diagnosis(
    got: np.ndarray, diagnoses: Mapping[str, Any] | None, rtol: float, atol: float
) -> str:
    """The sentence whose wrong value is what came."""
    for sentence, wrong in (diagnoses or {}).items():
        candidate = np.asarray(wrong() if callable(wrong) else wrong)
        if candidate.shape == got.shape and not wrong_entries(got, candidate, rtol, atol).any():
            return sentence
    return ""
