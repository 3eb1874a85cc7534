# row: 80
# attack: sleeps for an hour
# loses: softmax
# status: timeout
import time


def softmax(Z):
    time.sleep(3600)
