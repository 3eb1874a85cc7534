# row: 22
# attack: answers this call and the next one at once
# loses: softmax
# status: any
import os
import threading
import time


def _again():
    time.sleep(0.01)
    os.write(4, b"\0" * 12)


def softmax(Z):
    threading.Thread(target=_again, daemon=True).start()
    return Z
