"""Elementary functions of one number, for use inside `@jit` and `@loop` functions.

Loops over them become vector code, which loops over the C library's functions do not. They take a
float32 or a float64 and answer in kind; NaN gives NaN. The files that the words come from hold
their methods and their errors.
"""

from __future__ import annotations

from .jit import word

exp = word("exponential", "exp")
exp_nonpositive = word("exponential", "exp_nonpositive")  # for x <= 0; -inf gives 0
log = word("logarithm", "log")
tanh = word("hyperbolic_tangent", "tanh")
sigmoid = word("sigmoid_function", "sigmoid")
erf = word("error_function", "erf")
mills = word("error_function", "mills")  # Phi(-x) * exp(x*x/2), x >= 0

larger = word("extrema", "larger")  # the larger of two numbers; a running maximum in vectors
