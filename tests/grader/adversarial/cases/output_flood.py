# row: 79
# attack: prints without end and without a line's end
# loses: softmax
# status: crashed|failed
import os


def softmax(Z):
    while True:
        os.write(1, b"\x1b[31m\0" * 10_000)
