# row: 80
# attack: ignores signals, forks twice and leaves its group
# loses: softmax
# status: timeout
import os
import signal
import time


def softmax(Z):
    for number in range(1, 65):
        try:
            signal.signal(number, signal.SIG_IGN)
        except (OSError, ValueError):
            pass
    if os.fork() == 0:
        os.setsid()
        if os.fork() == 0:
            time.sleep(3600)
    time.sleep(3600)
