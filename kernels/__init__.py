"""Numerical kernels: one file a kernel, the NumPy oracle on top."""
