# row: 22
# attack: sends an answer of its own before the real one
# loses: softmax
# status: any
import json
import os
import struct


def softmax(Z):
    header = json.dumps({"id": 1, "value": None, "ok": True}).encode()
    os.write(4, struct.pack("<IQ", len(header), 0) + header)
    return Z
