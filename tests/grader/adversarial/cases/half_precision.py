# row: 68
# attack: computes and returns half precision
# loses: softmax
# status: failed
_right = softmax


def softmax(Z):
    return _right(Z).astype(np.float16)
