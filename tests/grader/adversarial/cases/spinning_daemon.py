# row: 66
# attack: lets a thread work between the calls
# loses: speed_at_most_partial
# status: any
import threading

_right = softmax_regression_epoch


def _spin():
    while True:
        sum(range(1000))


def softmax_regression_epoch(X, y, theta, lr=0.1, batch=100):
    if threading.active_count() < 3 and X.shape == (6000, 784):
        threading.Thread(target=_spin, daemon=True).start()
    _right(X, y, theta, lr, batch)
