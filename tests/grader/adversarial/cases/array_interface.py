# row: 11
# attack: returns an object that makes up an array when asked for one
# loses: softmax
# status: failed
class Lazy:
    def __init__(self, Z):
        self.Z = Z

    def __array__(self, dtype=None, copy=None):
        e = np.exp(self.Z - self.Z.max(axis=1, keepdims=True))
        return e / e.sum(axis=1, keepdims=True)


def softmax(Z):
    return Lazy(Z)
