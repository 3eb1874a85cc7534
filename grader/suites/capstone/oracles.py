"""What the checks compare with: attention by its formula in float64, whole matrices and all."""

import numpy as np

from grader.check import check_array, check_close

DTYPES = (np.float32, np.float64)
# Relative to the largest entry, as the contract of the stage has it.
LOOSE = {np.float32: 1e-5, np.float64: 1e-9}


def draw(rng, dtype, B, H, Tq, Tk, D, scale=1.0):
    """q, k, v and a gradient for o."""
    shapes = ((B, H, Tq, D), (B, H, Tk, D), (B, H, Tk, D), (B, H, Tq, D))
    q, k, v, do = (rng.standard_normal(shape) for shape in shapes)
    return [x.astype(dtype) for x in (q * scale, k * scale, v, do)]


def forward(q, k, v, causal):
    """(o, lse, probabilities) in float64."""
    q, k, v = (x.astype(np.float64) for x in (q, k, v))
    Tq, Tk, D = q.shape[2], k.shape[2], q.shape[3]
    s = np.einsum("bhid,bhjd->bhij", q, k) / np.sqrt(D)
    if causal:
        s = np.where(np.tri(Tq, Tk, Tk - Tq, dtype=bool), s, -np.inf)
    top = s.max(axis=-1)
    top = np.where(np.isfinite(top), top, 0.0)
    e = np.exp(s - top[..., None])
    total = e.sum(axis=-1)
    with np.errstate(divide="ignore"):
        lse = top + np.log(total)
    p = e / np.where(total > 0, total, 1.0)[..., None]
    return np.einsum("bhij,bhjd->bhid", p, v), lse, p


def backward(do, q, k, v, causal):
    """(dq, dk, dv) in float64."""
    do, q, k, v = (x.astype(np.float64) for x in (do, q, k, v))
    o, _, p = forward(q, k, v, causal)
    dp = np.einsum("bhid,bhjd->bhij", do, v)
    ds = p * (dp - (do * o).sum(axis=-1)[..., None]) / np.sqrt(q.shape[3])
    return (
        np.einsum("bhij,bhjd->bhid", ds, k),
        np.einsum("bhij,bhid->bhjd", ds, q),
        np.einsum("bhij,bhid->bhjd", p, do),
    )


def saved(q, k, v, causal):
    """o and lse as a forward pass in the inputs' dtype would save them."""
    o, lse, _ = forward(q, k, v, causal)
    return o.astype(q.dtype), lse.astype(q.dtype)


def check_pair(found, q, k, v, causal, *, what, help="", diagnoses=None):
    """A forward pass is right: o, and the natural logarithm of each row's sum."""
    o, lse, _ = forward(q, k, v, causal)
    got_o, got_lse = pair(found, 2, f"{what} = (o, lse)")
    tolerance = LOOSE[q.dtype.type]
    check_close(
        got_o, o.astype(q.dtype), what=f"o of {what}", rtol=tolerance, help=help,
        diagnoses=diagnoses, **apart(o, tolerance),
    )  # fmt: skip
    check_close(
        got_lse, lse.astype(q.dtype), what=f"lse of {what}", rtol=tolerance, **apart(lse, tolerance),
        help="lse is the natural logarithm of the sum over keys of exp(q k^T / sqrt(D)).",
    )  # fmt: skip


def check_grads(found, wanted, dtype, *, what, help="", diagnoses=None):
    """All three gradients are right."""
    tolerance = LOOSE[dtype]
    for name, got, want in zip(
        ("dq", "dk", "dv"), pair(found, 3, f"{what} = (dq, dk, dv)"), wanted, strict=True
    ):
        check_close(
            got, want.astype(dtype), what=f"{name} of {what}", rtol=tolerance, help=help,
            diagnoses=(diagnoses or {}).get(name), **apart(want, tolerance),
        )  # fmt: skip


def apart(want, tolerance):
    """The absolute part of the tolerance: of the largest finite entry, or of 1 where all are small."""
    finite = np.abs(want[np.isfinite(want)])
    return {"atol": tolerance * max(1e-3, float(finite.max(initial=0.0)))}


def pair(found, count, what):
    """The `count` entries of a tuple or list."""
    from grader.check import fail, kind_of

    if type(found) not in (tuple, list) or len(found) != count:
        fail(f"{what} is {kind_of(found)}, it should be a tuple of {count} arrays.")
    return found


__all__ = [
    "DTYPES", "LOOSE", "backward", "check_array", "check_grads", "check_pair", "draw", "forward",
    "pair", "saved",
]  # fmt: skip
