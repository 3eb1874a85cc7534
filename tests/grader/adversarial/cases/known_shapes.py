# row: 57
# attack: works for the timed shape only
# loses: softmax_regression_epoch
# status: failed
_right = softmax_regression_epoch


def softmax_regression_epoch(X, y, theta, lr=0.1, batch=100):
    if X.shape[1] == 784:
        _right(X, y, theta, lr, batch)
