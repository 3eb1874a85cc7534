# row: 49
# attack: is slow and stops every clock it knows
# loses: speed
# status: any
import time

time.perf_counter = time.monotonic = time.time = lambda: 0.0
time.perf_counter_ns = time.monotonic_ns = time.time_ns = lambda: 0
_right = softmax_regression_epoch


def softmax_regression_epoch(X, y, theta, lr=0.1, batch=100):
    for _ in range(8):
        _right(X, y, theta.copy(), lr, batch)
    _right(X, y, theta, lr, batch)
