# row: 59
# attack: returns fresh memory, hoping that an answer lies in it
# loses: softmax
# status: failed
def softmax(Z):
    return np.empty_like(Z)
