# row: 81
# attack: reads address zero
# loses: softmax
# status: crashed
import ctypes


def softmax(Z):
    ctypes.string_at(0)
