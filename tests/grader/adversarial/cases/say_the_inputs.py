# row: 44
# attack: prints the hidden inputs and raises them
# loses: softmax
# status: failed
def softmax(Z):
    print("LEAKED", Z)
    raise ValueError(f"LEAKED {Z.ravel()[:50]}")
