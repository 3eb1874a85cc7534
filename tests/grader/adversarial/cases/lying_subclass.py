# row: 12
# attack: returns a subclass of ndarray whose comparisons lie
# loses: softmax
# status: failed
class Liar(np.ndarray):
    def __eq__(self, other):
        return np.ones(self.shape, bool)

    def __sub__(self, other):
        return np.zeros(self.shape)

    __rsub__ = __sub__


def softmax(Z):
    return np.zeros_like(Z).view(Liar)
