"""A convolution as one matrix product: every window of the image becomes a row of a matrix.

What the stage about CNNs builds, and what the faster kernels are compared with: the matrix is
kh kw times as large as the image and has to be written and read again. `kernels.conv2d_direct`
multiplies without writing it, `kernels.winograd` multiplies less.
Source: Chellapilla, Puri & Simard (2006), "High performance convolutional neural networks for
document processing".
"""

from __future__ import annotations

from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]


def im2col(
    x: Array, kh: int, kw: int, stride: int = 1, padding: int = 0, dilation: int = 1
) -> Array:
    """Matrix (N Ho Wo, C kh kw) of x (N, C, H, W).

    Row (n, i, j), column (c, u, v) is padded x[n, c, i stride + u dilation, j stride + v dilation].
    """
    edge = (padding, padding)
    padded = np.pad(x, ((0, 0), (0, 0), edge, edge))
    windows = np.lib.stride_tricks.sliding_window_view(
        padded, (dilation * (kh - 1) + 1, dilation * (kw - 1) + 1), axis=(2, 3)
    )[:, :, ::stride, ::stride, ::dilation, ::dilation]
    n, c, rows, columns = windows.shape[:4]
    return windows.transpose(0, 2, 3, 1, 4, 5).reshape(n * rows * columns, c * kh * kw)


def col2im(
    columns: Array, x_shape: tuple[int, ...], kh: int, kw: int, stride: int = 1, padding: int = 0,
    dilation: int = 1,
) -> Array:  # fmt: skip
    """The adjoint of im2col: each entry is added to the element (N, C, H, W) that it was read from."""
    n, c, height, width = x_shape
    padded = np.zeros((n, c, height + 2 * padding, width + 2 * padding), columns.dtype)
    rows = (height + 2 * padding - dilation * (kh - 1) - 1) // stride + 1
    across = (width + 2 * padding - dilation * (kw - 1) - 1) // stride + 1
    parts = columns.reshape(n, rows, across, c, kh, kw).transpose(4, 5, 0, 3, 1, 2)
    for u in range(kh):
        for v in range(kw):
            top, left = u * dilation, v * dilation
            view = padded[:, :, top : top + rows * stride : stride]
            view[:, :, :rows, left : left + across * stride : stride] += parts[u, v]
    return padded[:, :, padding : padding + height, padding : padding + width]


def conv2d_im2col(
    x: Array, w: Array, b: Array | None = None, stride: int = 1, padding: int = 0, dilation: int = 1
) -> Array:
    """Output (N, O, Ho, Wo) for x (N, C, H, W), w (O, C, kh, kw), b (O,) or None."""
    filters, _, kh, kw = w.shape
    columns = im2col(x, kh, kw, stride, padding, dilation)
    y = columns @ w.reshape(filters, -1).T
    if b is not None:
        y += b
    height = (x.shape[2] + 2 * padding - dilation * (kh - 1) - 1) // stride + 1
    return y.reshape(x.shape[0], height, -1, filters).transpose(0, 3, 1, 2)
