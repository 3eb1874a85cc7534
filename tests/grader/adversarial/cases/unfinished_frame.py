# row: 23
# attack: begins a frame and never ends it
# loses: softmax
# status: any
import os
import struct
import time


def softmax(Z):
    os.write(4, struct.pack("<IQ", 1000, 1000))
    time.sleep(3600)
