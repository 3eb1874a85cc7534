# row: 58
# attack: returns the uniform distribution
# loses: softmax
# status: failed
def softmax(Z):
    return np.full_like(Z, 1 / Z.shape[1])
