# row: 80
# attack: loops for ever
# loses: softmax
# status: timeout
def softmax(Z):
    while True:
        pass
