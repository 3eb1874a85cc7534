# row: 23
# attack: returns an integer with ten million digits
# loses: softmax_loss
# status: any
def softmax_loss(Z, y):
    return 1 << 33_000_000
