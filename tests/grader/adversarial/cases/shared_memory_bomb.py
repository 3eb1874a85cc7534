# row: 77
# attack: fills shared anonymous memory
# loses: softmax
# status: memory|failed|crashed|timeout
import mmap


def softmax(Z):
    held = []
    while True:
        part = mmap.mmap(-1, 64 << 20)
        part.write(b"x" * (64 << 20))
        held.append(part)
