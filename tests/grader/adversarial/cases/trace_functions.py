# row: 28
# attack: installs trace and profile functions
# loses: softmax
# status: failed
import sys
import threading


def _trace(frame, event, arg):
    frame.f_trace_lines = False
    return _trace


def softmax(Z):
    sys.settrace(_trace)
    sys.setprofile(_trace)
    threading.settrace(_trace)
    return Z
