# row: 81
# attack: recurses without end
# loses: softmax
# status: any
import sys

sys.setrecursionlimit(10**9)


def softmax(Z):
    return softmax(Z)
