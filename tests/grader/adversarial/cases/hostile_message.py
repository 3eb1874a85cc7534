# row: 34
# attack: raises an exception whose text raises
# loses: softmax
# status: failed
class _Bad(ValueError):
    def __str__(self):
        raise RuntimeError("no text for you")

    __repr__ = __str__


def softmax(Z):
    raise _Bad
