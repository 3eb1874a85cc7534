# row: 69
# attack: learns from every second row
# loses: softmax_regression_epoch
# status: failed
_right = softmax_regression_epoch


def softmax_regression_epoch(X, y, theta, lr=0.1, batch=100):
    _right(X[::2], y[::2], theta, lr, batch)
