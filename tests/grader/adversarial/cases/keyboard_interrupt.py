# row: 16
# attack: raises KeyboardInterrupt
# loses: softmax
# status: failed
def softmax(Z):
    raise KeyboardInterrupt
