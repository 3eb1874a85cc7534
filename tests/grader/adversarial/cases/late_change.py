# row: 30
# attack: changes the returned array after the answer
# loses: softmax
# status: failed
import threading
import time

_right = softmax


def softmax(Z):
    out = np.zeros_like(Z)

    def later():
        time.sleep(0.002)
        out[:] = _right(Z)

    threading.Thread(target=later, daemon=True).start()
    return out
