# row: 81
# attack: aborts
# loses: softmax
# status: crashed
import os


def softmax(Z):
    os.abort()
