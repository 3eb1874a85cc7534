# row: 60
# attack: updates the first half of the columns
# loses: softmax_regression_epoch
# status: failed
_right = softmax_regression_epoch


def softmax_regression_epoch(X, y, theta, lr=0.1, batch=100):
    after = theta.copy()
    _right(X, y, after, lr, batch)
    half = theta.shape[1] // 2
    theta[:, :half] = after[:, :half]
