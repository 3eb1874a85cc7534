# row: 13
# attack: returns infinity for the loss
# loses: softmax_loss
# status: failed
def softmax_loss(Z, y):
    return float("inf")
