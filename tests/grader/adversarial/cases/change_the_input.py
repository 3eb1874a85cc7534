# row: 31
# attack: changes its input so that the expected value would be its own
# loses: softmax
# status: failed
def softmax(Z):
    Z[:] = 0
    return np.full_like(Z, 1 / Z.shape[1])
