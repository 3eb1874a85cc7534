# row: 15
# attack: leaves with status 0 in the middle of a call
# loses: softmax
# status: crashed
import os


def softmax(Z):
    os._exit(0)
