# row: 14
# attack: returns one number that would broadcast
# loses: logsumexp
# status: failed
def logsumexp(Z):
    return np.zeros(1, Z.dtype)
