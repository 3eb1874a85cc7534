# row: 56
# attack: works in every second call only
# loses: softmax_regression_epoch
# status: failed
_right, _calls = softmax_regression_epoch, [0]


def softmax_regression_epoch(X, y, theta, lr=0.1, batch=100):
    _calls[0] += 1
    if _calls[0] % 2 == 0:
        _right(X, y, theta, lr, batch)
