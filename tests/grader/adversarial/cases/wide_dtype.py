# row: 14
# attack: returns complex numbers to widen the tolerance
# loses: softmax
# status: failed
_right = softmax


def softmax(Z):
    return _right(Z).astype(complex)
