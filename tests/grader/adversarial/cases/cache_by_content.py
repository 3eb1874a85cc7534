# row: 54
# attack: is slow, and keeps answers by the content of the inputs
# loses: speed
# status: any
_right, _seen = softmax_regression_epoch, {}


def softmax_regression_epoch(X, y, theta, lr=0.1, batch=100):
    key = X.tobytes(), theta.tobytes(), y.tobytes()
    if key not in _seen:
        for _ in range(8):
            _right(X, y, theta.copy(), lr, batch)
        after = theta.copy()
        _right(X, y, after, lr, batch)
        _seen[key] = after
    theta[...] = _seen[key]
