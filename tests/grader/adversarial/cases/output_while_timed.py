# row: 74
# attack: prints without end while it is timed
# loses: all_after
# status: any
_right = softmax_regression_epoch


def softmax_regression_epoch(X, y, theta, lr=0.1, batch=100):
    for _ in range(100_000):
        print("x" * 1000)
    _right(X, y, theta, lr, batch)
