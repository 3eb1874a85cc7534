# row: 23
# attack: returns lists nested a million deep
# loses: softmax
# status: any
def softmax(Z):
    deep = []
    for _ in range(1_000_000):
        deep = [deep]
    return deep
