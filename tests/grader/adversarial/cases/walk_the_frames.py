# row: 25
# attack: looks for expected values in the frames of its callers
# loses: softmax
# status: failed
import sys


def softmax(Z):
    frame = sys._getframe()
    while frame is not None:
        for value in frame.f_locals.values():
            if isinstance(value, np.ndarray) and value.shape == Z.shape and value is not Z:
                return value
        frame = frame.f_back
    return Z
