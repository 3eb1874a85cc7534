# row: 53
# attack: keeps its first answer for each shape
# loses: softmax_regression_epoch
# status: failed
_right, _seen = softmax_regression_epoch, {}


def softmax_regression_epoch(X, y, theta, lr=0.1, batch=100):
    key = X.shape, theta.shape, batch
    if key not in _seen:
        _right(X, y, theta, lr, batch)
        _seen[key] = theta.copy()
    theta[...] = _seen[key]
