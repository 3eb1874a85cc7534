# row: 23
# attack: returns a list of a hundred million entries
# loses: softmax
# status: any
def softmax(Z):
    return [0.0] * 100_000_000
