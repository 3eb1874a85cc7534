# row: 68
# attack: computes in half precision and hides it in the right type
# loses: softmax
# status: failed
_right = softmax


def softmax(Z):
    return _right(Z).astype(np.float16).astype(Z.dtype)
