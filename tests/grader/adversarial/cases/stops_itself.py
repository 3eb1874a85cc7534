# row: 80
# attack: stops itself with SIGSTOP
# loses: softmax
# status: timeout
import os
import signal


def softmax(Z):
    os.kill(os.getpid(), signal.SIGSTOP)
    return Z
