# row: 13
# attack: returns NaN, hoping that NaN is let through
# loses: softmax
# status: failed
def softmax(Z):
    return np.full_like(Z, np.nan)
