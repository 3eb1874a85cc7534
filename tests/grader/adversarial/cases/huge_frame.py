# row: 23
# attack: announces a frame of 2**62 bytes
# loses: softmax
# status: any
import os
import struct


def softmax(Z):
    os.write(4, struct.pack("<IQ", 2**31, 2**62))
    return Z
