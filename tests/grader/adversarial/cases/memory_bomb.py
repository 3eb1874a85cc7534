# row: 77
# attack: touches memory without end
# loses: softmax
# status: memory|failed|crashed|timeout
def softmax(Z):
    held = []
    while True:
        held.append(np.ones(8_000_000))
