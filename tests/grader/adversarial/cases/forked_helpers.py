# row: 71
# attack: leaves forked processes behind
# loses: none
# status: passed
import os
import signal

for _ in range(5):
    try:
        if os.fork() == 0:
            os.setsid()
            signal.pause()
            os._exit(0)
    except OSError:
        break
