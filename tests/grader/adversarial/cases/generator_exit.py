# row: 16
# attack: raises GeneratorExit
# loses: softmax
# status: failed
def softmax(Z):
    raise GeneratorExit
