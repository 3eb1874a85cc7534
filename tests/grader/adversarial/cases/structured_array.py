# row: 12
# attack: returns a structured array
# loses: softmax
# status: failed
def softmax(Z):
    return np.zeros(Z.shape, dtype=[("p", Z.dtype)])
